# SPDX-License-Identifier: GPL-2.0
"""The kernel log classifier, on logs of real kernels that were made to complain.

The kernels were Linux 6.12 with all checkers on, and a module that breaks one rule a boot.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from kseries.model import EventKind, KernelEvent
from kseries.parse import attribution, klog, ktapline, splat
from kseries.parse.klogline import MARK
from kseries.parse.marks import Marks
from kseries.parse.running import Span
from kseries.parse.stamps import message

LOGS = Path(__file__).parent / "data" / "klog"

K = EventKind


def recorded(name: str) -> list[tuple[float, str]]:
    return timed((LOGS / f"{name}.log").read_text())


def timed(text: str) -> list[tuple[float, str]]:
    return [(float(at), line) for at, line in enumerate(text.splitlines())]


def brief(events: tuple[KernelEvent, ...]) -> list[tuple[EventKind, str, str]]:
    return [(event.kind, event.title, event.where) for event in events]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("warn", [(K.WARN, "WARNING: at drivers/demo/splat.c:22 demo_warn", "demo_warn")]),
        ("warn_text", [(K.WARN, "WARNING: demo: queue 3 has no pages", "demo_warn_text")]),
        ("net", [(K.WARN, "WARNING: at drivers/demo/splat.c:52 demo_net", "demo_net")]),
        ("list", [(K.WARN, "WARNING: list_add corruption. next is NULL.", "demo_list")]),
        (
            "refcount",
            [(K.WARN, "WARNING: refcount_t: addition on 0; use-after-free.", "demo_refcount")],
        ),
        ("bug", [(K.BUG, "kernel BUG at drivers/demo/splat.c:24!", "demo_bug")]),
        ("paging", [(K.OOPS, "BUG: unable to handle page fault", "demo_paging")]),
        (
            "null",
            [
                (K.KASAN, "BUG: KASAN: null-ptr-deref in demo_null", "demo_null"),
                (K.OOPS, "BUG: kernel NULL pointer dereference", "demo_null"),
            ],
        ),
        (
            "gpf",
            [
                (K.KASAN, "BUG: KASAN: wild-memory-access in demo_gpf", "demo_gpf"),
                (K.OOPS, "Oops: general protection fault", "demo_gpf"),
            ],
        ),
        ("uaf", [(K.KASAN, "BUG: KASAN: slab-use-after-free in demo_uaf", "demo_uaf")]),
        ("oob", [(K.KASAN, "BUG: KASAN: slab-out-of-bounds in demo_oob", "demo_oob")]),
        (
            "bounds",
            [
                (
                    K.UBSAN,
                    "UBSAN: array-index-out-of-bounds in drivers/demo/splat.c:31:44",
                    "demo_bounds",
                )
            ],
        ),
        (
            "shift",
            [
                (
                    K.UBSAN,
                    "UBSAN: shift-out-of-bounds in drivers/demo/splat.c:32:48",
                    "splat_init",  # demo_shift was inlined there
                )
            ],
        ),
        (
            "circular",
            [
                (
                    K.LOCKDEP,
                    "WARNING: possible circular locking dependency detected",
                    "demo_circular",
                )
            ],
        ),
        (
            "recursive",
            [(K.LOCKDEP, "WARNING: possible recursive locking detected", "demo_recursive")],
        ),
        ("irq", [(K.LOCKDEP, "WARNING: inconsistent lock state", "tmr_fn")]),
        ("rcu", [(K.LOCKDEP, "WARNING: suspicious RCU usage", "splat_init")]),
        ("unlock", [(K.LOCKDEP, "WARNING: bad unlock balance detected!", "splat_init")]),
        ("heldfree", [(K.LOCKDEP, "WARNING: held lock freed!", "demo_heldfree")]),
        (
            "wait",
            [
                (
                    K.ATOMIC_SLEEP,
                    "BUG: sleeping function called from invalid context at"
                    " kernel/locking/mutex.c:586",
                    "demo_wait",
                ),
                (K.LOCKDEP, "[ BUG: Invalid wait context ]", "demo_wait"),
            ],
        ),
        (
            "might",
            [
                (
                    K.ATOMIC_SLEEP,
                    "BUG: sleeping function called from invalid context at drivers/demo/splat.c:39",
                    "demo_might",
                )
            ],
        ),
        (
            "sleep",
            [
                (K.ATOMIC_SLEEP, "BUG: scheduling while atomic: init", "demo_sleep"),
                (
                    K.WARN,
                    "WARNING: initcall splat_init returned with preemption imbalance",
                    "do_one_initcall",
                ),
            ],
        ),
        (
            "hung",
            [
                (K.HUNG_TASK, "INFO: task init blocked for more than 5 seconds.", "demo_hung"),
                (K.HUNG_TASK, "INFO: task demo_hung blocked for more than 5 seconds.", "hung"),
            ],
        ),
        (
            "soft",
            [(K.RCU_STALL, "rcu: INFO: rcu_preempt self-detected stall on CPU", "splat_init")],
        ),
        (
            "leak",
            [
                (
                    K.LEAK,
                    "kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
                    "",
                )
            ],
        ),
        ("pool", [(K.LEAK, "page_pool_release_retry() stalled pool shutdown: 1 inflight", "")]),
        (
            "unreg",
            [
                # Another thread lets go of the lock, so that the reference is waited for.
                (K.LOCKDEP, "WARNING: bad unlock balance detected!", "__rtnl_unlock"),
                (K.HUNG_TASK, "INFO: task init blocked for more than 5 seconds.", "demo_unreg"),
                (
                    K.LEAK,
                    "unregister_netdevice: waiting for demo0 to become free. Usage count = 2",
                    "",
                ),
            ],
        ),
        ("panic", [(K.PANIC, "Kernel panic - not syncing: demo: gave up", "demo_panic")]),
        (
            "sysrq-panic",
            [
                (
                    K.PANIC,
                    "Kernel panic - not syncing: sysrq triggered crash",
                    "sysrq_handle_crash",
                )
            ],
        ),
    ],
)
def test_recorded(name: str, expected: list[tuple[EventKind, str, str]]) -> None:
    assert brief(klog.events(recorded(name))) == expected


@pytest.mark.parametrize("name", ["healthy-boot", "healthy-boot-debug"])
def test_healthy_kernel(name: str) -> None:
    assert klog.events(recorded(name)) == ()


# One line each, from the kernel's sources, where a recording would take another machine.
@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("WARNING: net/core/dev.c:12 at foo+0x1/0x2, CPU#1: zcrx/123", K.WARN),
        ("WARNING: CPU: 3 PID: 0 at foo+0x1/0x2", K.WARN),
        ("lo: hw csum failure", K.WARN),
        ("general protection fault, probably for non-canonical address 0x1: 0000 [#1] SMP", K.OOPS),
        ("Oops: invalid opcode: 0000 [#3] PREEMPT SMP NOPTI", K.OOPS),
        ("Oops: 0002 [#1]", K.OOPS),
        ("BUG: TASK stack guard page was hit at 00000000 (stack is 1..2)", K.OOPS),
        ("BUG: unable to handle kernel NULL pointer dereference at 0", K.OOPS),
        ("BUG: KFENCE: use-after-free read in foo+0x1/0x2", K.KASAN),
        ("BUG kmalloc-64 (Not tainted): Poison overwritten", K.BUG),
        ("BUG: Bad page state in process zcrx  pfn:12345", K.BUG),
        ("BUG: spinlock bad magic on CPU#0, zcrx/12", K.BUG),
        ("BUG: Bad rss-counter state mm:00000000 type:MM_ANONPAGES val:1", K.LEAK),
        ("BUG: using smp_processor_id() in preemptible [00000000] code: zcrx/1", K.ATOMIC_SLEEP),
        ("BUG: MAX_LOCKDEP_CHAINS too low!", K.LOCKDEP),
        ("INFO: trying to register non-static key.", K.LOCKDEP),
        ("WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected", K.LOCKDEP),
        ("WARNING: possible irq lock inversion dependency detected", K.LOCKDEP),
        ("WARNING: zcrx/12 still has locks held!", K.LOCKDEP),
        ("WARNING: lock held when returning to user space!", K.LOCKDEP),
        ("watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [zcrx:12]", K.LOCKUP),
        ("watchdog: Watchdog detected hard LOCKUP on cpu 0", K.LOCKUP),
        ("BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!", K.LOCKUP),
        ("rcu: INFO: rcu_sched detected stalls on CPUs/tasks:", K.RCU_STALL),
        ("rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: {", K.RCU_STALL),
        ("INFO: task kworker/0:1:9 blocked for more than 120 seconds.", K.HUNG_TASK),
        ("ref_tracker: leaked reference.", K.LEAK),
        ("Freeing alive inet socket 0000000012345678", K.BUG),
        ("UBSAN: misaligned-access in io_uring/net.c:12:3", K.UBSAN),
    ],
)
def test_one_line(line: str, kind: EventKind) -> None:
    for before in ("", "[    1.234567] ", "[   12.345678][  T123] ", "<4>[    1.234567][    C0] "):
        (event,) = klog.events([(0.0, before + line)])
        assert event.kind is kind
        assert event.lines == (line,)


@pytest.mark.parametrize(
    "line",
    [
        "kseries: BUG: KASAN: use-after-free in a test's own words",
        "kseries: start zcrx/a WARNING: CPU: 0 PID: 1 at foo.c:1",
        "Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on",
        "Spectre V1 : Mitigation: usercopy/swapgs barriers and __user pointer sanitization",
        "PCI: Using host bridge windows from ACPI; if necessary, use pci=nocrs and report a bug",
        "DEBUG: panic=1 given",
        "Kernel command line: panic=-1 oops=panic",
        "WARNING: Flushing system-wide workqueues will be prohibited in near future.",
        "ACPI BIOS Warning (bug): 32/64X length mismatch in FADT/Gpe0Block: 128/64",
        "x86/cpu: SGX disabled by BIOS. BUG bits: spectre_v1",
        "kmemleak: Kernel memory leak detector initialized (mem pool available: 15062)",
        "kmemleak: Automatic memory scanning thread started",
        "rcu: \tRCU CPU stall warnings timeout set to 3 (rcu_cpu_stall_timeout).",
        "rcu: INFO: Stall ended before state dump start",
        "clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable",
        "traps: zcrx[12] general protection fault ip:4010 sp:7ffc error:0 in zcrx[400000+1000]",
        "zcrx[12]: segfault at 0 ip 0000000000401 sp 00007ff error 4 in zcrx[401000+1000]",
        "netdevsim netdevsim10 eni10np1: renamed from eth0",
        "Lockdep: running INFO: lockdep is turned off.",
        "debug: BUG: is a word here",
        "ODEBUG: selftest passed",
        "page_pool: ok",
        "test_harness: Oops: the second part",
        "Modules linked in: bug(O) warning",
    ],
)
def test_ordinary_line(line: str) -> None:
    assert klog.events([(0.0, f"[    1.000000] {line}"), (1.0, line)]) == ()


def test_splat_holds_its_lines_and_no_others() -> None:
    lines = recorded("warn")
    (event,) = klog.events(lines, first_line=100)
    texts = [message(line) for _, line in lines]
    assert event.lines[0] == "------------[ cut here ]------------"
    assert event.lines[-1] == "---[ end trace 0000000000000000 ]---"
    assert event.line == 100 + texts.index(event.lines[0])
    assert "kseries: end demo/splat" not in event.lines


def test_two_complaints_in_a_row() -> None:
    text = (LOGS / "warn.log").read_text()
    events = klog.events(timed(text + text))
    assert [event.title for event in events] == [
        "WARNING: at drivers/demo/splat.c:22 demo_warn"
    ] * 2


def test_complaint_that_is_cut_off() -> None:
    text = (LOGS / "uaf.log").read_text()
    head = text[: text.index("Call Trace")]
    (event,) = klog.events(timed(head))
    assert (event.kind, event.where) == (K.KASAN, "demo_uaf")
    (event,) = klog.events(timed("[    1.000000] ------------[ cut here ]------------\n"
                                 "[    1.000001] demo: the ring is gone\n"))  # fmt: skip
    assert (event.kind, event.title) == (K.WARN, "WARNING: demo: the ring is gone")


def test_fault_behind_one_that_is_cut_off() -> None:
    cut = [(0.0, "kernel BUG at drivers/demo/splat.c:24!"), *[(0.0, "eth0: up")] * 20]
    events = klog.events([*cut, *recorded("gpf")])
    assert [event.kind for event in events] == [K.BUG, K.KASAN, K.OOPS]
    second = (0.0, "Oops: general protection fault: 0000 [#2] PREEMPT SMP")
    for first in ("BUG: kernel NULL pointer dereference, address: 0", "Oops: 0002 [#1]"):
        lines = [(0.0, first), (0.0, "Oops: 0000 [#1]"), second]
        assert len(klog.events(lines)) == 2 + (first[:4] == "Oops")


def test_complaint_behind_a_warning_that_is_cut_off() -> None:
    cut = (0.0, "------------[ cut here ]------------")
    circular = [(at, line) for at, line in recorded("circular") if MARK not in line]
    told = klog.events([cut, (0.0, "demo: the ring is gone"), *circular])
    assert [event.kind for event in told] == [K.WARN, K.LOCKDEP]
    whole = klog.events(circular)
    assert told[1].lines == whole[0].lines


def test_panic_on_warn_is_told_beside_the_warning() -> None:
    lines = (LOGS / "warn.log").read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if "Call Trace" in line)
    stamp = lines[at][: lines[at].index("Call")]
    lines.insert(at, f"{stamp}Kernel panic - not syncing: kernel: panic_on_warn set ...")
    events = klog.events(timed("\n".join(lines)))
    assert [event.kind for event in events] == [K.WARN, K.PANIC]


def test_text_in_front_of_the_time_stamp() -> None:
    (event,) = klog.events([(0.0, "login: [    1.000000][   T1] Kernel panic - not syncing: x")])
    assert event.title == "Kernel panic - not syncing: x"


def test_text_without_an_end_in_front_of_the_time_stamp() -> None:
    dots = "." * 1_500_000
    (event,) = klog.events([(0.0, f"{dots}[    1.000000] BUG: KASAN: {dots}")])
    assert (event.kind, event.line) == (K.KASAN, 1)
    assert max(map(len, event.lines)) <= ktapline.MAX_LINE


def test_flood_is_bounded() -> None:
    lines = [(0.0, "unregister_netdevice: waiting for lo to become free.")] * 500
    assert len(klog.events(lines)) == klog.MAX_EVENTS
    later = (0.0, "BUG: KASAN: slab-use-after-free in foo+0x1/0x2")
    events = klog.events([*lines, later, later])
    assert [event.kind for event in events[klog.MAX_EVENTS :]] == [K.KASAN]
    mark = (0.0, "kseries: start zcrx/register")
    assert len(klog.events([*lines, mark, lines[0]])) == klog.MAX_EVENTS + 1
    endless = [(0.0, "BUG: something"), *[(0.0, "and so on")] * 500]
    (event,) = klog.events(endless)
    assert len(event.lines) == klog.MAX_BEFORE_TRACE


def test_the_lines_of_a_complaint_are_bounded() -> None:
    """Before its call trace, which tells the most, less is waited for than in all."""
    calls = [(0.0, f" f{number}+0x1/0x2") for number in range(1000)]
    for wait, length in (
        (klog.MAX_BEFORE_TRACE - 2, klog.MAX_SPLAT_LINES),
        (klog.MAX_BEFORE_TRACE - 1, klog.MAX_BEFORE_TRACE),
    ):
        text = [(0.0, "registers")] * wait
        lines = [(0.0, "WARNING: CPU: 0 PID: 7 at a.c:1 f+0x1/0x2"), *text, (0.0, "Call Trace:")]
        (event,) = klog.events([*lines, *calls])
        assert len(event.lines) == length
    # What stood before the title takes nothing of that.
    cut = [(0.0, "------------[ cut here ]------------"), (0.0, "some text")]
    (event,) = klog.events([*cut, lines[0], *[(0.0, "registers")] * 500])
    assert len(event.lines) == klog.MAX_BEFORE_TRACE + 2


def test_the_header_of_an_oops_is_near_its_cause() -> None:
    cause = (0.0, "BUG: kernel NULL pointer dereference, address: 0")
    header = (0.0, "Oops: 0000 [#1] PREEMPT SMP")
    for between, count in ((splat.MAX_TO_OOPS - 1, 1), (splat.MAX_TO_OOPS, 2)):
        assert len(klog.events([cause, *[(0.0, "text")] * between, header])) == count


def test_never_raises() -> None:
    chance = random.Random(7)
    text = "".join(path.read_text() for path in sorted(LOGS.glob("*.log")))
    lines = text.splitlines()
    for _ in range(100):
        some = chance.choices(lines, k=60)
        cut = [line[chance.randrange(9) : chance.randrange(9, 120)] for line in some]
        klog.events([(0.0, line) for line in cut + some])


# ---- what was going on


LOG = """\
[    0.000000] Linux version 6.12.117
[    0.500000] WARNING: CPU: 0 PID: 1 at a.c:1 early+0x1/0x2
[    0.600000] ---[ end trace 0000000000000000 ]---
[    2.000000] kseries: start zcrx/register
[    3.000000] BUG: first
[    5.000000] BUG: second
[    6.000000] kseries: end zcrx/register
[    7.000000] BUG: late
[    8.000000] kseries: start netdevsim/ping.py
[    9.000000] BUG: third
[    9.000000] Kernel panic - not syncing: gone
[    0.000000] Linux version 6.12.117
[    0.500000] BUG: boot again
[    2.000000] kseries: start netdevsim/stats.py
[    3.000000] kseries: end netdevsim/stats.py
[    4.000000] BUG: goes down
"""


MARKS = Marks(bytes(32))
_UNSIGNED = re.compile(r"kseries: (start|end) (\S+)$")


def signed(lines: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Make marks of what looks like one."""
    return [(at, _UNSIGNED.sub(lambda m: MARKS.line(m[1], m[2]), line)) for at, line in lines]


def test_during() -> None:
    lines = timed(LOG)
    spans = {"zcrx/register": [Span("registration.a", 2.5, 4.0), Span("registration.b", 4.0, 5.0)]}
    told = attribution.events(signed(lines), MARKS, spans, closed=15.0)
    assert [(event.title, event.during) for event in told] == [
        ("WARNING: at a.c:1 early", "boot"),
        ("BUG: first", "zcrx/register: registration.a"),
        ("BUG: second", "zcrx/register: registration.b"),
        ("BUG: late", "zcrx/register"),
        ("BUG: third", "netdevsim/ping.py"),
        ("Kernel panic - not syncing: gone", "netdevsim/ping.py"),
        ("BUG: boot again", "boot"),
        ("BUG: goes down", "shutdown"),
    ]


def test_lines_belong_to_what_ran_but_for_our_own_marks() -> None:
    hidden = MARKS.line("hidden", "from line 1: the console was quiet")
    begin, end = MARKS.line("start", "net/a"), MARKS.line("end", "net/a")
    lines = ["up", begin, "eth0: up", hidden, end, "behind it"]
    told = attribution.lines_of([(float(at), line) for at, line in enumerate(lines)], MARKS)
    assert told == {"boot": ["up"], "net/a": ["eth0: up", hidden, "behind it"]}


def test_panic_is_charged_to_the_case_that_never_ended() -> None:
    lines = [
        (1.0, "kseries: start zcrx/register"),
        (2.0, "BUG: long before"),
        (9.5, "Oops: general protection fault: 0000 [#1]"),
        (9.6, "---[ end trace 0000000000000000 ]---"),
        (9.7, "Kernel panic - not syncing: Fatal exception"),
    ]
    spans = {"zcrx/register": [Span("a", 1.0, 9.8), Span("b", 9.9, 10.0)]}
    told = attribution.events(signed(lines), MARKS, spans)
    told = attribution.charge_death(told, lines, [attribution.Death("zcrx/register", 5, "b")])
    assert [(event.kind, event.during) for event in told] == [
        (K.BUG, "zcrx/register: a"),
        (K.OOPS, "zcrx/register: b"),
        (K.PANIC, "zcrx/register: b"),
    ]


def test_two_deaths_of_one_program_are_charged_to_a_case_each() -> None:
    log = [
        *("kseries: start zcrx/register", "Kernel panic - not syncing: one"),
        *("Linux version 6", "kseries: start zcrx/register", "Kernel panic - not syncing: two"),
    ]
    lines = [(float(at), line) for at, line in enumerate(log)]
    deaths = [
        attribution.Death("zcrx/register", 2, "a"),
        attribution.Death("zcrx/register", 5, "b"),
    ]
    told = attribution.events(signed(lines), MARKS, {})
    told = attribution.charge_death(told, lines, deaths)
    assert [event.during for event in told] == ["zcrx/register: a", "zcrx/register: b"]
