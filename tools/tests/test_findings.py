# SPDX-License-Identifier: GPL-2.0
"""Stacks and fingerprints, on recorded complaints of real kernels."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.model import EventKind, KernelEvent, Place, RunResult
from kseries.parse import calltrace, klog
from kseries.parse.calltrace import Frame, Trace, traces
from kseries.verdict import findings
from kseries.verdict.findings import DEPTH, Traced, fingerprint

LOGS = Path(__file__).parent / "data" / "klog"

Edit = Callable[[str], str]


def event(name: str, edit: Edit = str, which: int = 0) -> KernelEvent:
    text = edit((LOGS / f"{name}.log").read_text())
    return klog.events([(float(at), line) for at, line in enumerate(text.splitlines())])[which]


def told(name: str, edit: Edit = str, which: int = 0) -> str:
    return findings.together([event(name, edit, which)])[0][0].fingerprint


def functions(name: str, which: int = 0) -> list[str]:
    return [frame.function for frame in traces(event(name, which=which).lines)[0].frames]


# ---- stacks


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("bug", ["demo_bug", "splat_init", "do_one_initcall"]),  # RIP: is the innermost
        ("null", ["demo_null", "splat_init", "do_one_initcall"]),
        ("refcount", ["demo_refcount", "splat_init", "do_one_initcall"]),  # it found the fault
        ("hung", ["demo_hung", "splat_init", "do_one_initcall"]),
        ("circular", ["demo_circular", "splat_init", "do_one_initcall"]),
        ("soft", ["demo_soft", "splat_init", "do_one_initcall"]),
        ("shift", ["splat_init", "do_one_initcall", "do_init_module"]),
    ],
)
def test_stack_begins_where_it_happened(name: str, first: list[str]) -> None:
    assert functions(name)[:3] == first


def test_stack_ends_where_the_interrupt_began() -> None:
    # Below are default_idle_call() and who else was interrupted.
    assert functions("irq") == [
        "tmr_fn", "call_timer_fn", "run_timer_softirq", "handle_softirqs", "irq_exit_rcu"
    ]  # fmt: skip


def test_doubtful_frames_do_not_count() -> None:
    assert "strcmp" in "".join(event("uaf").lines)
    assert "strcmp" not in functions("uaf")


def test_stacks_of_who_allocated_and_freed() -> None:
    main, allocated, freed = traces(event("uaf").lines)
    assert (main.title, allocated.title, freed.title) == ("", "Allocated", "Freed")
    assert [frame.function for frame in freed.frames[:3]] == [
        "demo_uaf",
        "splat_init",
        "do_one_initcall",
    ]
    assert freed.frames[0] == Frame("demo_uaf", 0x72, 0xA0, "splat")


def test_calls_are_looked_up_where_they_were_made() -> None:
    here, caller = traces(event("bug").lines)[0].frames[:2]
    assert here.call == "demo_bug+0x0/0x10 [splat]"  # the very instruction
    assert caller.call == "splat_init+0x433/0x1000 [splat]"  # not the one it returns to
    assert Frame("noreturn", 0, 4).call == "noreturn+0x0/0x4"


@pytest.mark.parametrize("suffix", ["", ".isra.0", ".constprop.0.isra.0", ".part.0", ".cold"])
def test_functions_are_named_as_in_the_source(suffix: str) -> None:
    frame = Frame(f"demo_shift{suffix}", 1, 2)
    assert frame.function == "demo_shift"
    assert frame.call == f"demo_shift{suffix}+0x0/0x2"  # nm(1) knows it so


@pytest.mark.parametrize("name", [file.stem for file in sorted(LOGS.glob("*.log"))])
def test_every_recorded_log_can_be_read(name: str) -> None:
    events = klog.events([(0.0, line) for line in (LOGS / f"{name}.log").read_text().splitlines()])
    marked, found = findings.together(events)
    assert [replace(each, fingerprint="") for each in marked] == list(events)
    assert sum(finding.count for finding in found) == len(events)
    for each in marked:
        assert re.fullmatch(r"[0-9a-f]{12}", each.fingerprint)
    for trace in calltrace.traces([line for each in events for line in each.lines]):
        assert 0 < len(trace.frames) <= calltrace.MAX_FRAMES


def test_a_complaint_of_nothing() -> None:
    nothing = KernelEvent(EventKind.BUG, "", "", 1, (), "")
    assert findings.together([nothing])[1][0].stack == ()


# ---- fingerprints


def offsets(text: str) -> str:
    return re.sub(r"\+0x[0-9a-f]+/0x", "+0x7/0x1", text)


def numbers(text: str) -> str:
    text = re.sub(r"\bff[0-9a-f]{14}", "ffff888812345678", text)
    return re.sub(r"PID: \d+|CPU: \d+|T\d+(?=\])|/4[01]\b", lambda m: m[0][:-1] + "7", text)


STABLE: list[tuple[str, Edit]] = [
    ("offsets and sizes", offsets),
    ("addresses, processes, processors", numbers),
    ("lines", lambda text: re.sub(r"splat\.c:\d+", "splat.c:999", text)),
    ("kernel", lambda text: text.replace("6.12.117 #1", "7.3.0-rc1 #42")),
    ("taint", lambda text: re.sub(r"Tainted: [A-Z ]+", "Not tainted ", text)),
    ("process", lambda text: text.replace("Comm: init", "Comm: zcrx_recv")),
    ("machine", lambda text: text.replace("QEMU Standard PC", "Big Iron")),
    (
        "doubtful frames",
        lambda text: re.sub(r"(\n[^\n]*)  \? strcmp[^\n]*", r"\1  ? memcmp+0x1/0x2", text),
    ),
    ("compiler's copies", lambda text: re.sub(r"(demo_\w+)\+0x", r"\1.isra.0+0x", text)),
    ("far callers", lambda text: text.replace("do_init_module", "do_something_else")),
]


@pytest.mark.parametrize(("what", "edit"), STABLE, ids=[what for what, _ in STABLE])
@pytest.mark.parametrize("name", ["bug", "uaf", "refcount", "paging", "circular", "irq", "warn"])
def test_fingerprint_stays_the_same(name: str, what: str, edit: Edit) -> None:
    assert told(name, edit) == told(name), what


@pytest.mark.parametrize(("what", "edit"), STABLE, ids=[what for what, _ in STABLE])
def test_what_may_change_is_there(what: str, edit: Edit) -> None:
    texts = [file.read_text() for file in LOGS.glob("*.log")]
    assert any(edit(text) != text for text in texts), what


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("demo_uaf", "demo_other"),
        lambda text: text.replace("splat_init", "other_init"),
        lambda text: text.replace("slab-use-after-free", "slab-out-of-bounds"),
    ],
    ids=["function", "caller", "sort of error"],
)
def test_fingerprint_tells_apart(edit: Edit) -> None:
    assert told("uaf", edit) != told("uaf")


def test_recorded_complaints_are_told_apart() -> None:
    # Among them a bad unlock balance and a suspicious RCU usage of one function.
    prints = [
        each.fingerprint
        for file in LOGS.glob("*.log")
        for each in findings.together(
            klog.events([(0.0, line) for line in file.read_text().splitlines()])
        )[0]
    ]
    assert len(prints) > 30
    assert len(set(prints)) == len(prints)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("demo0 to become free. Usage count = 2", "demo1 to become free. Usage count = 3"),
        ("kmemleak: 3 new suspected", "kmemleak: 17 new suspected"),
        ("BUG kmalloc (Not tainted): x", "BUG kmalloc (Tainted: G    B ): x"),
        ("WARNING: a still has locks held!", "WARNING: b c/12 still has locks held!"),
        (
            "WARNING: a is exiting with locks still held!",
            "WARNING: b is exiting with locks still held!",
        ),
    ],
)
def test_without_a_stack_the_title_counts(before: str, after: str) -> None:
    one, two = (KernelEvent(EventKind.LEAK, t, "", 1, (), "") for t in (before, after))
    assert fingerprint(one, (), {}) == fingerprint(two, (), {})
    assert fingerprint(replace(one, title="other"), (), {}) != fingerprint(one, (), {})


@pytest.mark.parametrize(
    ("kind", "title", "kept"),
    [
        (EventKind.WARN, "WARNING: 12 of 0x12 bytes", "4850b66b0e49"),
        (EventKind.LEAK, "BUG kmalloc (Tainted: G    B ): x", "365940f12d43"),
        (EventKind.LOCKDEP, "WARNING: zcrx/7 still has locks held!", "102445f0b927"),
        (EventKind.LOCKDEP, "WARNING: suspicious RCU usage", "57e204fcd82f"),
        (EventKind.KASAN, "BUG: KASAN: slab-out-of-bounds in f", "6dd314ab1bcb"),
        (EventKind.UBSAN, "UBSAN: shift-out-of-bounds in a.c:1:2", "0bd24bf85bef"),
    ],
)
def test_a_fingerprint_is_the_same_as_in_older_documents(
    kind: EventKind, title: str, kept: str
) -> None:
    # What was found on a base is kept, and documents are compared with those of earlier versions.
    assert fingerprint(KernelEvent(kind, title, "", 1, (), ""), (), {}) == kept


def test_a_title_of_bytes_that_are_no_text_has_a_fingerprint() -> None:
    odd = KernelEvent(EventKind.LEAK, "leak in \udcff", "", 1, (), "")
    assert fingerprint(odd, (), {}) != fingerprint(replace(odd, title="leak in x"), (), {})


def test_files_count_and_lines_do_not() -> None:
    bug = event("bug")
    (trace,) = traces(bug.lines)
    calls = [frame.call for frame in trace.frames[:DEPTH]]

    def placed(*files: str) -> str:
        places = {call: tuple(Place(f, at + 1) for f in files) for at, call in enumerate(calls)}
        return fingerprint(bug, (trace,), places)

    assert placed("a.c") != fingerprint(bug, (trace,), {})
    assert placed("a.c") != placed("b.c")
    moved = {call: (Place("a.c", 900),) for call in calls}
    assert fingerprint(bug, (trace,), moved) == placed("a.c")
    # What is inlined is for the compiler to say.
    assert placed("inlined.h", "a.c") == placed("a.c")


# ---- findings


def test_the_same_in_twenty_tests_is_one_finding() -> None:
    bug, leak = event("bug"), event("uaf")
    many = [replace(bug, line=100 * n, during=f"zcrx/recv: {n}") for n in range(1, 21)]
    marked, found = findings.together([*many, leak, replace(bug, during="zcrx/recv: 3")])
    assert [(each.count, len(each.during)) for each in found] == [(21, 20), (1, 1)]
    first = found[0]
    assert (first.line, first.title, first.where) == (100, bug.title, "demo_bug")
    assert {each.fingerprint for each in marked} == {each.fingerprint for each in found}
    assert findings.evidence(first, marked) == bug.lines
    assert first.stack[:2] == ("demo_bug", "splat_init")
    assert first.undecoded
    assert findings.happened(first) == ", in 20 tests, first zcrx/recv: 1"


def test_how_often_it_happened() -> None:
    bug = replace(event("bug"), during="boot")
    (once,) = findings.together([bug])[1]
    (twice,) = findings.together([bug, bug])[1]
    (log,) = findings.together([replace(bug, during="")] * 2)[1]
    told = [findings.happened(each) for each in (once, twice, log)]
    assert told == [", during boot", ", 2 times, during boot", ", 2 times"]


def test_a_stack_is_told_with_what_was_inlined() -> None:
    traced = Traced.read([event("uaf")])
    call = traced.traces[0][0].frames[0].call
    places = {call: (Place("include/linux/list.h", 7), Place("drivers/demo/splat.c", 44))}
    ((finding, _),) = findings.collect(traced, places, "")[1]
    assert finding.stack[:2] == (
        "demo_uaf (include/linux/list.h:7, drivers/demo/splat.c:44)",
        "splat_init",
    )
    assert finding.stack.index("Freed:") > finding.stack.index("Allocated:") > 2
    assert finding.undecoded == ""


def test_a_finding_says_why_its_stack_has_no_lines() -> None:
    traced = Traced.read([replace(event("uaf"), log="console-2.log")])
    for why, told in (("no vmlinux", "no vmlinux"), ("", findings.UNKNOWN)):
        ((finding, _),) = findings.collect(traced, {}, why)[1]
        assert (finding.undecoded, finding.log) == (told, "console-2.log")


def test_who_freed_it_does_not_make_the_fingerprint() -> None:
    # A splat cut short may hold no stack but that of an earlier time.
    freed = Trace("Freed", (Frame("kfree_of_anybody", 1, 2),))
    complaint = KernelEvent(EventKind.LEAK, "leak", "", 1, (), "")
    assert fingerprint(complaint, (freed,), {}) == fingerprint(complaint, (), {})


def test_what_makes_fingerprints_is_looked_up_first() -> None:
    calls = Traced.read([event("uaf"), event("bug")]).calls()
    names = [call.partition("+")[0] for call in calls]
    assert names[:4] == ["demo_uaf", "splat_init", "do_one_initcall", "demo_bug"]
    # Then all others, for who reads the stacks.
    assert "do_init_module" in names
    assert len(calls) == len(set(calls)) <= findings.MAX_CALLS


def test_many_complaints_are_bounded() -> None:
    bug = event("bug")
    many = [
        replace(bug, lines=tuple(line.replace("demo_bug", f"f{n}") for line in bug.lines))
        for n in range(1000)
    ]
    assert len(Traced.read(many).calls()) == findings.MAX_CALLS


def test_older_documents_have_findings_too(failing_run: RunResult) -> None:
    found = findings.of(replace(failing_run, findings=()))
    assert [each.title for each in found] == [each.title for each in failing_run.events]
    assert [each.count for each in found] == [1] * len(found)


def test_what_a_document_says_of_its_findings_is_kept(failing_run: RunResult) -> None:
    # Files and lines were found with a kernel that is no more.
    kept = tuple(replace(each, stack=("f (a.c:1)",)) for each in failing_run.findings)
    assert kept
    assert findings.of(replace(failing_run, findings=kept)) == kept


def test_a_finding_of_some_of_its_events_begins_with_the_first_of_these() -> None:
    events = [
        replace(
            event("bug"), line=line, log=f"console-{line}.log", during=f"a/{line}", where=f"f{line}"
        )
        for line in (1, 2, 3, 4)
    ]
    (whole,) = findings.together(events)[1]
    part = findings.of_these(whole, [*events[1:3], events[2]])
    assert (part.line, part.log, part.where) == (2, "console-2.log", "f2")
    assert (part.count, part.during) == (3, ("a/2", "a/3"))
    assert part.stack == whole.stack
