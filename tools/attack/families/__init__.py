# SPDX-License-Identifier: GPL-2.0
"""The attacks, one module for each family."""

from __future__ import annotations

from attack.families import escapes, gits, leftovers, names
from attack.table import Attack

ATTACKS: tuple[Attack, ...] = (
    *gits.ATTACKS,
    *leftovers.ATTACKS,
    *names.ATTACKS,
    *escapes.ATTACKS,
)
