# SPDX-License-Identifier: GPL-2.0
"""Which function a complaint is charged to: each part of the patterns that find it."""

from __future__ import annotations

import pytest

from kseries.model import EventKind
from kseries.parse.suspects import where

K = EventKind
TRACE = "Call Trace:"


@pytest.mark.parametrize(
    ("title", "function"),
    [
        ("BUG: x in foo+0x1/0x2", "foo"),
        ("BUG: x at foo+0x1/0x2", "foo"),
        ("BUG: x at: foo+0x1/0x2", "foo"),
        ("BUG: x in:foo+0x1/0x2", ""),
        ("BUG: x (foo+0x1/0x2)", "foo"),
        ("BUG: x ENDBR: foo+0x1/0x2", "foo"),
        ("BUG: x at net/a.c:12 foo+0x1/0x2", "foo"),
        ("BUG: x net/a.S:1 at foo+0x1/0x2", "foo"),
        ("BUG: x at net/a.h:12 at foo+0x1/0x2", "foo"),
        ("BUG: x in [<ffffffff81234567>] foo+0x1/0x2", "foo"),
        ("BUG: x in foo.isra.0+0x1/0x2", "foo.isra.0"),
        ("BUG: x in .foo$a_1.b+0x1/0x2", ".foo$a_1.b"),
        ("BUG: x in F+0xa/0x2", "F"),
        ("BUG: x in $f", "$f"),
        ("BUG: x in _f", "_f"),
        ("BUG: x in foo / bar", "foo"),
        ("BUG: x in foo (net/a.c:12)", "foo"),
        ("BUG: x in foo net/a.c:12 [inline]", "foo"),
        ("BUG: x in foo net/a-b+c.c:?", "foo"),
        ("BUG: x in foo (??:?)", "foo"),
        ("BUG: x in foo", "foo"),
        ("BUG: x in foo  ", "foo"),
        # A mail has broken the title off there, or it says where, not who.
        ("Unable to handle kernel paging request at virtual", ""),
        ("Kernel panic - not syncing: Fatal exception in interrupt", ""),
        ("BUG: x in interrupt_foo", "interrupt_foo"),
        # An address may be made of letters alone; a name may begin like one.
        ("BUG: x at deadbeef", ""),
        ("BUG: x in deadbee", "deadbee"),
        ("BUG: x in deadbeef_x+0x1/0x2", "deadbeef_x"),
        ("BUG: x in 1foo+0x1/0x2", ""),
        ("BUG: again foo+0x1/0x2", ""),
        ("BUG: x on foo+0x1/0x2", ""),
        ("BUG: x in foo of bar", ""),
        ("BUG: x in foo+1", ""),
        ("BUG: x net/a.c: foo+0x1/0x2", ""),
        ("BUG: x net/a.d:12 foo+0x1/0x2", ""),
        ("BUG: x in foo a.c/12", ""),
        ("BUG: x in foo+0x", ""),
        ("BUG: x in [<>] foo+0x1/0x2", ""),
        ("BUG: x in foo .c:1", ""),
        ("BUG: x in kfree+0x1/0x2 foo", "kfree"),
        ("BUG: x in kfree+0x1/0x2 in foo+0x1/0x2", "foo"),
    ],
)
def test_the_title_names_a_function(title: str, function: str) -> None:
    assert where(K.BUG, [title]) == function


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("BUG: x at net/a-b/c.c:12", "net/a-b/c.c:12"),
        ("BUG: x in a.h:1!", "a.h:1"),
        ("a.S:12: it is", "a.S:12"),
        ("BUG: x at  a.c:12", ""),
        ("BUG: x of a.c:12", ""),
        ("BUG: great a.c:12", ""),
        ("BUG: x at a.d:12", ""),
        ("BUG: x at a.c:", ""),
        ("BUG: x at .c:12", ""),
    ],
)
def test_the_title_names_a_file(line: str, place: str) -> None:
    assert where(K.BUG, [line]) == place


def test_the_file_stands_near_the_title() -> None:
    lines = ["BUG: x", *["text"] * 6, "at a.c:12"]
    assert where(K.BUG, lines) == "a.c:12"
    assert where(K.BUG, ["BUG: x", "text", *lines[1:]]) == ""
    assert where(K.BUG, ["BUG: x", "at a.c:1", "at a.c:2"]) == "a.c:1"


@pytest.mark.parametrize(
    ("lines", "function"),
    [
        (["last function: foo.a"], "foo.a"),
        (["text", "  last function: foo"], "foo"),
        (["text", "text", "last function: foo"], "named"),
        (["the last function: foo"], "named"),
        (["last function: "], "named"),
    ],
)
def test_a_worker_tells_its_last_function(lines: list[str], function: str) -> None:
    assert where(K.BUG, ["BUG: x in named+0x1/0x2", *lines]) == function


HELD = ["but task is already holding lock:", " (b){+.+.}, at: holder+0x1/0x2"]
STACK = ["stack backtrace:", TRACE, " in_trace+0x1/0x2"]


@pytest.mark.parametrize(
    "used",
    [
        "a/1 is trying to acquire lock:",
        "a/1 is trying to acquire:",
        "a/1 is trying to release lock (x) at:",
        "a/1 is trying to lock:",
        "a/1 is trying to contend lock (x) at:",
        "a/1 [HC0[0]:SC1[1]:HE1:SE0] takes:",
        "a/1 is freeing memory 0-1, with a lock still held there!",
        "a/1 just changed the state of lock:",
        "takes:",
    ],
)
def test_who_took_the_lock(used: str) -> None:
    title = "WARNING: x"
    first = ["a/1: held before", " (c){+.+.}, at: before+0x1/0x2"]
    for line in (" (a){+.+.}, at: taker+0x1/0x2", "[<ffffffff81>] taker+0x1/0x2", "taker+0x1/0x2"):
        assert where(K.LOCKDEP, [title, *first, used, line, *HELD, *STACK]) == "taker"
    for line in ("[<>] no+0x1/0x2", "+0x1/0x2", "no+0x/0x2", "no+0x1", "%no+0x1/0x2"):
        assert where(K.LOCKDEP, [title, used, line, *HELD, *STACK]) == "holder"
    helped = " (a){+.+.}, at: __flush_work+0x1/0x2"
    assert where(K.LOCKDEP, [title, *first, used, helped, *HELD, *STACK]) == "holder"
    info = ["", "other info that might help us debug this:", " #0: x, at: other+0x1/0x2"]
    assert where(K.LOCKDEP, [title, used, helped, *info, *STACK]) == "in_trace"
    no_info = ["", f"no {info[1]}"]
    assert where(K.LOCKDEP, [title, used, helped, *no_info, *HELD, *STACK]) == "holder"
    indented = ["", f" {info[1]}", info[2]]
    assert where(K.LOCKDEP, [title, used, helped, *indented, *STACK]) == "in_trace"
    assert where(K.LOCKDEP, [title, "a/1 is trying", helped, *HELD, *STACK]) == "in_trace"
    # Who runs what others want has taken it for them.
    run = [HELD[0], " (b){+.+.}, at: process_one_work+0x1/0x2"]
    assert where(K.LOCKDEP, [title, used, helped, *run, *STACK]) == "in_trace"


@pytest.mark.parametrize("blank", ["", " "])
def test_who_took_a_lock_of_the_chain(blank: str) -> None:
    used = ["a/1 is trying to acquire lock:", " (a){+.+.}, at: lock_sock_nested+0x1/0x2"]
    loose = [" loose+0x1/0x2", "-> # (b){+.+.}:", " loose+0x1/0x2"]
    loose += ["the -> #1 (b){+.+.}:", " loose+0x1/0x2"]
    link = [f"{blank}-> #12 (b){{+.+.}}:", " lock_acquire+0x1/0x2", " kthread+0x1/0x2"]
    link.append("the loose+0x1/0x2")
    lines = ["WARNING: x", *used, *loose, *link, " linked+0x1/0x2", *STACK]
    assert where(K.LOCKDEP, lines) == "linked"
    assert where(K.LOCKDEP, [*lines[:-4], *STACK]) == "in_trace"


@pytest.mark.parametrize(
    ("line", "function"),
    [
        ("... which became SOFTIRQ-irq-safe at:", "safe"),
        ("which became HARDIRQ-irq-safe at:", "safe"),
        ("... which became SOFTIRQ-READ-irq-safe at:", "safe"),
        ("  which became HARDIRQ-irq-safe at:", "safe"),
        ("... which became SOFTIRQ-irq-unsafe at:", "taker"),
        ("to which became SOFTIRQ-irq-safe at:", "taker"),
        ("which became IRQ-irq-safe at:", "taker"),
    ],
)
def test_who_takes_a_lock_in_interrupts(line: str, function: str) -> None:
    used = ["a/1 is trying to acquire:", " (a){+.+.}, at: taker+0x1/0x2"]
    lines = ["WARNING: x", *used, line, " lock_acquire+0x1/0x2", " safe+0x1/0x2", *STACK]
    assert where(K.LOCKDEP, lines) == function


@pytest.mark.parametrize(
    ("title", "function"),
    [
        ("WARNING: a/1 still has locks held!", "first"),
        ("WARNING: lock held when returning to user space!", "first"),
        ("[ BUG: lock held at task exit time! ]", "first"),
        ("[ BUG: held lock freed, still held ]", "first"),
        (" WARNING: a/1 still has locks held!", "first"),
        ("INFO: a/1 still has locks held!", "taker"),
        ("WARNING: a/1 has locks!", "taker"),
        ("WARNING: still held", "first"),
        ("x WARNING: a/1 still has locks held!", "taker"),
    ],
)
def test_a_lock_that_is_left_was_taken_by_its_first_holder(title: str, function: str) -> None:
    held = ["1 lock held by a/1:", " #0: x{+.+.}, at: first+0x1/0x2"]
    used = ["a/1 takes:", " (a){+.+.}, at: taker+0x1/0x2", *held]
    assert where(K.LOCKDEP, [title, *used, *STACK]) == function
    behind = ["other info that might help us debug this:", *held]
    if function == "first":
        odd = "x #0: x{+.+.}, at: no+0x1/0x2"
        assert where(K.LOCKDEP, [title, odd, *held, *STACK]) == function
        assert where(K.LOCKDEP, [title, *behind, *STACK]) == function
        assert where(K.LOCKDEP, [title, "1 lock", held[1].strip(), *STACK]) == function
        assert where(K.LOCKDEP, [title, held[1].replace("#0", "#1"), *STACK]) == "in_trace"


@pytest.mark.parametrize(
    ("tick", "function"),
    [
        ("apic_timer_interrupt", "asked"),
        ("asm_sysvec_apic_timer_interrupt", "asked"),
        ("el1_irq", "asked"),
        ("el1h_64_irq", "asked"),
        ("el1h_64_irq_handler", "asked"),
        ("__irq_svc", "asked"),
        ("my_el1_irq", "before"),
        ("my__irq_svc", "before"),
        ("__irq_svc_other", "before"),
        ("apic_timer_interrupts", "before"),
        ("el0_irq", "before"),
    ],
)
def test_rcu_tells_what_the_interrupt_broke_off(tick: str, function: str) -> None:
    around = [" before+0x1/0x2", " process_one_work+0x1/0x2", f" {tick}+0x1/0x2"]
    lines = [TRACE, *around, "RIP: 0010:deep+0x1/0x2", " asked+0x1/0x2", " kthread+0x1/0x2"]
    assert where(K.RCU_STALL, ["INFO: rcu", *lines]) == function
    assert where(K.LOCKUP, ["BUG: soft", *lines]) == "before"


@pytest.mark.parametrize(
    ("symbol", "function"),
    [
        ("__x64_sys_foo", "sys_foo"),
        ("__ia32_sys_foo", "sys_foo"),
        ("__arm64_sys_foo", "sys_foo"),
        ("__riscv_sys_foo", "sys_foo"),
        ("__s390_sys_foo", "sys_foo"),
        ("__s390x_sys_foo", "sys_foo"),
        ("__se_sys_foo", "sys_foo"),
        ("__do_sys_foo", "sys_foo"),
        ("__sys_foo", "sys_foo"),
        ("SyS_foo", "sys_foo"),
        ("SYSC_foo", "sys_foo"),
        ("sys_foo", "sys_foo"),
        ("__ia32_compat_sys_foo", "sys_compat_sys_foo"),
        ("my__sys_foo", "my__sys_foo"),
        ("__foo", "__foo"),
    ],
)
def test_a_system_call_has_one_name(symbol: str, function: str) -> None:
    lines = ["BUG: soft", TRACE, " deep+0x1/0x2", f" {symbol}+0x1/0x2", " do_syscall_64+0x1/0x2"]
    assert where(K.LOCKUP, lines) == function


def test_of_a_stall_the_one_that_was_asked() -> None:
    def charged(*names: str) -> str:
        return where(K.LOCKUP, ["BUG: soft", TRACE, *(f" {name}+0x1/0x2" for name in names)])

    assert charged("deep", "asked.isra.0", "process_one_work", "other", "kthread") == "asked"
    assert charged("deep", "asked", "memcpy", "kthread") == "asked"
    # Who hands work out may do too much himself, who is at the bottom does not.
    assert charged("memcpy", "call_timer_fn", "run_timer_softirq") == "call_timer_fn"
    assert charged("memcpy", "process_one_work", "kthread", "asked", "vfs_read") == "asked"
    assert where(K.LOCKUP, ["x", TRACE, " a+0x1/0x2", "RIP: b+0x1/0x2", " kthread+0x1/0x2"]) == "b"
    odd = ["the b+0x1/0x2", "the RIP: c+0x1/0x2"]
    assert where(K.LOCKUP, ["x", TRACE, " a+0x1/0x2", *odd, " kthread+0x1/0x2"]) == "a"
    lines = ["x", TRACE, " a+0x1/0x2", " kthread+0x1/0x2", " b+0x1/0x2", " c+0x1/0x2"]
    assert where(K.RCU_STALL, lines) == "a"
    # No dispatcher: the first of the trace.
    assert charged("memcpy", "deep", "asked") == "deep"


@pytest.mark.parametrize(
    ("title", "function"),
    [
        ("Kernel panic - not syncing: corrupted stack end detected inside scheduler", "asked"),
        ("Kernel panic - not syncing: stack-protector", "deep"),
        ("x Kernel panic - not syncing: corrupted stack end", "deep"),
    ],
)
def test_a_stack_is_overrun_below_who_was_asked(title: str, function: str) -> None:
    names = ("__schedule", "deep", "asked", "process_one_work", "kthread")
    lines = [title, TRACE, *(f" {name}+0x1/0x2" for name in names)]
    assert where(K.PANIC, lines) == function


@pytest.mark.parametrize(
    ("counter", "function"),
    [
        ("RIP: 0010:0x0", "rcu_core"),
        (" RIP: 0010:0xffffffffc0123456", "rcu_core"),
        ("IP: 0x0", "rcu_core"),
        ("RIP: 0033:0x0", "softirqs"),
        ("RIP: 0010:0x", "softirqs"),
        ("RIP: 0010:0x0 x", "softirqs"),
        ("the RIP: 0010:0x0", "softirqs"),
    ],
)
def test_who_calls_what_is_no_function(counter: str, function: str) -> None:
    stack = [TRACE, " <IRQ>", " rcu_core+0x1/0x2", " softirqs+0x1/0x2"]
    assert where(K.OOPS, ["BUG: x", counter, *stack]) == function
    # Not who has called on for another one, nor who was interrupted.
    helped = [TRACE, " complete+0x1/0x2", " softirqs+0x1/0x2"]
    assert where(K.OOPS, ["BUG: x", counter, *helped]) == "softirqs"
    assert where(K.OOPS, ["BUG: x", *stack, counter]) == "softirqs"


def test_who_called_what_is_no_function_is_the_first_in_the_stack() -> None:
    lines = (
        "BUG: x",
        "RIP: 0010:0x0",
        TRACE,
        " kasan_report+0x1/0x2",
        " schedule+0x1/0x2",
        " foo+0x1/0x2",
    )
    # Of a checker nothing is said: then whoever comes in the stack.
    assert where(K.OOPS, lines) == "foo"
    assert where(K.OOPS, (*lines[:3], " first+0x1/0x2", " second+0x1/0x2")) == "first"


def test_who_hands_out_work_takes_long_itself() -> None:
    """The processor is in an interrupt when it is asked, and prints."""
    above = [TRACE, "RIP: 0010:serial_out+0x1/0x2", " console_write+0x1/0x2"]
    stack = [" process_one_work+0x1/0x2", " worker_thread+0x1/0x2", " kthread+0x1/0x2"]
    tick = [" apic_timer_interrupt+0x1/0x2", " memcpy+0x1/0x2"]
    assert where(K.RCU_STALL, ["INFO: rcu", *above, *tick, *stack]) == "process_one_work"
    assert where(K.RCU_STALL, ["INFO: rcu", *above, *tick]) == "serial_out"
    assert where(K.RCU_STALL, ["INFO: rcu", *above[:1], *stack]) == "process_one_work"
    assert where(K.RCU_STALL, ["INFO: rcu", *above, *stack]) == "console_write"


def test_a_title_is_no_line_below_it() -> None:
    assert where(K.BUG, ["last function: foo"]) == ""


def test_what_is_passed_over_depends_on_the_kind() -> None:
    def charged(kind: EventKind, *names: str, title: str = "x") -> str:
        return where(kind, [title, TRACE, *(f" {name}+0x1/0x2" for name in names)])

    assert charged(K.HUNG_TASK, "foo_wait", "want") == "want"
    assert charged(K.BUG, "foo_wait", "want") == "foo_wait"
    assert charged(K.LEAK, "foo_alloc", "want") == "want"
    assert charged(K.BUG, "foo_alloc", "want") == "foo_alloc"
    assert charged(K.LOCKDEP, "lock_sock", "want") == "want"
    assert charged(K.BUG, "lock_sock", "want") == "lock_sock"
    assert charged(K.WARN, "device_add", "want") == "want"
    assert charged(K.KASAN, "device_add", "want") == "device_add"
    assert charged(K.KASAN, "device_del", "want") == "want"
    assert charged(K.OOPS, "device_del", "want") == "device_del"
    assert charged(K.BUG, "skb_put", "want") == "want"
    assert charged(K.OOPS, "skb_put", "want") == "skb_put"
    # Where nothing else is left they count, and those at the bottom, too.
    assert charged(K.HUNG_TASK, "foo_wait", "kthread") == "foo_wait"
    assert charged(K.HUNG_TASK, "kthread", "foo_wait") == "foo_wait"
    assert charged(K.HUNG_TASK, "schedule", "kthread") == "kthread"
    assert charged(K.OOPS, "kthread", "want") == "want"
    # Named in the title as well.
    assert charged(K.WARN, "want", title="WARNING: at a.c:1 device_add+0x1/0x2") == "want"
    assert charged(K.KASAN, "want", title="BUG: x in device_del+0x1/0x2") == "want"
    assert charged(K.WARN, title="WARNING: at a.c:1 device_add+0x1/0x2") == "device_add"
    assert charged(K.KCSAN, "want", title="BUG: KCSAN: x in memcpy / b") == "memcpy"
    assert charged(K.KASAN, "want", title="BUG: KMSAN: x in inlined+0x1/0x2") == "want"
    assert charged(K.KASAN, title="BUG: KMSAN: x in inlined+0x1/0x2") == "inlined"
    assert charged(K.KASAN, "want", title="BUG: KASAN: x in named+0x1/0x2") == "named"


def test_the_program_counter_goes_before_the_trace() -> None:
    above = ["x", "RIP: 0010:at_pc+0x1/0x2", TRACE, " in_trace+0x1/0x2"]
    assert where(K.BUG, above) == "at_pc"
    assert where(K.BUG, ["x", "RIP: 0010:memcpy+0x1/0x2", *above[2:]]) == "in_trace"
    assert where(K.BUG, ["x", TRACE, " in_trace+0x1/0x2", above[1]]) == "in_trace"
    assert where(K.BUG, ["x", TRACE, above[1], " in_trace+0x1/0x2"]) == "at_pc"
    assert where(K.BUG, ["x", f"the {above[1]}", *above[2:]]) == "in_trace"
    assert where(K.BUG, ["x", TRACE, f"the {above[1]}", " in_trace+0x1/0x2"]) == "in_trace"
    assert where(K.BUG, ["x", "the Call Trace:", " early+0x1/0x2", *above[2:]]) == "in_trace"
    # What stands above the head tells of others, but it is more than nothing.
    assert where(K.BUG, ["x", " earlier+0x1/0x2", TRACE, " in_trace+0x1/0x2"]) == "in_trace"
    assert where(K.BUG, ["x", " earlier+0x1/0x2", TRACE, " schedule+0x1/0x2"]) == "earlier"
    # Nor do entries that the unwinder was not sure of, if there are others.
    assert where(K.BUG, ["x", TRACE, " ? maybe+0x1/0x2", " sure+0x1/0x2"]) == "sure"
    assert where(K.BUG, ["x", TRACE, " ? maybe+0x1/0x2", " schedule+0x1/0x2"]) == "maybe"
