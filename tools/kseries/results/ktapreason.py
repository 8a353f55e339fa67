# SPDX-License-Identifier: GPL-2.0
"""The one line that says why a case failed, out of what it printed before its result."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kseries.model import Case

# Diagnostics that say what goes on, not what went wrong.
_PROGRESS = (
    re.compile(r"\s*(?:RUN|OK|FAIL)\s+\S+(?: \.\.\.)?$"),  # kselftest_harness.h
    re.compile(r"(?:Starting \d+ tests from|(?:PASSED|FAILED): \d+ / \d+)"),  # the same
    re.compile(r"(?:timeout set to|overriding timeout to|selftests: )"),  # runner.sh
    re.compile(r"(?:Subtest|module): "),  # lib/kunit/test.c
    re.compile(r"Check\|"),  # frames above a failed check in ksft.py
)
# A Python traceback: its last line is the message.
_EXCEPTION = re.compile(r"Exception\|\s?(.*)$")


def failure_reason(lines: Sequence[tuple[str, bool]], children: Sequence[Case]) -> str:
    """Name the first bad child, else choose among (line, whether it is a diagnostic).

    A diagnostic goes before noise. "" where nothing tells.
    """
    bad = next((child for child in children if not child.status.good), None)
    if bad is not None:
        return f"{bad.name}: {bad.reason or bad.status.value}"
    told = telling(lines)
    exceptions = [match[1] for text in told if (match := _EXCEPTION.match(text))]
    if exceptions:
        return exceptions[-1]
    return next(iter((*told, *_noise(lines))), "")


def skip_reason(lines: Sequence[tuple[str, bool]]) -> str:
    """Give the last line before a program gave up: scripts say why and leave with status 4."""
    return next(iter((*telling(lines)[::-1], *_noise(lines)[::-1])), "")


def telling(lines: Sequence[tuple[str, bool]]) -> list[str]:
    """Give the diagnostics that say more than what goes on, out of (line, is a diagnostic)."""
    texts = [text.lstrip("# ") for text, diagnostic in lines if diagnostic]
    return [text for text in texts if not any(item.match(text) for item in _PROGRESS)]


def _noise(lines: Sequence[tuple[str, bool]]) -> list[str]:
    return [text.strip() for text, diagnostic in lines if not diagnostic]
