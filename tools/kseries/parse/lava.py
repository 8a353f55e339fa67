# SPDX-License-Identifier: GPL-2.0
"""The signals that tests on LAVA print on the console, for the machine that watches it.

    <LAVA_SIGNAL_STARTRUN 0_kselftest 123_1.2.3>
    <LAVA_SIGNAL_TESTCASE TEST_CASE_ID=net_ping_sh RESULT=fail>
    <LAVA_SIGNAL_TESTCASE TEST_CASE_ID=alert RESULT=fail UNITS=lines MEASUREMENT=3>
    <LAVA_SIGNAL_ENDRUN 0_kselftest 123_1.2.3>

They stand anywhere in a line, and many repeat what KTAP in the same log says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from kseries.model import Case, ProgramResult, Status
from kseries.parse.casetree import leaves
from kseries.parse.ktaplevel import Budget
from kseries.parse.outcome import status_of

SIGN = "<LAVA_SIGNAL_"
SUITE = "LAVA"
LOOSE = "(signals)"  # those outside of a run
NO_END = "the run has no end: nothing tells whether results are missing"

_SIGNAL = re.compile(
    r"<LAVA_SIGNAL_(?:(?P<mark>STARTRUN|ENDRUN) (?P<run>[^\s<>%$]{1,200})"
    r"|TESTCASE TEST_CASE_ID=(?P<case>[^\s<>%$]{1,200}) RESULT=(?P<result>\w{1,20})"
    r"(?: UNITS=(?P<units>\S{1,40}))?(?: MEASUREMENT=(?P<count>[\w.+-]{1,40}))?)"
)
_RESULTS = {"pass": Status.PASS, "skip": Status.SKIP, "fail": Status.FAIL}


@dataclass
class _Run:
    cases: list[Case] = field(default_factory=list)
    ended: bool = False


class Signals:
    """Takes blocks of a log. max_cases: so many are kept, and some bad ones more."""

    def __init__(self, max_cases: int) -> None:
        self._budget = Budget(max_cases)
        self._runs: dict[str, _Run] = {}
        self._run = LOOSE

    def feed(self, block: str) -> None:
        """Take the next lines."""
        for found in _SIGNAL.finditer(block):
            if found["case"]:
                self._take(found)
            elif found["mark"] == "STARTRUN":
                self._run = found["run"]
                self._runs.setdefault(self._run, _Run())
            elif found["run"] in self._runs:
                self._runs[found["run"]].ended = True
                self._run = LOOSE

    def programs(self) -> tuple[ProgramResult, ...]:
        """Give a program for each run; one without an end is not a pass."""
        programs = []
        for name, run in self._runs.items():
            status = status_of(run.cases)
            problems = () if run.ended else (NO_END,)
            if problems and status.good:
                status = Status.ERROR
            programs.append(
                ProgramResult(SUITE, name, status, None, 0.0, tuple(run.cases), problems)
            )
        return tuple(programs)

    def _take(self, found: re.Match[str]) -> None:
        status = _RESULTS.get(found["result"].lower(), Status.ERROR)
        if not self._budget.take(good=status.good):
            return
        measured = " ".join(filter(None, (found["count"], found["units"])))
        case = Case(found["case"], status, measured)
        self._runs.setdefault(self._run, _Run()).cases.append(case)


def unreported(
    signals: Iterable[ProgramResult], programs: Iterable[ProgramResult]
) -> tuple[ProgramResult, ...]:
    """Give what signals call bad and no other result does, a program for each run."""
    told = {name for program in programs for name in _bad_names(program)}
    added = []
    for program in signals:
        cases = [case for case in program.cases if not case.status.good]
        fresh = tuple(case for case in cases if _settled(case.name) not in told)
        if fresh:
            added.append(replace(program, cases=fresh, status=status_of(fresh), problems=()))
    return tuple(added)


def _bad_names(program: ProgramResult) -> Iterable[str]:
    """Give the names under which a program's failures may be repeated."""
    if not program.status.good:
        yield _settled(program.name)
        yield _settled(program.suite + program.name)
    for case in leaves(program.cases):
        if not case.status.good:
            yield _settled(case.name)
            yield _settled(program.name + case.name)
            yield _settled(program.suite + program.name + case.name)


def _settled(name: str) -> str:
    """Give a name without what may not stand in that of a signal."""
    return re.sub(r"[\W_]+", "", name)
