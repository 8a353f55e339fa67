# SPDX-License-Identifier: GPL-2.0
"""Is a target ready? Each rule says what is, what is needed, and the command that fixes it. Pure.

A capability that the machine does not have is a skip with that as its reason; what could not be
asked is unknown. Neither is a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kseries.hardware.probe import Facts
from kseries.hardware.target import Lab


class State(StrEnum):
    """What a rule found. WRONG can be fixed, SKIP cannot."""

    OK = "ok"
    WRONG = "wrong"
    SKIP = "skip"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Row:
    """A line of the check.

    fix: a line for a shell of the workstation, "" where nothing is to be done. What a person has to
    do is a comment in it, so that all of it can be pasted.
    """

    name: str
    state: State
    found: str
    needed: str
    fix: str = ""


@dataclass(frozen=True)
class Timed:
    """What a machine said. began, ended: when it was asked, by the workstation's clock, in s."""

    facts: Facts
    began: float
    ended: float


@dataclass(frozen=True)
class Told:
    """What something beside the machines said, or why it could not be asked; "" for nothing."""

    text: str = ""
    is_good: bool = True
    fix: str = ""


@dataclass(frozen=True)
class Asked:
    """What the rules look at."""

    lab: Lab
    of_dut: Timed
    of_peer: Timed
    token: str = ""  # of our lock on the DUT
    switch: Told = Told()  # of power
    place: Told = Told()  # of labgrid

    @property
    def dut(self) -> Facts:
        """What the DUT said."""
        return self.of_dut.facts

    @property
    def peer(self) -> Facts:
        """What the peer said."""
        return self.of_peer.facts

    @property
    def port(self) -> str:
        """The DUT's interface as it is called now."""
        return self.dut.port or self.lab.dut.interface

    def on_dut(self, command: str) -> str:
        """Give a command to be typed on the workstation."""
        return f"ssh {self.lab.dut.host} {command}"

    def on_peer(self, command: str) -> str:
        """Give a command for the peer's port, to be typed on the workstation."""
        peer = self.lab.peer
        if peer.namespace:
            return self.on_dut(f"ip netns exec {peer.namespace} {command}")
        return f"ssh {peer.host} {command}"


Rule = Callable[[Asked], Iterator[Row]]


def decide(asked: Asked, rules: Sequence[Rule]) -> tuple[Row, ...]:
    """Apply the rules in their order. Where there is no port, nothing is told of it."""
    return tuple(row for rule in rules for row in rule(asked))


def ready(rows: Sequence[Row]) -> bool:
    """Whether all is as it has to be."""
    return all(row.state is State.OK for row in rows)


def good(name: str, is_good: bool, found: str, needed: str, fix: str = "") -> Row:
    """Give a row for something that can be fixed."""
    return Row(name, State.OK if is_good else State.WRONG, found, needed, "" if is_good else fix)


def unknown(name: str, facts: Facts, fact: str, needed: str, fix: str = "") -> Row:
    """Give a row for what was not answered."""
    why = facts.why_not(fact) if not facts.ok(fact) else "what was answered makes no sense"
    return Row(name, State.UNKNOWN, f"{facts.host}: {why}", needed, fix)


def capability(name: str, facts: Facts, fact: str, needed: str) -> Row:
    """Give a row for what a driver refuses or did not answer; to be called where it is not ok."""
    if facts.unsupported(fact):
        return Row(name, State.SKIP, "the driver does not have it", needed)
    return unknown(name, facts, fact, needed)


def summary(name: str, rows: Sequence[Row]) -> str:
    """Say in a line whether a target is ready."""
    if ready(rows):
        return f"{name} is ready."
    counts = [
        (sum(row.state is state for row in rows), words)
        for state, words in (
            (State.WRONG, "to be fixed"),
            (State.SKIP, "that it cannot do (tests of it are skipped)"),
            (State.UNKNOWN, "unknown"),
        )
    ]
    told = ", ".join(f"{count} {words}" for count, words in counts if count)
    return f"{name} is not ready: {told}."
