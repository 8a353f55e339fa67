# SPDX-License-Identifier: GPL-2.0
"""What tests want of the machine that they run on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kseries.suite import Suite
from kseries.suites import linked


@dataclass(frozen=True)
class Needs:
    """packages: of Debian, beside the usual ones, sorted. memory_mib: at least; 0: as usual.

    machines: 2 where another one is at the other end of a cable.
    """

    packages: tuple[str, ...] = ()
    memory_mib: int = 0
    machines: int = 1


def of_suites(suites: Iterable[Suite]) -> Needs:
    """Put together what suites want."""
    wanted = list(suites)
    told = [suite.told for suite in wanted]
    packages = {name for one in told for name in one.packages}
    machines = max(map(linked.machines, wanted), default=1)
    if machines > 1:
        packages.update(linked.PACKAGES)
    memory_mib = max((one.memory_mib for one in told), default=0)
    return Needs(tuple(sorted(packages)), memory_mib, machines)
