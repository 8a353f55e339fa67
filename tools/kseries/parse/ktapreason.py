# SPDX-License-Identifier: GPL-2.0
"""The one line that says why a case failed, out of what it printed before its result."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kseries.model import Case

Said = Sequence[tuple[str, bool]]
"""Lines that came before a result: (text, whether it is a diagnostic)."""

MAX_TOLD = 1000  # characters of a line
MAX_MARK = 40  # characters at the end of a line that tell that it is good
MAX_EXPECTED = 4  # lines of KUnit that say what was expected

# Lines that say what goes on, or how many there were, not what went wrong.
_PROGRESS = (
    re.compile(r"\s*(?:RUN|OK|FAIL)\s+\S+(?: \.\.\.)?$"),  # kselftest_harness.h
    re.compile(r"(?:Starting \d+ tests from|(?:PASSED|FAILED): \d+ / \d+)"),  # the same
    re.compile(r"(?:timeout set to|overriding timeout to|selftests: )"),  # runner.sh
    re.compile(r"(?:Subtest|module): |test\.\w+: "),  # lib/kunit/test.c
    re.compile(r"Check\|"),  # frames above a failed check in ksft.py
    re.compile(r"[-=#* \t]*$|={4,}|K?TAP version \d"),
)
_COUNTED = re.compile(
    r"(?:\S+: )?(?:(?:Tests? |Total )?(?:pass|fail|skip|xfail|error|total)(?:ed|s|ures?)?\W+\d"
    r"|\d+ (?:tests? )?(?:passed|failed|skipped)\b|Summary:)",
    re.IGNORECASE,
)
_GOOD = re.compile(r"ok\b|PASS(?:ED)?\b")
_GOOD_END = re.compile(
    r"\[ *(?:ok|pass|passed|skip|skipped|xfail|OK|PASS|PASSED|SKIP|SKIPPED|XFAIL|INFO) *\]$"
    r"|(?:[:.] *(?:ok|Ok|pass|passed|Passed)|\b(?:OK|PASS|PASSED|SKIP))[.!]?$"
    r"|\b(?:SUCCESS|[Ss]uccess|[Ss]ucceeded|[Ss]uccessful(?:ly)?)[.!]?$"
)
_KUNIT_STATE = re.compile(r"(\S+): (?:initializing|exiting|\1 (?:passed|failed))$")

# What an assertion prints, with its place in the source or with what was expected.
_KUNIT_FAILED = re.compile(r"(?:\S+: )?(?:EXPECTATION|ASSERTION) FAILED at ")
_ASSERTION = re.compile(r"[\w./-]+\.\w{1,4}:\d+:|Check failed|Expected ")
# What a program calls a failure.
_FAILED = re.compile(r"(?:\S+:\s*+)?(?:FAIL|FAILED|FAILURE|ERROR|not ok|Bail out!)(?:$|[^\w])")
_FAILED_MARK = re.compile(r"\[ *(?:FAIL|FAILED|ERROR|fail|failed|not ok) *\]")
_FAILED_END = re.compile(r"[:.\s](?:FAIL|FAILED)$")
_BAD_WORD = re.compile(
    r"\b(?:error|fail(?:ed|s|ure)?|assert\w*|timed out|cannot|unable|unexpected(?:ly)?|mismatch"
    r"|denied|refused|fault|killed|no such)\b",
    re.IGNORECASE,
)
# A Python traceback: its last line is the message.
_EXCEPTION = re.compile(r"Exception\|\s?(.+)")


def failure_reason(lines: Said, children: Sequence[Case]) -> str:
    """Name the first bad child, else choose among the lines; "" where nothing tells.

    An assertion goes before what the program calls a failure, that before anything else; a
    diagnostic before noise. A line that says that something is good is none of them.
    """
    bad = next((child for child in children if not child.status.good), None)
    if bad is not None:
        return f"{bad.name}: {bad.reason or bad.status.value}"
    exceptions = [match[1] for text, _ in lines if (match := _EXCEPTION.match(_bare(text)))]
    if exceptions:
        return exceptions[-1]
    told = [at for at, (_, diagnostic) in enumerate(lines) if diagnostic]
    every = range(len(lines))
    for reason in (
        _asserted(lines, [*told, *every]),
        _called_failed(lines, [*told, *every]),
        _worst(lines, told),
        _worst(lines, every),
    ):
        if reason:
            return reason
    return ""


def skip_reason(lines: Said) -> str:
    """Give the last line before a program gave up: scripts say why and leave with status 4."""
    noise = [text.strip() for text, diagnostic in lines if not diagnostic]
    return ["", *noise, *telling(lines)][-1]


def telling(lines: Said) -> list[str]:
    """Give the diagnostics that say more than what goes on, out of (line, is a diagnostic)."""
    texts = [_bare(text) for text, diagnostic in lines if diagnostic]
    return [text for text in texts if not _is_progress(text)]


def _bare(text: str) -> str:
    return text.lstrip("# \t")


def _is_progress(text: str) -> bool:
    return any(item.match(text) for item in _PROGRESS)


def _says_nothing(text: str) -> bool:
    """Whether a line tells of no failure: progress, a sum, or that something is good."""
    good = _GOOD.match(text) or _GOOD_END.search(text[-MAX_MARK:])
    return bool(good or _is_progress(text) or _COUNTED.match(text) or _KUNIT_STATE.match(text))


def _is_called_failed(text: str) -> bool:
    """Whether a program calls this a failure, at the beginning, in a mark, or in the end."""
    called = _FAILED.match(text) or _FAILED_MARK.search(text) or _FAILED_END.search(text)
    return bool(called) and not _says_nothing(text)


def _asserted(lines: Said, order: Sequence[int]) -> str:
    for at in order:
        text = _bare(lines[at][0])[:MAX_TOLD]
        if _KUNIT_FAILED.match(text):
            return f"{text.rstrip()}{_expected(lines[at + 1 : at + 1 + MAX_EXPECTED])}"
        if _ASSERTION.match(text):
            return text.rstrip()
    return ""


def _expected(lines: Said) -> str:
    """Give what KUnit prints below the place: "Expected a == b, but", and, deeper, the values."""
    said: list[str] = []
    for text, diagnostic in lines:
        if diagnostic or not text.strip() or (said and _indent(text) <= _indent(lines[0][0])):
            break
        said.append(text.strip())
    return f": {said[0]} {', '.join(said[1:])}".rstrip() if said else ""


def _indent(text: str) -> int:
    wide = text.expandtabs()
    return len(wide) - len(wide.lstrip("# "))


def _called_failed(lines: Said, order: Sequence[int]) -> str:
    for at in order:
        text = _bare(lines[at][0])[:MAX_TOLD].rstrip()
        if _is_called_failed(text):
            why = _below(lines, at)
            return f"{text}: {why}" if why else text
    return ""


def _below(lines: Said, at: int) -> str:
    """Give the line below another one if it is indented deeper: scripts say so why it failed."""
    if at + 1 >= len(lines):
        return ""
    (text, _), (below, _) = lines[at : at + 2]
    why, deeper = _bare(below).rstrip(), _indent(below) > _indent(text)
    return why if deeper and not (_is_called_failed(why) or _says_nothing(why)) else ""


def _worst(lines: Said, order: Sequence[int]) -> str:
    """Give the first line with a word for something bad, else the first that tells anything."""
    bare = (_bare(lines[at][0])[:MAX_TOLD].strip() for at in order)
    texts = [text for text in bare if not _says_nothing(text)]
    bad = (text for text in texts if _BAD_WORD.search(text))
    return next(bad, None) or next(iter(texts), "")
