# SPDX-License-Identifier: GPL-2.0
import pytest

from kseries.machines.console import Lines, Watcher, plain

NULL_POINTER = """\
[   12.345678] BUG: kernel NULL pointer dereference, address: 0000000000000010
[   12.345700] #PF: supervisor write access in kernel mode
[   12.345800] Oops: Oops: 0002 [#1] PREEMPT SMP
[   12.345900] CPU: 1 UID: 0 PID: 77 Comm: ping Not tainted 6.12.117 #1
[   12.346000] RIP: 0010:page_pool_put_netmem+0x10/0x20
[   12.347000] Kernel panic - not syncing: Fatal exception in interrupt
[   12.348000] Kernel Offset: disabled
[   12.349000] ---[ end Kernel panic - not syncing: Fatal exception in interrupt ]---
"""


def watch(text: str) -> Watcher:
    watcher = Watcher()
    for line in text.splitlines():
        watcher.take(line)
    return watcher


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_lines_are_the_same_however_the_bytes_come(size: int) -> None:
    data = "one\r\ntwo ü\n\n\x00junk\xff\nlast".encode("latin-1", errors="replace")
    cutter = Lines()
    found = [line for at in range(0, len(data), size) for line in cutter.feed(data[at : at + size])]
    assert found + cutter.flush() == [
        "one",
        "two \N{REPLACEMENT CHARACTER}",
        "",
        "\0junk\N{REPLACEMENT CHARACTER}",
        "last",
    ]
    assert cutter.flush() == []


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("[    0.000000] Linux version 6.12", "Linux version 6.12"),
        ("[    1.234567][    T1] Run init", "Run init"),
        ("[    1.234567] [   C1] x", "x"),
        ("<4>[  1.0] x [y] z", "x [y] z"),
        ("\x1b[0;32mok\x1b[0m", "ok"),
        ("\0\x07[ 1.0] x", "x"),
        ("plain", "plain"),
        ("", ""),
        ("[    1.0] ", ""),
    ],
)
def test_the_text_of_a_line(line: str, text: str) -> None:
    assert plain(line) == text


def test_a_panic_tells_what_went_before_it() -> None:
    watcher = watch(NULL_POINTER)
    assert watcher.death == (
        "BUG: kernel NULL pointer dereference, address: 0000000000000010"
        " (Kernel panic - not syncing: Fatal exception in interrupt)"
    )
    assert watcher.death_line == 6
    assert watcher.count == 8


@pytest.mark.parametrize(
    ("line", "death"),
    [
        (
            "[ 1.5] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
            "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
        ),
        (
            "[ 1.5][  T1] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100",
            "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100",
        ),
        (
            "a test wrote this[ 1.5] Kernel panic - not syncing: sysrq triggered crash",
            "Kernel panic - not syncing: sysrq triggered crash",
        ),
        ("[ 9.0] reboot: Restarting system", "reboot: Restarting system"),
        ("[ 9.0] reboot: Power down", "reboot: Power down"),
        ("[ 9.0] reboot: System halted", "reboot: System halted"),
        (
            "kseries agent: no control channel /dev/vport0p1: No such file or directory",
            "kseries agent: no control channel /dev/vport0p1: No such file or directory",
        ),
    ],
)
def test_what_ends_a_machine(line: str, death: str) -> None:
    assert watch(line).death == death


@pytest.mark.parametrize(
    "line",
    [
        "[ 1.0] ---[ end Kernel panic - not syncing: Fatal exception ]---",
        "[ 1.0] Kernel command line: panic=-1 oops=panic",
        "[ 1.0] WARNING: CPU: 0 PID: 1 at net/core/page_pool.c:1 page_pool_init+0x1/0x2",
        "[ 1.0] BUG: KASAN: slab-use-after-free in io_zcrx_recv+0x1/0x2",
        "# not ok 1 Kernel panics are parsed",
        "[ 1.0] printk: legacy console [ttyS0] enabled",
        "say reboot: Power down",
    ],
)
def test_what_does_not_end_it(line: str) -> None:
    assert watch(line).death is None


def test_the_first_death_counts() -> None:
    watcher = watch("[1.0] Kernel panic - not syncing: first\n[2.0] reboot: Restarting system")
    assert watcher.death == "Kernel panic - not syncing: first"
    assert watcher.death_line == 1


def test_a_warning_is_the_cause_only_of_a_panic_that_names_none() -> None:
    text = "[1.0] WARNING: at x.c:1 x()\n[2.0] Kernel panic - not syncing: "
    assert watch(text + "System is deadlocked on memory").death == (
        "Kernel panic - not syncing: System is deadlocked on memory"
    )
    assert watch(text + "kernel: panic_on_warn set ...").death == (
        "WARNING: at x.c:1 x() (Kernel panic - not syncing: kernel: panic_on_warn set ...)"
    )


@pytest.mark.parametrize(
    ("fault", "panic"),
    [
        ("Unable to handle kernel NULL pointer dereference at 8", "Oops: Fatal exception"),
        ("Unhandled fault: external abort on non-linefetch at 0xb6f00000", "Fatal exception"),
        ("Bad mode in Error handler detected on CPU0, code 0xbf000002", "bad mode"),
        ("Unable to handle kernel access to user memory at 8", "Fatal exception"),
        ("Unable to handle kernel pointer dereference", "Fatal exception: panic_on_oops"),
        ("Kernel attempted to read user page (8) - exploit attempt?", "Fatal exception"),
        ("CPU 0 Unable to handle kernel paging request", "Fatal exception in interrupt"),
        ("Kernel bug detected[#1]:", "Fatal exception"),
    ],
    ids=["arm64", "arm", "arm64 before 5.13", "riscv", "s390", "powerpc", "loongarch", "mips"],
)
def test_each_architecture_names_what_killed_it(fault: str, panic: str) -> None:
    line = f"Kernel panic - not syncing: {panic}"
    watcher = watch(f"[    1.000000] {fault}\n[    1.000001] {line}")
    assert watcher.death == f"{fault} ({line})"


@pytest.mark.parametrize(
    "line",
    [
        "[ 60.0] watchdog: CPU 3 Hard LOCKUP",
        "[ 60.0] Watchdog CPU:3 Hard LOCKUP",
        "[ 60.0] smp: csd: Detected non-responsive CSD lock (#1) on CPU#1, waiting 5000 ns",
        "[ 60.0] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [test:99]",
        "[ 60.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
        "[ 60.0] rcu: INFO: rcu_sched self-detected stall on CPU",
        "[ 60.0] INFO: task test:99 blocked for more than 122 seconds.",
        "[ 60.0] BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 35s!",
    ],
)
def test_the_kernel_suspects_a_hang(line: str) -> None:
    watcher = watch(line + "\n[61.0] other")
    assert watcher.suspicion == plain(line)
    assert watcher.death is None
    assert watcher.last == "other"
