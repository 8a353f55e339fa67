# SPDX-License-Identifier: GPL-2.0
"""`kseries hw lock`, `hw unlock`: who has a lab machine."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict

from kseries.cli.hardware import catalogue
from kseries.cli.screen import print_json
from kseries.hardware import lock
from kseries.hardware.lock import Seen
from kseries.hardware.ssh import Link, connected
from kseries.lib.userpath import current
from kseries.report.printable import printable


def take(arguments: Namespace) -> int:
    """Take a machine, or say who has it."""

    def work(link: Link) -> Seen:
        if arguments.show:
            return lock.look(link)
        return lock.take(link, arguments.why, take_over=arguments.take_over)

    return _told(arguments, work)


def release(arguments: Namespace) -> int:
    """Give a machine back."""
    return _told(arguments, lock.release)


def _told(arguments: Namespace, work: Callable[[Link], Seen]) -> int:
    target = catalogue(arguments).find_real(arguments.target, current())
    host = target.lab.dut.host
    with connected((host,)) as links:
        seen = work(links.by_host[host])
    is_ours = seen.is_of(lock.token(host))
    if arguments.json:
        told = (
            {key: value for key, value in asdict(seen.lock).items() if key != "token"}
            if (seen.lock)
            else None
        )
        print_json({"host": host, "lock": told, "yours": is_ours, "stale": seen.stale})
    else:
        print(f"{host} is {printable(seen.told())}{', that is you' if is_ours else ''}.")
    return 0 if is_ours or not seen.mark else 1
