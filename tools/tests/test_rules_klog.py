# SPDX-License-Identifier: GPL-2.0
"""Rules of the kernel log reader: its bounds to the line, and what belongs to a complaint."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from kseries.model import EventKind, KernelEvent
from kseries.parse import klog, splat, stamps

K = EventKind

BUG = "BUG: something"
CUT = "------------[ cut here ]------------"
WARN = "WARNING: CPU: 0 PID: 7 at a.c:12 f+0x1/0x2"
END = "---[ end trace 0000000000000000 ]---"
RULER = "=" * 30
LEAK = "unregister_netdevice: waiting for lo to become free."
TRACE = "Call Trace:"
FRAME = " f+0x1/0x2"


def events(*lines: str) -> tuple[KernelEvent, ...]:
    return klog.events([(0.0, line) for line in lines])


def lengths(found: Iterable[KernelEvent]) -> list[int]:
    return [len(event.lines) for event in found]


# ---- bounds


def test_so_many_complaints_are_kept() -> None:
    assert len(events(*[LEAK] * 300)) == 200
    # One that was not seen before is kept beyond that, as long as there are not too many.
    titles = [f"BUG: {number:b}".replace("1", "x").replace("0", "y") for number in range(1500)]
    assert len(events(*titles)) == 1200
    assert len(events(*[LEAK] * 200, BUG, BUG, LEAK)) == 201


def test_what_was_seen_before_one_of_our_marks_is_new_behind_it() -> None:
    assert len(events(*[LEAK] * 200, "kseries: start a/b", LEAK, LEAK)) == 201


def test_so_many_lines_belong_to_a_complaint_with_a_trace() -> None:
    (event,) = events(WARN, TRACE, *[FRAME] * 500)
    assert len(event.lines) == 400
    (event,) = events(WARN, TRACE, *[FRAME] * 397, "the last")
    assert event.lines[-1] == "the last"


@pytest.mark.parametrize(("head", "count"), [((BUG,), 120), ((CUT, WARN), 121), ((CUT,), 120)])
def test_so_many_lines_may_stand_before_the_trace(head: tuple[str, ...], count: int) -> None:
    (event,) = events(*head, *["and so on"] * 200)
    assert len(event.lines) == count


@pytest.mark.parametrize(("between", "count"), [(99, 1), (100, 2)])
def test_so_far_from_its_fault_may_the_header_of_an_oops_stand(between: int, count: int) -> None:
    fault = "BUG: kernel NULL pointer dereference, address: 0"
    assert len(events(fault, *["#PF: x"] * between, "Oops: 0000 [#1] SMP")) == count


# 128 of these are as long as the text that is kept of a log, 8 MiB.
LONG = ("BUG: a", *["~" * 2000] * 32, "~" * 1530)


def test_so_much_text_is_kept_of_a_log() -> None:
    found = events(*LONG * 131)
    assert lengths(found) == [34] * 128 + [2] * 3
    assert found[-1].title == "BUG: a"


def test_of_a_complaint_without_room_the_title_is_kept() -> None:
    late = (CUT, "what it warns of", "more of it", WARN, "Modules linked in:", END)
    *_, event = events(*LONG * 129, *late)
    assert event.lines == late[:4]
    assert event.title == "WARNING: what it warns of"


def test_no_line_is_kept_longer_than_its_bound() -> None:
    (event,) = events("BUG: " + "x" * 3000)
    assert lengths([event]) == [1]
    assert len(event.lines[0]) == 2000


# ---- what belongs to a complaint


def test_where_a_complaint_begins() -> None:
    (event,) = klog.events([(0.0, "fine"), (0.0, BUG)])
    assert event.line == 2
    (event,) = klog.events([(0.0, "fine"), (0.0, BUG)], first_line=100, during=str)
    assert (event.line, event.during) == (101, "1")
    # Lines that are not the kernel's are counted.
    reader = klog.Reader()
    reader.skip()
    reader.skip(3)
    reader.skim(2)
    reader.feed(BUG)
    assert [e.line for e in reader.events()] == [7]


def test_a_ruler_above_a_title_belongs_to_it() -> None:
    (event,) = events("fine", RULER, "BUG: KASAN: use in f+0x1/0x2", "text", RULER, "fine")
    assert event.line == 2
    assert event.lines == (RULER, "BUG: KASAN: use in f+0x1/0x2", "text", RULER)
    # One that stands further above does not, nor one that is too short.
    assert lengths(events(RULER, "fine", BUG)) == [1]
    assert lengths(events("=" * 19, BUG)) == [1]
    assert lengths(events("=" * 20, BUG)) == [2]
    reader = klog.Reader()
    reader.take(RULER)
    reader.skim(1)
    reader.take(BUG)
    assert lengths(reader.events()) == [1]


@pytest.mark.parametrize("end", [END, "Rebooting in 10 seconds.."])
def test_what_ends_a_complaint_with_a_mark(end: str) -> None:
    (event,) = events(WARN, "text", TRACE, FRAME, "text", end, "fine")
    assert event.lines == (WARN, "text", TRACE, FRAME, "text", end)


def test_what_ends_a_complaint_with_a_trace() -> None:
    (event,) = events("BUG: sleeping function called from invalid context", "in", TRACE, FRAME,
                      "eth0: up", FRAME)  # fmt: skip
    assert event.lines[-1] == FRAME
    assert lengths([event]) == [4]
    # A mark or a ruler ends none.
    assert lengths(events(BUG, END, RULER, TRACE, FRAME)) == [5]


def test_a_ruler_ends_no_oops() -> None:
    for head in ("Oops: 0002 [#1] SMP", "BUG: kernel NULL pointer dereference, address: 0", WARN):
        assert lengths(events(head, RULER, TRACE, FRAME, END, FRAME)) == [5]


def test_a_mark_of_ours_ends_every_complaint() -> None:
    assert lengths(events(BUG, "text", "kseries: end a/b", "text")) == [2]


def test_empty_lines_at_the_end_of_a_complaint_are_left_out() -> None:
    (event,) = events(BUG, "text", "", "  ")
    assert event.lines == (BUG, "text")


def test_a_cut_mark_alone_is_no_complaint() -> None:
    assert events(CUT) == ()
    assert events(CUT, "", CUT) == ()
    assert [event.title for event in events(CUT, "it is gone")] == ["WARNING: it is gone"]


@pytest.mark.parametrize(
    ("behind", "titles"),
    [
        (WARN, ["WARNING: at a.c:12 f"]),
        ("kernel BUG at a.c:12!", ["kernel BUG at a.c:12!"]),
        # What does not come behind the mark is another complaint.
        ("Kernel panic - not syncing: x", ["WARNING: text", "Kernel panic - not syncing: x"]),
    ],
)
def test_what_stands_behind_a_cut_mark(behind: str, titles: list[str]) -> None:
    between = [] if len(titles) == 1 else ["text"]
    assert [event.title for event in events(CUT, *between, behind, END)] == titles


def test_a_warning_says_its_text_first() -> None:
    assert [e.title for e in events(CUT, "", "the text", WARN, END)] == ["WARNING: the text"]
    # A BUG does not, and what stands above a warning without a mark is not its text.
    assert [e.title for e in events(CUT, "the text", "kernel BUG at a.c:1!")] == [
        "kernel BUG at a.c:1!"
    ]
    assert [e.title for e in events(RULER, WARN)] == ["WARNING: at a.c:12 f"]


OOPS = "Oops: 0000 [#1] SMP"


@pytest.mark.parametrize(
    ("first", "kinds"),
    [
        ("BUG: kernel NULL pointer dereference, address: 0", [K.OOPS]),
        ("kernel BUG at a.c:12!", [K.BUG]),
        (WARN, [K.WARN, K.OOPS]),
        (BUG, [K.BUG, K.OOPS]),  # it ends with its trace
        (CUT, [K.OOPS]),
        ("fine", [K.OOPS]),
    ],
)
def test_the_header_of_an_oops_belongs_to_the_fault_above(
    first: str, kinds: list[EventKind]
) -> None:
    assert [event.kind for event in events(first, OOPS, END)] == kinds


def test_memory_that_leaks_is_told_below_what_a_program_says() -> None:
    object_ = "unreferenced object 0xffff888012345678 (size 12):"
    head = "BUG: memory leak"
    (event,) = events(head, object_, "  comm", "  backtrace:", "    [<0>] f+0x1/0x2")
    assert (event.kind, event.title) == (K.LEAK, head)
    assert lengths(events(head, object_, head, object_)) == [2, 2]
    assert lengths(events(object_, object_)) == [1, 1]


def test_a_second_oops_is_another_one() -> None:
    assert len(events(OOPS, OOPS)) == 2
    assert len(events("kernel BUG at a.c:12!", OOPS, OOPS)) == 2


def test_what_breaks_a_complaint_off_tells_where_it_is() -> None:
    """A checker that finds a fault while another one prints its first lines."""
    kasan = ("BUG: KASAN: x in spin_bug+0x1/0x2", TRACE, " spin_bug+0x1/0x2", " culprit+0x1/0x2")
    for between in (0, 1, 2):
        found = events("BUG: spinlock bad magic", *["owner"] * between, *kasan)
        assert [(e.kind, e.where) for e in found] == [(K.BUG, "culprit"), (K.KASAN, "culprit")]
    found = events("BUG: spinlock bad magic", *["owner"] * 3, *kasan)
    assert [event.where for event in found] == ["", "culprit"]
    # What tells of processor and machine, or begins the other one, is not counted.
    around = ("CPU: 0 PID: 7 Comm: cat", "Tainted: [W]=WARN", "Hardware name: QEMU", "Workqueue: x")
    found = events("BUG: spinlock bad magic", "a", "b", *around, RULER, *kasan)
    assert [event.where for event in found] == ["culprit", "culprit"]
    # One that has its own call trace keeps it.
    found = events("BUG: spinlock bad magic", TRACE, FRAME, *kasan)
    assert [event.where for event in found] == ["f", "culprit"]


BLOCKED = (
    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    "rcu: \tTasks blocked on level-0",
)
PANIC = "Kernel panic - not syncing: panic_on_warn set"


def test_a_stall_that_a_warning_breaks_off() -> None:
    stack = (TRACE, " <IRQ>", " panic+0x1/0x2", " apic_timer_interrupt+0x1/0x2", " </IRQ>",
             " deep+0x1/0x2", " asked+0x1/0x2", " vfs_open+0x1/0x2")  # fmt: skip
    found = events(*BLOCKED, CUT, WARN, "Modules linked in:", PANIC, *stack)
    assert [(e.kind, e.where) for e in found[:2]] == [(K.RCU_STALL, "asked"), (K.WARN, "f")]
    # It has no part of what comes behind a trace, or too far below.
    found = events(*BLOCKED, CUT, WARN, TRACE, " dump+0x1/0x2", PANIC, *stack)
    assert found[0].where == "dump"
    found = events(*BLOCKED, *["text"] * 2, CUT, WARN, PANIC, *stack)
    assert found[0].where == ""


def test_what_a_console_prints_once_more_counts() -> None:
    """Another processor has taken it over in the middle of a line."""
    stamp = "[   12.345678][   T12]"
    title, call = "BUG: KASAN: use in f+0x1/0x2", "RIP: 0010:g+0x1/0x2"
    for at in (1, 5, 11, 26):
        (event,) = events(f"{stamp} {title[:at]}{stamp} {title}", f"{stamp} and")
        assert event.title == "BUG: KASAN: use in f"
        assert event.lines == (title, "and")
    lines = [TRACE, call, " h+0x1/0x2", FRAME]
    whole = events(BUG, *lines)
    for at, line in enumerate(lines):
        broken = [*lines[:at], f"{line[:4]}{stamp} {line}", *lines[at + 1 :]]
        assert events(*(f"{stamp} {line}" for line in (BUG, *broken))) == whole
    # Something else that ends in a stamp is no beginning of what follows.
    assert events(f"{stamp} B-{stamp} {title}") == ()
    assert events(f"{stamp} {title[:3]}{stamp}{title}")[0].title == "BUG: KASAN: use in f"
    assert events(f"{stamp} fine{stamp} fine") == ()


def test_so_many_may_break_each_other_off() -> None:
    chain = [f"BUG: {name}" for name in "abcd"]
    assert [e.where for e in events(*chain, TRACE, FRAME)] == ["f"] * 4
    assert [e.where for e in events("BUG: e", *chain, TRACE, FRAME)] == ["", *["f"] * 4]


def test_what_was_told_before_is_not_told_by_another() -> None:
    panic = ("Kernel panic - not syncing: x", TRACE, " culprit+0x1/0x2")
    assert events(BUG, *["text"] * 9, *panic)[0].where == "culprit"
    assert events(BUG, *["text"] * 9, BUG, *panic[1:])[0].where == ""
    assert events(BUG, TRACE, " schedule+0x1/0x2", *panic)[0].where == ""
    # Lines are counted from the title on.
    assert events(RULER, BUG, "a", "b", BUG, *panic[1:])[0].where == "culprit"


def test_what_is_told_in_full_behind_it() -> None:
    preface, bug = "list_del corruption, x", "kernel BUG at a.c:12!"
    for above in ((), (RULER,)):
        for between in range(3):
            (event,) = events(*above, preface, *["text"] * between, bug, TRACE, FRAME)
            assert (event.kind, event.title) == (K.BUG, preface)
        assert len(events(*above, preface, *["text"] * 3, bug, TRACE, FRAME)) == 2
    assert lengths(events("VFS: Busy inodes after unmount of x", WARN, TRACE, FRAME)) == [4]
    # What is cut behind it, too, if that is near.
    for above in ((), (RULER,)):
        for between in range(2):
            said = (*above, preface, *["text"] * between, CUT, bug, TRACE, FRAME)
            assert [event.lines for event in events(*said)] == [said]
        said = (*above, preface, *["text"] * 2, CUT, bug, TRACE, FRAME)
        assert lengths(events(*said)) == [3 + len(above), 4]
    assert lengths(events(BUG, CUT, bug, TRACE, FRAME)) == [1, 4]
    lock = "WARNING: possible recursive locking detected"
    assert lengths(events("VFS: Busy inodes after unmount of x", lock, TRACE, FRAME)) == [1, 3]
    # The header of an Oops comes before its call trace.
    fault = "BUG: unable to handle page fault for address: 0"
    assert lengths(events(fault, "text", "Oops: 0000 [#1] SMP", TRACE, FRAME)) == [5]
    assert lengths(events(fault, TRACE, FRAME, "Oops: 0000 [#1] SMP")) == [3, 1]
    found = events(RULER, fault, *["text"] * 98, "Oops: 0000 [#1] SMP", TRACE, FRAME)
    assert lengths(found) == [103]
    # Not all that is behind a mark is what it begins.
    assert lengths(events(CUT, "text", "irq 16: nobody cared", TRACE, FRAME)) == [2, 3]


def test_the_same_line_at_once_is_of_another_processor() -> None:
    twice = "INFO: trying to register non-static key."
    assert lengths(events(twice, twice, TRACE, FRAME)) == [4]
    assert lengths(events(RULER, twice, twice, TRACE, FRAME)) == [5]
    assert lengths(events(twice, "text", twice)) == [2, 1]
    assert lengths(events(BUG, BUG + " else")) == [1, 1]
    assert lengths(events(twice, TRACE, twice)) == [2, 1]


def test_a_call_trace_may_stand_behind_the_end() -> None:
    (event,) = events(WARN, "x0 : 1", END, TRACE, " a+0x1/0x2", " b+0x1/0x2", "text", FRAME)
    assert event.lines[-1] == " b+0x1/0x2"
    assert lengths(events(WARN, END, "text", TRACE, FRAME)) == [2]
    assert lengths(events(WARN, END, FRAME)) == [2]
    assert lengths(events(WARN, TRACE, FRAME, END, TRACE, FRAME)) == [4]
    assert lengths(events(WARN, END, TRACE, FRAME, END, FRAME)) == [4]
    assert lengths(events(CUT, WARN, END, CUT, WARN, TRACE, FRAME, END)) == [3, 5]


def test_a_call_trace_may_have_no_head() -> None:
    """Of a fault, as on riscv."""
    bug = "kernel BUG at a.c:12!"
    assert lengths(events(bug, FRAME, END, TRACE, FRAME)) == [3]
    assert lengths(events(bug, "text", END, TRACE, FRAME)) == [5]
    assert lengths(events(BUG, FRAME, "text", TRACE, FRAME)) == [5]


def test_a_fault_names_itself_behind_what_is_said_before() -> None:
    said, fault = (
        "kernel tried to execute NX-protected page",
        "BUG: kernel NULL pointer dereference",
    )
    (event,) = events(said, fault, "Oops: 0010 [#1] SMP", TRACE, FRAME)
    assert (event.kind, event.title) == (K.OOPS, fault)
    (event,) = events("list_del corruption", "kernel BUG at a.c:12!", "invalid opcode: 0000 [#1]")
    assert (event.kind, event.title) == (K.BUG, "list_del corruption")


def test_the_mark_of_arm() -> None:
    fault = "Unable to handle kernel NULL pointer dereference at virtual address 0"
    for between in range(4):
        found = events("8<--- cut here ---", *["text"] * between, fault, TRACE, FRAME)
        assert lengths(found) == ([4 + between] if between < 3 else [4, 3])
        assert found[-1].kind is K.OOPS
    assert lengths(events(CUT, "text", fault, TRACE, FRAME)) == [2, 3]
    (event,) = events("8<--- cut here ---", "text", TRACE, FRAME)
    assert (event.kind, event.title) == (K.WARN, "WARNING: text")
    assert events("8<--- cut here --- x", "text", TRACE, FRAME) == ()


def test_what_is_inlined_is_told_first() -> None:
    first, then = "BUG: KASAN: x in f a.c:1{}", "BUG: KASAN: x in g+0x1/0x2"
    for end in (" [inline]", " [inline], CPU#12: a/1"):
        assert lengths(events(first.format(end), then)) == [2]
    for end in ("", " [inline] x", " [inline], CPU#: a/1", " [inline], CPU#1", " [inlined]"):
        assert lengths(events(first.format(end), then)) == [1, 1]
    assert lengths(events(first.format(" [inline]"), BUG)) == [1, 1]


def test_where_the_kernel_ends_a_complaint() -> None:
    for end in (END, f" {END}", "---[ end Kernel panic", "Rebooting in 12 seconds.."):
        assert lengths(events(WARN, TRACE, FRAME, end, "text")) == [4]
    for text in ("Rebooting in seconds", "Rebooting in  seconds", "--[ end", "x ---[ end x"):
        assert lengths(events(WARN, TRACE, FRAME, text, "text")) == [5]


def test_a_mark_alone_is_no_complaint() -> None:
    lock = "WARNING: possible recursive locking detected"
    for between in ((), (RULER,), (RULER, RULER)):
        assert [event.kind for event in events(CUT, *between, lock)] == [K.LOCKDEP]
    assert [event.kind for event in events(CUT, "text", lock)] == [K.WARN, K.LOCKDEP]


def test_what_a_warning_says_may_stand_behind_its_title() -> None:
    text = "list_del corruption, x"
    for between in (0, 1, 2):
        (event,) = events(WARN, *["text"] * between, text, TRACE, FRAME)
        assert (event.kind, event.title) == (K.WARN, "WARNING: at a.c:12 f")
    assert len(events(CUT, WARN, "text", text, TRACE, FRAME)) == 1
    assert len(events(CUT, WARN, "text", "text", text, TRACE, FRAME)) == 1
    assert len(events(WARN, *["text"] * 3, text)) == 2
    assert len(events(WARN, TRACE, FRAME, text)) == 2
    assert len(events(BUG, text)) == 2
    assert len(events(WARN, LEAK)) == 2
    assert [event.kind for event in events(CUT, LEAK, WARN)] == [K.WARN]


STALL = "rcu: INFO: rcu_preempt self-detected stall on CPU"
MORE = "CPU: 1 PID: 2 Comm: a"


@pytest.mark.parametrize("head", [STALL, "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [a:1]"])
def test_others_may_speak_while_a_stall_is_told(head: str) -> None:
    (event,) = events(head, TRACE, FRAME, *["usb 1-1: x"] * splat.MAX_IN_STALL, MORE, FRAME)
    assert len(event.lines) == 25
    (event,) = events(head, TRACE, FRAME, *["usb 1-1: x"] * 21, MORE)
    assert event.lines == (head, TRACE, FRAME)
    # Those behind its end are not its own, be they few or at the end of the log.
    (event,) = events(head, TRACE, FRAME, *["usb 1-1: x"] * 7)
    assert event.lines == (head, TRACE, FRAME)
    found = events(head, TRACE, FRAME, "usb 1-1: x", MORE, "usb 1-1: y", "usb 1-1: z", BUG)
    assert lengths(found) == [5, 1]


HUNG = "INFO: task a:1 blocked for more than 143 seconds."


@pytest.mark.parametrize("head", [STALL, "watchdog: BUG: soft lockup - CPU#0 stuck for 26s!", HUNG])
def test_other_processors_answer_who_asked(head: str) -> None:
    mine, other = "[    1.000000][    C0] {}", "[    1.000000][    C1] {}"
    asked = [mine.format(line) for line in (head, TRACE, FRAME)]
    answer = [other.format(line) for line in ("NMI backtrace for cpu 1", "text", TRACE, FRAME)]
    (event,) = klog.events([(0.0, line) for line in [*asked, *answer]])
    assert "NMI backtrace for cpu 1" in event.lines
    (event,) = klog.events([(0.0, line) for line in [mine.format(BUG), *asked[1:], *answer]])
    assert event.lines == (BUG, TRACE, FRAME)


def test_nobody_else_speaks_in_other_traces() -> None:
    hung = "INFO: task a:1 blocked for more than 143 seconds."
    for head in (hung, BUG, "INFO: trying to register non-static key."):
        (event,) = events(head, TRACE, FRAME, "usb 1-1: x", MORE, FRAME)
        assert event.lines == (head, TRACE, FRAME)


# ---- where it happened


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        ((BUG, "RIP: 0010:at_rip+0x1/0x2", TRACE, " in_trace+0x1/0x2"), "at_rip"),
        ((BUG, TRACE, " in_trace+0x1/0x2"), "in_trace"),
        (("BUG: KASAN: x in named+0x1/0x2", "RIP: 0010:at_rip+0x1/0x2"), "named"),
        # Functions that find faults do not have them.
        ((BUG, TRACE, " dump_stack+0x1/0x2", " in_trace+0x1/0x2"), "in_trace"),
        ((BUG, "text", "seen at net/core/a.c:12"), "net/core/a.c:12"),
        ((BUG, *["text"] * 6, "seen at a.c:12"), "a.c:12"),
        ((BUG, *["text"] * 7, "seen at a.c:12"), ""),
        # A name further down is none of the title's.
        ((BUG, "called in other+0x1/0x2"), ""),
        ((BUG,), ""),
    ],
)
def test_where_it_happened(lines: tuple[str, ...], where: str) -> None:
    (event,) = events(*lines)
    assert event.where == where


def test_lockdep_names_its_function_below_the_title() -> None:
    lock = ("a/7 is trying to acquire lock:", "ffff888012345678 (x){+.+.}, at: taker+0x1/0x2")
    (event,) = events("WARNING: possible recursive locking detected", *lock, TRACE, FRAME)
    assert (event.kind, event.where) == (K.LOCKDEP, "taker")
    # Locks that are held are not where RCU is used.
    held = " #0: ffff888012345678 (x){+.+.}, at: taker+0x1/0x2"
    (event,) = events("WARNING: suspicious RCU usage", held, TRACE, FRAME)
    assert (event.kind, event.where) == (K.LOCKDEP, "f")


# ---- lines


STAMP = "[    1.000000] "


@pytest.mark.parametrize(
    ("line", "program", "message"),
    [
        (f"{STAMP}text", "", "text"),
        ("[    1.000000][   T12] text", "", "text"),
        ("[    1.000000][    C1] text", "", "text"),
        (f"<4>{STAMP}text", "", "text"),
        (f"out{STAMP}text", "out", "text"),
        (f"<4>x{STAMP}text", "<4>x", "text"),
        ("text", "text", None),
        ("[1.0] text", "[1.0] text", None),
        (f"# {STAMP}text", f"# {STAMP}text", None),
        (f"  # {STAMP}text", f"  # {STAMP}text", None),
        (f"a # {STAMP}text", "a # ", "text"),
    ],
)
def test_what_of_a_line_is_whose(line: str, program: str, message: str | None) -> None:
    assert stamps.split(line)[:2] == (program, message)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (f"{STAMP}text", "text"),
        (f"x{STAMP}text", "text"),
        ("<4>text", "text"),
        ("<12><4>text", "<4>text"),
        ("<123>text", "<123>text"),
        ("x<4>text", "x<4>text"),
        ("text", "text"),
    ],
)
def test_message(line: str, text: str) -> None:
    assert stamps.message(line) == text


# ---- several processors, and how far apart


def taken(*lines: tuple[str, str]) -> tuple[KernelEvent, ...]:
    reader = klog.Reader()
    for caller, text in lines:
        reader.take(text, caller)
    return reader.events()


STALL = "rcu: INFO: rcu_preempt self-detected stall on CPU"


def test_what_another_processor_says_of_itself_belongs_to_the_stall() -> None:
    (event,) = taken(
        ("C0", STALL),
        ("C1", "NMI backtrace for cpu 1"),
        ("C1", "Call Trace:"),
        ("C1", " foo_spin+0x1/0x2"),
        ("C0", "rcu: rcu_preempt kthread starved for 10502 jiffies!"),
    )
    assert event.lines[1:4] == ("NMI backtrace for cpu 1", "Call Trace:", " foo_spin+0x1/0x2")
    assert event.where == "foo_spin"
    # To the one that was begun last.
    lines = (("C0", STALL), ("C2", f"{STALL} 2"), ("C1", "NMI backtrace for cpu 1"))
    assert lengths(taken(*lines)) == [1, 2]
    assert lengths(taken(*lines, ("C1", TRACE), ("C1", FRAME))) == [1, 4]


def test_a_backtrace_that_nobody_asked_for_is_none_of_another_complaint() -> None:
    (event,) = taken(("T1", "BUG: KASAN: x in foo+0x1/0x2"), ("C1", "NMI backtrace for cpu 1"))
    assert event.lines == ("BUG: KASAN: x in foo+0x1/0x2",)


def test_so_many_complaints_are_open_at_a_time() -> None:
    for others, lines in ((31, 2), (32, 1)):
        begun = [(f"T{number}", BUG) for number in range(others + 1)]
        first, *rest = taken(*begun, ("T0", "text"))
        assert lengths([first]) == [lines]
        assert lengths(rest) == [1] * others


def test_so_many_rulers_are_remembered() -> None:
    rulers = [(f"T{number}", RULER) for number in range(33)]
    for number, lines in ((31, 2), (32, 1)):
        assert lengths(taken(*rulers, (f"T{number}", BUG))) == [lines]
    # What follows one takes it away, and no other.
    assert lengths(taken(("T1", RULER), ("T2", RULER), ("T1", "x"), ("T2", BUG))) == [2]
    assert lengths(taken(("T1", RULER), ("T2", RULER), ("T1", "x"), ("T1", BUG))) == [1]


def test_what_is_no_mark_in_the_middle_of_a_line() -> None:
    (event,) = events("BUG: a -----[ cut here ]-----", "text")
    assert (event.title, lengths([event])) == ("BUG: a -----[ cut here ]-----", [2])
    assert lengths(events(f"x {RULER}", BUG)) == [1]
    for line, count in (("NMI backtrace for cpu 1", 2), ("x NMI backtrace for cpu 1", 1)):
        (event,) = taken(("C0", STALL), ("C1", line))
        assert lengths([event]) == [count]


@pytest.mark.parametrize(("between", "count"), [(499, 2), (500, 1)])
def test_a_caller_that_is_silent_for_long_has_ended(between: int, count: int) -> None:
    others = [("T2", f"line {number}") for number in range(between - 1)]
    title = "BUG: KASAN: x in foo+0x1/0x2"
    (event,) = taken(("T1", title), *others, ("T2", "the last"), ("T1", "Read of size 8"))[:1]
    assert len(event.lines) == count


@pytest.mark.parametrize(
    ("title", "most"),
    [
        ("WARNING: possible recursive locking detected", 300),
        ("BUG: KASAN: x in foo+0x1/0x2", 120),
    ],
)
def test_how_far_below_its_title_a_trace_may_stand(title: str, most: int) -> None:
    for between, length in ((most - 2, most + 1), (most, most)):
        lines = [
            title,
            *(f"line {number}" for number in range(between)),
            "Call Trace:",
            " a+0x1/0x2",
        ]
        (event,) = klog.events([(0.0, line) for line in lines])
        assert len(event.lines) == min(length, len(lines))


@pytest.mark.parametrize(
    "proof", ["CPU: 1 PID: 2", "Hardware name: x", "Modules linked in: x", "Call Trace:"]
)
def test_what_proves_that_the_kernel_said_it(proof: str) -> None:
    others = ("something else", "CPU:  PID: 2", "CPU: x ")
    for text, count in ((proof, 1), *((other, 0) for other in others)):
        for title in ("BUG: Bad page state in process foo", "a: page allocation failure: x"):
            reader = klog.Reader()
            reader.take(title, trust=splat.Trust.WORDS)
            reader.take(text, trust=splat.Trust.WORDS)
            assert len(reader.events()) == count


def test_a_file_at_the_beginning_of_a_title_is_named() -> None:
    (event,) = klog.events([(0.0, "mm/pgtable-generic.c:50: bad pmd ffff888012345678(80)")])
    assert event.where == "mm/pgtable-generic.c:50"


DAYS = "Mon Tue Wed Thu Fri Sat Sun"
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
ZONES = "UTC GMT CET CEST WEST EET EST EDT CST PDT MST AEST AEDT BST IST JST KST MSK SGT NZST NZDT"


@pytest.mark.parametrize(
    "stamp",
    [
        *(f"{month}  5 12:00:01 host kernel: " for month in MONTHS.split()),
        *(f"{day} Nov  5 12:00:01 2024 kern.warn kernel: " for day in DAYS.split()),
    ],
)
def test_each_name_of_a_day_and_a_month(stamp: str) -> None:
    assert stamps.split(f"{stamp}text").message == "text"


@pytest.mark.parametrize("zone", ZONES.split())
def test_each_name_of_a_zone(zone: str) -> None:
    assert stamps.unrelayed(f"2024-11-05 12:00:01 {zone} text") == "text"


@pytest.mark.parametrize(("stamped", "relayed"), [(8, True), (7, False)])
def test_most_lines_of_a_relayed_log_have_its_stamp(stamped: int, relayed: bool) -> None:
    lines = ["2024-11-05T12:00:01.123Z text"] * stamped + ["text"] * (10 - stamped)
    assert stamps.look("\n".join(lines)).relayed is relayed
