# SPDX-License-Identifier: GPL-2.0
"""Kernel selftests for io_uring zero copy receive, generated: cases are data, C is rendered.

Knows nothing of the toolkit that runs them.
"""

from __future__ import annotations

from kselftest_zcrx.model import FIRST_LEVEL, LAST_LEVEL
from kselftest_zcrx.render import DIALECTS, FOLDER, extended, planned, render, write

__all__ = [
    "DIALECTS",
    "FIRST_LEVEL",
    "FOLDER",
    "LAST_LEVEL",
    "extended",
    "planned",
    "render",
    "write",
]
