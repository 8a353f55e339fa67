# SPDX-License-Identifier: GPL-2.0
"""Rules of what a program's run is taken for, and of complaints of the kernel put together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.model import (
    Case,
    EventKind,
    Finding,
    KernelEvent,
    ProgramResult,
    Status,
    Suspect,
    TestProgram,
)
from kseries.parse import casetree, outcome
from kseries.parse.ktap import KtapResult
from kseries.parse.ktaplevel import UNSEEN
from kseries.parse.outcome import Ended
from kseries.parse.running import Span
from kseries.verdict import findings

P, F, S, X, M = Status.PASS, Status.FAIL, Status.SKIP, Status.XFAIL, Status.MISSING
CRASH, TIMEOUT, ERROR = Status.CRASH, Status.TIMEOUT, Status.ERROR

PROGRAM = TestProgram("demo", "prog", ("./prog",), "demo", 20.0, cases=("a", "b"))
PLAIN = replace(PROGRAM, ktap=False, cases=())
WARN = KernelEvent(EventKind.WARN, "WARNING: at a.c:1 f", "f", 7, (), "demo/prog: a")


def judge(
    *cases: Case,
    status: int | None = 0,
    program: TestProgram = PROGRAM,
    skipped: str | None = None,
    problems: tuple[str, ...] = (),
    diagnostics: tuple[str, ...] = (),
    death: str = "",
    running: tuple[str, ...] = (),
) -> ProgramResult:
    ktap = KtapResult(cases, skipped=skipped, problems=problems, diagnostics=diagnostics)
    return outcome.judge(program, ktap, Ended(status, 1.23456, death, running))


BOTH = (Case("a", P), Case("b", P))


# ---- how it ended


def test_what_is_told_of_a_program() -> None:
    told = judge(*BOTH)
    assert told == ProgramResult("demo", "prog", P, 0, 1.235, BOTH)
    assert judge(*BOTH, program=replace(PROGRAM, case_option="-r")).by_case


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (1, "exit status 1, although no case failed"),
        (3, "exit status 3, although no case failed"),
        (5, "exit status 5, although no case failed"),
        (125, "exit status 125, although no case failed"),
        (126, "it, or what it called last, could not be started (exit status 126)"),
        (127, "it, or what it called last, could not be started (exit status 127)"),
        (128, "exit status 128, although no case failed"),
        (129, "it was ended by SIGHUP"),
        (139, "it was ended by SIGSEGV"),
        (255, "it was ended by exit status 255"),
    ],
)
def test_an_exit_status_that_the_cases_do_not_explain(status: int, problem: str) -> None:
    told = judge(*BOTH, status=status)
    assert (told.status, told.problems) == (ERROR, (problem,))


def test_an_exit_status_that_the_cases_explain() -> None:
    assert judge(Case("a", F), Case("b", P), status=1).problems == ()
    told = judge(Case("a", P), Case("b", F), status=0)
    assert told.problems == ("exit status 0, although b is not good",)
    assert judge(Case("a", F), Case("b", P), status=139).problems == ("it was ended by SIGSEGV",)


def test_a_program_that_was_ended() -> None:
    told = judge(Case("a", P), status=None, running=("b",))
    assert (told.status, told.exit_status) == (TIMEOUT, None)
    assert told.cases[1] == Case("b", TIMEOUT, "it was running then")
    assert told.problems == ("it was still running after 20 s and was ended (while b ran)",)
    told = judge(Case("a", P), status=None, death="Oops", problems=("first",))
    assert (told.status, told.problems) == (CRASH, ("the kernel died: Oops", "first"))


def test_no_more_than_three_cases_are_named_that_ran() -> None:
    told = judge(status=None, death="x", running=("a", "b", "c", "d"))
    assert told.problems == ("the kernel died (while a, b, c ran): x",)


def test_a_case_that_ran_and_is_not_planned_is_told_too() -> None:
    told = judge(Case("a", P), Case("b", P), status=None, running=("c",))
    assert [(case.name, case.status) for case in told.cases] == [("a", P), ("b", P), ("c", TIMEOUT)]
    # It takes the place of one of which only the number is known.
    place = Case("test 3", M, UNSEEN)
    told = judge(*BOTH, place, status=None, running=("c",))
    assert [case.name for case in told.cases] == ["a", "b", "c"]


def test_a_case_that_has_a_result_did_not_run_any_more() -> None:
    told = judge(Case("a", F, "why"), Case("b", P), status=None, running=("a",))
    assert told.cases == (Case("a", F, "why"), Case("b", P))


def test_what_a_program_says_of_a_result_makes_it_no_place_of_another() -> None:
    told = judge(Case("x", F, UNSEEN), status=1)
    assert [(case.name, case.status) for case in told.cases] == [("x", F), ("a", M), ("b", M)]


def test_cases_below_others_can_run() -> None:
    told = judge(Case("all", P, children=(Case("a", M), Case("b", P))), status=None, running=("a",))
    assert [case.status for case in told.cases[0].children] == [TIMEOUT, P]


# ---- no result is not a pass


def test_a_program_without_a_result_is_an_error() -> None:
    assert judge(problems=("no result",)).status is ERROR
    assert judge(Case("test 1", M, UNSEEN)).status is ERROR
    assert judge(Case("test 1", M, UNSEEN), Case("x", P)).status is M


def test_planned_cases_that_were_not_seen_get_their_names() -> None:
    told = judge(Case("a", P), Case("test 2", M, UNSEEN))
    assert told.cases == (Case("a", P), Case("b", M, UNSEEN))
    assert judge(Case("a", P)).cases == (Case("a", P), Case("b", M, UNSEEN))
    # What says why it is missing, and what has cases below it, keep theirs.
    for kept in (Case("c", M, "why"), Case("c", M, UNSEEN, children=(Case("d", P),))):
        assert [case.name for case in judge(kept).cases] == ["c", "a", "b"]
    group = Case("all", P, children=(Case("a", P), Case("test 2", M, UNSEEN)))
    assert [case.name for case in judge(group).cases[0].children] == ["a", "b"]


# ---- programs that say all by their exit status


@pytest.mark.parametrize(
    ("status", "expected", "reason"), [(0, P, ""), (1, F, "exit status 1"), (3, F, "exit status 3")]
)
def test_a_program_that_says_all_by_its_exit_status(
    status: int, expected: Status, reason: str
) -> None:
    told = judge(program=PLAIN, status=status)
    assert told.cases == (Case("prog", expected, reason),)
    assert (told.status, told.problems) == (expected, ())


def test_why_it_failed_is_its_last_word() -> None:
    told = judge(program=PLAIN, status=1, diagnostics=("# one", "# two", "noise"))
    assert told.cases == (Case("prog", F, "two", ("# one", "# two", "noise")),)
    assert judge(program=PLAIN, diagnostics=("# one",)).cases[0].reason == ""


def test_one_that_did_not_end_has_no_result_by_its_exit_status() -> None:
    told = judge(program=PLAIN, status=None)
    assert (told.status, told.cases) == (TIMEOUT, ())


def test_one_that_gave_up_says_why() -> None:
    told = judge(program=PLAIN, status=4, diagnostics=("# no device",))
    assert (told.status, told.cases) == (S, (Case("prog", S, "no device"),))


# ---- programs that gave up


def test_a_program_that_gave_up_has_skipped_what_it_planned() -> None:
    told = judge(status=4, diagnostics=("# no net", "# no root"))
    assert told.cases == (Case("a", S, "no root"), Case("b", S, "no root"))
    assert (told.status, told.problems) == (S, ())
    assert judge(status=4).cases[0].reason == "no reason given"
    assert judge(status=0, skipped="by plan").cases[0].reason == "by plan"
    assert judge(status=4, skipped="by plan", diagnostics=("# x",)).cases[0].reason == "by plan"


def test_a_program_that_gave_up_later_keeps_what_passed() -> None:
    told = judge(Case("a", P), status=4, problems=("1 of 2 is missing",), diagnostics=("# why",))
    assert told.cases == (Case("a", P), Case("b", S, "why"))
    assert (told.status, told.problems) == (P, ())


def test_why_it_gave_up_is_the_reason_of_a_case_that_was_skipped() -> None:
    told = judge(Case("a", S, "no card"), Case("x", X, "known"), status=4, diagnostics=("# y",))
    assert told.cases[-1] == Case("b", S, "no card")
    told = judge(Case("x", X, "known"), status=4, diagnostics=("# y",))
    assert told.cases[-1] == Case("b", S, "y")


def test_a_failure_is_not_hidden_by_giving_up() -> None:
    told = judge(Case("a", F), status=4, problems=("p",))
    assert told.cases == (Case("a", F), Case("b", M, UNSEEN))
    assert told.status is M
    assert told.problems == ("p", "exit status 4, although a is not good")


def test_results_count_although_a_plan_says_skip() -> None:
    told = judge(*BOTH, skipped="x", problems=("two plans",))
    assert (told.cases, told.status, told.problems) == (BOTH, ERROR, ("two plans",))


# ---- the kernel log


def bad(status: Status = P, *problems: str) -> ProgramResult:
    return ProgramResult("demo", "prog", status, 0, 1.0, BOTH, problems)


def test_a_complaint_of_the_kernel_makes_a_program_fail() -> None:
    told = outcome.with_events(bad(P, "known"), [WARN])
    assert told.status is F
    assert told.problems == ("known", f"the kernel log says {WARN.title}, while a ran")
    assert outcome.with_events(bad(ERROR), [WARN]).status is ERROR
    whole = replace(WARN, during="demo/prog")
    assert outcome.with_events(bad(), [whole]).problems == (f"the kernel log says {WARN.title}",)


@pytest.mark.parametrize("during", ["demo/program", "demo/prog2: a", "other/prog: a", ""])
def test_a_complaint_during_another_program_is_not_its_own(during: str) -> None:
    event = replace(WARN, during=during)
    assert outcome.with_events(bad(), [event]) == bad()
    assert outcome.loose_events([bad()], [event, WARN]) == (event,)


def test_the_panic_of_a_program_that_died_is_told_already() -> None:
    panic = replace(WARN, kind=EventKind.PANIC)
    assert outcome.with_events(bad(CRASH), [panic]) == bad(CRASH)
    assert len(outcome.with_events(bad(CRASH), [panic, WARN]).problems) == 1
    assert outcome.with_events(bad(TIMEOUT), [panic]).problems != ()


@pytest.mark.parametrize(
    ("count", "last"),
    [(3, "the kernel log says"), (4, "and 1 more complaints in the kernel log"),
     (6, "and 3 more complaints in the kernel log")],
)  # fmt: skip
def test_three_complaints_are_named(count: int, last: str) -> None:
    problems = outcome.with_events(bad(), [WARN] * count).problems
    assert len(problems) == min(count, 4)
    assert problems[-1].startswith(last)


# ---- cases


def test_what_cases_make_together() -> None:
    def of(*statuses: Status) -> Status:
        return outcome.status_of([Case("x", status) for status in statuses])

    assert [of(), of(P), of(S), of(X), of(F)] == [ERROR, P, S, X, F]
    assert of(S, P, X) is P
    assert of(S, X) is X
    assert of(P, F, M, ERROR, TIMEOUT, CRASH) is CRASH
    assert of(F, M) is M
    below = Case("x", P, children=(Case("y", F),))
    assert outcome.status_of([below]) is F


def test_cases_that_the_plan_does_not_know() -> None:
    seen = (Case("a", P), Case("prog", P), Case("new", P))
    assert outcome.unplanned(PROGRAM, seen) == ("new",)
    assert outcome.unplanned(replace(PROGRAM, cases=()), seen) == ()


def test_a_program_that_was_not_run() -> None:
    told = outcome.not_run(PROGRAM, "no boot")
    cases = (Case("a", M, "no boot"), Case("b", M, "no boot"))
    assert told == ProgramResult("demo", "prog", M, None, 0.0, cases, ("no boot",))
    assert not outcome.was_run(told)
    assert outcome.was_run(replace(told, exit_status=0))
    assert outcome.was_run(replace(told, seconds=0.1))


def test_paths_of_cases() -> None:
    tree = Case("a", P, children=(Case("b", P, children=(Case("c", P),)), Case("d", P)))
    assert [path for path, _ in casetree.paths([tree])] == [("a", "b", "c"), ("a", "d")]


def test_how_long_cases_ran() -> None:
    tree = Case("a", P, children=(Case("b", P),))
    told = outcome.with_times(bad(), [Span("b", 1.0, 2.23456)])
    assert [case.seconds for case in told.cases] == [None, 1.235]
    told = outcome.with_times(replace(bad(), cases=(tree,)), [Span("b", 1.0, 3.0)])
    assert told.cases[0].children[0].seconds == 2.0


# ---- findings

TRACED = KernelEvent(
    EventKind.BUG,
    "BUG: x",
    "one",
    7,
    ("BUG: x", "Call Trace:", " one+0x1/0x2", " two+0x1/0x2", " three+0x1/0x2", " four+0x1/0x2"),
    "demo/prog: a",
)


def mark(event: KernelEvent) -> str:
    return findings.together([event])[0][0].fingerprint


def test_what_makes_two_complaints_the_same() -> None:
    def lines(*names: str) -> tuple[str, ...]:
        return ("BUG: x", "Call Trace:", *(f" {name}+0x1/0x2" for name in names))

    same = mark(TRACED)
    assert len(same) == 12
    # Three functions; not the title, the place, the test.
    assert mark(replace(TRACED, lines=lines("one", "two", "three", "other"))) == same
    assert mark(replace(TRACED, title="y", where="z", line=1, during="w")) == same
    assert mark(replace(TRACED, lines=lines("one", "two", "other"))) != same
    assert mark(replace(TRACED, kind=EventKind.WARN)) != same
    # Without a stack where it happened, else the title without numbers.
    bare = replace(TRACED, lines=())
    assert mark(bare) == mark(replace(bare, title="y"))
    assert mark(bare) != mark(replace(bare, where="z"))
    nowhere = replace(bare, where="", title="BUG: 7 at 0x1f")
    assert mark(nowhere) == mark(replace(nowhere, title="BUG: 8 at 0x2e"))
    assert mark(nowhere) != mark(replace(nowhere, title="BUG: 7 near 0x1f"))


@pytest.mark.parametrize(
    ("kind", "title", "other", "same"),
    [
        (EventKind.KASAN, "BUG: KASAN: use in f", "BUG: KASAN: use in g", True),
        (EventKind.KASAN, "BUG: KASAN: use in f", "BUG: KASAN: out in f", False),
        (EventKind.UBSAN, "UBSAN: shift in a.c", "UBSAN: shift in b.c", True),
        (EventKind.UBSAN, "UBSAN: shift in a.c", "UBSAN: bounds in a.c", False),
        (EventKind.LOCKDEP, "WARNING: a", "WARNING: b", False),
        (EventKind.WARN, "WARNING: a", "WARNING: b", True),
    ],
)
def test_the_sort_of_an_error_tells_complaints_apart(
    kind: EventKind, title: str, other: str, same: bool
) -> None:
    one, two = (mark(replace(TRACED, kind=kind, title=text)) for text in (title, other))
    assert (one == two) is same


def finding(count: int, *during: str, log: str = "console.log") -> Finding:
    return Finding("0" * 12, EventKind.BUG, "BUG: x", "f", 7, count, during, (), log=log)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (finding(1), ""),
        (finding(2), ", 2 times"),
        (finding(1, ""), ""),
        (finding(3, ""), ", 3 times"),
        (finding(1, "a/b"), ", during a/b"),
        (finding(2, "a/b"), ", 2 times, during a/b"),
        (finding(2, "a/b", "a/c"), ", in 2 tests, first a/b"),
        (finding(9, "a/b", "a/c", "a/d"), ", in 3 tests, first a/b"),
    ],
)
def test_how_often_and_in_what(told: Finding, words: str) -> None:
    assert findings.happened(told) == words
    assert findings.sentence(told) == f"line 7: BUG: x{words}"


def test_which_log_and_whose_line() -> None:
    assert findings.line(finding(1, log="console-2.log")) == "line 7 of console-2.log"
    suspect = Suspect("toys", 3, "add f", "c" * 40, "a.c:1 in f")
    named = replace(finding(1), suspect=suspect)
    assert findings.sentence(named) == "line 7: BUG: x (patch 3 of toys wrote a.c:1 in f)"
    assert findings.suspicion(named) == "patch 3 of toys wrote a.c:1 in f: add f"
    assert findings.suspicion(finding(1)) == ""


def test_evidence_is_that_of_the_first_event() -> None:
    other = replace(TRACED, line=9, lines=("other",))
    second = replace(TRACED, log="console-2.log", lines=("of another machine",))
    assert findings.evidence(finding(1), [other, second, TRACED]) == TRACED.lines
    assert findings.evidence(finding(1), [other]) == ("BUG: x",)
    assert findings.evidence(finding(1), [replace(TRACED, lines=())]) == ("BUG: x",)


def test_complaints_put_together() -> None:
    again = replace(TRACED, line=20, during="demo/prog: b")
    other = replace(TRACED, where="z", lines=(), line=30)
    events, found = findings.together([TRACED, again, other, TRACED])
    assert [event.line for event in events] == [7, 20, 30, 7]
    assert [(f.count, f.line, f.during) for f in found] == [
        (3, 7, ("demo/prog: a", "demo/prog: b")),
        (1, 30, ("demo/prog: a",)),
    ]
    assert found[0].stack == ("one", "two", "three", "four")
    # Why no lines are told, where there is a stack.
    assert (found[0].undecoded, found[1].undecoded) == (findings.NOT_TRIED, "")


def test_what_the_kernel_said_is_no_problem_of_the_programs_own() -> None:
    events = [replace(WARN, title=f"WARNING: {n}") for n in range(outcome.MAX_EVENTS_NAMED + 2)]
    told = outcome.with_events(judge(*BOTH, status=1), events)
    assert told.problems[-1] == "and 2 more complaints in the kernel log"
    assert outcome.own_problems(told) == judge(*BOTH, status=1).problems != ()


def test_a_complaint_belongs_to_the_program_whatever_its_cases_are_called() -> None:
    deep = replace(WARN, during="demo/prog: a: b")
    apart = replace(WARN, during="demo/other: demo/prog: a")
    assert outcome.loose_events([judge(*BOTH)], [WARN, deep, apart]) == (apart,)
