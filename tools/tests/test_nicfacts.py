# SPDX-License-Identifier: GPL-2.0
"""What machines print is read: lists of CPUs, counters; and what is no hardware is known."""

from __future__ import annotations

import pytest

from kseries.bench import nic, nicfacts
from kseries.bench.nic import Machine
from tests.nicfacts import BNXT, told

SNMP = "Ip: Forwarding InDelivers\nIp: 2 77\nTcp: RtoMin MaxConn RetransSegs\nTcp: 200 -1 5"
NETSTAT = "TcpExt: TCPRcvQDrop PruneCalled\nTcpExt: 1 0\nIpExt: InOctets\nIpExt: 9"
STATISTICS = """\
/sys/class/net/ens1/statistics/rx_dropped:4
/sys/class/net/ens1/statistics/rx_packets:1000"""
DRIVER = "NIC statistics:\n     rx_ucast_packets: 900\n     [3]: rx_discards: 7"
SOFTIRQS = """\
                    CPU0       CPU1       CPU9
          HI:          1          2          3
      NET_RX:         10        200          0"""
COUNTERS = told(
    snmp=SNMP, netstat=NETSTAT, statistics=STATISTICS, driver_counters=DRIVER, softirqs=SOFTIRQS
)


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("0", (0,)), ("0-3,8\n", (0, 1, 2, 3, 8)), ("", ()), ("x", ()), ("1-", ()), ("-1", ())],
)
def test_lists_of_cpus(text: str, cpus: tuple[int, ...]) -> None:
    assert nicfacts.cpu_list(text) == cpus


def test_counters_are_read_by_name() -> None:
    found = nicfacts.counters(COUNTERS)
    assert found["port.rx_dropped"] == 4
    assert found["tcp.RetransSegs"] == 5
    assert found["tcp.TCPRcvQDrop"] == 1
    assert found["driver.rx_ucast_packets"] == 900
    assert found["softirq.NET_RX.9"] == 0
    assert not [name for name in found if "InOctets" in name or "InDelivers" in name]


def test_nothing_is_read_of_what_was_not_answered() -> None:
    assert nicfacts.counters(told()) == {}


def test_only_what_grew_and_speaks_of_loss_is_told() -> None:
    before = nicfacts.counters(COUNTERS)
    after = {**before, "port.rx_dropped": 6, "port.rx_packets": 9000, "driver.new_drops": 3}
    growth = nicfacts.grown(before, after)
    assert growth == {"port.rx_dropped": 2, "port.rx_packets": 8000}
    assert nicfacts.of_loss(growth, "dut") == {"dut.port.rx_dropped": 2}


def test_where_softirqs_ran() -> None:
    growth = {"softirq.NET_RX.0": 10, "softirq.NET_RX.1": 30, "port.rx_packets": 5}
    assert nicfacts.share_on(growth, 1) == 0.75
    assert nicfacts.share_on(growth, 7) == 0.0
    assert nicfacts.share_on({}, 1) is None


def test_a_machine_and_its_port() -> None:
    facts = told(**BNXT)
    assert nicfacts.machine(facts).processor == "AMD EPYC 9454 48-Core Processor"
    port = nicfacts.port(facts)
    assert (port.interface, port.driver, port.speed) == ("ens1", "bnxt_en", "200000")
    assert port.settings["link.mtu"] == "1500"
    assert nicfacts.port(told(**{**BNXT, "speed": "-1"})).speed == ""


@pytest.mark.parametrize(
    ("guest", "driver", "why"),
    [
        ("none", "bnxt_en", ()),
        ("qemu", "e1000e", ("the machine is a guest (qemu)",)),
        ("none", "netdevsim", ("the driver netdevsim has no NIC",)),
        ("", "bnxt_en", ("it is not known whether the machine is a guest",)),
    ],
)
def test_what_is_no_hardware_is_told(guest: str, driver: str, why: tuple[str, ...]) -> None:
    assert nic.not_hardware(Machine("", "", "", guest), driver) == why
