# SPDX-License-Identifier: GPL-2.0
"""A plain list, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from kseries.report.printable import printable
from kseries.report.terminal import printed


def render(
    titles: Sequence[str],
    rows: Sequence[tuple[str, ...]],
    *,
    width: int,
    color: bool,
    foot: str = "",
) -> str:
    """Give rows below their titles. width: in columns. foot: a line below all of them."""
    return printed(
        _parts(titles, printable(tuple(rows)), printable(foot)), width=width, color=color
    )


def _parts(
    titles: Sequence[str], rows: Sequence[tuple[str, ...]], foot: str
) -> Iterator[RenderableType]:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    yield table
    if foot:
        yield Text()
        yield Text(foot, overflow="fold")
