# SPDX-License-Identifier: GPL-2.0
"""Rules of going on with tests that were ended, and of programs that are run in shards."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.lib.runfolder import RunFolder
from kseries.model import Case, ProgramResult, Status, TestProgram
from kseries.parse.marks import START
from kseries.test import checkpoint, merge, plan, shards
from kseries.test.checkpoint import On
from kseries.test.shards import Shard

PASS, FAIL, MISSING = Status.PASS, Status.FAIL, Status.MISSING
CRASH, TIMEOUT = Status.CRASH, Status.TIMEOUT

# One that can be told which cases to run, and takes minutes.
LONG = TestProgram(
    "demo",
    "long",
    ("./long",),
    "demo",
    20.0,
    cases=("a", "b", "c"),
    case_option="-r",
    extended=True,
)
PLAIN = replace(LONG, name="plain", case_option="", extended=False)


def result(
    status: Status = PASS,
    /,
    *cases: Case,
    exit_status: int | None = 0,
    seconds: float = 1.0,
    problems: tuple[str, ...] = (),
) -> ProgramResult:
    return ProgramResult("demo", "long", status, exit_status, seconds, cases, problems)


def cut_off(*cases: Case) -> ProgramResult:
    """What is known of a program whose end nobody saw."""
    return result(MISSING, *cases, exit_status=None, seconds=0.0, problems=("it was ended",))


def passes(*names: str) -> ProgramResult:
    return result(PASS, *(Case(name, PASS) for name in names))


def asked(shard: Shard) -> tuple[int, tuple[str, ...]]:
    return shard.number, shard.program.cases


# ---- shards


def test_a_program_that_takes_minutes_is_cut_into_its_cases() -> None:
    cut = shards.plan([LONG], machines=2)
    assert [asked(shard) for shard in cut] == [(1, ("a",)), (2, ("b",)), (3, ("c",))]


@pytest.mark.parametrize(
    ("program", "machines"),
    [
        (LONG, 1),
        (replace(LONG, extended=False), 2),
        (replace(LONG, case_option=""), 2),
        (replace(LONG, cases=("a",)), 2),
    ],
)
def test_where_it_is_of_no_use_a_program_stays_one_piece(
    program: TestProgram, machines: int
) -> None:
    assert shards.plan([program], machines) == (Shard(program, 1),)


def go_on(
    program: TestProgram, found: Mapping[int, ProgramResult], machines: int = 1
) -> tuple[list[tuple[int, tuple[str, ...]]], tuple[ProgramResult, ...]]:
    left = shards.go_on([program], {f"demo/{program.name}": found}, machines)
    return [asked(shard) for shard in left.shards], left.done[f"demo/{program.name}"]


def test_a_program_of_which_nothing_is_known_is_run() -> None:
    left = shards.go_on([LONG, PLAIN], {}, 1)
    assert left.shards == (Shard(LONG), Shard(PLAIN))
    assert left.done == {"demo/long": (), "demo/plain": ()}


def test_what_is_left_gets_numbers_that_no_log_has() -> None:
    """Numbered anew, a shard would write over the log of one that is done."""
    found = {1: passes("a"), 4: passes("b")}
    assert go_on(LONG, found) == ([(5, ("c",))], (found[1], found[4]))
    left, _ = go_on(LONG, {2: passes("a")}, machines=2)
    assert left == [(3, ("b",)), (4, ("c",))]


def test_where_nothing_is_kept_numbers_begin_anew() -> None:
    assert go_on(LONG, {3: cut_off()}) == ([(1, ("a", "b", "c"))], ())


def test_a_program_of_which_all_has_run_is_not_run_again() -> None:
    found = {1: passes("a", "b"), 2: passes("c")}
    assert go_on(LONG, found) == ([], (found[1], found[2]))


def test_a_case_that_failed_is_done_too() -> None:
    found = {1: result(FAIL, Case("a", PASS), Case("b", FAIL))}
    assert go_on(LONG, found) == ([(2, ("c",))], (found[1],))


def test_cases_below_others_are_seen() -> None:
    nested = result(PASS, Case("all", PASS, children=(Case("a", PASS), Case("b", PASS))))
    left, _ = go_on(LONG, {1: nested})
    assert left == [(2, ("c",))]


def test_a_program_without_choice_of_cases_is_done_when_it_came_to_its_end() -> None:
    ended = result(FAIL, Case("a", FAIL))
    assert go_on(PLAIN, {1: ended}) == ([], (ended,))
    without_cases = replace(LONG, cases=())
    assert go_on(without_cases, {1: ended}) == ([], (ended,))


def test_a_program_without_choice_of_cases_is_run_again_when_it_did_not() -> None:
    assert go_on(PLAIN, {1: cut_off(Case("a", PASS))}) == ([(1, PLAIN.cases)], ())
    assert go_on(replace(LONG, cases=()), {1: cut_off(Case("a", PASS))}) == ([(1, ())], ())


def test_what_came_to_its_end_without_a_case_is_not_forgotten() -> None:
    died = result(CRASH, exit_status=None, problems=("the kernel died",))
    assert go_on(LONG, {1: died}) == ([(2, LONG.cases)], (died,))


def test_of_a_program_that_was_cut_off_the_cases_that_ended_stay() -> None:
    seen = cut_off(Case("a", PASS), Case("b", FAIL), Case("test 3", MISSING))
    left, (kept,) = go_on(LONG, {1: seen})
    assert left == [(2, ("c",))]
    # Judged by what was seen: neither missing nor a problem of the run.
    assert (kept.cases, kept.status) == ((Case("a", PASS), Case("b", FAIL)), FAIL)
    assert kept.problems == ()


@pytest.mark.parametrize(
    "ended",
    [
        result(MISSING, Case("a", MISSING), exit_status=0, seconds=0.0),
        result(MISSING, Case("a", MISSING), exit_status=None, seconds=1.0),
        result(TIMEOUT, Case("a", TIMEOUT), exit_status=None, seconds=0.0, problems=("why",)),
    ],
)
def test_a_program_whose_end_was_seen_was_not_cut_off(ended: ProgramResult) -> None:
    left, kept = go_on(LONG, {1: ended})
    assert (left, kept) == ([(2, ("b", "c"))], (ended,))


# ---- what is chosen


@pytest.mark.parametrize(
    ("pattern", "cases"),
    [
        ("q[1]", ("q[1]", "q1")),  # as it stands there, too
        ("q[12]", ("q1",)),
        ("q?1", ("q[1]",)),
        ("demo/lo*", ("q[1]", "q1")),
    ],
)
def test_a_name_is_chosen_by_a_part_of_it_or_by_a_pattern(
    pattern: str, cases: tuple[str, ...]
) -> None:
    (chosen,) = plan.select([replace(LONG, cases=("q[1]", "q1"))], [pattern])
    assert chosen.cases == cases


# ---- parts


def test_the_rest_of_a_program_that_died() -> None:
    died = result(
        CRASH,
        *(Case("a", PASS), Case("b", CRASH), Case("c", MISSING)),
        exit_status=None,
        problems=("the kernel died", "1 of 3 planned results are missing"),
    )
    kept, rest = merge.rest_of(LONG, died)
    assert rest is not None
    assert rest.cases == ("c",)
    assert kept.cases == (Case("a", PASS), Case("b", CRASH))
    # That it is missing is no problem any more: it is going to be run.
    assert kept.problems == ("the kernel died",)


@pytest.mark.parametrize("status", [CRASH, TIMEOUT])
def test_what_ended_early_has_a_rest(status: Status) -> None:
    early = result(status, Case("a", status), Case("b", MISSING), Case("c", MISSING))
    _, rest = merge.rest_of(LONG, early)
    assert rest is not None
    assert rest.cases == ("b", "c")


@pytest.mark.parametrize(
    ("program", "seen"),
    [
        (LONG, result(FAIL, Case("a", FAIL), Case("b", MISSING))),  # it ended by itself
        (PLAIN, result(CRASH, Case("a", CRASH), Case("b", MISSING))),
        (LONG, result(CRASH, Case("a", PASS), Case("b", PASS), Case("c", CRASH))),
        # No case is to blame: it would die again.
        (LONG, result(CRASH, *(Case(name, MISSING) for name in "abc"))),
        (LONG, result(CRASH)),
    ],
)
def test_what_has_no_rest(program: TestProgram, seen: ProgramResult) -> None:
    assert merge.rest_of(program, seen) == (seen, None)


def test_cases_are_taken_out_below_others_too() -> None:
    tree = Case("group", PASS, children=(Case("a", PASS), Case("b", MISSING)))
    gone = Case("other", MISSING, children=(Case("c", MISSING),))
    left = merge.without(result(PASS, tree, gone, Case("d", PASS)), ["b", "c", "group"])
    assert left.cases == (replace(tree, children=(Case("a", PASS),)), Case("d", PASS))


def test_parts_together() -> None:
    one = result(FAIL, Case("c", FAIL), exit_status=1, seconds=1.2514, problems=("x", "y"))
    two = result(PASS, Case("z", PASS), Case("a", PASS), seconds=2.5, problems=("y", "z"))
    told = merge.merged(("a", "b", "c"), (one, two))
    assert [case.name for case in told.cases] == ["a", "c", "z"]
    assert (told.status, told.exit_status, told.seconds) == (FAIL, 1, 3.751)
    assert told.problems == ("x", "y", "z")


def test_one_part_stays_as_it_is() -> None:
    only = result(FAIL, Case("b", PASS), Case("a", PASS))
    assert merge.merged(("a", "b"), (only,)) is only


@pytest.mark.parametrize(
    ("statuses", "together"),
    [([0, 0], 0), ([0, 4], 4), ([3, 4], 3), ([0, None], None), ([None, 1], None)],
)
def test_exit_status_of_parts(statuses: list[int | None], together: int | None) -> None:
    told = merge.merged((), [result(exit_status=status) for status in statuses])
    assert told.exit_status == together


def test_the_worst_part_decides() -> None:
    bad = [result(FAIL), result(CRASH), result(PASS), result(MISSING)]
    assert merge.merged((), bad).status is CRASH
    skipped = result(Status.SKIP, Case("b", Status.SKIP))
    assert merge.merged((), [skipped, skipped]).status is Status.SKIP
    assert merge.merged((), [skipped, passes("a")]).status is PASS


# ---- what is written of them


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def log(run: RunFolder, shard: int, text: str = "", age_s: int = 0) -> Path:
    file = run.test_log("demo", "long", shard)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    os.utime(file, (1_000_000 - age_s, 1_000_000 - age_s))
    return file


ON = On("kernel", "tests", (), False)


@pytest.mark.parametrize(
    "other",
    [
        replace(ON, kernel="another"),
        replace(ON, tests="others"),
        replace(ON, only=("a",)),
        replace(ON, extended=True),
    ],
)
def test_tests_go_on_with_the_same_only(run: RunFolder, other: On) -> None:
    assert not checkpoint.begin(run, ON)
    left = log(run, 1)
    console = run.console()
    console.write_text("booted")
    assert checkpoint.begin(run, ON)
    assert left.exists()
    assert not checkpoint.begin(run, other)
    # What others left is gone, the kernel's log too.
    assert (left.exists(), console.exists()) == (False, False)
    assert checkpoint.begin(run, other)


def test_tests_that_came_to_their_end_do_not_go_on(run: RunFolder) -> None:
    checkpoint.begin(run, ON)
    checkpoint.end(run)
    checkpoint.end(run)
    assert not checkpoint.begin(run, ON)


def test_a_session_that_cannot_be_read_is_none(run: RunFolder) -> None:
    checkpoint.begin(run, ON)
    (run.path / f"{checkpoint.SESSION}.json").write_text("{")
    assert not checkpoint.begin(run, ON)


def test_pieces_come_in_the_order_in_which_they_ended(run: RunFolder) -> None:
    for number, age_s in ((1, 10), (2, 30), (3, 20)):
        checkpoint.save(run, passes(f"case {number}"), number)
        log(run, number, age_s=age_s)
    found = checkpoint.shards(run)
    assert list(found) == ["demo/long"]
    assert list(found["demo/long"]) == [2, 3, 1]
    assert found["demo/long"][3] == passes("case 3")


def test_a_piece_without_a_result_was_running(run: RunFolder) -> None:
    log(run, 2, "TAP version 13\n1..2\nok 1 a\n")
    seen = checkpoint.shards(run)["demo/long"][2]
    assert (seen.suite, seen.name, seen.status) == ("demo", "long", MISSING)
    assert (seen.exit_status, seen.seconds) == (None, 0.0)
    assert [case.name for case in seen.cases] == ["a", "test 2"]
    assert seen.problems == ("the run was ended while it ran",)
    assert seen.log == "tests/demo/long+2.log"


def test_a_result_that_cannot_be_read_is_told(run: RunFolder) -> None:
    log(run, 1, "TAP version 13\n1..1\nok 1 a\n").with_suffix(".json").write_text("[]")
    seen = checkpoint.shards(run)["demo/long"][1]
    assert (seen.status, seen.problems) == (MISSING, ("what it left cannot be read",))


def test_what_is_not_of_a_piece_is_passed_over(run: RunFolder) -> None:
    log(run, 1)
    folder = run.path / "tests" / "demo"
    (folder / ".part-other.log").write_text("")
    (folder / "notes.txt").write_text("")
    assert list(checkpoint.shards(run)) == ["demo/long"]


def test_pieces_become_one_log_and_one_result(run: RunFolder) -> None:
    for number in (10, 2, 1):
        log(run, number, f"of {number}\n")
        checkpoint.save(run, passes("a"), number)
    other = run.test_log("demo", "longer")
    other.write_text("of another program")
    joined = checkpoint.join(run, passes("a", "b"))
    assert joined.log == "tests/demo/long.log"
    assert (run.path / joined.log).read_text() == "of 1\nof 2\nof 10\n"
    left = sorted(path.name for path in (run.path / "tests" / "demo").iterdir())
    assert left == ["long.json", "long.log", "longer.log"]
    assert checkpoint.shards(run)["demo/long"] == {1: joined}


def test_a_program_without_a_log_names_none(run: RunFolder) -> None:
    checkpoint.save(run, passes("a"))
    assert checkpoint.join(run, passes("a")).log == ""


WARNING = """\
[    9.100000] ------------[ cut here ]------------
[    9.100001] WARNING: CPU: 0 PID: 7 at a.c:12 f+0x1/0x2
[    9.100002] ---[ end trace 0000000000000000 ]---
"""


def test_what_is_known_of_tests_that_were_ended(run: RunFolder) -> None:
    checkpoint.save(run, passes("a"))
    log(run, 1)
    run.console().write_text("[    1.000000] Linux version\n")
    start = checkpoint.marks(run).line(START, "demo/long")
    run.console(2).write_text(f"[    9.000000] {start}\n{WARNING}")
    told = checkpoint.collect(run)
    (event,) = told.events
    assert (event.log, event.line, event.during) == ("console-2.log", 2, "demo/long")
    (program,) = told.programs
    assert (program.cases, program.status) == ((Case("a", PASS),), FAIL)
    assert checkpoint.consoles(run)[0] == [(0.0, "[    1.000000] Linux version"), (0.0, "")]
