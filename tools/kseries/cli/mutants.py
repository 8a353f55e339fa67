# SPDX-License-Identifier: GPL-2.0
"""The command `mutants`: does the suite catch each deliberate fault of the series?"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import kselftest_zcrx
from kselftest_zcrx import LAST_LEVEL, MUTANTS
from kseries.cli.commands import Commands
from kseries.cli.run_context import take_up
from kseries.lib import atomicfile
from kseries.model import MutantFate, Request
from kseries.mutants import mutants
from kseries.report.live import live
from kseries.report.mutants import line, page


def add_commands(commands: Commands) -> None:
    """Add `mutants`."""
    parser = commands.add_parser(
        "mutants", help="does the suite catch each deliberate fault of the series?"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="those with this in their names")
    parser.add_argument("--list", action="store_true", help="only say which there are")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write what killed which")
    parser.add_argument("--resume", metavar="RUN", help="go on with a check that was ended")
    parser.set_defaults(command=_mutants)


def _mutants(arguments: argparse.Namespace) -> int:
    chosen = mutants.select(mutants.read(MUTANTS), arguments.names)
    if arguments.list:
        for mutant in chosen:
            print(f"{mutant.name}: {mutant.title} ({', '.join(mutant.rules)})")
        return 0
    command = ("kseries", *sys.argv[1:])
    opened = take_up(arguments.resume, lambda: Request(command=command), mutants.NAME)
    with live(sys.stderr) as progress:
        work = replace(
            opened.work(progress), suffix=mutants.NAME, session=("mutants", *arguments.names)
        )
        results = mutants.check(work, chosen, kselftest_zcrx.rules(LAST_LEVEL))
    if arguments.page:
        everything = mutants.with_untried(mutants.read(MUTANTS), results)
        atomicfile.write_text(arguments.page, page(everything))
    missed = [result for result in results if result.fate is not MutantFate.KILLED]
    for result in missed:
        print(line(result))
    print(f"{len(results) - len(missed)} of {len(results)} mutants killed: {opened.run.path}")
    return 1 if missed else 0
