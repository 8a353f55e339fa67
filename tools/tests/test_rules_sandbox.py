# SPDX-License-Identifier: GPL-2.0
"""The command lines of the two sandboxes, word by word: a change of one is to be seen here."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.kbuild.sandbox import NOBODY, Host, Sandbox
from kseries.machines.confine import Confinement

GIB = 1 << 30
FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

HOST = Host(uid=0, memory=8 * GIB, cores=2, links=(("usr/bin", "/bin"),), folders=("/lib64",))
PLACE = Path("/w/place")
BOX = Sandbox(
    tree=Path("/w/tree"),
    build=PLACE / "made",
    ccache=Path("/w/ccache"),
    trusted=False,
    state=PLACE / "state",
    clean=Path("/w/clean"),
    readable=(Path("/opt/a/b"),),
    host=HOST,
)

START = """\
env -i /bin/sh -c 'exec 9<"$1"; shift; exec "$@"' sh /w/place/seccomp.bpf BWRAP --seccomp 9
"""
NAMESPACES = """\
--unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup-try --die-with-parent
--clearenv
"""
OF_ROOT = """\
--cap-drop ALL --cap-add CAP_SETUID --cap-add CAP_SETGID --cap-add CAP_SETPCAP
"""
ETC = """\
--perms 0755 --dir /etc
--ro-bind-try /etc/alternatives /etc/alternatives
--ro-bind-try /etc/ld.so.cache /etc/ld.so.cache
--ro-bind-try /etc/ld.so.conf /etc/ld.so.conf
--ro-bind-try /etc/ld.so.conf.d /etc/ld.so.conf.d
--proc /proc --dev /dev
"""
SYSTEM_FOLDERS = f"""\
--ro-bind /usr /usr --symlink usr/bin /bin --ro-bind /lib64 /lib64
{ETC}
--remount-ro /dev --perms 1777 --size 4294967296 --tmpfs /tmp
"""
OWN_FOLDERS = """\
--perms 0755 --dir /opt --perms 0755 --dir /opt/a --ro-bind /opt/a/b /opt/a/b
--perms 0755 --dir /kseries --ro-bind /w/tree /kseries/linux
--bind /w/place/made /kseries/linux/out
--ro-bind /w/place/state /kseries/state
--ro-bind /w/clean /kseries/ccache-of-base
--bind /w/ccache /kseries/ccache
--remount-ro / --chdir /kseries/linux
"""
VARIABLES = f"""\
--setenv PATH {SYSTEM} --setenv HOME /tmp --setenv LC_ALL C --setenv KBUILD 1 --
"""
DROP = """\
--no-new-privs --inh-caps=-all --bounding-set=-all --
"""
LIMITS = """\
prlimit --as=6442450944 --nproc=4160 --fsize=17179869184 --core=0 -- choom -n 500 --
"""


def words(*parts: str) -> list[str]:
    return shlex.split(" ".join(parts))


def planned(box: Sandbox) -> list[str]:
    argv = box.argv(["make", "all"], {"KBUILD": "1"})
    return ["BWRAP" if word.endswith("/bwrap") else word for word in argv]


def test_root_gives_up_all_but_what_it_needs_to_become_nobody() -> None:
    drop = f"setpriv --reuid=65534 --regid=65534 --clear-groups {DROP}"
    assert planned(BOX) == words(
        START, NAMESPACES, OF_ROOT, SYSTEM_FOLDERS, OWN_FOLDERS, VARIABLES, drop, LIMITS, "make all"
    )


def test_an_ordinary_user_has_a_namespace_and_no_right_in_it() -> None:
    own = "--unshare-user --disable-userns --cap-drop ALL"
    assert planned(replace(BOX, host=replace(HOST, uid=1000))) == words(
        START, NAMESPACES, own, SYSTEM_FOLDERS, OWN_FOLDERS, VARIABLES, LIMITS, "make all"
    )


def test_a_command_line_can_be_planned_where_bubblewrap_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "bwrap" in BOX.argv(["true"])


def test_this_machine_is_known() -> None:
    host = Host.probe()
    assert (host.uid, host.cores) == (os.geteuid(), len(os.sched_getaffinity(0)))
    total = Path("/proc/meminfo").read_text().partition("MemTotal:")[2].split()[0]
    assert host.memory == int(total) << 10
    assert {path for _, path in host.links} | {*host.folders} == {
        f"/{name}" for name in FOLDERS if Path("/", name).is_dir()
    }


def test_processors_are_those_that_we_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert Host.probe().cores == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_folders_of_the_system_are_links_or_folders_of_their_own(tmp_path: Path) -> None:
    for name in FOLDERS[:4]:
        (tmp_path / name).symlink_to(f"usr/{name}")
    for name in FOLDERS[4:]:
        (tmp_path / name).mkdir()
    host = Host.probe(tmp_path)
    assert host.links == tuple((f"usr/{name}", f"/{name}") for name in FOLDERS[:4])
    assert host.folders == tuple(f"/{name}" for name in FOLDERS[4:])


def test_what_there_is_not_is_not_mounted() -> None:
    bare = replace(BOX, ccache=None, state=None, clean=None, readable=())
    text = " ".join(planned(bare))
    assert "/kseries/ccache" not in text
    assert "/kseries/state" not in text
    assert "/opt" not in text
    assert (bare.inside_ccache, bare.inside_clean) == (None, None)


@pytest.mark.parametrize(
    ("memory", "space"), [(1, 4), (4, 4), (8, 6), (16, 12), (64, 16), (1024, 16)]
)
def test_a_process_may_have_three_quarters_of_memory_within_bounds(memory: int, space: int) -> None:
    box = replace(BOX, host=replace(HOST, memory=memory * GIB))
    assert f"--as={space * GIB}" in box.argv(["true"])


def test_where_programs_find_things() -> None:
    inside = Path("/kseries")
    assert (BOX.inside_tree, BOX.objects) == (inside / "linux", "out")
    assert (BOX.inside_build, BOX.inside_state) == (inside / "linux/out", inside / "state")
    assert (BOX.inside_ccache, BOX.inside_clean) == (inside / "ccache", inside / "ccache-of-base")
    assert BOX.owner == NOBODY == 65534
    assert BOX.outside("/kseries/linux/net/core.c:3") == "/w/tree/net/core.c:3"
    trusted = replace(BOX, trusted=True)
    assert (trusted.inside_tree, trusted.objects) == (BOX.tree, str(BOX.build))
    assert (trusted.inside_build, trusted.inside_state) == (BOX.build, BOX.state)
    assert (trusted.inside_ccache, trusted.inside_clean) == (BOX.ccache, BOX.clean)
    assert trusted.owner == 0
    assert trusted.outside("/kseries/linux/x") == "/kseries/linux/x"
    assert replace(BOX, host=replace(HOST, uid=1000)).owner == 1000


def test_trusted_code_has_its_users_path_and_home(monkeypatch: pytest.MonkeyPatch) -> None:
    trusted = replace(BOX, trusted=True)
    monkeypatch.setenv("PATH", "/my/bin")
    monkeypatch.setenv("HOME", "/my")
    told = trusted.argv(["make"], {"A": "1"})
    assert told == words("env -i PATH=/my/bin HOME=/my LC_ALL=C A=1 make")
    monkeypatch.delenv("PATH")
    monkeypatch.delenv("HOME")
    assert trusted.argv(["make"]) == words(f"env -i PATH={SYSTEM} HOME=/ LC_ALL=C make")


# ---------------------------------------------------------------- QEMU's

QEMU = Confinement(
    folder=Path("/p"),
    uid=0,
    memory=1 * GIB,
    disk=2 * GIB,
    device=Path("/p/kvm"),
    group=7,
    why_open="",
)
QEMU_FOLDERS = """\
--dev-bind /p/kvm /dev/kvm --remount-ro /dev --ro-bind /p /vm --bind /p/tmp /vm/tmp
--remount-ro / --chdir /
"""
QEMU_LIMITS = """\
prlimit --as=5368709120 --fsize=3221225472 --nproc=4096 --core=0 -- choom -n 500 --
"""


@pytest.mark.parametrize(
    ("uid", "rights", "drop"),
    [
        (
            0,
            OF_ROOT,
            f"setpriv --reuid=65534 --regid=65534 --groups=7 {DROP}",
        ),
        (1000, "--cap-drop ALL --unshare-user --disable-userns", "setpriv --no-new-privs --"),
    ],
)
def test_what_qemu_is_run_with(
    uid: int, rights: str, drop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Host, "probe", lambda: HOST)
    variables = f"--setenv PATH {SYSTEM} --"
    clean = f"env -i PATH={SYSTEM} TMPDIR="
    confined = replace(QEMU, uid=uid)
    assert confined.kernel == Path("/vm/kernel")
    assert confined.argv(["qemu", "-m"]) == words(
        f"bwrap {NAMESPACES}",
        rights,
        "--ro-bind /usr /usr --symlink usr/bin /bin --ro-bind /lib64 /lib64",
        ETC,
        QEMU_FOLDERS,
        variables,
        drop,
        QEMU_LIMITS,
        f"{clean}/vm/tmp qemu -m",
    )
    # Without bubblewrap the rest is left.
    bare = replace(confined, why_open="it is not there")
    assert bare.argv(["qemu"]) == words(drop, QEMU_LIMITS, f"{clean}/p/tmp qemu")
    assert bare.kernel == Path("/p/kernel")


def test_without_kvm_qemu_gets_no_device_and_no_group() -> None:
    argv = replace(QEMU, device=None, group=None).argv(["qemu"])
    assert "--dev-bind" not in argv
    assert "--clear-groups" in argv
