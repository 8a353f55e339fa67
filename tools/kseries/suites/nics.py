# SPDX-License-Identifier: GPL-2.0
"""Two linked interfaces in a guest, for programs that want a NIC and somebody to talk to."""

from __future__ import annotations

from pathlib import Path

SCRIPT = Path(__file__).parent / "guest" / "nics.sh"


def words() -> list[str]:
    """Give the command that makes them, and prints names and addresses."""
    return ["sh", "-c", SCRIPT.read_text()]
