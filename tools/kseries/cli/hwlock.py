# SPDX-License-Identifier: GPL-2.0
"""`kseries hw lock`, `hw unlock`: who has a lab machine."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from kseries.cli.hardware import catalogue
from kseries.cli.screen import print_json
from kseries.hardware import holder
from kseries.hardware.holder import Holder, Holding
from kseries.lib.userpath import current
from kseries.report.printable import printable


def take(arguments: Namespace) -> int:
    """Take a machine, or say who has it."""

    def work(held: Holder) -> Holding:
        if arguments.show:
            return held.look()
        return held.take(arguments.why, take_over=arguments.take_over)

    return _told(arguments, work)


def release(arguments: Namespace) -> int:
    """Give a machine back."""
    return _told(arguments, lambda held: held.release())


def _told(arguments: Namespace, work: Callable[[Holder], Holding]) -> int:
    target = catalogue(arguments).find_real(arguments.target, current())
    with holder.reached(target.lab) as held:
        seen = work(held)
    if arguments.json:
        told = {"lock": seen.details, "yours": seen.is_ours, "stale": seen.is_stale}
        print_json({"host": target.lab.dut.host, **told})
    else:
        yours = ", that is you" if seen.is_ours else ""
        print(f"{seen.what} is {printable(seen.told)}{yours}.")
    return 0 if seen.is_ours or seen.is_free else 1
