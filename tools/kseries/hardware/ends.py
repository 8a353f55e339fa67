# SPDX-License-Identifier: GPL-2.0
"""Both ports of a target, asked on whichever machines and in whichever namespaces they are."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Literal

from kseries.hardware.probe import Facts, Question, ask
from kseries.hardware.ssh import Links
from kseries.hardware.target import Lab
from kseries.lib import proc
from kseries.lib.deadline import Deadline

Side = Literal["dut", "peer"]
Asker = Callable[[Sequence[Question]], Facts]


@dataclass(frozen=True)
class Place:
    """Where a port is."""

    side: Side
    host: str
    interface: str
    pci: str = ""
    namespace: str = ""


def places(lab: Lab) -> tuple[Place, Place]:
    """Give the DUT's port and the peer's."""
    dut, peer = lab.dut, lab.peer
    return (
        Place("dut", dut.host, dut.interface, dut.pci),
        Place("peer", peer.host or dut.host, peer.interface, peer.pci, peer.namespace),
    )


def asker(links: Links, place: Place, wait_s: int = 0) -> Asker:
    """Give what asks a port. It waits for it, and raises, as `probe.ask` does."""

    def of(questions: Sequence[Question]) -> Facts:
        return ask(
            links.by_host[place.host],
            questions,
            interface=place.interface,
            pci=place.pci,
            namespace=place.namespace,
            wait_s=wait_s,
        )

    return of


class Ends:
    """Both ports of a machine that we have. Methods raise Unreachable, and as `probe.ask` does."""

    def __init__(self, lab: Lab, connected: Callable[[], Links]) -> None:
        """Describe them. connected: gives connections, made anew where they were lost."""
        self.lab = lab
        self._connected = connected
        self._dut, self._peer = places(lab)

    def dut(self, questions: Sequence[Question]) -> Facts:
        """Ask the DUT about its port."""
        return asker(self._connected(), self._dut)(questions)

    def peer(self, questions: Sequence[Question]) -> Facts:
        """Ask the peer about its own."""
        return asker(self._connected(), self._peer)(questions)

    def run_on_peer(self, script: str, source: IO[bytes], deadline: Deadline) -> proc.Completed:
        """Run a script where the peer's port is, whose standard input is a file."""
        words = ["sh", "-c", script]
        if self._peer.namespace:
            words = ["ip", "netns", "exec", self._peer.namespace, *words]
        link = self._connected().by_host[self._peer.host]
        return link.feed(shlex.join(words), source, deadline)
