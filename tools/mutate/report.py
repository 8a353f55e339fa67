# SPDX-License-Identifier: GPL-2.0
"""The outcome of a mutation run as a table and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mutate.model import Fate, Mutant, Outcome

LIMIT = 0.05  # of the mutants that are faults, as many may survive


def share(outcomes: Sequence[Outcome]) -> float:
    """Give the part of the faults that survived, 0 to 1; 0 where there were none."""
    faults = [outcome for outcome in outcomes if outcome.fate is not Fate.EQUIVALENT]
    return sum(outcome.fate is Fate.SURVIVED for outcome in faults) / max(len(faults), 1)


def print_table(outcomes: Sequence[Outcome]) -> None:
    """Print how the mutants of each module ended."""
    table = Table(box=None, pad_edge=False)
    table.add_column("module")
    for heading in ("mutants", "killed", "timeout", "equivalent", "survived", ""):
        table.add_column(heading, justify="right")
    modules = dict.fromkeys(outcome.mutant.module for outcome in outcomes)
    for module in modules:
        _row(table, module, [o for o in outcomes if o.mutant.module == module])
    if len(modules) > 1:
        table.add_section()
        _row(table, "all", outcomes)
    Console(width=110).print(table)


def _row(table: Table, name: str, outcomes: Sequence[Outcome]) -> None:
    counts = Counter(outcome.fate for outcome in outcomes)
    fates = (Fate.KILLED, Fate.TIMEOUT, Fate.EQUIVALENT, Fate.SURVIVED)
    cells = [str(counts[fate]) if counts[fate] else "-" for fate in fates]
    table.add_row(name, str(len(outcomes)), *cells, f"{100 * share(outcomes):.1f} %")


def describe(outcome: Outcome) -> str:
    """Give a mutant in two lines, as an editor can open it."""
    mutant = outcome.mutant
    where = f"tools/kseries/{mutant.module}:{mutant.line}"
    told = f"{where} {mutant.within or 'module'}: {mutant.operator}, {outcome.tests} tests"
    return f"{told}\n    {mutant.text}\n    {mutant.change}"


def survivors(path: Path, mutants: Sequence[Mutant]) -> list[Mutant]:
    """Give those of the mutants that survived in an earlier document."""
    earlier = json.loads(path.read_text())["mutants"]
    names = ("module", "within", "line", "change")
    keys = {tuple(m[name] for name in names) for m in earlier if m["fate"] == Fate.SURVIVED}
    return [mutant for mutant in mutants if mutant.key in keys]


def document(outcomes: Sequence[Outcome], about: Mapping[str, object]) -> str:
    """Give all of it as JSON."""
    mutants = [
        {
            "module": o.mutant.module,
            "within": o.mutant.within,
            "line_number": o.mutant.line,
            "line": o.mutant.text,
            "operator": o.mutant.operator,
            "change": o.mutant.change,
            "fate": o.fate.value,
            "by": o.by,
            "tests": o.tests,
            "why": o.why,
        }
        for o in outcomes
    ]
    counts = Counter(outcome.fate.value for outcome in outcomes)
    return json.dumps(
        {**about, "survived": round(share(outcomes), 4), "fates": counts, "mutants": mutants},
        indent=1,
        ensure_ascii=False,
    )
