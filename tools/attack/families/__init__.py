# SPDX-License-Identifier: GPL-2.0
"""The attacks, one module for each family."""

from __future__ import annotations

from attack.families import (
    escapes,
    gits,
    guests,
    keys,
    leftovers,
    limits,
    mails,
    names,
    papers,
    verdicts,
)
from attack.table import Attack

FAMILIES = (gits, leftovers, names, escapes, limits, keys, mails, papers, guests, verdicts)
ATTACKS: tuple[Attack, ...] = tuple(attack for one in FAMILIES for attack in one.ATTACKS)
