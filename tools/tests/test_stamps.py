# SPDX-License-Identifier: GPL-2.0
"""What stands before the text of a line, kind by kind."""

from __future__ import annotations

import pytest

from kseries.parse import stamps
from kseries.parse.stamps import CONSOLE, Line, Style
from tests.stampkinds import KERNEL, RELAYS

BARE = Style(bare=True)
RELAYED = Style(bare=True, relayed=True)


@pytest.mark.parametrize("kind", KERNEL)
@pytest.mark.parametrize("text", ["BUG: x", "    ok 1 a", "1..2", ""])
def test_the_kernels_stamps(kind: str, text: str) -> None:
    line = KERNEL[kind].format(text)
    program, message, _ = stamps.split(line)
    assert program == ""
    assert message is not None
    assert message.strip() == text.strip()
    assert message.startswith(text.rstrip()) or kind in ("two blanks", "tab")
    assert stamps.message(line) == message


@pytest.mark.parametrize("kind", RELAYS)
@pytest.mark.parametrize(
    "text",
    [
        "ok 1 a", "    ok 1 a", "# text", "[    1.000000] x", "",
        "KTAP version 1", "TAP version 13", "BUG: KASAN", "INFO: task", "WARN at",
    ],
)  # fmt: skip
def test_a_relays_stamps(kind: str, text: str) -> None:
    line = RELAYS[kind].format(text).rstrip()
    told = Line("", "x") if text.endswith("x") else Line(text, None)
    assert stamps.split(line, RELAYED) == told
    assert stamps.message(line) == (told.message or text)


def test_a_line_without_a_stamp_is_a_programs() -> None:
    for text in (
        "ok 1 a",
        "1..2",
        "[1.0] x",
        "[    1.5] x",
        "12 apples",
        "<b>",
        "<9>x",
        "Mon",
        "k",
    ):
        assert stamps.split(text) == Line(text, None)
        assert stamps.split(text, RELAYED) == Line(text, None)


def test_in_a_log_that_is_not_relayed_times_are_text() -> None:
    for line in ("12:00:01 ok 1 a", "2024-11-05T12:00:01Z ok 1 a", "Nov 05 12:00:01 up"):
        assert stamps.split(line) == Line(line, None)
    # But bad news are never left out.
    for text in ("not ok 1 a", "# not ok - a", "Bail out! x"):
        assert stamps.split(f"2024-11-05T12:00:01Z {text}") == Line(text, None)


@pytest.mark.parametrize(
    ("line", "caller"),
    [
        ("[    1.000000][  T321] x", "T321"),
        ("[    1.000000][    C1] x", "C1"),
        ("[ T7] x", "T7"),
        ("4,1,2,-,caller=T9;x", "T9"),
        ("<4>[    1.000000][  T321] x", "T321"),
        ("login: [    1.000000][  T321] x", "T321"),
        ("[    1.000000] x [T12]", ""),
        ("[    1.000000] x", ""),
    ],
)
def test_the_caller(line: str, caller: str) -> None:
    assert stamps.split(line).caller == caller
    assert stamps.read(line).caller == caller


def test_a_record_of_a_program_is_not_the_kernels() -> None:
    assert stamps.split("12,1234,5678,-;BUG: x") == Line("BUG: x", None)
    assert stamps.split("7,1234,5678,-;BUG: x") == Line("", "BUG: x")
    assert stamps.split("8,1234,5678,-;BUG: x") == Line("BUG: x", None)


def test_a_log_daemon_names_programs_too() -> None:
    line = "Nov 05 12:00:01 host runner.sh[12]: ok 1 a"
    assert stamps.split(line, RELAYED) == Line("ok 1 a", None)
    assert stamps.split(line) == Line(line, None)


def test_programs_show_the_kernel_log() -> None:
    for line in ("# [    1.000000] BUG: x", "  # <4>[    1.000000] BUG: x"):
        assert stamps.split(line) == Line(line, None)
    line = "2024-11-05T12:00:01Z # [    1.000000] BUG: x"
    assert stamps.split(line, Style(relayed=True)) == Line("# [    1.000000] BUG: x", None)


DATED = "[Tue Nov  5 12:00:01 2024] "


@pytest.mark.parametrize(
    ("lines", "style"),
    [
        (["ok 1 a", "[    1.000000] x"], CONSOLE),
        (["ok 1 a", "# [    1.000000] x"], BARE),
        (["ok 1 a"], BARE),
        ([], Style(bare=True)),
        (["2024-11-05T12:00:01Z ok 1 a", "2024-11-05T12:00:02Z"], RELAYED),
        (["2024-11-05T12:00:01Z ok 1 a", "ok 2 b"], BARE),
        (["2024-11-05T12:00:01Z [    1.000000] x"], Style(relayed=True)),
        ([f"{DATED}x", f"{DATED}y"], Style(relayed=True)),
        ([f"{DATED}[    1.000000] x", f"{DATED}y"], Style(relayed=True, dated=True)),
    ],
)
def test_how_the_lines_of_a_log_begin(lines: list[str], style: Style) -> None:
    assert stamps.look("\n".join(lines)) == style


def test_a_date_in_brackets_is_a_relays_where_printks_stamp_stands_behind_it() -> None:
    assert stamps.split(f"{DATED}x") == Line("", "x")
    assert stamps.split(f"{DATED}ok 1 a", Style(relayed=True, dated=True)) == Line("ok 1 a", None)


def test_no_line_takes_long() -> None:
    for text in ("[" * 50_000, "[ 1" * 20_000, "<4>" * 20_000, "12:00:01 " * 9_000, "1," * 30_000,
                 "a " * 30_000, "12:00:01 " + "k " * 30_000, "[" + " " * 50_000, "1.1" * 30_000,
                 "12:00:01 host " + "kernel: " * 9_000, "<4>" + "[1" * 30_000):  # fmt: skip
        stamps.split(text)
        stamps.look(f"{text}\n{text}")


@pytest.mark.parametrize(
    ("line", "text", "caller"),
    [
        ("[   12.345678] (0)[123:kworker/0:1]text", "text", ""),
        ("[   12.345678] [2: kworker/2:1: 123]text", "text", ""),
        ("[   12.345678] [2: [T] text", "text", ""),
        ("[   12.345678] kernel: text", "text", ""),
        ("[   12.345678] host kernel:", "", ""),
        ("[   12.345678][    T] text", "[    T] text", ""),
        ("[    T1] text", "text", "T1"),
        ("[   12.345678<0.000012>] text", "text", ""),
        ("[<    0.000012>] text", "text", ""),
        ("[12.345678 <+0.000012>] text", "text", ""),
        ("[+0.000012] text", "text", ""),
        ("Nov 05 12:00:01 host kernel[0]: text", "text", ""),
        ("Nov 05 12:00:01 host kernel:", "", ""),
        ("6,1,2,-,caller=T3;text", "text", "T3"),
        ("6,1,2,-,caller=T;text", "text", ""),
    ],
)
def test_what_the_kernel_says(line: str, text: str, caller: str) -> None:
    assert stamps.split(line) == ("", text, caller)
    assert stamps.message(line) == text


@pytest.mark.parametrize(
    "line", ["[    T] text", "[.345678 <    0.000012>] text", "[+.000012] text"]
)
def test_what_is_no_stamp_of_the_kernel(line: str) -> None:
    assert stamps.split(line).message is None


@pytest.mark.parametrize(
    ("line", "named"), [("[   12.345678] host kernel: x", True), ("[   12.345678] kernel x", False)]
)
def test_a_log_that_names_the_kernel(line: str, named: bool) -> None:
    assert stamps.look(f"{line}\n").named is named


@pytest.mark.parametrize(
    ("line", "bare"),
    [
        ("<4>x", False),
        ("Nov 05 12:00:01 host kernel: x", False),
        ("x[   12.345678] y", False),
        ("x y", True),
        ("Nov x", True),
    ],
)
def test_a_log_in_which_no_line_is_surely_the_kernels(line: str, bare: bool) -> None:
    assert stamps.look(f"a\n{line}\n").bare is bare


@pytest.mark.parametrize(("count", "mixed"), [(0, False), (1, True), (4, True), (5, False)])
def test_a_log_in_which_few_lines_are_surely_the_kernels(count: int, mixed: bool) -> None:
    lines = ["[   12.345678] x"] * count + ["y"] * (10 - count)
    assert stamps.look("\n".join(lines)).mixed is mixed


@pytest.mark.parametrize(
    ("line", "dated"),
    [
        ("[Tue Nov  5 12:00:01 2024] [   12.345678] x", True),
        ("12:00:01 [Tue Nov  5 12:00:01 2024] [   12.345678] x", True),
        ("[Tue Nov  5 12:00:01 2024] x", False),
        ("[2024-11-05 12:00:01] [   12.345678] x", False),
        ("[Tue Nov  5 12:00:01 2024] x [   12.345678] y", False),
        ("x", False),
    ],
)
def test_a_relays_date_stands_before_the_kernels_stamp(line: str, dated: bool) -> None:
    assert stamps.look(f"{line}\n").dated is dated


def test_so_many_lines_tell_how_all_begin() -> None:
    lines = ["x\n"] * 200 + ["12:00:01 x\n"] * 800
    assert stamps.look("".join(lines)).relayed
    assert stamps.look("".join([*lines, "x\n"])).relayed
    assert not stamps.look("".join(["x\n", *lines])).relayed


@pytest.mark.parametrize("line", ["[  OK  ] at 2026-11-30T12:00:00Z: up", "2 lines, 12:00:01 text"])
def test_a_time_within_a_line_is_no_stamp(line: str) -> None:
    assert stamps.message(line) == line
