# SPDX-License-Identifier: GPL-2.0
"""Take what the ports of a target are set to, compare, put back: nothing is left silently."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from kseries.hardware import namespace, nicstate, statefile
from kseries.hardware.ends import Asker, Place, Side, asker, places
from kseries.hardware.nicstate import Port
from kseries.hardware.port import PORT_S
from kseries.hardware.probe import Facts, Question
from kseries.hardware.putback import Difference, differences, unknown
from kseries.hardware.ssh import Links
from kseries.hardware.state_asked import PORT
from kseries.hardware.statefile import KeptPort, StateFile
from kseries.hardware.target import Lab
from kseries.lib.errors import InfraError

T = TypeVar("T")
ROUNDS = 2  # setting one thing may change another: the number of queues, their table


@dataclass(frozen=True)
class Compared:
    """What became of a port. left: what differs still. repaired: what did, and does no more.

    refused: what commands that failed have printed, by the names of settings.
    """

    side: Side
    host: str
    booted: bool  # since the state was taken
    left: tuple[Difference, ...]
    unknown: Mapping[str, str]
    repaired: tuple[Difference, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether all is as it was, and known to be."""
        return not self.left and not self.unknown


def take(lab: Lab, links: Links) -> tuple[KeptPort, ...]:
    """Take the state of both ports. Raises InfraError where a port is not there."""
    return tuple(_both(lab, links, lambda place, asker: _kept(place, asker)))


def compare(lab: Lab, links: Links, state: StateFile) -> tuple[Compared, ...]:
    """Say what differs from a state."""
    return _each(lab, links, state, _compared)


def restore(lab: Lab, links: Links, state: StateFile) -> tuple[Compared, ...]:
    """Put a state back, and say what differed and what still does.

    The machine may have been booted just now: its ports are waited for.
    """
    made = {place.side: namespace.enter(links, place) for place in places(lab)}
    found = _each(lab, links, state, _restored, wait_s=PORT_S)
    return tuple(replace(one, repaired=(*made[one.side], *one.repaired)) for one in found)


def _each(
    lab: Lab,
    links: Links,
    state: StateFile,
    work: Callable[[KeptPort, Asker], Compared],
    *,
    wait_s: int = 0,
) -> tuple[Compared, ...]:
    by_side = {port.side: port for port in state.ports}
    return tuple(
        _both(lab, links, lambda place, asker: work(by_side[place.side], asker), wait_s=wait_s)
    )


def _kept(place: Place, asker: Asker) -> KeptPort:
    port = _port(asker(PORT), place.host, place.interface)
    return statefile.kept(place.side, place.host, place.namespace, port)


def _compared(kept: KeptPort, asker: Asker) -> Compared:
    before, now = kept.port(), _port(asker(PORT), kept.host, kept.interface)
    left, skipped = differences(before, now), unknown(before, now)
    return Compared(kept.side, kept.host, before.boot != now.boot, left, skipped)


def _restored(kept: KeptPort, asker: Asker) -> Compared:
    found = _compared(kept, asker)
    seen, left = {each.name: each for each in found.left}, found.left
    refused: dict[str, str] = {}
    now = found
    for _ in range(ROUNDS):
        steps = [each for each in left if each.command]
        if not steps:
            break
        questions = [Question(f"step{number}", each.command) for number, each in enumerate(steps)]
        facts = asker((*questions, *PORT))
        refused = {
            each.name: facts.why_not(f"step{number}")
            for number, each in enumerate(steps)
            if not facts.ok(f"step{number}")
        }
        now = _compared(kept, lambda _, facts=facts: facts)  # type: ignore[misc]
        left = now.left
        for each in left:
            seen.setdefault(each.name, each)  # what was found first is told
    names = {each.name for each in left}
    repaired = tuple(each for each in seen.values() if each.name not in names)
    return replace(now, repaired=repaired, refused=refused)


def _port(facts: Facts, host: str, interface: str) -> Port:
    if not facts.port:
        raise InfraError(
            f"{host} has no interface '{interface}'.",
            where=f"ssh {host}",
            do=f"see `ssh {host} ip -brief link`; is the driver loaded?",
        )
    return nicstate.port(facts)


def _both(lab: Lab, links: Links, work: Callable[[Place, Asker], T], *, wait_s: int = 0) -> list[T]:
    """Do something with both ports, at the same time where they are on two machines."""
    jobs = [partial(work, place, asker(links, place, wait_s)) for place in places(lab)]
    return links.together(*jobs) if lab.peer.host else [job() for job in jobs]


def repaired(found: tuple[Compared, ...]) -> list[str]:
    """Say what was put back, and what nobody could ask for."""
    notes = []
    for each in found:
        if each.repaired:
            names = ", ".join(one.name for one in each.repaired[:8])
            notes.append(f"{each.side}: put back {len(each.repaired)} settings ({names})")
        if each.unknown:
            notes.append(f"{each.side}: not known: {', '.join(each.unknown)}")
    return notes
