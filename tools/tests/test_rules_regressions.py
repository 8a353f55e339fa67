# SPDX-License-Identifier: GPL-2.0
"""Rules of the comparison with the base that one small change of a line would break."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.model import (
    AgainstBase,
    Baseline,
    Case,
    ChangedTest,
    Effect,
    EventKind,
    KernelEvent,
    ProgramResult,
    SourceChanges,
    Status,
    TestEffect,
    TestOutcome,
)
from kseries.parse.outcome import with_events
from kseries.verdict.regressions import against, stripped

P, S, X, F = Status.PASS, Status.SKIP, Status.XFAIL, Status.FAIL
M, E, T, C = Status.MISSING, Status.ERROR, Status.TIMEOUT, Status.CRASH
PING = "net/ping"


def program(
    status: Status, *cases: Case, exit_status: int | None = 0, problems: tuple[str, ...] = ()
) -> ProgramResult:
    return ProgramResult("net", "ping", status, exit_status, 1.0, cases, problems)


def of_case(status: Status) -> ProgramResult:
    """Give a program one of whose two cases is like this."""
    worst = P if status.good else status
    ended = None if status in (T, C) else int(not status.good)
    return program(worst, Case("a", status), Case("b", P), exit_status=ended)


def compared(
    before: ProgramResult,
    after: ProgramResult,
    *,
    sources: SourceChanges = SourceChanges(),  # noqa: B008
    not_run: tuple[str, ...] = (),
    events: tuple[KernelEvent, ...] = (),
) -> AgainstBase:
    base = Baseline("b" * 40, (), "run", "now", (before,), events, not_run)
    now = TestOutcome((after,), events, {})
    return against(now, base, left_out=(), whole=True, kept=False, sources=sources)


def effects(found: AgainstBase) -> dict[str, Effect]:
    return {test.test: test.effect for test in found.tests}


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        (T, P, Effect.FIXED),
        (E, P, Effect.FIXED),
        (T, S, Effect.SKIPPED),
        (X, S, Effect.SKIPPED),
        (M, S, None),
    ],
)
def test_what_a_case_was_before_it_is_good(
    before: Status, after: Status, effect: Effect | None
) -> None:
    found = effects(compared(of_case(before), of_case(after)))
    assert found == ({f"{PING}: a": effect} if effect else {})


def test_an_expected_failure_that_is_gone_is_broken() -> None:
    without = program(P, Case("b", P))
    assert effects(compared(of_case(X), without)) == {f"{PING}: a": Effect.BROKE}
    assert effects(compared(of_case(S), without)) == {}


def test_what_the_series_changes_is_kept_where_the_base_was_tested() -> None:
    changed = (ChangedTest(PING, "how"),)
    found = compared(of_case(P), of_case(P), sources=SourceChanges(changed=changed))
    assert found.changed == changed


@pytest.mark.parametrize(("status", "cases"), [(E, ()), (F, (Case("a", F, "x"),))])
def test_lines_do_not_count_in_what_a_changed_program_says_either(
    status: Status, cases: tuple[Case, ...]
) -> None:
    before = program(status, *cases, exit_status=1, problems=("ping.py, line 52: no memory",))
    after = replace(before, problems=("ping.py, line 71: no memory",))
    touched = SourceChanges(touched=frozenset({PING}))
    assert effects(compared(before, after))[PING] is Effect.DIFFERS
    assert set(effects(compared(before, after, sources=touched)).values()) == {Effect.PRE_EXISTING}


def test_a_case_below_others_belongs_to_its_program() -> None:
    bad = program(F, Case("sub", F, children=(Case("x", F, "why"),)), exit_status=1)
    found = compared(bad, bad, not_run=(PING,))
    assert effects(found) == {f"{PING}: sub: x": Effect.NOT_RUN_ON_BASE}


def test_a_program_that_says_nothing_is_compared_as_a_whole() -> None:
    silent = program(E, exit_status=0, problems=("no result line",))
    assert effects(compared(silent, silent)) == {PING: Effect.PRE_EXISTING}
    assert effects(compared(of_case(P), silent))[PING] is Effect.BROKE


def test_a_program_that_is_bad_for_no_known_reason_is_compared_as_a_whole() -> None:
    bad = program(F, Case("a", P))
    assert effects(compared(bad, bad)) == {PING: Effect.PRE_EXISTING}
    assert effects(compared(of_case(P), bad))[PING] is Effect.BROKE


def test_what_had_no_result_on_the_base_is_not_fixed() -> None:
    """Nor is its program, whose exit status said that all was well."""
    base = replace(of_case(M), exit_status=0)
    assert effects(compared(base, of_case(P))) == {}
    assert effects(compared(replace(of_case(F), exit_status=0), of_case(P))) == {
        PING: Effect.FIXED,
        f"{PING}: a": Effect.FIXED,
    }


def test_a_program_that_was_good_does_not_fail_otherwise() -> None:
    """Its complaint of the kernel is compared by itself."""
    warning = KernelEvent(EventKind.WARN, "WARNING: at a.c:1 f", "f", 3, (), PING)
    skipped = program(S, Case("a", S, "no device"), exit_status=4)
    found = compared(program(P, Case("a", P)), with_events(skipped, (warning,)), events=(warning,))
    assert effects(found) == {f"{PING}: a": Effect.SKIPPED}


def test_another_exit_status_beside_a_new_case_that_passes() -> None:
    bad = program(F, Case("a", F, "x"), exit_status=1)
    more = program(F, Case("a", F, "x"), Case("c", P), exit_status=2)
    assert effects(compared(bad, more)) == {
        PING: Effect.DIFFERS,
        f"{PING}: a": Effect.PRE_EXISTING,
        f"{PING}: c": Effect.ADDED,
    }


def test_of_cases_below_others_no_more_is_kept_than_of_others() -> None:
    lines = ("# sent 4711 packets", "# a.c:7:x:Expected 1 (1) == 0 (0)")
    inner = Case("x", F, "why", lines)
    bad = program(F, Case("sub", F, children=(inner,)), exit_status=1)
    (kept,) = stripped(TestOutcome((bad,), (), {}))
    assert kept.cases[0].children[0] == replace(inner, diagnostics=lines[1:])


def test_a_log_that_was_hidden_on_the_base_is_no_excuse() -> None:
    hidden = KernelEvent(EventKind.HIDDEN, "a part of the log was hidden", "", 3, (), PING)
    ended = with_events(of_case(P), (hidden,))
    assert ended.status is E
    assert effects(compared(ended, ended, events=(hidden,))) == {PING: Effect.DIFFERS}


def test_a_removed_case_of_a_program_that_the_base_did_not_run_counts() -> None:
    removed = (TestEffect("net/pong: x", Effect.REMOVED, "planned"),)
    found = compared(of_case(P), of_case(P), sources=SourceChanges(removed=removed))
    assert found.tests == removed
