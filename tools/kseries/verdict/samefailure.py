# SPDX-License-Identifier: GPL-2.0
"""When a failure is the one that the base shows, too. Pure; docs/results.md tells it to users.

Both reasons are read, not only both statuses: another errno, another assertion, another signal or
exit status, another panic is another failure. In doubt it is another one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kseries.model import Case, EventKind, KernelEvent, ProgramResult, Status
from kseries.parse.ktaplevel import UNSEEN
from kseries.parse.ktapreason import telling
from kseries.parse.outcome import own_problems

MAX_ASSERTIONS = 50  # of one case

# Diagnostics that say what was expected and not found, as the kernel's test libraries print them.
_ASSERTION = re.compile(
    r"[\w./-]+\.\w{1,4}:\d+:"  # kselftest_harness.h
    r"|Exception\||Check failed"  # ksft.py
    r"|.*(?:EXPECTATION|ASSERTION) FAILED at |Expected "  # KUnit
    r"|(?:FAIL|ERROR|not ok)\b",  # shell tests
    re.IGNORECASE,
)

# What differs between two runs of the same kernel. Other numbers tell failures apart.
_VARYING = (
    # Addresses; 32 bits and negative numbers may be an errno.
    (re.compile(r"\b0x(?!f{12})[0-9a-f]{9,16}\b", re.IGNORECASE), "ADDRESS"),
    (re.compile(r"\bpid[ :=]+\d+", re.IGNORECASE), "PID"),
    (re.compile(r"(?<=/tmp/)[\w.-]+"), "FILE"),
    (re.compile(r"\b\d+(?:\.\d+)?(?= ?(?:[nmu]s|s|msecs?|secs?|seconds?)\b)"), "TIME"),
    # Devices of netdevsim are numbered on and on.
    (re.compile(r"\b(?:netdevsim|nsim|eni)\d+(?:np\d+)?"), "DEVICE"),
)
_LINE = re.compile(r"(?<=\.\w):\d+|(?<=\.\w\w):\d+|,? line \d+")
_SOURCE_LINE = re.compile(r"(?<=\.[chS]):\d+")

Identity = tuple[str, str, str]


@dataclass(frozen=True)
class TestState:
    """What a test did, as far as it tells one failure from another.

    reasons: what it said, as it was said. exit_status: of a program that is judged as a whole.
    hidden: a part of the kernel log was kept from us meanwhile.
    """

    __test__ = False  # not a pytest class

    status: Status
    reasons: tuple[str, ...] = ()
    exit_status: int | None = None
    flaky: bool = False
    hidden: bool = False

    @property
    def why(self) -> str:
        """Why it is as it is, in a line; "" where nothing tells."""
        told = self.reasons[0] if self.reasons else ""
        ended = f"exit status {self.exit_status}" if self.exit_status else ""
        return ", ".join(filter(None, [told, ended, "flaky" if self.flaky else ""]))


def of_case(case: Case, program: ProgramResult) -> TestState:
    """Give what a case did; where its program did not end, how that came."""
    reasons = () if case.reason == UNSEEN else (case.reason, *assertions(case))
    if case.status in (Status.CRASH, Status.TIMEOUT):
        reasons = (*own_problems(program), *reasons)
    return TestState(case.status, _unique(reasons), flaky=case.flaky)


def of_program(program: ProgramResult) -> TestState:
    """Give what a program did that has a fault beyond its cases."""
    reasons = _unique(own_problems(program))
    return TestState(program.status, reasons, program.exit_status, program.flaky)


def assertions(case: Case) -> tuple[str, ...]:
    """Give the diagnostics of a bad case that say what was expected and not found."""
    if case.status.good:
        return ()
    told = telling([(line, line.lstrip().startswith("#")) for line in case.diagnostics])
    return tuple(line for line in told if _ASSERTION.match(line.strip()))[:MAX_ASSERTIONS]


def is_same(before: TestState, after: TestState, *, lines: bool) -> bool:
    """Whether a failure is that of the base, or a part of it: nothing in it is new.

    lines: whether lines of test sources tell assertions apart; not where the series changes them.
    """
    if after.hidden or (before.flaky and not after.flaky):
        return False
    if (before.status, before.exit_status) != (after.status, after.exit_status):
        return False
    if bool(before.reasons) != bool(after.reasons):
        return False
    return says_nothing_new(before, after, lines=lines)


def says_nothing_new(before: TestState, after: TestState, *, lines: bool) -> bool:
    """Whether all that a test says was said on the base, too. lines: as of `is_same`."""
    return _settled(after.reasons, lines) <= _settled(before.reasons, lines)


def same_complaints(base: Sequence[KernelEvent], now: Sequence[KernelEvent]) -> tuple[int, ...]:
    """Give the complaints of the kernel that the base has too, by their places in `now`.

    Of each there may be as many as on the base; those beyond are new. Those that came while tests
    were run again do not count, as more of them may have been.
    """
    left: Counter[Identity] = Counter(identity(event) for event in base if not is_again(event))
    prints: dict[Identity, set[str]] = {}
    for event in base:
        left.setdefault(identity(event), 1)
        prints.setdefault(identity(event), set()).add(event.fingerprint)
    found = []
    # Exactly the same first: of those whose line moved what is left is excused.
    exact = {(event.title, event.where) for event in base}
    order = sorted(range(len(now)), key=lambda n: (now[n].title, now[n].where) not in exact)
    for number in order:
        event = now[number]
        key = identity(event)
        # What was hidden on the base need not be what is hidden now.
        if event.kind is EventKind.HIDDEN:
            continue
        if key not in left or not _is_known(event.fingerprint, prints[key]):
            continue
        if not is_again(event):
            if left[key] <= 0:
                continue
            left[key] -= 1
        found.append(number)
    return tuple(sorted(found))


def identity(event: KernelEvent) -> Identity:
    """Name a complaint: kind, title, function. Lines do not count, as patches move them."""
    return event.kind, _SOURCE_LINE.sub("", event.title), _SOURCE_LINE.sub("", event.where)


def _is_known(fingerprint: str, known: set[str]) -> bool:
    """Whether who called the function is known, where both logs tell."""
    return not fingerprint or "" in known or fingerprint in known


def is_again(event: KernelEvent) -> bool:
    """Whether a complaint came while tests were run again."""
    return "/" in event.log  # rerun-1/console.log


def _settled(reasons: Iterable[str], lines: bool) -> set[str]:
    return set(_each_settled(reasons, lines))


def _each_settled(reasons: Iterable[str], lines: bool) -> Iterator[str]:
    for reason in reasons:
        for pattern, word in _VARYING:
            reason = pattern.sub(word, reason)
        yield " ".join((reason if lines else _LINE.sub("", reason)).split())


def _unique(reasons: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(str.strip, reasons))))
