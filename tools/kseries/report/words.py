# SPDX-License-Identifier: GPL-2.0
"""How reports write times and text that others wrote."""

from __future__ import annotations

from kseries.results.ktapline import clean


def duration(seconds: float) -> str:
    """Give a time as people say it: 0.4 s, 12 s, 3 min 5 s, 1 h 2 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def counted(count: int, noun: str) -> str:
    """Give "1 patch", "2 patches"."""
    plural = f"{noun}es" if noun.endswith(("ch", "sh", "s")) else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def plain(text: str) -> str:
    """Give text of a patch or a program as one line that a terminal does not obey."""
    return clean(text.replace("\n", " ").replace("\t", " "))
