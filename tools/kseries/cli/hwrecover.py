# SPDX-License-Identifier: GPL-2.0
"""`kseries hw recover`: a lab machine back in its first state, whoever was killed on it."""

from __future__ import annotations

from argparse import Namespace

from kseries.cli.hardware import catalogue
from kseries.cli.run_context import progress
from kseries.hardware import restore
from kseries.hardware.visit import Visit
from kseries.lib import runfolder
from kseries.lib.userpath import current
from kseries.report.printable import printable


def recover(arguments: Namespace) -> int:
    """Bring it back, and say what that took."""
    target = catalogue(arguments).find_real(arguments.target, current())
    with progress(arguments) as shown, runfolder.scratch() as run:
        visit = Visit(target, run, shown)
        visit.enter("hw recover")
        found = visit.leave()
    for line in restore.repaired(found):
        print(printable(line))
    print(f"{target.name} runs its own kernel, and is as it was.")
    return 0
