# SPDX-License-Identifier: GPL-2.0
"""Which generated mutants are tried, by which cases, and how that is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kseries.cli.mutants import Sample, sample_of
from kseries.lib.runfolder import RunFolder
from kseries.model import GeneratedMutant, GeneratedResult, MutantFate
from kseries.mutants import generated, ordering
from kseries.mutants.ordering import CaseReach
from kseries.report.generated import About, line, page

MUTANTS = [
    GeneratedMutant(n, "a.c", 10 + n, f"f{n % 3}", "bound", f"if (x > {n})", "> → >=")
    for n in range(1, 41)
]


def case(program: str, name: str, seconds: float, *numbers: int) -> CaseReach:
    return CaseReach(program, name, seconds, frozenset(numbers))


def names(cases: list[CaseReach]) -> str:
    return " ".join(each.case for each in cases)


def test_a_sample_is_the_same_each_time_and_another_for_each_seed() -> None:
    chosen = generated.sample(MUTANTS, 10, 1)
    assert len(chosen) == 10
    assert chosen == generated.sample(MUTANTS, 10, 1)
    assert set(chosen) != set(generated.sample(MUTANTS, 10, 2))
    assert list(chosen) == [mutant for mutant in MUTANTS if mutant in chosen]
    assert generated.sample(MUTANTS, 0, 1) == tuple(MUTANTS)


def test_a_sample_does_not_change_where_lines_move_and_others_go() -> None:
    chosen = generated.sample(MUTANTS, 10, 1)
    moved = [replace(m, number=m.number + 5, line=m.line + 100) for m in MUTANTS]
    again = generated.sample(moved, 10, 1)
    assert [m.key for m in again] == [m.key for m in chosen]
    others = [m for m in MUTANTS if m not in chosen]
    assert generated.sample([m for m in MUTANTS if m != others[0]], 10, 1) == chosen


def test_mutants_are_chosen_by_number_place_function_and_operator() -> None:
    assert [m.number for m in generated.select(MUTANTS, ["7"])] == [7]
    assert [m.number for m in generated.select(MUTANTS, ["a.c:17 "])] == [7]
    assert len(generated.select(MUTANTS, ["f1"])) == 14
    assert generated.select(MUTANTS, ["bound"]) == tuple(MUTANTS)
    assert generated.select(MUTANTS, ["width"]) == ()


def test_what_noticed_others_comes_first_then_what_adds_most() -> None:
    cases = [
        case("p", "part", 1, 1, 2),
        case("p", "most", 1, 1, 2, 3, 4),
        case("p", "slow", 9, 1, 2, 3, 4, 5, 6, 7),
        case("q", "other", 1, 1, 8, 9),
        case("q", "error", 0.1, 1, 10),
        case("r", "killer", 1, 1),
        case("r", "often", 1, 1),
    ]
    kills = {"r: killer": 1, "r: often": 3}
    found = ordering.within(cases, kills, 100)
    assert names(found) == "often killer most other error slow part"


def test_what_noticed_mutants_of_other_functions_comes_before_what_noticed_none() -> None:
    cases = [case("p", "most", 1, 1, 2, 3), case("p", "one", 1, 1), case("p", "two", 1, 1, 2)]
    found = ordering.within(cases, {"p: two": 1}, 100, {"p: one", "p: two"})
    assert names(found) == "two one most"


def test_a_mutant_gets_no_more_cases_than_it_has_time_for() -> None:
    cases = [case("p", str(n), 4, n) for n in range(5)]
    assert names(ordering.within(cases, {}, 9)) == "0 1 2"
    assert names(ordering.within(cases, {}, 0.1)) == "0"
    assert names(ordering.within([case("p", "none", 1)], {}, 9)) == "none"


def test_the_likeliest_are_run_alone_and_others_by_program() -> None:
    cases = [case("p", str(n), 8, 1) for n in range(3)]
    cases += [
        case("p", "3", 8, 1),
        case("q", "4", 8, 1),
        case("p", "5", 8, 1),
        case("p", "6", 8, 1),
    ]
    groups = ordering.groups(cases)
    assert [names(group) for group in groups] == ["0", "1", "2", "3 5", "4", "6"]


def test_the_page_tells_of_each() -> None:
    killed = GeneratedResult(MUTANTS[0], MutantFate.KILLED, ("p: a", "p: b"), 3)
    alive = GeneratedResult(replace(MUTANTS[1], text="if (a || b)"), MutantFate.SURVIVED, (), 2)
    known = GeneratedResult(MUTANTS[2], MutantFate.SURVIVED, ("no case comes by it",))
    none = GeneratedResult(MUTANTS[3], MutantFate.EQUIVALENT, ("x is never 4",))
    about = About(16, 60.0, 5, 90, 10, "load 3.0", {MUTANTS[2].key: "it takes a week"})
    text = page([killed, alive, known, none], about)
    assert "There are 100. 10 of them are in no kernel" in text
    assert "Of the other 90 a sample of 5 was drawn with seed 16, and 4 of it were tried" in text
    assert "1 are no faults; of the other 3 1 are killed (33 %). load 3.0." in text
    assert "| bound | 1 | 2 | 1 |" in text
    assert "| a.c, f1 | bound | `> → >= in if (x > 1)` | p: a |" in text
    assert "`> → >= in if (a \\|\\| b)` | none of 2 cases that come by it |" in text
    assert "| it takes a week |" in text
    assert "| x is never 4 |" in text
    assert line(killed) == "1 a.c:11 f1: bound: > → >=, in `if (x > 1)`: killed by p: a"
    assert line(known).endswith(": survived: no case comes by it")


def test_a_check_that_goes_on_has_the_sample_that_it_began_with(tmp_path: Path) -> None:
    (tmp_path / "begun").mkdir()
    run = RunFolder(tmp_path / "begun")
    assert sample_of(run, 60, 2030) == Sample(60, 2030)
    assert sample_of(run, None, None) == Sample(60, 2030)
    # Who wants more of the same says so.
    assert sample_of(run, 120, None) == Sample(120, 2030)
    assert sample_of(run, 0, None) == Sample(0, 2030)
    assert sample_of(run, None, None) == Sample(0, 2030)
    (tmp_path / "other").mkdir()
    assert sample_of(RunFolder(tmp_path / "other"), None, None) == Sample(300, 16)
