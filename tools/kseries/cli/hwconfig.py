# SPDX-License-Identifier: GPL-2.0
"""`kseries hw config`: what a kernel for a lab machine is configured with."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from kseries.cli.hardware import catalogue
from kseries.cli.screen import print_json, screen
from kseries.hardware import dutconfig
from kseries.hardware.target import OWN
from kseries.lib.errors import UserError
from kseries.lib.paths import Project
from kseries.lib.userpath import current
from kseries.report import listing
from kseries.stacks.stackfile import find_fragment

TAKEN = "what the kernel that {} runs was configured with; --fetch FILE takes it"


def config(arguments: Namespace) -> int:
    """Name the fragments of a target; take its own config, where that is asked for."""
    found = catalogue(arguments)
    if arguments.fetch:
        file: Path = arguments.fetch
        if file.exists():
            raise UserError(
                "There is a file of this name already.", where=str(file), do="name another one"
            )
        dutconfig.fetch(found.find_real(arguments.target, current()), file)
        print(file)
        return 0
    target = found.find(arguments.target, current())
    project = Project.find(arguments.workspace)
    rows = []
    for name in dutconfig.names(target.lab):
        what = TAKEN.format(target.lab.dut.host)
        if name != OWN:
            what = str(find_fragment(name, project=project, base=project.root))
        rows.append((name, what))
    if arguments.json:
        told = [{"name": name, "what": what} for name, what in rows]
        print_json({"target": target.name, "configs": told})
        return 0
    width, color = screen()
    sys.stdout.write(listing.render((target.name, ""), rows, width=width, color=color))
    return 0
