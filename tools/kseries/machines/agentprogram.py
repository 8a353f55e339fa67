# SPDX-License-Identifier: GPL-2.0
"""The agent on machines under test, compiled: static, so that it runs wherever it is put."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kseries.lib import proc
from kseries.lib.deadline import Deadline

GUEST = Path(__file__).parent / "guest"
_BOTH = ("agent.c", "agent.h", "processes.c", "processes.h")
OF_INIT = tuple(GUEST / name for name in (*_BOTH, "init.c"))
"""The first program of a virtual machine."""
DETACHED = tuple(GUEST / name for name in (*_BOTH, "detached.c"))
"""A program among others, on a machine that is reached over ssh."""

LIMIT_S = 120.0
OPTIONS = ("-std=gnu11", "-O2", "-static", "-s")


def compiled(sources: Sequence[Path], program: Path, log: Path | None = None) -> Path:
    """Compile sources, headers among them, to a program. Raises CommandFailed."""
    files = [file for file in sources if file.suffix == ".c"]
    argv: list[str | Path] = ["gcc", *OPTIONS, "-o", program, *files]
    proc.run(argv, cwd=program.parent, deadline=Deadline.after(LIMIT_S), log=log)
    return program
