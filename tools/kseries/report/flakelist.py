# SPDX-License-Identifier: GPL-2.0
"""What tests did in earlier runs, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from kseries.report.printable import printable
from kseries.report.terminal import printed
from kseries.report.words import moment
from kseries.verdict.history import Past

NOTHING = "No test has failed in the runs that are remembered."

_RIGHT = ("runs", "flaky", "failed")


def render(tests: tuple[Past, ...], *, width: int, color: bool) -> str:
    """Give the list, in the order of `tests`. width: in columns."""
    return printed(_parts(printable(tests)), width=width, color=color)


def _parts(tests: Sequence[Past]) -> Iterator[RenderableType]:
    if not tests:
        yield Text(NOTHING)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for title in (*_RIGHT, "last", "test"):
        side = "right" if title in _RIGHT else "left"
        table.add_column(title, justify=side, overflow="fold")  # type: ignore[arg-type]
    for past in tests:
        table.add_row(
            str(past.runs),
            Text(str(past.flaky), "yellow" if past.flaky else ""),
            str(past.failed - past.flaky),
            moment(past.last_failed),
            past.test,
        )
    yield table
