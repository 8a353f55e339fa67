# SPDX-License-Identifier: GPL-2.0
"""What both machines are asked for a measurement over a NIC, and what their answers mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from kseries.bench.nic import Machine, Port
from kseries.hardware import asked, ethtool, nicstate, state_asked
from kseries.hardware.ends import Asker
from kseries.hardware.probe import Facts, Question


def _both(folder: str, first: str, second: str) -> str:
    """Give a command that prints what two files hold; it fails where one is not there."""
    return f'cd {folder} && first=$(cat {first}) && second=$(cat {second}) && echo "$first $second"'


_NODE = 'node=$(cat "/sys/class/net/$IF/device/numa_node") && [ "$node" -ge 0 ]'

MACHINE = (
    Question("processor", "sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1"),
    Question("online", "cat /sys/devices/system/cpu/online", waits=False),
    Question(
        "siblings",
        'grep -s "" /sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list; true',
        waits=False,
    ),
    Question("near", f'{_NODE} && cat "/sys/devices/system/node/node$node/cpulist"', waits=False),
    Question("product", _both("/sys/class/dmi/id", "sys_vendor", "product_name"), waits=False),
    # systemd knows more kinds; the flag of the processor is there without it.
    Question(
        "guest",
        "kind=$(systemd-detect-virt --vm 2>/dev/null); case $kind in '') if"
        " grep -q '^flags.* hypervisor' /proc/cpuinfo; then echo hypervisor; elif"
        " grep -q '^flags' /proc/cpuinfo; then echo none; else exit 1; fi ;; *) echo $kind ;; esac",
    ),
    Question("speed", 'cat "/sys/class/net/$IF/speed"', waits=False),
    Question("device", _both('"/sys/class/net/$IF/device"', "vendor", "device"), waits=False),
)

_SNMP = (
    Question("snmp", "cat /proc/net/snmp", waits=False),
    Question("netstat", "cat /proc/net/netstat", waits=False),
    Question("statistics", 'grep -s "" "/sys/class/net/$IF/statistics/"*', waits=False),
)
_SOFTIRQS = Question("softirqs", "cat /proc/softirqs", waits=False)

PEER = (
    *asked.PORT,
    Question("driver", 'ethtool -i "$IF"'),
    *(each for each in state_asked.PORT if each.name in ("kernel", "boot")),
)
DUT = (state_asked.PORT, (*asked.DUT, *MACHINE))
"""What it is set to; what it can, and what it is. A script has a limit for all it asks."""

COUNTERS_PEER = _SNMP
COUNTERS_DUT = (*_SNMP, _SOFTIRQS, Question("driver_counters", 'ethtool -S "$IF"'))

_LOSS = re.compile(
    r"drop|discard|miss|err|no_?buf|alloc_fail|fail_alloc|out_of|ofo|retrans|prune|timeout|loss"
    r"|overflow|collaps",
    re.IGNORECASE,
)
DROPPED = ("port.rx_dropped", "port.rx_missed_errors")
RETRANSMITS = "tcp.RetransSegs"
NET_RX = "softirq.NET_RX."


def together(ask: Asker, groups: Sequence[Sequence[Question]]) -> Facts:
    """Ask in groups, and give all answers. Raises as `ask` does."""
    found = [ask(group) for group in groups]
    answers = {name: answer for facts in found for name, answer in facts.answers.items()}
    return Facts(found[0].host, answers)


def machine(facts: Facts) -> Machine:
    """Say what the DUT is."""
    return Machine(
        facts.text("processor"), facts.text("online"), facts.text("product"), facts.text("guest")
    )


def port(facts: Facts) -> Port:
    """Say what its port is, and is set to."""
    told = ethtool.pairs(facts.text("driver"))
    speed = facts.text("speed")
    return Port(
        interface=facts.port,
        driver=told.get("driver", ""),
        firmware=told.get("firmware-version", ""),
        bus=told.get("bus-info", ""),
        device=facts.text("device"),
        speed=speed if speed.isdecimal() else "",
        settings=dict(nicstate.port(facts).settings),
    )


def cpu_list(text: str) -> tuple[int, ...]:
    """Read a list as the kernel writes it: "0-3,8"; () for what is none."""
    found: list[int] = []
    for part in text.strip().split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            return ()
        found += range(int(first), int(last or first) + 1)
    return tuple(found)


def siblings(facts: Facts) -> dict[int, tuple[int, ...]]:
    """Give the CPUs of each one's core."""
    found = {}
    for line in facts.text("siblings").splitlines():
        place, _, text = line.partition(":")
        if match := re.search(r"/cpu(\d+)/topology/", place):
            found[int(match[1])] = cpu_list(text)
    return found


def counters(facts: Facts) -> dict[str, int]:
    """Read all counters that there are, by names of ours."""
    return dict(_counters(facts))


def _counters(facts: Facts) -> Iterator[tuple[str, int]]:
    for line in facts.text("statistics").splitlines():
        place, _, value = line.rpartition(":")
        if value.isdecimal():
            yield f"port.{place.rpartition('/')[2]}", int(value)
    for name, value in ethtool.pairs(facts.text("driver_counters")).items():
        if value.isdecimal():
            yield f"driver.{name}", int(value)
    for kind in ("snmp", "netstat"):
        yield from _table(facts.text(kind))
    yield from _softirqs(facts.text("softirqs"))


def _table(text: str) -> Iterator[tuple[str, int]]:
    """Read pairs of lines: names, and values, behind a word that both begin with."""
    lines = [line.split() for line in text.splitlines()]
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        if names[:1] == values[:1] and names[0] in ("Tcp:", "TcpExt:"):
            for name, value in zip(names[1:], values[1:], strict=False):
                if value.isdecimal():
                    yield f"tcp.{name}", int(value)


def _softirqs(text: str) -> Iterator[tuple[str, int]]:
    head, *lines = text.splitlines() or [""]
    for line in lines:
        name, *values = line.split()
        if name == "NET_RX:":
            for cpu, value in zip(head.split(), values, strict=False):
                if value.isdecimal():
                    yield f"{NET_RX}{cpu.removeprefix('CPU')}", int(value)


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Give the counters that grew, by how much."""
    return {
        name: value - before[name]
        for name, value in after.items()
        if name in before and value > before[name]
    }


def of_loss(growth: Mapping[str, int], side: str) -> dict[str, int]:
    """Give those that speak of loss, with the side before their names."""
    return {f"{side}.{name}": value for name, value in growth.items() if _LOSS.search(name)}


def share_on(growth: Mapping[str, int], cpu: int) -> float | None:
    """Say which part of the softirqs that received ran on a CPU; None where there were none."""
    runs = {name: value for name, value in growth.items() if name.startswith(NET_RX)}
    total = sum(runs.values())
    return runs.get(f"{NET_RX}{cpu}", 0) / total if total else None
