# SPDX-License-Identifier: GPL-2.0
"""The command line as a program of its own, with the toy machine in place of a virtual one."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from kseries.cli.main import main
from kseries.lib.runfolder import RunFolder
from kseries.run.context import RunContext
from tests.toymachine import ToyMachine


def _target(_work: RunContext, folder: RunFolder, number: int) -> ToyMachine:
    root = Path(tempfile.mkdtemp(prefix=f"machine-{number}-", dir=folder.path))
    return ToyMachine(root, folder.console(number))


if __name__ == "__main__":
    RunContext.target = _target  # type: ignore[method-assign, assignment]
    sys.exit(main(sys.argv[1:]))
