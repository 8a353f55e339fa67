# SPDX-License-Identifier: GPL-2.0
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, UserError
from kseries.lib.paths import Project
from kseries.lib.progress import Silent
from kseries.machines import agentprogram, mirror, rootfs

SETTINGS = rootfs.VmSettings(cpus=2, memory_mib=1024, suite="trixie", disk_mib=1024)


def test_the_projects_own_settings_are_read() -> None:
    settings = rootfs.read_settings(Project.find().configs / "targets" / "vm.toml")
    assert settings.suite == "trixie"


def test_a_mistake_in_the_settings_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "vm.toml"
    file.write_text('cpus = 0\nmemory_mib = 2048\nsuite = "../x"\ndisk_mib = 2048\nx = 1\n')
    with pytest.raises(UserError) as caught:
        rootfs.read_settings(file)
    places = [line.split(": ")[0] for line in caught.value.where.splitlines()]
    assert places == [f"{file}:1", f"{file}:3", f"{file}:5"]


def test_the_package_list() -> None:
    assert rootfs.listed("# x\na\n\n b # why\nc-d\n") == ("a", "b", "c-d")
    own = rootfs.listed(rootfs.PACKAGES.read_text())
    assert len(own) == len(set(own))
    assert {"iproute2", "ethtool", "python3-yaml", "socat", "jq"} <= set(own)


def test_the_digest_names_all_that_the_image_is_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rootfs.digest(SETTINGS)
    assert rootfs.digest(replace(SETTINGS, cpus=7, memory_mib=512)) == first
    seen = {
        first,
        rootfs.digest(replace(SETTINGS, suite="sid")),
        rootfs.digest(replace(SETTINGS, disk_mib=4096)),
    }
    for name in ("PACKAGES", "IMAGE_SCRIPT"):
        changed = tmp_path / name
        changed.write_bytes(getattr(rootfs, name).read_bytes() + b"\n")
        monkeypatch.setattr(rootfs, name, changed)
        seen.add(rootfs.digest(SETTINGS))
    for source in rootfs.AGENT_SOURCES:
        changed = tmp_path / source.name
        changed.write_bytes(source.read_bytes() + b"\n")
        others = [file for file in rootfs.AGENT_SOURCES if file != source]
        with monkeypatch.context() as patched:
            patched.setattr(rootfs, "AGENT_SOURCES", (changed, *others))
            seen.add(rootfs.digest(SETTINGS))
    assert len(seen) == 5 + len(rootfs.AGENT_SOURCES)


def test_the_plan_names_mirror_and_keyring() -> None:
    archive = mirror.Archive("https://m.example/debian", ("bookworm",), "/k.gpg")
    words = rootfs.unpack_argv(archive, "trixie", Path("/t"))
    assert words[-3:] == [
        "trixie",
        "/t",
        "deb [signed-by=/k.gpg] https://m.example/debian trixie main",
    ]
    assert rootfs.unpack_argv(None, "trixie", Path("/t")) == words[:-1]
    # The mmdebstrap of Debian 13 does not start as root without it.
    assert "--skip=check/chrootless" in words


def test_packages_of_another_suite_are_pinned_to_it() -> None:
    archive = mirror.Archive("https://m.example/debian", ("bookworm",))
    words = rootfs.unpack_argv(archive, "trixie", Path("/t"), ("bpftool", "ethtool/forky"))
    (included,) = (word for word in words if word.startswith("--include="))
    assert included.endswith(",bpftool,ethtool")
    (hook,) = (word for word in words if word.startswith("--setup-hook="))
    # Nothing else comes from there, but what this one needs and the guest's suite has not.
    assert "Package: *\nPin: release n=forky\nPin-Priority: 1\n" in hook
    assert "Package: ethtool\nPin: release n=forky\nPin-Priority: 990\n" in hook
    assert "bpftool" not in hook
    sources = [word for word in words if word.startswith("deb ")]
    assert [line.split()[2] for line in sources] == ["trixie", "forky"]
    # The archive that mmdebstrap knows has all suites.
    known = rootfs.unpack_argv(None, "trixie", Path("/t"), ("ethtool/forky",))
    assert known[-1].startswith("deb http://deb.debian.org/debian forky ")


@pytest.mark.parametrize(
    ("output", "do"),
    [
        ("dpkg-deb: No space left on device", "free some space"),
        ("W: GPG error: … NO_PUBKEY 6ED0E7B82643E131", "debian-archive-keyring"),
        ("E: The repository '…' is not signed.", "debian-archive-keyring"),
        ("Err:1 … Could not resolve 'm.example'\nE: Failed to fetch", "mirror"),
        ("E: Unable to locate package ethtoool", "packages.list"),
        ("unshare: unshare failed: Operation not permitted", "user namespaces"),
        ("something else", "read the lines above"),
    ],
)
def test_what_to_do_about_a_failure(output: str, do: str) -> None:
    assert do in rootfs.advice(output)


def test_an_image_that_is_there_is_taken(tmp_path: Path) -> None:
    image = tmp_path / f"guest-trixie-{rootfs.digest(SETTINGS)}.ext4"
    image.write_bytes(b"image")
    assert rootfs.ensure(tmp_path, SETTINGS, Silent(), tmp_path / "log") == image


@pytest.mark.skipif(proc.which("mmdebstrap") is None, reason="mmdebstrap is not installed")
def test_a_mirror_that_cannot_be_reached_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = mirror.Archive(f"file:{tmp_path}/none", ("trixie",))
    monkeypatch.setattr(mirror, "choose", lambda *_: archive)
    cache = tmp_path / "cache"
    old = cache / "guest-trixie-0123456789abcdef.ext4"
    cache.mkdir()
    old.write_bytes(b"old")
    with pytest.raises(InfraError, match="could not be unpacked") as caught:
        rootfs.ensure(cache, SETTINGS, Silent(), tmp_path / "log")
    assert "mirror" in caught.value.do
    assert [entry.name for entry in cache.iterdir() if "lock" not in entry.name] == [old.name]
    assert "mmdebstrap" in (tmp_path / "log").read_text()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize("sources", [agentprogram.OF_INIT, agentprogram.DETACHED])
def test_the_agent_compiles_without_a_warning(tmp_path: Path, sources: Sequence[Path]) -> None:
    words = ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static"]
    files = [source for source in sources if source.suffix == ".c"]
    proc.run(
        [*words, "-o", tmp_path / "agent", *files],
        cwd=tmp_path,
        deadline=Deadline.after(60.0),
    )


def test_the_image_script_is_valid_sh() -> None:
    proc.run(["sh", "-n", rootfs.IMAGE_SCRIPT], cwd=Path("/"), deadline=Deadline.after(10.0))
