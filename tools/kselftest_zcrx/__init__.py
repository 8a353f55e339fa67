# SPDX-License-Identifier: GPL-2.0
"""Kernel selftests for io_uring zero copy receive, generated: cases are data, C is rendered.

Knows nothing of the toolkit that runs them.
"""

from __future__ import annotations

from pathlib import Path

from kselftest_zcrx.model import DIALECTS, FIRST_LEVEL, LAST_LEVEL, MAINLINE, V7
from kselftest_zcrx.render import FOLDER, case_rules, extended, planned, render, rules, write

MUTANTS = Path(__file__).parent / "mutants"
"""Deliberate faults of the series, each of which the tests have to notice."""
EQUIVALENTS = MUTANTS / "equivalents.toml"
"""Of the faults made by machine those that nobody could see."""

__all__ = [
    "DIALECTS",
    "EQUIVALENTS",
    "FIRST_LEVEL",
    "FOLDER",
    "LAST_LEVEL",
    "MAINLINE",
    "MUTANTS",
    "V7",
    "case_rules",
    "extended",
    "planned",
    "render",
    "rules",
    "write",
]
