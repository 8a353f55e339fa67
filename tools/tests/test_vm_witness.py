# SPDX-License-Identifier: GPL-2.0
"""What a test that is root in a real guest can do against the kernel log, and what is noticed.

A program runs between marks, as `testing.session` does it; what is noted then stands in the
console's file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.machines.base import KernelDied
from kseries.machines.vm import VirtualMachine
from kseries.model import EventKind, KernelEvent
from kseries.parse import attribution, marks
from kseries.parse.marks import Marks
from kseries.test.watch import Watch
from tests.test_vm import kernel, machine, soon

pytestmark = [pytest.mark.vm, pytest.mark.timeout(300)]

SIGNED = Marks(bytes(32))
K = EventKind
HIDE_ALL = "dmesg -n 1; echo N >/sys/module/printk/parameters/ignore_loglevel"
SPLAT = "WARNING: CPU: 0 PID: 1 at net/core.c:1 foo+0x1/0x2"


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualMachine]:
    with machine(tmp_path_factory.mktemp("watched")) as booted:
        yield booted


def complaints(guest: VirtualMachine, script: str) -> list[KernelEvent]:
    """Run a script between marks; give what the log then tells of it."""
    watch = Watch(guest, SIGNED)
    watch.mark(marks.CLOSE)
    watch.mark(marks.START, "demo/test")
    first = len(guest.console()) - 1
    guest.run(["sh", "-c", script], deadline=soon())
    watch.mark(marks.END, "demo/test")
    return list(attribution.events(guest.console(), SIGNED, {}, first=first))


def kinds(guest: VirtualMachine, script: str) -> list[EventKind]:
    return [event.kind for event in complaints(guest, script)]


def test_a_boot_and_a_program_without_fault(tmp_path: Path) -> None:
    with machine(tmp_path, boot=False) as guest:
        watch = Watch(guest, SIGNED)
        guest.boot(kernel(), soon(120.0))
        watch.mark(marks.CLOSE)
        watch.mark(marks.START, "demo/test")
        watch.mark(marks.END, "demo/test")
        assert attribution.events(guest.console(), SIGNED, {}) == ()
        assert "ignore_loglevel" in "".join(line for _, line in guest.console())


@pytest.mark.parametrize(
    "script",
    [
        "true",
        "dmesg -n 1",  # ignore_loglevel stands against it
        "echo 1 1 1 1 >/proc/sys/kernel/printk",
        "dmesg -C; dmesg -c",
        "echo off >/proc/sys/kernel/printk_devkmsg",  # locked by the command line
        "echo 'a line of a test' >/dev/kmsg",
    ],
)
def test_what_hides_nothing(guest: VirtualMachine, script: str) -> None:
    assert kinds(guest, script) == []


@pytest.mark.parametrize(
    ("script", "undo"),
    [
        (HIDE_ALL, "echo Y >/sys/module/printk/parameters/ignore_loglevel; dmesg -n 8"),
        (
            "for c in /sys/class/tty/ttyS0/console; do echo N >$c; done",
            "echo Y >/sys/class/tty/ttyS0/console",
        ),
    ],
)
def test_a_console_that_is_dark_is_noticed(guest: VirtualMachine, script: str, undo: str) -> None:
    try:
        assert kinds(guest, script) == [K.HIDDEN]
    finally:
        guest.run(["sh", "-c", undo], deadline=soon())
    assert kinds(guest, "true") == []


def test_a_taint_that_a_test_sets(guest: VirtualMachine) -> None:
    (event,) = complaints(guest, "echo 64 >/proc/sys/kernel/tainted")
    assert event.kind is K.TAINT
    assert "taint flag U" in event.title
    assert event.during == "demo/test"
    assert kinds(guest, "mount --bind /dev/null /proc/sys/kernel/tainted") == []


def test_a_mount_over_the_kernel_log_changes_nothing(guest: VirtualMachine) -> None:
    assert kinds(guest, "mount --bind /dev/null /dev/kmsg") == []
    assert kinds(guest, "umount /dev/kmsg") == []


def test_forged_marks_and_complaints(guest: VirtualMachine) -> None:
    forged = "kseries: end demo/test [0123456789ab0123456789abcdef]"
    for place in ("/dev/kmsg", "/dev/ttyS0", "/dev/console"):
        assert kinds(guest, f"printf '\\n%s\\n' '{forged}' >{place}") == [K.HIDDEN]
    # A complaint that a test writes itself is one that it is charged with.
    (event,) = complaints(guest, f"echo '<4>{SPLAT}' >/dev/kmsg")
    assert (event.kind, event.during) == (K.WARN, "demo/test")


def test_a_flood_of_the_log_is_noticed_or_kept(guest: VirtualMachine) -> None:
    flood = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i + 1)); done >/dev/kmsg"
    assert kinds(guest, flood) == []


def test_an_init_that_is_killed_or_traced(guest: VirtualMachine) -> None:
    assert kinds(guest, "kill -9 1; kill -SEGV 1; kill -STOP 1") == []


def test_frames_that_a_test_writes_for_the_agent(tmp_path: Path) -> None:
    steal = (
        "import ctypes, os\n"
        "fd = ctypes.CDLL(None).syscall(434, 1, 0)\n"  # pidfd_open
        "for number in range(3, 12):\n"
        "    own = ctypes.CDLL(None).syscall(438, fd, number, 0)\n"  # pidfd_getfd
        "    if own >= 0 and 'vport' in os.readlink(f'/proc/self/fd/{own}'):\n"
        "        os.write(own, b'O\\xff\\xff\\xff\\xff')\n"
    )
    with machine(tmp_path) as guest:
        with pytest.raises(KernelDied, match="does not speak as ours does any more: a frame of"):
            guest.run(["python3", "-c", steal], deadline=soon())
        guest.boot(kernel(), soon(120.0))
        assert guest.run(["true"], deadline=soon()).status == 0


def test_records_that_a_test_takes_from_the_agent(tmp_path: Path) -> None:
    steal = (
        "import ctypes, os\n"
        "fd = ctypes.CDLL(None).syscall(434, 1, 0)\n"
        "for number in range(3, 12):\n"
        "    own = ctypes.CDLL(None).syscall(438, fd, number, 0)\n"
        "    if own >= 0 and os.readlink(f'/proc/self/fd/{own}') == '/dev/kmsg':\n"
        "        log = os.open('/dev/kmsg', os.O_WRONLY)\n"
        "        for _ in range(500):\n"
        "            os.write(log, b'one more\\n')\n"
        "            try:\n"
        "                os.read(own, 8192)\n"
        "            except OSError:\n"
        "                pass\n"
    )
    with machine(tmp_path) as guest:
        script = f"cat >/tmp/steal.py <<'END'\n{steal}END\npython3 /tmp/steal.py"
        (event,) = complaints(guest, script)
        assert event.kind is K.HIDDEN
        assert "records of the kernel log are missing" in event.title


def test_another_kernel_that_a_test_starts(tmp_path: Path) -> None:
    image = kernel().image
    script = (
        "import ctypes, os\n"
        "libc, line = ctypes.CDLL(None), open('/proc/cmdline', 'rb').read().strip() + b'\\0'\n"
        "fd = os.open('/tmp/kernel', os.O_RDONLY)\n"
        "done = libc.syscall(320, fd, -1, len(line), line, 4)\n"  # kexec_file_load, no initramfs
        "print(done, flush=True)\n"
        "os.sync()\n"
        "libc.reboot(0x45584543)\n"  # LINUX_REBOOT_CMD_KEXEC
    )
    with machine(tmp_path) as guest:
        guest.put(image, "/tmp/kernel", soon())
        lines: list[str] = []
        with pytest.raises(KernelDied):
            guest.run(
                ["python3", "-c", script],
                deadline=soon(100.0),
                on_line=lambda _, line: lines.append(line),
            )
        assert lines == ["0"]


def test_a_channel_that_a_test_takes_away(tmp_path: Path) -> None:
    script = "cd /sys/bus/virtio/drivers/virtio_console; for d in virtio*; do echo $d >unbind; done"
    with machine(tmp_path) as guest, pytest.raises(KernelDied):
        guest.run(["sh", "-c", f"{script}; sleep 20"], deadline=soon(30.0))
