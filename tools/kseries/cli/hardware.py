# SPDX-License-Identifier: GPL-2.0
"""`kseries hw`: the lab machines that there are."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict

from kseries.cli.screen import print_json, screen
from kseries.hardware.catalogue import Catalogue, Listed
from kseries.hardware.check import check as preflight
from kseries.hardware.preflight import ready, summary
from kseries.hardware.target import Lab
from kseries.lib.paths import Project
from kseries.lib.userpath import current
from kseries.report import listing
from kseries.report.printable import printable


def targets(arguments: Namespace) -> int:
    """Print the targets."""
    found = catalogue(arguments).listed()
    if arguments.json:
        print_json([_for_programs(one) for one in found])
        return 0
    rows = [(one.name, *_columns(one)) for one in found]
    width, color = screen()
    titles = ("target", "machine", "port", "driver", "title")
    sys.stdout.write(listing.render(titles, rows, width=width, color=color))
    return 0


def show(arguments: Namespace) -> int:
    """Print what the file of a target says, defaults included."""
    target = catalogue(arguments).find(arguments.target, current())
    if arguments.json:
        print_json({"name": target.name, **_plain(target.lab)})
        return 0
    rows = list(_leaves("", _plain(target.lab)))
    width, color = screen()
    sys.stdout.write(listing.render((target.name, ""), rows, width=width, color=color))
    return 0


def check(arguments: Namespace) -> int:
    """Print what a target has and what it needs; 1 where it is not ready."""
    target = catalogue(arguments).find_real(arguments.target, current())
    rows = preflight(target.lab)
    is_ready = ready(rows)
    if arguments.json:
        print_json({"target": target.name, "ready": is_ready, "checks": list(map(asdict, rows))})
        return 0 if is_ready else 1
    width, color = screen()
    shown = [(row.name, row.state, row.found, row.needed) for row in rows]
    sys.stdout.write(listing.render(("check", "", "is", "needed"), shown, width=width, color=color))
    fixes = [(row.name, row.fix) for row in rows if row.fix]
    if fixes:
        # Not folded, so that they can be taken as they are.
        print("\nto fix:")
        for name, fix in printable(tuple(fixes)):
            print(f"  {name}:\n    {fix}")
    print(f"\n{summary(target.name, rows)}")
    return 0 if is_ready else 1


def catalogue(arguments: Namespace) -> Catalogue:
    """Give the targets that the command line means."""
    return Catalogue.of(Project.find(arguments.workspace))


def _columns(one: Listed) -> tuple[str, str, str, str]:
    if one.target is None:
        return "", "", "", one.problem
    lab = one.target.lab
    title = f"{lab.title} (an example)" if lab.example else lab.title
    return lab.dut.host, lab.dut.interface, lab.dut.driver, title


def _for_programs(one: Listed) -> dict[str, object]:
    told = _plain(one.target.lab) if one.target else None
    return {"name": one.name, "file": str(one.file), "problem": one.problem, "target": told}


def _plain(lab: Lab) -> dict[str, object]:
    """Give a target as plain values; what refuses passwords is none of them."""
    told = asdict(lab)
    for part in ("console", "power"):
        told[part].pop("password", None)
    return told


def _leaves(name: str, value: object) -> list[tuple[str, str]]:
    """Give each value with its dotted name."""
    if isinstance(value, dict):
        return [
            leaf
            for key, inner in value.items()
            for leaf in _leaves(f"{name}.{key}" if name else key, inner)
        ]
    if isinstance(value, tuple):
        return [(name, " ".join(map(str, value)))]
    if isinstance(value, bool):
        return [(name, "yes" if value else "no")]
    return [(name, "" if value is None else str(value))]
