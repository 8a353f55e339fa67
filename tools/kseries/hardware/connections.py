# SPDX-License-Identifier: GPL-2.0
"""The connections to a target's machines, made again where one is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from kseries.hardware.ssh import LOGIN_S, Lasting, Link, Links, Refused, TooSlow, Unreachable
from kseries.lib.deadline import Deadline

T = TypeVar("T")

RETRIES = 5
PAUSE_S = 2.0
ASK_S = 60.0


class Connections:
    """Connections, by host. patience_s: how long one may take to be made again."""

    def __init__(
        self,
        hosts: Sequence[str],
        folder: Path,
        patience_s: float,
        note: Callable[[str], None],
    ) -> None:
        """Describe them; folder: for their sockets, with a short name."""
        self._patience_s = patience_s
        self._note = note
        self._all = {
            host: Lasting(host, folder, str(number))
            for number, host in enumerate(dict.fromkeys(hosts))
        }
        self.stop: Callable[[], bool] = lambda: False
        """Whether there is no point in going on."""

    def __getitem__(self, host: str) -> Lasting:
        """Give the connection to a machine."""
        return self._all[host]

    def __iter__(self) -> Iterator[Lasting]:
        """Give all."""
        return iter(self._all.values())

    @property
    def links(self) -> Links:
        """Give them to who only uses them."""
        return Links({host: each.link for host, each in self._all.items()}, ())

    def close(self) -> None:
        """End them."""
        for each in self:
            each.close()

    def together(self) -> None:
        """Connect with all machines at the same time. Raises the first error of them."""
        for each in self:
            each.begin()
        deadline = Deadline.after(LOGIN_S)
        failed: list[Unreachable] = []
        for each in self:
            try:
                each.finish(deadline)
            except Unreachable as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def again(self, patience_s: float = 0.0) -> None:
        """Connect where a connection was lost. Raises Unreachable, Refused at once.

        Whoever can be reached is, also where another one cannot.
        """
        deadline = Deadline.after(patience_s)
        failed: list[Unreachable] = []
        for each in self:
            try:
                self._again(each, deadline)
            except Refused:
                raise
            except Unreachable as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def _again(self, lasting: Lasting, deadline: Deadline) -> None:
        while not _answers(lasting):
            try:
                lasting.connect()
            except Refused:
                raise
            except Unreachable:
                if deadline.expired or self.stop():
                    raise
                time.sleep(min(PAUSE_S, deadline.remaining()))

    def persist(self, work: Callable[[], T]) -> T:
        """Do some work; it is begun again, where a connection is lost, once that is made again.

        So it must be such as may be done twice. Raises Unreachable after RETRIES, or when no
        connection could be made for as long as patience goes.
        """
        for number in range(1, RETRIES + 1):
            try:
                return work()
            except (Refused, TooSlow):
                raise
            except Unreachable as error:
                if self.stop():
                    raise
                self._note(
                    f"{error.what.rstrip('.')}: connecting again ({number} of {RETRIES} times)"
                )
                self.again(self._patience_s)
        return work()


@contextmanager
def closing(connections: Connections) -> Iterator[Connections]:
    """Have connections end with a block."""
    try:
        yield connections
    finally:
        connections.close()


def _answers(lasting: Lasting) -> bool:
    return lasting.is_up and _does(lasting.link)


def _does(link: Link) -> bool:
    try:
        return link.run("true", Deadline.after(ASK_S)).ok
    except Refused:
        raise
    except Unreachable:
        return False
