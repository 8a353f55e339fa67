# SPDX-License-Identifier: GPL-2.0
"""The command line, with the kernel that was built last in place of the toy kernel.

A program of its own: all up to the image is the toy's; then a real virtual machine boots a real
kernel, in which the tests of the series under test run as root. $ATTACK_KERNEL: its image;
$ATTACK_CACHE: the cache folder that has the guest's root file system.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from kseries.cli.main import main
from kseries.lib.deadline import Deadline
from kseries.lib.paths import Cache, Project
from kseries.lib.runfolder import RunFolder
from kseries.machines.vm import VirtualMachine
from kseries.model import Kernel
from kseries.run.context import RunContext

ROOT = Path(__file__).parents[2]


class RealMachine(VirtualMachine):
    """A virtual machine that boots the real kernel, whatever was built."""

    def boot(self, kernel: Kernel, deadline: Deadline) -> None:
        """Boot it."""
        super().boot(replace(kernel, image=Path(os.environ["ATTACK_KERNEL"])), deadline)


def _target(work: RunContext, folder: RunFolder, number: int) -> RealMachine:
    cache = Cache(Path(os.environ["ATTACK_CACHE"]))
    return RealMachine(Project(ROOT), cache, folder, work.progress, number=number)


if __name__ == "__main__":
    RunContext.target = _target  # type: ignore[method-assign, assignment]
    sys.exit(main(sys.argv[1:]))
