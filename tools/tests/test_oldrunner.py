# SPDX-License-Identifier: GPL-2.0
"""Logs of kselftest's runner before Linux 5.2, and results of the new one behind other text."""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.model import Status
from kseries.parse.ktapline import read as read_line
from kseries.parse.ktaptoken import Result, Text
from kseries.verdict.savedlog import NO_PLAN, Kind
from tests.log_strategies import read, verdict

DATA = Path(__file__).parent / "data" / "results"

P, F, S, M = Status.PASS, Status.FAIL, Status.SKIP, Status.MISSING
RULER = "=" * 40


def statuses(text: str) -> list[tuple[str, str, Status]]:
    return [(p.suite, p.name, p.status) for p in read(text.encode()).programs if p.cases]


@pytest.mark.parametrize(
    ("line", "number", "name", "status"),
    [
        ("selftests: a.sh [PASS]", None, "a.sh", P),  # 4.0
        ("selftests:  a.sh [FAIL]", None, "a.sh", F),  # 4.9
        ("ok 1..3 selftests: a.sh [PASS]", 3, "a.sh", P),  # 4.14
        ("not ok 1..3 selftests:  a.sh [FAIL]", 3, "a.sh", F),
        ("not ok 1..12 selftests: net: a.sh [SKIP]", 12, "net: a.sh", S),  # 4.18
        ("ok 1..2 selftests: net: a.sh [PASS]", 2, "net: a.sh", P),
        ("not ok 1..2 selftests: net: a.sh [PASS]", 2, "net: a.sh", F),
        ("ok 1..2 selftests: net: a.sh [FAIL]", 2, "net: a.sh", F),
        ("no end of lineselftests: a.sh [FAIL]", None, "a.sh", F),
        ("no end of linenot ok 1..3 selftests:  a.sh [FAIL]", 3, "a.sh", F),
    ],
)
def test_a_result_of_the_old_runner(
    line: str, number: int | None, name: str, status: Status
) -> None:
    token = read_line(line)
    assert isinstance(token, Result)
    assert (token.number, token.name, token.status) == (number, f"selftests: {name}", status)
    assert token.closing


@pytest.mark.parametrize(
    "line",
    [
        "# it said: selftests: a.sh [PASS]",
        "selftests: Warning: file a.sh is not executable, correct this.",
        "what selftests: a.sh [ OK ]",
        "see ok 3 selftests: net: a.sh",
        "not ok 3 selftests: net: a.sh"[1:],
        "notok 3 selftests: net: a.sh",
    ],
)
def test_what_is_no_result_of_the_runner(line: str) -> None:
    assert isinstance(read_line(line), Text)


def test_results_of_the_runner_behind_text_without_a_newline() -> None:
    text = (
        "TAP version 13\n1..2\n# selftests: net: a\n# Successok 1 selftests: net: a\n"
        "# selftests: net: b\n# {}not ok 2 selftests: net: b # exit=1\n"
    )
    assert statuses(text.format("Bad")) == [("net", "a", P), ("net", "b", F)]
    assert statuses(text.format("Bad ")) == [("net", "a", P), ("net", "b", F)]


def test_log_with_marks_alone() -> None:
    log = read((DATA / "old-runner-brackets.log").read_bytes())
    assert log.kind is Kind.KSELFTEST
    alpha, beta = log.programs
    assert (alpha.suite, alpha.name, alpha.status) == ("kselftest", "alpha.sh", P)
    assert [case.name for case in alpha.cases] == ["first", "second"]
    assert (beta.name, beta.status) == ("beta.sh", F)
    assert beta.cases[0].reason == "beta: something went wrong"
    assert log.notes == (NO_PLAN,)
    assert verdict(log).exit_code == 1


FOLDER = f"""\
TAP version 13
selftests: net: a.sh
{RULER}
TAP version 13
1..2
ok 1 first
ok 2 second
ok 1..1 selftests: net: a.sh [PASS]
selftests: net: b.sh
{RULER}
1..0 # SKIP no card
not ok 1..2 selftests:  net: b.sh [SKIP]
"""


def test_log_of_two_folders() -> None:
    log = read((FOLDER + FOLDER.replace("net:", "mm:")).encode())
    assert [(p.suite, p.name, p.status) for p in log.programs] == [
        ("net", "a.sh", P), ("net", "b.sh", S), ("mm", "a.sh", P), ("mm", "b.sh", S)
    ]  # fmt: skip
    assert [case.name for case in log.programs[0].cases] == ["first", "second"]
    assert (log.notes, verdict(log).exit_code) == ((NO_PLAN,), 0)


def test_marks_alone_that_pass() -> None:
    log = read(b"selftests: a.sh [PASS]\nworking\nselftests: b.sh [PASS]\n")
    assert [(p.name, p.status) for p in log.programs] == [("a.sh", P), ("b.sh", P)]
    assert verdict(log).exit_code == 0
    assert verdict(read(b"ok 1..1 selftests: a.sh [PASS]\nselftests: b.sh [PASS")).exit_code == 1


def test_a_gap_in_the_numbers_is_told() -> None:
    lines = FOLDER.splitlines(keepends=True)
    log = read("".join(line for line in lines if "1..1 " not in line).encode())
    assert any("missing" in problem for p in log.programs for problem in p.problems)


def test_a_program_that_fails_though_the_runner_passes_it() -> None:
    text = FOLDER.replace("ok 2 second", "not ok 2 second")
    assert statuses(text)[0] == ("net", "a.sh", F)


@pytest.mark.parametrize("rest", ["", "1..3\nok 1 x\n", "1..1\nok 1 x\n", "working\n", "ok 1 x\n"])
def test_a_program_without_a_result_is_missing(rest: str) -> None:
    begun = f"selftests: net: c.sh\n{RULER}\n{rest}"
    assert statuses(FOLDER + begun)[-1] == ("net", "c.sh", M)
    assert ("net", "c.sh", M) in statuses(begun + FOLDER.partition("\n")[2])
    more = f"selftests: net: d.sh\n{RULER}\nselftests: net: d.sh [PASS]\n"
    assert [found[1:] for found in statuses(FOLDER + begun + more)] == [
        ("a.sh", P), ("b.sh", S), ("c.sh", M), ("d.sh", P)
    ]  # fmt: skip


def test_only_a_ruler_makes_a_name_a_program() -> None:
    text = "TAP version 13\n1..1\nselftests: net: c.sh\nworking\nok 1 a\n"
    assert verdict(read(text.encode())).exit_code == 0


COUNTED = "Pass {} Fail {} Xfail 0 Xpass 0 Skip 0 Error 0"


@pytest.mark.parametrize("prefix", ["", "# "])
def test_a_program_that_only_counts_has_no_results_missing(prefix: str) -> None:
    """As kselftest.h ended before 5.8: in the old runner, and in the new one."""
    said = f"{COUNTED.format(2, 0)}\n1..2\n"
    old = f"TAP version 13\nselftests: net: a\n{RULER}\n{said}ok 1..1 selftests: net: a [PASS]\n"
    assert statuses(old) == [("net", "a", P)]
    lines = [f"# {prefix}{COUNTED.format(2, 0)}", "# 1..2"]
    new = "\n".join(["TAP version 13", "1..1", *lines, "ok 1 selftests: net: a", ""])
    assert statuses(new) == [("net", "a", P)]
    assert verdict(read(new.encode())).exit_code == 0


@pytest.mark.parametrize(
    "said",
    [
        f"{COUNTED.format(1, 1)}\n1..2",  # it has counted a failure
        f"{COUNTED.format(2, 0)}\n1..3",
        f"ok 1 x\n{COUNTED.format(2, 0)}\n1..2",
        "1..2",
    ],
)
def test_counts_that_are_not_good_are_no_pass(said: str) -> None:
    nested = "\n".join(f"# {line}" for line in said.split("\n"))
    text = f"TAP version 13\n1..1\n{nested}\nok 1 selftests: net: a\n"
    assert verdict(read(text.encode())).exit_code == 1
