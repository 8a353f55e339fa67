# SPDX-License-Identifier: GPL-2.0
"""What became of the mutants made by machine: a line each, and the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kseries.model import GeneratedMutant, GeneratedResult, MutantFate

INTRODUCTION = """\
<!-- SPDX-License-Identifier: GPL-2.0 -->
<!-- Written by `kseries mutants --generated --page FILE`. -->
# Faults made by machine

[mutants.md](mutants.md) has faults that somebody thought of. These nobody chose: each is a small
change of one place on a line that the series wrote, and the sample is drawn by chance with a fixed
seed. One kernel holds them all, each behind a switch; of a mutant the cases run that come by its
place, until one goes red, twice.
"""
FATES = (MutantFate.KILLED, MutantFate.SURVIVED, MutantFate.EQUIVALENT)


@dataclass(frozen=True)
class About:
    """What the results are of.

    budget_s: of cases, that each had. sample: how many were drawn. mutants: how many there are.
    left_out: for how many a switch is no C, or is left out of the kernel. host: when it was, and
    how busy the host was then: one that lets a machine wait shows nothing of mutants that hang.
    why: the reasons why some live, by `GeneratedMutant.key`.
    """

    seed: int
    budget_s: float
    sample: int
    mutants: int
    left_out: int
    host: str
    why: Mapping[tuple[str, str, str, str], str] = field(default_factory=dict)


def place(mutant: GeneratedMutant) -> str:
    """Give the place of a mutant: "file:line"."""
    return f"{mutant.file}:{mutant.line}"


def describe(mutant: GeneratedMutant) -> str:
    """Tell a mutant in a line."""
    head = f"{mutant.number} {place(mutant)} {mutant.within}: {mutant.operator}: {mutant.change}"
    return head if mutant.text in mutant.change else f"{head}, in `{mutant.text}`"


def line(result: GeneratedResult) -> str:
    """Tell a result in a line."""
    told = f"{describe(result.mutant)}: {result.fate}"
    if not result.by:
        return told
    by = " by" if result.fate is MutantFate.KILLED else ":"
    return f"{told}{by} {result.by[0]}"


def page(results: Sequence[GeneratedResult], about: About) -> str:
    """Give the page as Markdown."""
    fates = Counter(result.fate for result in results)
    faults = len(results) - fates[MutantFate.EQUIVALENT]
    share = 100 * fates[MutantFate.KILLED] / faults if faults else 0.0
    parts = [
        INTRODUCTION,
        f"There are {about.mutants + about.left_out}. {about.left_out} of them are in no kernel: a"
        " switch is no C there (a constant expression, a value that loses nothing), or this config"
        f" leaves the line out. Of the other {about.mutants} a sample of {about.sample} was drawn"
        f" with seed {about.seed}, and {len(results)} of it were tried, with"
        f" {about.budget_s:g} s of cases each."
        f" {fates[MutantFate.EQUIVALENT]} are no faults;"
        f" of the other {faults} {fates[MutantFate.KILLED]} are killed ({share:.0f} %)."
        f" {about.host}.",
        "\n".join(_operators(results)),
        "## Survivors",
        "\n".join(_table([r for r in results if r.fate is MutantFate.SURVIVED], "why", about.why)),
        "## No faults",
        "\n".join(_table([r for r in results if r.fate is MutantFate.EQUIVALENT], "why")),
        "## Killed",
        "\n".join(_table([r for r in results if r.fate is MutantFate.KILLED], "by")),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _operators(results: Sequence[GeneratedResult]) -> list[str]:
    counts = Counter((result.mutant.operator, result.fate) for result in results)
    rows = ["| operator | " + " | ".join(FATES) + " |", "|---" * (len(FATES) + 1) + "|"]
    for operator in sorted({result.mutant.operator for result in results}):
        cells = [str(counts[operator, fate]) for fate in FATES]
        rows.append(f"| {operator} | {' | '.join(cells)} |")
    return rows


def _table(
    results: Sequence[GeneratedResult],
    last: str,
    why: Mapping[tuple[str, str, str, str], str] | None = None,
) -> list[str]:
    if not results:
        return ["None."]
    rows = [f"| place | operator | change | {last} |", "|---|---|---|---|"]
    for result in results:
        mutant = result.mutant
        change = mutant.change
        if mutant.text not in change:
            change = f"{change} in {mutant.text}"
        where = f"{mutant.file}, {mutant.within}"
        by = result.by[0] if result.by else f"none of {result.cases} cases that come by it"
        by = (why or {}).get(mutant.key, by)
        cells = (where, mutant.operator, f"`{change}`", by)
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return rows
