# SPDX-License-Identifier: GPL-2.0
"""What tests want of the machine that they run on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kseries.suite import Suite


@dataclass(frozen=True)
class Needs:
    """packages: of Debian, beside the usual ones, sorted. memory_mib: at least; 0: as usual."""

    packages: tuple[str, ...] = ()
    memory_mib: int = 0


def of_suites(suites: Iterable[Suite]) -> Needs:
    """Put together what suites want."""
    told = [suite.told for suite in suites]
    packages = {name for one in told for name in one.packages}
    return Needs(tuple(sorted(packages)), max((one.memory_mib for one in told), default=0))
