# SPDX-License-Identifier: GPL-2.0
import os
import select
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.kbuild.sandbox import SYSTEM_PATH
from kseries.lib.errors import CheckFailed, InfraError
from kseries.machines import confine, consolelog, qemu, qemulog
from kseries.machines.consolelog import ConsoleLog

MACHINE = qemu.Machine("tcg", 2, 2048, Path("/k/bzImage"), ("console=ttyS0", "panic=-1"))


def test_the_plan_of_a_machine() -> None:
    argv = qemu.argv(MACHINE, qemu.Channels(image=6, console=7, agent=8))
    text = " ".join(argv)
    assert text.startswith("qemu-system-x86_64 -machine q35 -accel tcg -cpu max -smp 2 -m 2048M ")
    assert argv[argv.index("-append") + 1] == "console=ttyS0 panic=-1"
    assert "fd=6,set=1" in argv
    assert "file=/dev/fdset/1,if=none,id=root,format=raw,snapshot=on" in argv
    assert "socket,id=console,fd=7,mux=on" in argv
    assert "socket,id=agent,fd=8" in argv
    assert "-no-reboot" in argv
    assert "-netdev" not in argv


def test_kvm_takes_the_hosts_processor() -> None:
    argv = qemu.base_argv(qemu.Machine("kvm", 1, 512, Path("/k"), ()))
    assert argv[argv.index("-cpu") + 1] == "host"
    assert argv[argv.index("-accel") + 1] == "kvm"


def test_a_console_is_timed_kept_and_watched(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    lines: list[tuple[float, str]] = [(0.0, "of an earlier boot")]
    log = ConsoleLog(ours, tmp_path / "console.log", lines)
    before = time.monotonic()
    theirs.sendall(b"[1.0] one\r\n[1.1] Kernel panic - not sync")
    assert select.select([log.wake], [], [], 0.2)[0] == []
    assert log.watcher.death is None
    theirs.sendall(b"ing: for a test\n[1.2] rest")
    assert select.select([log.wake], [], [], 5.0)[0] == [log.wake]
    theirs.close()
    assert log.wait_ended(5.0)
    assert log.watcher.death == "Kernel panic - not syncing: for a test"
    assert log.watcher.death_line == 3
    log.close()
    assert [line for _, line in lines[1:]] == [
        "[1.0] one",
        "[1.1] Kernel panic - not syncing: for a test",
        "[1.2] rest",
    ]
    assert all(before <= when <= time.monotonic() for when, _ in lines[1:])
    kept = (tmp_path / "console.log").read_bytes()
    assert kept == b"[1.0] one\r\n[1.1] Kernel panic - not syncing: for a test\n[1.2] rest\n"


def test_a_console_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    log = ConsoleLog(ours, Path("/dev/full"), [])
    theirs.sendall(b"text\n")
    assert select.select([log.wake], [], [], 5.0)[0] == [log.wake]
    theirs.sendall(b"more\n")
    theirs.close()
    assert log.wait_ended(5.0)
    with pytest.raises(InfraError, match="The disk is full"):
        log.raise_error()
    log.close()


def test_a_console_without_end_is_bounded(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    lines: list[tuple[float, str]] = []
    log = ConsoleLog(ours, tmp_path / "console.log", lines)
    log.expect("the mark")
    for number in range(200):
        theirs.sendall(b"".join(b"%d %s\n" % (number, b"x" * 900) for _ in range(100)))
    theirs.sendall(b"[1.0] the mark\n")
    assert log.wait_expected(20.0, 20.0)
    lost = log.end_part()
    assert lost > 10_000
    theirs.sendall(b"the next part\n")
    log.expect("never")
    theirs.close()
    assert not log.wait_expected(20.0, 20.0)
    log.note(["a note"])
    log.close()
    texts = [line for _, line in lines]
    assert (tmp_path / "console.log").read_text().splitlines() == texts
    assert (tmp_path / "console.log").stat().st_size < consolelog.PART_HEAD + consolelog.PART_TAIL
    assert f"# kseries: {lost} lines of the console were left out here" in texts
    assert texts[-3:] == ["[1.0] the mark", "the next part", "a note"]


def test_a_console_line_without_end_comes_in_parts(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    lines: list[tuple[float, str]] = []
    log = ConsoleLog(ours, tmp_path / "console.log", lines)
    for _ in range(20):
        theirs.sendall(b"x" * (1 << 20))
    theirs.close()
    assert log.wait_ended(20.0)
    log.close()
    assert max(len(line) for _, line in lines) <= 1 << 20
    assert (tmp_path / "console.log").stat().st_size < 6 << 20


def test_what_qemu_prints_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "qemu.log"
    file.write_text("before\n")
    with qemulog.appended(file, "$ qemu") as given:
        for _ in range(200):
            given.write(b"x" * 100_000)
        given.write(b"the end")
    text = file.read_bytes()
    assert text.startswith(b"before\n$ qemu\nxxx")
    assert text.endswith(b"xthe end")
    assert len(text) < qemulog.HEAD + qemulog.TAIL + 1000


def place(**more: object) -> confine.Confinement:
    plain = confine.Confinement(Path("/private"), 0, 1 << 30, 2 << 30, None, None, "")
    return replace(plain, **more)  # type: ignore[arg-type]


def test_root_gives_qemu_no_rights() -> None:
    text = " ".join(place().argv(["qemu"]))
    assert text.startswith("bwrap --unshare-ipc --unshare-pid --unshare-net ")
    assert " --cap-drop ALL " in text
    assert "--ro-bind /private /vm --bind /private/tmp /vm/tmp --remount-ro / " in text
    assert " -- setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs " in text
    assert f"prlimit --as={5 << 30} --fsize={3 << 30} " in text
    assert "/dev/kvm" not in text
    assert text.endswith(f"env -i PATH={SYSTEM_PATH} TMPDIR=/vm/tmp qemu")
    with_kvm = " ".join(place(device=confine.KVM, group=107).argv(["qemu"]))
    assert "--dev-bind /dev/kvm /dev/kvm" in with_kvm
    assert "--groups=107" in with_kvm


def test_a_user_has_a_namespace_of_users() -> None:
    text = " ".join(place(uid=1000).argv(["qemu"]))
    assert "--unshare-user --disable-userns" in text
    assert "--reuid" not in text


def test_without_bubblewrap_users_and_limits_are_left() -> None:
    argv = place(why_open="not installed").argv(["qemu"])
    assert argv[:2] == ["setpriv", "--reuid=65534"]
    assert "TMPDIR=/private/tmp" in argv


def test_a_kernel_image_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bzImage").symlink_to("/etc/shadow")
    refused = pytest.raises(CheckFailed)
    with refused, confine.confined(tmp_path / "bzImage", memory=0, disk=0, kvm=False):
        pass
    assert list(confine.PLACES.glob(f"{confine.PREFIX}{os.getpid()}-*")) == []


def test_when_a_console_has_much_further_parts_have_little_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consolelog, "MUCH", 1000)
    (tmp_path / "console.log").write_text("x" * 2000)
    ours, theirs = socket.socketpair()
    log = ConsoleLog(ours, tmp_path / "console.log", [(0.0, "x" * 2000)])
    theirs.sendall(b"short lines\n" * 100_000)
    theirs.close()
    assert log.wait_ended(20.0)
    assert log.end_part() > 0
    log.close()
    most = 2000 + consolelog.SMALL_HEAD + consolelog.SMALL_TAIL + 100
    assert (tmp_path / "console.log").stat().st_size < most
