# SPDX-License-Identifier: GPL-2.0
"""`kseries suites`: the suites there are, and those that a run would choose for a series."""

from __future__ import annotations

import sys
from argparse import Namespace

from kseries.choice import asked
from kseries.choice.choosing import Choice, Group, grouped
from kseries.cli.request import request, with_settings
from kseries.cli.run_context import candidate_for, progress
from kseries.cli.screen import print_json, screen
from kseries.lib.errors import UserError
from kseries.lib.naming import few
from kseries.lib.paths import Project
from kseries.report import listing
from kseries.suites.catalogue import Catalogue, Listed

SHOWN = 5  # changed files in a sentence


def suites(arguments: Namespace) -> int:
    """Print the suites that have a file."""
    found = Catalogue.of(Project.find(arguments.workspace)).listed
    if arguments.json:
        print_json([_for_programs(one) for one in found])
        return 0
    rows = [
        (one.name, one.suite.told.kind if one.suite else "", one.problem or _title(one))
        for one in found
    ]
    width, color = screen()
    foot = "kselftest/TARGET, kselftest/TARGET:PROGRAM and kunit/SYMBOL need no file."
    titles = ("suite", "kind", "title")
    sys.stdout.write(listing.render(titles, rows, width=width, color=color, foot=foot))
    return 0


def suites_for(arguments: Namespace) -> int:
    """Print what is chosen for a series and why, and what else would fit; 1 where nothing is."""
    arguments.series = arguments.of
    wanted = with_settings(request(arguments))
    project = Project.find(arguments.workspace)
    with progress(arguments) as shown:
        candidate = candidate_for(wanted, project, shown)
    found = asked.find(candidate, project, arguments.minutes) if candidate else None
    if found is None:
        why = candidate.why_not if candidate else "no source can be had"
        raise UserError(
            "The series applies nowhere, so nothing can be chosen for it.",
            where=why,
            do=f"`kseries base {arguments.of}` tells how it fits each source",
        )
    _show(arguments, found.choice, found.paths)
    return 0 if found.choice.chosen else 1


def _show(arguments: Namespace, choice: Choice, paths: tuple[str, ...]) -> None:
    if arguments.json:
        print_json(
            {
                "changes": list(paths),
                "chosen": [
                    {"suite": one.name, "why": one.why, "seconds": one.seconds}
                    for one in choice.chosen
                ],
                "left_out": [{"suite": name, "why": why} for name, why in choice.left_out],
            }
        )
        return
    rows = [
        (*_counted(group, verb), _listed(group))
        for verb, named in (
            ("runs", [(one.name, one.why) for one in choice.chosen]),
            ("left out", choice.left_out),
        )
        for group in grouped(named)
    ]
    if not rows:
        print(_nothing(paths))
        return
    width, color = screen()
    spent = sum(one.seconds for one in choice.chosen) / 60
    taken = f"About {spent:.0f}" if spent >= 1 else "Less than one"
    about = f"{taken} of {arguments.minutes:g} minutes."
    foot = f"{about} Other tests: --suite NAME, or --suite NAME:PROGRAM"
    sys.stdout.write(
        listing.render(("suite", "", "why"), rows, width=width, color=color, foot=foot)
    )


def _nothing(paths: tuple[str, ...]) -> str:
    """Say why there is nothing to list."""
    if not paths:
        return "The series changes nothing: all of it is in the base already."
    return (
        f"No suite fits what the series changes: {few(paths, SHOWN)}.\n"
        "A run takes the tests of its stack. Others: --suite NAME, or --suite NAME:PROGRAM"
    )


def _counted(group: Group, verb: str) -> tuple[str, str]:
    """Give the name as `--suite` takes it, and how much of it is run or left out."""
    if len(group.programs) == 1:
        return f"{group.suite}:{group.programs[0]}", verb
    return group.suite, f"{verb} {len(group.programs)}" if group.programs else verb


def _listed(group: Group) -> str:
    names = f": {', '.join(group.programs)}" if len(group.programs) > 1 else ""
    return f"{group.why}{names}"


def _title(one: Listed) -> str:
    return one.suite.told.title if one.suite else ""


def _for_programs(one: Listed) -> dict[str, object]:
    told = one.suite.told if one.suite else None
    return {
        "name": one.name,
        "file": str(one.file),
        "kind": told.kind if told else "",
        "title": told.title if told else "",
        "covers": list(told.covers) if told else [],
        "problem": one.problem,
    }
