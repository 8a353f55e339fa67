# SPDX-License-Identifier: GPL-2.0
"""Rules of the place that QEMU runs in: what is made there, whose it is, what is left of it."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kseries.kbuild.guard import Guard
from kseries.kbuild.sandbox import NOBODY
from kseries.machines import confine

AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="only root gives files away")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "places"
    folder.mkdir()
    monkeypatch.setattr(confine, "PLACES", folder)
    return folder


def test_the_bounds() -> None:
    assert (confine.OWN_MEMORY, confine.OWN_FILES) == (4 << 30, 1 << 30)
    assert confine.PROBE_S == 20.0


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_place_has_the_kernel_and_a_folder_to_write(places: Path, tmp_path: Path) -> None:
    (tmp_path / "bzImage").write_bytes(b"kernel")
    (places / f"kseries-vm-{1 << 30}-left").mkdir()
    with confine.confined(tmp_path / "bzImage", memory=5, disk=6, kvm=False) as made:
        (folder,) = places.iterdir()
        assert made.folder == folder
        assert folder.name.startswith(f"kseries-vm-{os.getpid()}-")
        assert (made.uid, made.memory, made.disk) == (os.geteuid(), 5, 6)
        assert (made.device, made.group) == (None, None)
        assert made.why_open == confine.why_open()
        assert sorted(path.name for path in folder.iterdir()) == ["kernel", "tmp"]
        assert (folder / "kernel").read_bytes() == b"kernel"
        assert (mode(folder), mode(folder / "kernel")) == (0o755, 0o444)
        assert mode(folder / "tmp") == 0o700
        owner = NOBODY if AS_ROOT else os.geteuid()
        assert (folder / "tmp").stat().st_uid == owner
        if AS_ROOT:
            assert (folder / "tmp").stat().st_gid == NOBODY
    assert list(places.iterdir()) == []


@pytest.mark.parametrize(
    ("ended", "code"), [(0, 0), (1, 1), (128, 128), (129, -1), (137, -9), (-15, -15)]
)
def test_how_qemu_ended(ended: int, code: int) -> None:
    assert confine.returncode(ended) == code


def test_what_was_left_by_those_that_were_killed_is_removed(places: Path, tmp_path: Path) -> None:
    dead, alive = f"kseries-vm-{1 << 30}", f"kseries-vm-{os.getpid()}"
    stay = [f"{alive}-x", "kseries-vm-abc-x", "kseries-vm-x", "other-1-x"]
    for name in (f"{dead}-x", f"{dead}-x-y", *stay):
        (places / name / "sub").mkdir(parents=True)
    (places / f"{dead}-file").touch()
    (tmp_path / "mine" / "sub").mkdir(parents=True)
    (places / f"{dead}-link").symlink_to(tmp_path / "mine")
    stay += [f"{dead}-file", f"{dead}-link"]
    if AS_ROOT:
        (places / f"{dead}-theirs").mkdir()
        os.chown(places / f"{dead}-theirs", 12345, 12345)
        stay.append(f"{dead}-theirs")
    confine._sweep()
    assert sorted(path.name for path in places.iterdir()) == sorted(stay)
    assert (tmp_path / "mine" / "sub").exists()


def test_several_may_remove_what_was_left_at_the_same_time(places: Path) -> None:
    for number in range(200):
        (places / f"kseries-vm-{1 << 30}-{number}" / "sub").mkdir(parents=True)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(confine._sweep) for _ in range(4)]:
            done.result()
    assert list(places.iterdir()) == []


# ---------------------------------------------------------------- bubblewrap


def test_without_bubblewrap_it_says_so(
    places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = confine.why_open.__wrapped__
    fake = tmp_path / "bin" / "bwrap"
    monkeypatch.setenv("PATH", str(fake.parent))
    assert asked() == "bubblewrap is not installed"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\necho '{'x' * 300}'; exit 1\n")
    fake.chmod(0o755)
    assert asked() == f"bubblewrap does not work here: {'x' * 200}"
    # What it is asked to do is what QEMU is started with.
    fake.write_text('#!/bin/sh\nfor last; do :; done; [ "$1 $last" = "--unshare-ipc true" ]\n')
    assert asked() == ""
    # It has a folder like that of a machine to show, where those are.
    shown = f"--ro-bind {places}/kseries-vm-"
    fake.write_text(
        f'#!/bin/sh\ncase "$*" in *"{shown}"*) [ -d {places}/kseries-vm-*/tmp ];; esac\n'
    )
    assert asked() == ""
    fake.write_text(f'#!/bin/sh\ncase "$*" in *"{shown}"*) exit 1;; esac\n')
    assert asked() != ""
    assert list(places.iterdir()) == []


# ---------------------------------------------------------------- KVM


@only_root
@pytest.mark.parametrize(
    ("bits", "group", "is_own", "given"),
    [
        (0o666, 107, False, None),
        (0o606, 0, False, None),
        (0o607, 0, False, None),
        (0o661, 107, False, 107),
        (0o660, 107, False, 107),
        (0o664, 107, False, 107),
        (0o660, 0, True, None),
        (0o600, 107, True, None),
        (0o640, 107, True, None),
        (0o620, 107, True, None),
        (0o604, 107, True, None),
    ],
)
def test_a_device_that_only_root_may_open_is_made_anew(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bits: int,
    group: int,
    *,
    is_own: bool,
    given: int | None,
) -> None:
    device = tmp_path / "device"
    os.mknod(device, stat.S_IFCHR, os.makedev(1, 3))
    device.chmod(bits)
    os.chown(device, 0, group)
    monkeypatch.setattr(confine, "KVM", device)
    found, to_join = confine._kvm(tmp_path)
    assert (found, to_join) == (tmp_path / "kvm" if is_own else device, given)
    if is_own:
        about = found.stat()
        assert (about.st_rdev, mode(found)) == (os.makedev(1, 3), 0o600)
        assert stat.S_ISCHR(about.st_mode)
        assert (about.st_uid, about.st_gid) == (NOBODY, NOBODY)
        # Where that cannot be, it is taken as it is.
        assert confine._kvm(tmp_path / "nowhere") == (device, None)


@only_root
def test_an_ordinary_user_takes_the_device_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "device").touch(mode=0o600)
    monkeypatch.setattr(confine, "KVM", tmp_path / "device")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert confine._kvm(tmp_path) == (tmp_path / "device", None)


def test_a_folder_that_is_gone_takes_nothing_at_all(tmp_path: Path) -> None:
    Guard([tmp_path / "gone"], disk=0).look_at_disk()
