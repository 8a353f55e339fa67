# SPDX-License-Identifier: GPL-2.0
"""Measured figures beside their goals, as a table; for the bench_*.py beside this file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured figure and its goal (both in the same unit, at most)."""

    what: str
    measured: float
    goal: float
    unit: str = "s"

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.measured <= self.goal


def exit_status(figures: Iterable[Figure]) -> int:
    """Measure, print the table; give 1 when a goal is missed, else 0.

    What was measured before a measurement failed is printed, too.
    """
    measured: list[Figure] = []
    try:
        measured.extend(figures)
    finally:
        _show(measured)
    return 0 if all(figure.met for figure in measured) else 1


def _show(figures: Iterable[Figure]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("figure")
    for heading in ("measured", "goal"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for figure in figures:
        table.add_row(
            figure.what,
            f"{figure.measured:.2f} {figure.unit}",
            f"{figure.goal:g} {figure.unit}",
            "[green]met[/]" if figure.met else "[red]missed[/]",
        )
    Console().print(table)
