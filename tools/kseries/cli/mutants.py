# SPDX-License-Identifier: GPL-2.0
"""The command `mutants`: does the suite catch each deliberate fault of the series?"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace

import kselftest_zcrx
from kselftest_zcrx import LAST_LEVEL, MUTANTS
from kseries.cli.parser import command_line
from kseries.cli.run_context import progress, take_up
from kseries.cli.screen import print_json
from kseries.lib import atomicfile
from kseries.model import MutantFate, Request
from kseries.mutants import mutants as checker
from kseries.names import DEFAULT_STACK
from kseries.report.mutants import line, page


def mutants(arguments: Namespace) -> int:
    """Try mutants, or list them."""
    chosen = checker.select(checker.read(MUTANTS), arguments.names)
    if arguments.list:
        _list(chosen, as_json=arguments.json)
        return 0
    opened = take_up(
        arguments, lambda: Request(stack=DEFAULT_STACK, command=command_line()), checker.NAME
    )
    with progress(arguments) as shown:
        work = replace(
            opened.work(shown), suffix=checker.NAME, session=("mutants", *arguments.names)
        )
        results = checker.check(work, chosen, kselftest_zcrx.rules(LAST_LEVEL))
    if arguments.page:
        everything = checker.with_untried(checker.read(MUTANTS), results)
        atomicfile.write_text(arguments.page, page(everything))
    missed = [result for result in results if result.fate is not MutantFate.KILLED]
    if arguments.json:
        print_json([asdict(result) for result in results])
        return 1 if missed else 0
    for result in missed:
        print(line(result))
    print(f"{len(results) - len(missed)} of {len(results)} mutants killed: {opened.run.path}")
    return 1 if missed else 0


def _list(chosen: Sequence[checker.Mutant], *, as_json: bool) -> None:
    if as_json:
        print_json([{**asdict(mutant), "patch": str(mutant.patch)} for mutant in chosen])
        return
    for mutant in chosen:
        print(f"{mutant.name}: {mutant.title} ({', '.join(mutant.rules)})")
