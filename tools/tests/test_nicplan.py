# SPDX-License-Identifier: GPL-2.0
"""How a target is set up for a measurement over its NIC, and what it is told not to measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from kseries.bench import nic, nicplan
from kseries.bench.nic import Asked, Item
from kseries.bench.nicplan import Plan, plan
from kseries.hardware.probe import Answer
from kseries.hardware.target import Peer
from tests.nicfacts import BNXT, CHANNELS, LAB, PEER, REFUSED, rings, told


def planned(changed: Mapping[str, str | Answer], asked: Asked | None = None) -> Plan:
    return plan(asked or Asked(), LAB, told(**{**BNXT, **changed}), PEER)


def commands(made: Plan) -> dict[str, str]:
    return {f"{step.side} {step.name}": step.command for step in made.commands}


def skipped(made: Plan) -> dict[str, str]:
    return {missing.item.name: missing.why for missing in made.skipped}


def test_a_nic_that_can_all_of_it_is_set_up() -> None:
    made = planned({})
    assert made.skipped == ()
    assert (made.family, made.address, made.mtu, made.queue) == (4, "192.0.2.1", 4148, 15)
    told = commands(made)
    assert "stop irqbalance" in told["dut irqbalance.runs"]
    assert told["dut link.mtu"] == "ip link set dev ens1 mtu 4148"
    assert told["peer link.mtu"] == "ip link set dev ens2 mtu 4148"
    assert told["dut rings.tcp-data-split"] == "ethtool -G ens1 tcp-data-split on"
    assert told["dut rings.hds-thresh"] == "ethtool -G ens1 hds-thresh 0"
    assert told["dut features.ntuple-filters"] == "ethtool -K ens1 ntuple-filters on"
    # The flow has a queue of its own, which nothing else is spread on.
    assert told["dut RSS"] == "ethtool -X ens1 equal 15"
    assert told["dut rule"] == (
        "ethtool -N ens1 flow-type tcp4 dst-ip 192.0.2.1 dst-port 5201 action 15"
    )
    governors = [name for name in told if "governor" in name]
    assert governors == ["dut governor.cpu0/cpufreq/scaling_governor"]
    # What may be refused is known to be needed; what helps all receivers is not.
    assert "rule" in made.needed
    assert "link.mtu" not in made.needed


def test_what_is_set_already_is_left_alone() -> None:
    split = rings(**{"tcp-data-split": "on", "hds-thresh": 0})
    made = planned({"rings": split, "irqbalance": "off"})
    assert not [name for name in commands(made) if "rings" in name or "irqbalance" in name]


def test_both_cpus_are_near_the_nic_and_not_threads_of_one_core() -> None:
    made = planned({})
    assert made.softirq == 8
    assert made.application == {"different": 9, "same": 8}
    # 8 and 24 are one core.
    made = planned({"near": "8,24"})
    assert (made.softirq, made.application["different"]) == (8, 1)


@pytest.mark.parametrize("near", [REFUSED, "40-47", "nonsense"])
def test_without_a_node_any_cpu_does_but_the_first_is_the_last_choice(near: str | Answer) -> None:
    made = planned({"near": near, "online": "0-1", "siblings": ""})
    assert (made.softirq, made.application) == (1, {"different": 0, "same": 1})


def test_one_core_has_no_other_one() -> None:
    made = planned({"near": REFUSED, "online": "0,16"})
    assert made.application == {"same": 16}
    assert skipped(made) == {
        item.name: "the machine has one core" for item in nic.ITEMS if item.where == "different"
    }


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"queue_api": ""}, "queue API: bnxt_en of 7.3.0 does not have it"),
        ({"kernel": "6.12.117"}, "unreadable memory: bnxt_en of 6.12.117 does not, unpatched"),
        ({"rings": REFUSED}, "header split: the driver does not have it"),
        ({"rings": rings()}, "header split: the driver does not have it"),
        ({"channels": CHANNELS.format(most=1, now=1)}, "channels: 1 of 1"),
    ],
)
def test_zero_copy_is_skipped_with_what_the_target_lacks(
    changed: Mapping[str, str | Answer], why: str
) -> None:
    made = planned(changed)
    told = skipped(made)
    assert set(told) == {"zcrx-different", "zcrx-same"}
    assert why in told["zcrx-same"]
    assert made.queue == -1
    assert "dut rule" not in commands(made)


def test_what_is_not_known_is_tried() -> None:
    made = planned({"ethtool": "", "rings": rings()})  # an ethtool that shows nothing of it
    assert made.skipped == ()
    assert "rings.tcp-data-split" in made.needed


def test_a_port_with_one_queue_gets_more() -> None:
    made = planned({"channels": CHANNELS.format(most=74, now=1)})
    assert commands(made)["dut channels.combined"] == "ethtool -L ens1 combined 4"
    assert made.queue == 3


def test_it_warms_up_for_as_long_whatever_the_speed() -> None:
    assert planned({}).warm_up == 6_250_000_000  # 200 Gbit/s
    assert planned({"speed": "1000"}).warm_up == 31_250_000
    assert planned({"speed": "-1"}).warm_up == nicplan.WARM_UP  # as drivers say it without a link
    assert planned({}, Asked(warm_up=5)).warm_up == 5


def test_a_version_of_ip_that_both_have() -> None:
    lab = replace(
        LAB,
        dut=replace(LAB.dut, addresses=("192.0.2.1/24", "2001:db8::1/64")),
        peer=Peer(host="peer", interface="ens2", addresses=("2001:db8::2/64",)),
    )
    made = plan(Asked(), lab, told(**BNXT), PEER)
    assert (made.family, made.address, made.mtu) == (6, "2001:db8::1", 4168)
    assert "flow-type tcp6 dst-ip 2001:db8::1 dst-port 5201" in commands(made)["dut rule"]
    without = replace(lab, dut=replace(lab.dut, addresses=("192.0.2.1/24",)))
    with pytest.raises(nicplan.Unfit, match="no addresses of the same version"):
        plan(Asked(), without, told(**BNXT), PEER)


def test_the_program_is_told_where_it_runs_and_what_to_account_for() -> None:
    asked = Asked(seconds=7, mtu=9000)
    made = planned({}, asked)
    words = " ".join(nicplan.receiver_words(asked, made, Item("different", "zcrx"), "ens1"))
    assert "--pin 9 --account 8,9 --interface ens1 --queue 15" in words
    assert "--mtu 9000" in words
    words = " ".join(nicplan.receiver_words(asked, made, Item("same", "epoll"), "ens1"))
    assert "--pin 8 --account 8" in words
    assert "--queue" not in words
    # Both ends are told the same of what is sent.
    sent = nicplan.sender_words(asked, made)
    assert sent[:2] == ("--connect", "192.0.2.1")
    assert " ".join(sent[2:]) in words
