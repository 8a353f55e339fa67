# SPDX-License-Identifier: GPL-2.0
"""What a report shows of a program that is not good."""

from __future__ import annotations

from pathlib import Path

from kseries.lib.runfolder import RunFolder
from kseries.model import ProgramResult, Status
from kseries.parse.marks import START, Marks
from kseries.test import evidence

LOG = "tests/net/ping.log"
BAD = ProgramResult("net", "ping", Status.FAIL, 1, 1.0, log=LOG)
GOOD = ProgramResult("net", "pong", Status.PASS, 0, 1.0, log=LOG)


def gathered(place: Path, log: bytes, *consoles: list[str]) -> ProgramResult:
    """Give a bad program with its evidence, beside a good one, which has none."""
    marks = Marks.new()
    (place / LOG).parent.mkdir(parents=True)
    (place / LOG).write_bytes(log)
    marked = [
        [marks.line(START, "net/ping"), *console, marks.line(START, "net/pong"), "of others"]
        for console in consoles
    ]
    timed = [[(0.0, f"[    9.000000] {line}") for line in console] for console in marked]
    good, bad = evidence.gather(RunFolder(place), [GOOD, BAD], timed, marks)
    assert good == GOOD
    return bad


def test_the_ends_of_both_logs(tmp_path: Path) -> None:
    lines = [f"line {number}" for number in range(130)]
    bad = gathered(tmp_path, "".join(f"{line}\n" for line in lines).encode(), lines)
    assert bad.tail == tuple(lines[-60:])
    assert bad.kernel_log == tuple(f"[    9.000000] {line}" for line in lines[-120:])


def test_a_program_in_pieces_has_a_log_on_several_machines(tmp_path: Path) -> None:
    bad = gathered(tmp_path, b"a\xffb\n", ["one"], ["two"])
    assert bad.tail == ("a\N{REPLACEMENT CHARACTER}b",)
    assert bad.kernel_log == ("[    9.000000] one", "[    9.000000] two")


def test_a_program_that_never_ran_has_no_log(tmp_path: Path) -> None:
    marks = Marks.new()
    for log in ("", "tests/net/other.log"):
        never = ProgramResult("net", "ping", Status.MISSING, None, 0.0, log=log)
        assert evidence.gather(RunFolder(tmp_path), [never], [], marks) == (never,)


def test_where_all_is_good_there_is_nothing_to_show(tmp_path: Path) -> None:
    assert evidence.gather(RunFolder(tmp_path), [GOOD, GOOD], [], Marks.new()) == (GOOD, GOOD)
