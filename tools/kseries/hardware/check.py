# SPDX-License-Identifier: GPL-2.0
"""The preflight check of a target: asks both machines, and decides here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from kseries.hardware import asked as questions
from kseries.hardware import lock, power, rules_link, rules_machine, rules_nic
from kseries.hardware.asked import addresses
from kseries.hardware.ends import Asker, asker, places
from kseries.hardware.holder import OfLabgrid
from kseries.hardware.preflight import Asked, Row, Rule, Timed, Told, decide
from kseries.hardware.probe import Question
from kseries.hardware.ssh import connected
from kseries.hardware.target import Lab
from kseries.lib.errors import KseriesError


def check(lab: Lab) -> tuple[Row, ...]:
    """Say what is and what is needed. Raises InfraError where a machine cannot be asked."""
    return judged(gathered(lab))


def gathered(lab: Lab) -> Asked:
    """Ask both machines, and the power switch; nothing is changed there."""
    with ThreadPoolExecutor(2) as pool:  # a BMC takes its time
        switch, place = pool.submit(_told, _switch, lab), pool.submit(_told, _place, lab)
        return replace(_machines(lab), switch=switch.result(), place=place.result())


def _told(ask: Callable[[Lab], Told], lab: Lab) -> Told:
    try:
        return ask(lab)
    except KseriesError as error:
        return Told(error.what, is_good=False, fix=error.do)


def _switch(lab: Lab) -> Told:
    power.require_usable(replace(lab, labgrid=None))
    state = power.state(lab.power)
    return Told(state, is_good=state in ("On", ""), fix="switch it on")


def _place(lab: Lab) -> Told:
    if lab.labgrid is None:
        return Told()
    seen = OfLabgrid(lab.labgrid).look()
    told = "yours" if seen.is_ours else seen.told
    fix = "ask them; else: kseries hw lock TARGET --take-over"
    return Told(told, is_good=seen.is_ours or seen.is_free, fix=fix)


def _machines(lab: Lab) -> Asked:
    with connected(lab.hosts) as links:
        ours, theirs = (asker(links, place) for place in places(lab))

        def of_peer() -> Timed:
            return _timed(theirs, questions.PORT)

        def of_dut(there: tuple[str, ...]) -> Timed:
            return _timed(ours, questions.of_dut(there))

        if lab.peer.addresses:  # what the DUT is asked does not depend on the peer
            there = rules_link.peer_addresses(lab.peer.addresses)
            second, first = links.together(of_peer, lambda: of_dut(there))
        else:
            second = of_peer()
            first = of_dut(rules_link.peer_addresses(addresses(second.facts)))
        return Asked(lab, first, second, lock.token(lab.dut.host))


def _timed(ask: Asker, asked: Sequence[Question]) -> Timed:
    began = time.time()
    facts = ask(asked)
    return Timed(facts, began, time.time())


def judged(asked: Asked) -> tuple[Row, ...]:
    """Apply all rules; those about the ports only where both are there."""
    rows = decide(asked, (*rules_machine.RULES, rules_link.ports))
    if not (asked.dut.port and asked.peer.port):
        return rows
    more: tuple[Rule, ...] = (*rules_nic.RULES, *rules_link.RULES)
    return (*rows, *decide(asked, more))
