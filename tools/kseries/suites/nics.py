# SPDX-License-Identifier: GPL-2.0
"""Two linked interfaces in a guest, for programs that want a NIC and somebody to talk to."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

SCRIPT = Path(__file__).parent / "guest" / "nics.sh"
PLACE = "nics/nics.sh"
"""Below the installed tests."""


def words() -> list[str]:
    """Give the command that makes them, and prints names and addresses."""
    return ["sh", "-c", SCRIPT.read_text()]


def texts(queues: int) -> dict[str, str]:
    """Give what is put beside the installed tests, where these get NICs at all."""
    return {PLACE: SCRIPT.read_text()} if queues else {}


def around(program: str, folder: str, queues: int) -> tuple[str, ...]:
    """Give the command that makes NICs with that many queues for a program in a folder of tests."""
    script = "/".join([*(".." for _ in PurePosixPath(folder).parts), PLACE])
    return ("sh", script, str(queues), "--", program)
