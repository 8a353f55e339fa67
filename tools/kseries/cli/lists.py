# SPDX-License-Identifier: GPL-2.0
"""Commands that list what there is: `runs`, `stacks`, `flakes`."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict

from kseries.cli.screen import print_json, screen
from kseries.lib.paths import Cache, Project


def runs(arguments: Namespace) -> int:
    """List the runs, newest first."""
    from kseries.report import runlist
    from kseries.verdict.runs import listed

    found = listed(Project.find(arguments.workspace).runs)
    if arguments.json:
        print_json(runlist.for_programs(found))
        return 0
    width, color = screen()
    sys.stdout.write(runlist.render(found, width=width, color=color))
    return 0


def stacks(arguments: Namespace) -> int:
    """List the stacks of the project."""
    from kseries.report import listing
    from kseries.stacks.stackfile import listed

    found = listed(Project.find(arguments.workspace))
    if arguments.json:
        print_json([asdict(stack) for stack in found])
        return 0
    width, color = screen()
    titles = ("stack", "source", "under test", "config", "suites", "title")
    rows = [
        (
            one.name,
            one.source,
            one.under_test,
            "+".join(one.config),
            ", ".join(one.suites),
            one.problem or one.title,
        )
        for one in found
    ]
    sys.stdout.write(listing.render(titles, rows, width=width, color=color))
    return 0


def flakes(arguments: Namespace) -> int:
    """List tests that failed in earlier runs."""
    from kseries.report import flakelist
    from kseries.verdict import history

    found = history.read(Cache.find().history)
    if arguments.json:
        print_json([asdict(past) for past in found])
        return 0
    width, color = screen()
    sys.stdout.write(flakelist.render(found, width=width, color=color))
    return 0
