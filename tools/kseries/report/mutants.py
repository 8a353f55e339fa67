# SPDX-License-Identifier: GPL-2.0
"""The page that says which case killed which mutant."""

from __future__ import annotations

from collections.abc import Sequence

from kseries.model import MutantFate, MutantResult

SHOWN = 3  # of what killed one

INTRODUCTION = """\
<!-- SPDX-License-Identifier: GPL-2.0 -->
<!-- Written by `kseries mutants --page FILE`. -->
# What the tests catch

Each row is a deliberate fault of the series, a line or two, kept as a patch in
`tools/kselftest_zcrx/mutants/`: the rule of [zcrx.md](zcrx.md) that it breaks, and what went red.
The tests of the rule ran first, and none after the first that went red twice.

Faults that nobody chose are in [generated-mutants.md](generated-mutants.md).
"""


def page(results: Sequence[MutantResult]) -> str:
    """Give the page as Markdown."""
    tried = [result for result in results if result.fate is not MutantFate.UNTRIED]
    killed = sum(result.fate is MutantFate.KILLED for result in tried)
    rows = [_row(result) for result in sorted(results, key=lambda result: result.name)]
    head = ["| mutant | what is wrong | rule | killed by |", "|---|---|---|---|"]
    count = f"There are {len(results)}, of which {len(tried)} were tried and {killed} killed."
    return f"{INTRODUCTION}\n{count}\n\n" + "\n".join([*head, *rows, ""])


def _row(result: MutantResult) -> str:
    by = "<br>".join(f"`{one}`" for one in result.by[:SHOWN])
    if len(result.by) > SHOWN:
        by += f"<br>and {len(result.by) - SHOWN} more"
    if result.fate is not MutantFate.KILLED:
        by = f"**{result.fate}** {by}".rstrip()
    cells = (f"`{result.name}`", result.title, ", ".join(result.rules), by)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def line(result: MutantResult) -> str:
    """Tell a result in a line."""
    if not result.by:
        return f"{result.name}: {result.fate}: {result.title}"
    more = f" and {len(result.by) - 1} more" if len(result.by) > 1 else ""
    return f"{result.name}: {result.fate} by {result.by[0]}{more}"
