# SPDX-License-Identifier: GPL-2.0
"""Putting a state back, on a machine in small: it looks again, and says what is left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from kseries.hardware import restore, statefile
from kseries.hardware.nicstate import port
from kseries.hardware.probe import Answer, Facts, Question
from kseries.hardware.restore import Compared
from kseries.hardware.state_asked import PORT
from kseries.hardware.statefile import KeptPort

UNSUPPORTED = Answer(95, "netlink error: Operation not supported")


@dataclass
class Machine:
    """A port with channels, a table of RSS and an MTU; `ethtool -L` resets the table, as NICs do.

    refuses: a word of commands that fail. silent: a question that is not answered.
    """

    channels: int = 4
    spread: int = 4
    mtu: int = 1500
    boot: str = "first"
    refuses: str = "never"
    silent: str = ""
    asked: list[list[str]] = field(default_factory=list)

    def ask(self, questions: Sequence[Question]) -> Facts:
        steps = [each for each in questions if each.name.startswith("step")]
        self.asked.append([each.command for each in steps])
        answers = {each.name: self._carry_out(each.command) for each in steps}
        answers |= {each.name: UNSUPPORTED for each in PORT}
        answers |= {
            "port": Answer(0, "eth1"),
            "kernel": Answer(0, "7.3"),
            "boot": Answer(0, self.boot),
            "link": Answer(0, json.dumps([{"mtu": self.mtu, "flags": ["UP"]}])),
            "channels": Answer(0, f"Current hardware settings:\nCombined:\t{self.channels}\n"),
            "rss": Answer(0, json.dumps([{"rss-indirection-table": self._table()}])),
        }
        if self.silent:
            answers[self.silent] = Answer(124, "")
        return Facts("dut", answers)

    def _table(self) -> list[int]:
        return [place % self.spread for place in range(8)]

    def _carry_out(self, command: str) -> Answer:
        words = command.split()
        if self.refuses in words:
            return Answer(1, "netlink error: Invalid argument")
        if words[1] == "-L":
            self.channels = self.spread = int(words[-1])
        elif words[1] == "-X":
            self.spread = int(words[-1])
        else:
            self.mtu = int(words[-1])
        return Answer(0, "")


def kept(machine: Machine) -> KeptPort:
    return statefile.kept("dut", "dut", "", port(machine.ask(PORT)))


def restored(machine: Machine, before: KeptPort) -> Compared:
    machine.asked.clear()
    return restore._restored(before, machine.ask)


def names(each: Compared) -> list[str]:
    return [one.name for one in each.repaired]


def test_where_nothing_differs_nothing_is_done() -> None:
    machine = Machine()
    found = restored(machine, kept(machine))
    assert found.clean
    assert found.repaired == ()
    assert machine.asked == [[]]


def test_what_differs_is_put_back_and_told() -> None:
    machine = Machine()
    before = kept(machine)
    machine.mtu = 9000
    found = restored(machine, before)
    assert found.clean
    assert names(found) == ["link.mtu"]
    assert (found.repaired[0].was, found.repaired[0].now) == ("1500", "9000")
    assert machine.mtu == 1500


def test_what_one_setting_upsets_is_put_back_behind_it() -> None:
    machine = Machine(channels=4, spread=2)
    before = kept(machine)
    machine.channels = 1  # the table is as it was, and setting the channels spoils it
    found = restored(machine, before)
    assert found.clean
    assert names(found) == ["channels.combined", "rss.table"]
    assert len(machine.asked) == 3
    assert (machine.channels, machine.spread) == (4, 2)


def test_what_is_refused_is_left_and_told() -> None:
    machine = Machine(refuses="mtu")
    before = kept(machine)
    machine.mtu, machine.channels = 9000, 2
    found = restored(machine, before)
    assert not found.clean
    assert names(found) == ["channels.combined"]
    assert [each.name for each in found.left] == ["link.mtu"]
    assert found.refused == {"link.mtu": "netlink error: Invalid argument"}


def test_it_is_tried_twice_and_no_more() -> None:
    machine = Machine(refuses="mtu")
    before = kept(machine)
    machine.mtu = 9000
    restored(machine, before)
    assert len(machine.asked) == 1 + restore.ROUNDS


def test_what_is_not_answered_is_never_clean() -> None:
    machine = Machine()
    before = kept(machine)
    machine.silent = "channels"
    found = restored(machine, before)
    assert not found.clean
    assert found.left == ()
    assert found.unknown == {"channels": "it did not answer in time"}


def test_what_was_unknown_when_it_was_taken_is_unknown_for_ever() -> None:
    machine = Machine(silent="rss")
    before = kept(machine)
    machine.silent = ""
    assert set(restored(machine, before).unknown) == {"rss"}


def test_a_boot_is_told() -> None:
    machine = Machine()
    before = kept(machine)
    assert not restored(machine, before).booted
    machine.boot = "second"
    assert restored(machine, before).booted
