# SPDX-License-Identifier: GPL-2.0
"""Reading what kbuild leaves: a small build folder, in the format of Linux 6.12."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kseries.compiled import cmdfiles
from kseries.compiled.cmdfiles import CMD_LIMIT, Evidence, evidence
from kseries.lib.untrusted import NotPlain, Untrusted

INSIDE = "/kseries/linux"
ASKED = (
    "net/core/dev.c",
    "net/old/gone.c",
    "drivers/net/tun.c",
    "lib/crc32.c",
    "include/linux/netdevice.h",
    "include/linux/types.h",
    "include/uapi/linux/if.h",
    "scripts/setup.ld",
    "tools/objtool/elf.c",
    "tools/objtool/elf.h",
    "tools/include/linux/list.h",
    "net/Kconfig",
    "arch/arm/Kconfig",
)


def compile_of(target: str, source: str, *deps: str) -> str:
    lines = [
        f"savedcmd_{target} := gcc -Wp,-MMD,x.d -I../include -include ../include/linux/types.h"
        f" -DX='\"a b\"' -c -o {target} {source}",
        "",
        f"source_{target} := {source}",
        "",
        f"deps_{target} := \\",
        "    $(wildcard include/config/NET) \\",
        *(f"  {dep} \\" for dep in deps),
        "",
        f"{target}: $(deps_{target})",
        "",
        f"$(deps_{target}):",
        "",
    ]
    return "\n".join(lines)


def archive_of(folder: str, *members: str) -> str:
    target = f"{folder}/built-in.a" if folder else "built-in.a"
    names = " ".join(members)
    where = folder or "."
    pipe = f'rm -f {target};  printf "{where}/%s " {names} | xargs ar cDPrST {target}'
    return f"savedcmd_{target} := {pipe}\n"


@pytest.fixture
def build(tmp_path: Path) -> Untrusted:
    tools = f"{INSIDE}/out/tools/objtool"
    files = {
        ".vmlinux.a.cmd": "savedcmd_vmlinux.a := rm -f vmlinux.a; "
        "ar cDPrST vmlinux.a ./built-in.a\n",
        ".vmlinux.o.cmd": "savedcmd_vmlinux.o := ld -r -o vmlinux.o --whole-archive vmlinux.a"
        " --no-whole-archive --start-group lib/lib.a --end-group\n",
        ".built-in.a.cmd": archive_of("", "net/built-in.a", "drivers/built-in.a"),
        "net/.built-in.a.cmd": archive_of("net", "core/built-in.a"),
        "net/core/.built-in.a.cmd": archive_of("net/core", "dev.o"),
        "net/core/.dev.o.cmd": compile_of(
            "net/core/dev.o", "../net/core/dev.c", "../include/linux/netdevice.h"
        ),
        # drivers/ goes into a folder that has the name of one at the top.
        "drivers/.built-in.a.cmd": archive_of("drivers", "old/built-in.a"),
        "drivers/old/.built-in.a.cmd": archive_of("drivers/old"),
        "old/.built-in.a.cmd": archive_of("old", "gone.o"),
        # Left by an earlier config: its archive has it no more.
        "drivers/net/.tun.o.cmd": compile_of(
            "drivers/net/tun.o", "../drivers/net/tun.c", "../include/linux/netdevice.h"
        ),
        "lib/.lib.a.cmd": "savedcmd_lib/lib.a := rm -f lib/lib.a; "
        "ar cDPrsT lib/lib.a lib/crc32.o\n",
        "lib/.crc32.o.cmd": compile_of("lib/crc32.o", f"{INSIDE}/lib/crc32.c"),
        "old/.gone.o.cmd": compile_of("old/gone.o", "../net/old/gone.c"),
        "boot/.setup.elf.cmd": "savedcmd_boot/setup.elf := ld -T ../scripts/setup.ld boot/a.o\n",
        "usr/include/linux/.if.h.cmd": "savedcmd_usr/include/linux/if.h := sh "
        "../scripts/headers_install.sh ../include/uapi/linux/if.h usr/include/linux/if.h\n",
        "tools/objtool/.elf.o.cmd": f"cmd_{tools}/elf.o := gcc -c -o {tools}/elf.o elf.c\n\n"
        f"source_{tools}/elf.o := elf.c\n\ndeps_{tools}/elf.o := \\\n  elf.h \\\n"
        f"  {INSIDE}/tools/include/linux/list.h \\\n",
        "include/config/auto.conf.cmd": "deps_config := \\\n\tKconfig \\\n\tnet/Kconfig\n",
    }
    for name, text in files.items():
        path = tmp_path / "out-base" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.with_name(path.name[1:].removesuffix(".cmd")).write_text("made")
    return Untrusted(tmp_path / "out-base")


def test_what_was_compiled_is_what_is_linked(build: Untrusted) -> None:
    found = evidence(build, ASKED, (INSIDE,), f"{INSIDE}/out")
    assert found.compiled == {
        "net/core/dev.c": "net/core/dev.o",
        "lib/crc32.c": "lib/crc32.o",
        "tools/objtool/elf.c": "tools/objtool/elf.o",
    }
    assert found.included == {
        "include/linux/netdevice.h": "net/core/dev.o",
        "tools/objtool/elf.h": "tools/objtool/elf.o",
        "tools/include/linux/list.h": "tools/objtool/elf.o",
    }


@pytest.mark.parametrize("left", ["", "empty", "link"])
def test_an_object_that_is_not_there_is_no_evidence(build: Untrusted, left: str) -> None:
    target = build.path / "net/core/dev.o"
    target.unlink()
    if left == "empty":
        target.touch()
    elif left == "link":
        target.symlink_to("/etc/hostname")
    found = evidence(build, ASKED, (INSIDE,), f"{INSIDE}/out")
    assert "net/core/dev.c" not in found.compiled
    assert "include/linux/netdevice.h" not in found.included
    assert found.compiled["lib/crc32.c"] == "lib/crc32.o"


def test_what_commands_name_and_what_kconfig_read(build: Untrusted) -> None:
    found = evidence(build, ASKED, (INSIDE,), f"{INSIDE}/out")
    assert found.named["scripts/setup.ld"] == "boot/setup.elf"
    assert found.named["include/uapi/linux/if.h"] == "usr/include/linux/if.h"
    assert found.named["include/linux/types.h"] == "lib/crc32.o"
    assert found.kconfig == {"net/Kconfig"}
    assert {"net", "net/core", "drivers", "lib"} <= found.folders
    assert "drivers/net" not in found.folders


def test_a_header_of_the_host_is_none_of_the_tree(build: Untrusted) -> None:
    file = build.path / "net/core/.dev.o.cmd"
    file.write_text(compile_of("net/core/dev.o", "../net/core/dev.c", "/usr/include/linux/types.h"))
    assert (
        "include/linux/types.h" not in evidence(build, ASKED, (INSIDE,), f"{INSIDE}/out").included
    )


def test_without_a_build_nothing_was_compiled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    found = evidence(Untrusted(tmp_path / "out"), ASKED, (INSIDE,), f"{INSIDE}/out")
    assert not found.compiled
    assert not found.included
    assert not found.kconfig


def test_links_fifos_and_devices_are_passed_over(build: Untrusted, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(compile_of("net/x.o", "../drivers/net/tun.c"))
    (build.path / "net/.x.elf.cmd").symlink_to(secret)
    os.mkfifo(build.path / "net/.y.elf.cmd")
    (build.path / "net/.z.elf.cmd").mkdir()
    (build.path / "loop").symlink_to(build.path)
    assert "drivers/net/tun.c" not in evidence(build, ASKED, (INSIDE,), f"{INSIDE}/out").compiled


def test_a_file_of_any_length_is_not_read(build: Untrusted) -> None:
    with (build.path / "net/core/.dev.o.cmd").open("r+b") as file:
        file.truncate(CMD_LIMIT + 1)
    with pytest.raises(NotPlain, match="is larger than"):
        evidence(build, ASKED, (INSIDE,), f"{INSIDE}/out")


def test_what_is_no_text_is_no_harm(build: Untrusted) -> None:
    (build.path / "net/core/.dev.o.cmd").write_bytes(b"\xff\x00source_ := \n\x80" * 100)
    assert "net/core/dev.c" not in evidence(build, ASKED, (INSIDE,), f"{INSIDE}/out").compiled


def seen(build: Untrusted) -> Evidence:
    return evidence(build, ASKED, (INSIDE,), f"{INSIDE}/out")


def add(build: Untrusted, name: str, text: str) -> None:
    (build.path / name).write_text(text)
    (build.path / name.replace("/.", "/").removesuffix(".cmd")).write_text("made")


@pytest.mark.parametrize("root", ["vmlinux.o", "vmlinux.a"])
def test_either_of_what_a_script_links_leads_to_the_rest(build: Untrusted, root: str) -> None:
    other = "vmlinux.a" if root == "vmlinux.o" else "vmlinux.o"
    (build.path / f".{other}.cmd").unlink()
    (build.path / f".{root}.cmd").write_text(f"savedcmd_{root} := ld -o {root} net/built-in.a\n")
    assert "net/core/dev.c" in seen(build).compiled


def test_what_a_script_links_alone(build: Untrusted) -> None:
    (build.path / "init").mkdir()
    of = compile_of("init/version-timestamp.o", "../drivers/net/tun.c")
    add(build, "init/.version-timestamp.o.cmd", of)
    assert seen(build).compiled["drivers/net/tun.c"] == "init/version-timestamp.o"


def test_a_module_is_linked_by_nothing(build: Untrusted) -> None:
    add(build, "drivers/net/.tun.ko.cmd", "cmd_drivers/net/tun.ko := ld -o x drivers/net/tun.o\n")
    assert "drivers/net/tun.c" not in seen(build).compiled


@pytest.mark.parametrize(
    "members", ['printf "%s " drivers/net/tun.o |', 'printf "drivers/net/%s " tun.o|']
)
def test_an_archive_says_where_its_members_are(build: Untrusted, members: str) -> None:
    add(build, "net/.built-in.a.cmd", f"cmd_net/built-in.a := {members} xargs ar cDPrST x\n")
    assert seen(build).compiled["drivers/net/tun.c"] == "drivers/net/tun.o"


def test_what_is_linked_may_be_named_from_the_root(build: Untrusted) -> None:
    text = f"cmd_net/built-in.a := ar x {INSIDE}/out/drivers/net/tun.o\n"
    add(build, "net/.built-in.a.cmd", text)
    assert "drivers/net/tun.c" in seen(build).compiled


def test_only_a_cmd_file_says_what_was_made(build: Untrusted) -> None:
    text = "cmd_x := cat ../drivers/net/tun.c\n"
    (build.path / "net/_a.elf.cmd").write_text(text)
    (build.path / "net/.a.elf.cmd.old").write_text(text)
    assert "drivers/net/tun.c" not in seen(build).named
    (build.path / "net/.a.elf.cmd").write_text(text)
    assert seen(build).named["drivers/net/tun.c"] == "net/a.elf"


@pytest.mark.parametrize(
    "line", ["x source_a := ../drivers/net/tun.c", "source_ := ../drivers/net/tun.c"]
)
def test_a_source_stands_in_a_line_of_its_own(build: Untrusted, line: str) -> None:
    add(build, "net/.b.elf.cmd", f"cmd_b := gcc\n{line}\n")
    assert "drivers/net/tun.c" not in seen(build).compiled
    add(build, "net/.b.elf.cmd", "cmd_b := gcc\nsource_b := \ndeps_b := ../drivers/net/tun.c\n")
    assert "drivers/net/tun.c" not in seen(build).included
    add(build, "net/.b.elf.cmd", "cmd_b := gcc\nsource_b := ../drivers/net/tun.c\n")
    assert seen(build).compiled["drivers/net/tun.c"] == "net/b.elf"


def test_a_build_that_leaves_too_much_is_told(
    build: Untrusted, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sum(file.stat().st_size for file in build.path.rglob(".*.cmd"))
    monkeypatch.setattr(cmdfiles, "ALL_LIMIT", size)
    assert seen(build).compiled
    monkeypatch.setattr(cmdfiles, "ALL_LIMIT", size - 1)
    with pytest.raises(NotPlain, match=r"more than 0 MiB of \.cmd files") as error:
        seen(build)
    assert error.value.where == str(build.path)
    assert error.value.do
