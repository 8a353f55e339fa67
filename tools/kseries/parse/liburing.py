# SPDX-License-Identifier: GPL-2.0
"""The log of liburing's test runner (test/runtests.sh), which prints no TAP.

It names a test without ending the line, the test writes what it likes behind that, and then the
runner says what became of it, be it in a line of its own or behind the test's last words:

    Running test accept.t                                               5 sec
    Running test zcrx.t                                                 not supported, skipSkipped
    Running test accept.t                                               test_accept failed
    Test accept.t failed with ret 1
    Tests failed (1): <accept.t>
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from kseries.model import Case, ProgramResult, Status
from kseries.parse.ktaplevel import MAX_CASES, MAX_DIAGNOSTICS, MAX_PROBLEMS, MAX_SPARE, UNSEEN
from kseries.parse.ktapline import MAX_LINE, plain

SUITE = "liburing"
RUNNER = "(the runner)"
SKIPPED = 77  # exit status T_EXIT_SKIP of test/helpers.h

# The name is padded to 55 columns. The kernel log has the same words, with a colon behind them.
_BEGIN = re.compile(
    r"Running test (?P<name>\S{1,99}\.t(?: (?!\d+ sec|Skipped|Test )[\w./-]{1,99})?)"
    r"(?: {2,}|\s*$|(?<=.{55}) ?)"
)
SIGN = (
    rf"{_BEGIN.pattern}|Test \S{{1,99}}\.t (?:failed|timed out) |Test run complete, kernel: "
    r"|Tests (?:failed|timed out) \(\d+\): <"
)
"""What a line of such a log begins with."""

_BAD = re.compile(
    r"Test (?P<name>\S{1,99}) (?P<why>timed out \(may not be a failure\)|failed dmesg check"
    r"|failed with ret (?P<status>\d{1,3})|expected fail status 1 but returned \d{1,3})$"
)
_GOOD = re.compile(r"(?:(?P<seconds>\d{1,6}) sec(?: \[\d+\])?|Test skipped|(?P<skip>Skipped))$")
_STRAY = re.compile(r"\S {3,}(?:\d+ sec(?: \[\d+\])?|Skipped)$")
_CLOSING = re.compile(
    r"Found dmesg file |Test run complete, kernel: |All tests passed$"
    r"|Tests (?:failed|timed out) \(\d+\): <"
)
_ENDED = re.compile(r"(?:All tests passed|Tests failed \(\d+\): <.+>)$")
_LISTED = re.compile(r"Tests (failed|timed out) \((\d{1,6})\): (<.+>)$")
_NAME = re.compile(r"<(.+?)>")


@dataclass
class _Test:
    """A test while its lines come. bad: what the runner said of it, if that is not good."""

    name: str
    lines: list[str] = field(default_factory=list)
    bad: re.Match[str] | None = None


class Runner:
    """Takes the log line by line."""

    def __init__(self) -> None:
        self._programs: list[ProgramResult] = []
        self._problems: list[str] = []
        self._test: _Test | None = None
        self._listed: dict[str, Status] = {}
        self._ended = False  # the runner has said that it is through

    def skim(self, lines: Iterable[str], shown: Callable[[str], str] = str.rstrip) -> None:
        """Take lines that are no more than text. shown: gives what is kept of one."""
        for line in lines:
            self.feed(shown(line))

    def feed(self, line: str, *, cut: bool = False) -> None:
        """Take the next line. cut: its end is not there."""
        for part in line.split("\r"):
            # Nothing that the runner says ends in a space.
            self._take(f"{plain(part)} " if cut else plain(part))

    def end(self) -> tuple[ProgramResult, ...]:
        """End the log; give a program for each test, and one for what is wrong with the log."""
        self._settle(closed=False)
        if not self._ended:
            self._problem("the log ends before the runner does")
        wrong = (p.name for p in self._programs if p.status in (Status.FAIL, Status.TIMEOUT))
        bad = dict.fromkeys(wrong)  # in their order
        for name in bad if self._ended else ():
            if name not in self._listed:
                self._problem(f"the runner does not name {name} in the end")
        for name, status in self._listed.items():
            if name not in bad:
                self._keep(name, status, "the runner names it in the end")
        if not self._programs:
            self._problem("no result: the log holds no verdict of a test")
        if self._problems:
            problems = tuple(self._problems)
            self._programs.append(
                ProgramResult(SUITE, RUNNER, Status.ERROR, None, 0.0, (), problems)
            )
        return tuple(self._programs)

    def _take(self, text: str) -> None:
        at = 0
        for begun in _BEGIN.finditer(text):
            self._note(text[at : begun.start()])
            self._settle(closed=True)
            self._test, self._ended = _Test(begun["name"]), False
            at = begun.end()
        if at:
            self._note(text[at:])
        elif _CLOSING.match(text) and self._has_verdict():
            self._settle(closed=True)
            self._ended = self._ended or bool(_ENDED.match(text))
            self._list(text)
        else:
            self._note(text)

    def _note(self, text: str) -> None:
        """Take a line of a test, or what the runner says behind it."""
        test, bad = self._test, _BAD.search(text)
        if bad and (test is None or bad["name"] != test.name.partition(" ")[0]):
            # The line that began this test is lost.
            self._keep(bad["name"], *_outcome(bad))
        elif test is None and _STRAY.search(text):
            self._problem(f"a result without its test: {text[-MAX_LINE:]}")
        elif test is not None and text.strip():
            test.bad = test.bad or bad
            test.lines.append(text[-MAX_LINE:])
            if len(test.lines) > MAX_DIAGNOSTICS:
                del test.lines[MAX_DIAGNOSTICS // 2]

    def _has_verdict(self) -> bool:
        """Whether a test may end here: its own words may be those of the runner."""
        test = self._test
        return test is None or bool(test.bad or _good(test.lines, closed=True))

    def _settle(self, *, closed: bool) -> None:
        """End the open test. closed: the runner went on behind it."""
        test, self._test = self._test, None
        if test is None:
            return
        if test.bad:
            self._keep(test.name, *_outcome(test.bad), lines=test.lines)
        elif found := _good(test.lines, closed=closed):
            at, good = found
            before = test.lines[at][: good.start()].rstrip()
            self._keep_good(test.name, good, [*test.lines[:at], *filter(None, [before])])
        else:
            self._keep(test.name, Status.MISSING, UNSEEN, lines=test.lines)

    def _keep_good(self, name: str, said: re.Match[str], lines: Sequence[str]) -> None:
        if said["seconds"] is not None:
            self._keep(name, Status.PASS, "", 0, seconds=float(said["seconds"]))
            return
        why = lines[-1] if lines else "no reason given"
        self._keep(name, Status.SKIP, why, SKIPPED if said["skip"] else None, lines=lines)

    def _list(self, text: str) -> None:
        """Take the names of what was not good."""
        if listed := _LISTED.match(text):
            names = _NAME.findall(listed[3])
            status = Status.FAIL if listed[1] == "failed" else Status.TIMEOUT
            self._listed |= dict.fromkeys(names, status)
            if len(names) != int(listed[2]):
                self._problem(f"{listed[2]} tests {listed[1]}, but {len(names)} are named")

    def _keep(
        self,
        name: str,
        status: Status,
        why: str,
        exit_status: int | None = None,
        *,
        lines: Sequence[str] = (),
        seconds: float = 0.0,
    ) -> None:
        first = next((line for line in lines if not _BAD.search(line)), "")
        told = why if status.good or not first else f"{first} ({why})"
        case = Case(name, status, told, () if status is Status.PASS else tuple(lines))
        tail = () if status.good else case.diagnostics
        self._add(ProgramResult(SUITE, name, status, exit_status, seconds, (case,), tail=tail))

    def _add(self, program: ProgramResult) -> None:
        room = MAX_CASES if program.status.good else MAX_CASES + MAX_SPARE
        if len(self._programs) < room:
            self._programs.append(program)
        else:
            self._problem(f"more than {MAX_CASES} results; the rest was left out")

    def _problem(self, text: str) -> None:
        if text not in self._problems and len(self._problems) < MAX_PROBLEMS:
            self._problems.append(text)


def _good(lines: Sequence[str], *, closed: bool) -> tuple[int, re.Match[str]] | None:
    """Find the last good verdict in a line of its own, else one behind the very last words."""
    for at in range(len(lines) - 1, -1, -1):
        if good := _GOOD.match(lines[at]):
            return at, good
    glued = _GOOD.search(lines[-1]) if lines and closed else None
    return (len(lines) - 1, glued) if glued else None


def _outcome(said: re.Match[str]) -> tuple[Status, str, int | None]:
    """Give status, why, and exit status."""
    if said["why"].startswith("timed out"):
        return Status.TIMEOUT, said["why"], None
    return Status.FAIL, said["why"], int(said["status"]) if said["status"] else None
