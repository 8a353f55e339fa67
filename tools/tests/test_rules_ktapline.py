# SPDX-License-Identifier: GPL-2.0
"""Rules of a single KTAP line: what it is, what it is not, and what is kept of it."""

from __future__ import annotations

import re

import pytest

from kseries.model import Status
from kseries.parse.ktapline import (
    MAX_LINE,
    TELLING,
    clean,
    has_more,
    is_ordinary,
    plain,
    read,
    without_blank,
)
from kseries.parse.ktaptoken import (
    Announced,
    Bail,
    Counts,
    Plan,
    Result,
    Subtest,
    Text,
    Token,
    Totals,
    Version,
)

P, F, S, X = Status.PASS, Status.FAIL, Status.SKIP, Status.XFAIL


def ok(number: int | None, name: str, *, certain: bool = True, prefix: str = "") -> Result:
    return Result(prefix, number, name, P, "", "", certain)


@pytest.mark.parametrize(
    ("line", "token"),
    [
        ("KTAP version 1", Version("")),
        ("TAP version 13", Version("")),
        ("ktap Version 12", Version("")),
        ("tap version 7", Version("")),
        ("  KTAP version 1", Version("  ")),
        ("\tKTAP version 1", Version("  ")),
        ("# # KTAP version 1", Version("# # ")),
        ("1..3", Plan("", 3)),
        ("1..12  #  comment", Plan("", 12)),
        ("1..3 #", Plan("", 3)),
        ("# Subtest:  x", Subtest("", "x")),
        ("selftests:  x", Announced("", "selftests: x")),
        ("Pass 1 Fail 2 Xfail 3 Xpass 4 Skip 5 Error 6", Counts("", 21, 8)),
        ("1..0", Plan("", 0)),
        ("1..0 # SKIP no root", Plan("", 0, "no root")),
        ("1..0 # Skipped: no root", Plan("", 0, "no root")),
        ("1..0 # skip", Plan("", 0, "no reason given")),
        ("1..0 #SKIP x", Plan("", 0, "x")),
        ("1..2 # SKIP x", Plan("", 2)),
        ("1..0 # SKIPPER", Plan("", 0)),
        ("1..0 # no SKIP", Plan("", 0)),
        ("1..999999999", Plan("", 999_999_999)),
        ("Bail out!", Bail("", "")),
        ("bail out!  no ring ", Bail("", "no ring")),
        ("  Bail out! x", Bail("  ", "x")),
        ("# Totals: pass:1 fail:22", Totals("", (("pass", 1), ("fail", 22)))),
        ("  # Totals: pass:1", Totals("  ", (("pass", 1),))),
        ("# # Totals: pass:1 skip:0 ", Totals("# ", (("pass", 1), ("skip", 0)))),
        ("ok", ok(None, "", certain=False)),
        ("ok name", ok(None, "name", certain=False)),
        ("ok 3", ok(3, "")),
        ("ok 3 name of it", ok(3, "name of it")),
        ("ok - name", ok(None, "name")),
        ("ok -name", ok(None, "-name", certain=False)),
        ("ok 3 - name", ok(3, "name")),
        ("ok 3 -", ok(3, "")),
        ("ok 3rd", ok(None, "3rd", certain=False)),
        ("ok  3  name ", ok(3, "name")),
        ("    ok 3 name", ok(3, "name", prefix="    ")),
        ("ok 3 name # note it", ok(3, "name")._replace(text="note it")),
        ("ok 3 a#b", ok(3, "a#b")),
        ("ok 3 a # b=c", ok(3, "a")._replace(text="b=c")),
        ("ok 3 a #b=c", ok(3, "a")._replace(text="b=c")),
        ("ok 3 a #b", ok(3, "a #b")),
        ("ok 3 a# b", ok(3, "a# b")),
        ("ok 1 other: x [PASS]", ok(1, "other: x [PASS]")),
        ("ok 3 # all comment", ok(3, "")._replace(text="all comment")),
        ("not ok 3 name", ok(3, "name")._replace(status=F)),
    ],
)  # fmt: skip
def test_what_a_line_is(line: str, token: Token) -> None:
    assert read(line) == token


@pytest.mark.parametrize(
    "line",
    [
        "KTAP version 1 more",
        "KTAP version",
        "AKTAP version 1",
        "1..",
        "1..3 more",
        "1..3#x",
        "11..3",
        "okay 3 name",
        "ok3 name",
        "not okay",
        "nok 3",
        "Bail out",
        "Totals: pass:1",
        "# Totals: pass:1 total:1",
        "# Totals: pass:1, fail:0",
        "# Totals:",
        "# Totals: pass:x",
        "x ok 3",
        "# Subtest:x",
        "# Subtest:",
        "selftests:x",
        "Pass 1 Fail 2 Xfail 3 Xpass 4 Skip 5 Error 6 more",
        "so Pass 1 Fail 2 Xfail 3 Xpass 4 Skip 5 Error 6",
        "(1..3)",
    ],
)
def test_what_is_no_more_than_text(line: str) -> None:
    token = read(line)
    assert isinstance(token, Text)
    assert token.text == line


@pytest.mark.parametrize(
    ("directive", "passed", "failed"),
    [
        ("SKIP", S, S),
        ("XFAIL", X, X),
        ("XPASS", P, F),
        ("TODO", P, X),
        ("TIMEOUT", Status.TIMEOUT, Status.TIMEOUT),
        ("ERROR", Status.ERROR, Status.ERROR),
    ],
)
def test_what_a_directive_makes_of_a_result(directive: str, passed: Status, failed: Status) -> None:
    assert read(f"ok 1 a # {directive} why") == Result("", 1, "a", passed, directive, "why", True)
    assert read(f"not ok a # {directive}") == Result("", None, "a", failed, directive, "", True)


@pytest.mark.parametrize(
    ("rest", "directive", "text"),
    [
        ("a # skip: why", "SKIP", "why"),
        ("a # SKIPPED why", "SKIP", "why"),
        ("a # todo why", "TODO", "why"),
        ("a #SKIP", "SKIP", ""),
        ("a # SKIP:", "SKIP", ""),
        ("# SKIP why", "SKIP", "why"),
        ("a # SKIP : why", "SKIP", "why"),
        ("a # xfail why", "XFAIL", "why"),
        # What a remark may begin with is one in capitals only, and as a word.
        ("a # timeout", "", "timeout"),
        ("a # SKIPS", "", "SKIPS"),
        ("a # ERROR=1", "", "ERROR=1"),
    ],
)
def test_how_a_directive_is_written(rest: str, directive: str, text: str) -> None:
    token = read(f"ok 1 {rest}")
    assert isinstance(token, Result)
    assert (token.directive, token.text) == (directive, text)
    assert token.name in ("a", "")


@pytest.mark.parametrize(
    ("rest", "hides"),
    [
        ("a not ok 2 b", True),
        ("anot ok 2", True),
        ("a # SKIP not ok 2 b", True),
        ("a not ok 2b", False),
        ("a not ok b", False),
        ("a is not ok", False),
        ("a not ok  b", False),
        ("a not ok 1234567890", True),
    ],
)
def test_a_failure_in_the_line_of_another_result(rest: str, hides: bool) -> None:
    token = read(f"ok 1 {rest}")
    assert isinstance(token, Result)
    assert token.hides_failure is hides


@pytest.mark.parametrize(
    ("line", "glued"),
    [
        ("no end of line ok 2 b", ok(2, "b")),
        ("x not ok 2", ok(2, "")._replace(status=F)),
        ("xok 1 a ok 2 b", ok(2, "b")),
        ("# text ok 2 b", ok(2, "b", prefix="# ")),
        ("text ok b", None),
        ("text ok  b", None),
        ("text ok 2b", None),
        ("text ok 1234567890", ok(1234567890, "")),
        ("text", None),
    ],
)
def test_a_result_behind_other_text(line: str, glued: Result | None) -> None:
    token = read(line)
    assert isinstance(token, Text)
    assert token.glued == glued


@pytest.mark.parametrize(
    ("line", "diagnostic"), [("# text", True), ("  # text", True), ("text #", False)]
)
def test_diagnostics(line: str, diagnostic: bool) -> None:
    token = read(line)
    assert isinstance(token, Text)
    assert token.diagnostic is diagnostic


@pytest.mark.parametrize(
    "control",
    [
        "\x1b[31m",
        "\x1b[0;1m",
        "\x1b[?25l",
        "\x1b[ q",
        "\x1b[2K",
        "\x1b]0;title\x07",
        "\x1b]\x07",
        "\x1b]8;;link\x1b\\",
        "\x1bPdata\x1b\\",
        "\x1b(B",
        "\x1b7",
        "\x1bM",
        "\x00",
        "\x08",
        "\x0b",
        "\x1f",
        "\x7f",
        "\x9f",
        "\ufeff",
    ],
)
def test_what_terminals_obey_is_taken_out(control: str) -> None:
    assert plain(f"a{control}b{control}") == "ab"
    assert read(f"{control}ok 1 a{control}") == ok(1, "a")


def test_of_what_no_terminal_knows_the_rest_stays() -> None:
    assert plain("a\x1bAb") == "aAb"


@pytest.mark.parametrize(
    ("line", "ordinary"),
    [
        ("text", True),
        ("# text", True),
        ("ok", False),
        ("ok\t1", False),
        ("not ok", False),
        ("# 1..2", False),
        ("Bail out!", False),
        ("selftests: x", False),
        ("text selftests: x", False),
        ("text ok 1", False),
        ("\x1b[m", False),
        ("", False),
    ],
)
def test_what_is_ordinary(line: str, ordinary: bool) -> None:
    assert is_ordinary(line) is ordinary
    assert is_ordinary(f"{line}\n") is ordinary


@pytest.mark.parametrize(
    ("mark", "status", "directive"), [("PASS", P, ""), ("FAIL", F, ""), ("SKIP", S, "SKIP")]
)
def test_what_the_old_runner_marks(mark: str, status: Status, directive: str) -> None:
    name = "selftests: net: a.sh"
    alone = Result("", None, name, status, directive, "", certain=True, closing=True)
    assert read(f"{name} [{mark}]") == alone
    assert read(f"  {name} [{mark}]") == alone._replace(prefix="  ", closing=False)
    assert read(f"ok 1..3 {name} [{mark}]") == alone._replace(number=3)
    bad = F if status is P else status
    assert read(f"not ok 1..3 {name} [{mark}]") == alone._replace(number=3, status=bad)


def test_a_single_blank_nests_nothing() -> None:
    for line, text in ((" x", "x"), ("  x", "  x"), (" \tx", " \tx"), (" ", ""), ("x", "x")):
        assert without_blank(line) == text


def test_results_of_the_runner_behind_other_text_are_more() -> None:
    assert has_more("text\na selftests: b\n")
    assert has_more("# selftests: a\nb selftests: c\n")
    assert not has_more("# selftests: a\ntext\n# selftests: b\n")
    assert not has_more("text\n")


@pytest.mark.parametrize(
    "text", ["ok", "# not ok", "1..", "selftests: x", "# Subtest: x", "Pass 1"]
)
def test_how_more_than_text_begins(text: str) -> None:
    assert re.match(TELLING, text)
    assert not re.match(TELLING, f"x{text}")


@pytest.mark.parametrize(
    ("before", "number"),
    [
        ("text", None),
        ("text ok 1 more ", None),
        ("textok 3 ", 3),
        ("not ok 1..123456789 ", 123456789),
        ("ok 3 ", 3),
    ],
)
def test_a_result_of_the_runner_behind_other_text(before: str, number: int | None) -> None:
    token = read(f"{before}selftests: net: a.sh [FAIL]")
    assert isinstance(token, Result)
    assert (token.number, token.name, token.status) == (number, "selftests: net: a.sh", F)


@pytest.mark.parametrize(
    ("before", "counts"),
    [("text", True), ("é text", True), ("text é", False), ("text ", False), ("text not", False)],
)
def test_a_pass_of_the_runner_behind_other_text_is_sure(before: str, counts: bool) -> None:
    token = read(f"{before}ok 1 selftests: net: a.sh")
    assert isinstance(token, Result) == counts


@pytest.mark.parametrize("text", ["a\tb", "ä€", "a [31m b", "\xa0x"])
def test_what_no_terminal_obeys_stays(text: str) -> None:
    assert plain(text) == text


def test_no_more_is_kept_of_a_line_than_its_limit() -> None:
    long = "x" * (MAX_LINE + 1)
    kept = "x" * MAX_LINE
    assert clean(long) == kept
    assert read(long) == Text("", kept, False)
    assert read(f"ok 1 {long}") == ok(1, kept)
    assert read(f"ok 1 a # {long}") == ok(1, "a")._replace(text=kept)
    assert read(f"Bail out! {long}") == Bail("", kept)
    assert read(f"1..0 # SKIP {long}") == Plan("", 0, kept)
    assert read(f"# Subtest: {long}") == Subtest("", kept)
    marked = read(f"ok 1 selftests: a [PASS] # {long}")
    assert isinstance(marked, Result)
    assert marked.text == kept
    # What stands behind it still counts.
    assert read(f"ok 1 {long} # SKIP why") == Result("", 1, kept, S, "SKIP", "why", True)
