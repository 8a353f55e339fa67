# SPDX-License-Identifier: GPL-2.0
"""The project's suites by their names, and small ones of the tests' own."""

from __future__ import annotations

from pathlib import Path

from kseries.lib.paths import Project
from kseries.suite import Suite
from kseries.suites.catalogue import Catalogue

OURS = Project(Path(__file__).parents[2])


def suites(*names: str) -> tuple[Suite, ...]:
    """Give suites of the project, or those that names alone make."""
    return Catalogue((OURS.suites,)).find(names, OURS.root)
