# SPDX-License-Identifier: GPL-2.0
"""How a target is set up for measurements over its NIC, and what it cannot measure. Pure."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kseries.bench import nicfacts
from kseries.bench.nic import Asked, Item, Missing, Step, Where
from kseries.hardware import ethtool, preflight, putback, rules_nic
from kseries.hardware.asked import addresses, bare
from kseries.hardware.ends import Side
from kseries.hardware.preflight import Row, State
from kseries.hardware.probe import Facts
from kseries.hardware.target import Lab

PAYLOAD = 4096
HEADERS = {4: 52, 6: 72}  # of a segment: IP, and TCP with time stamps
LISTENER = 5201  # the program's own port
QUEUES = 4  # that a port has, where it has one by itself
BYTES_PER_MBIT = 125_000
WARM_UP_PART = 4  # of a second at the port's speed
WARM_UP = 32 << 20  # where that is not known

# What zero copy cannot do without. Other receivers want none of it.
NEEDED = ("queue API", rules_nic.MEMORY, "header split", "channels", "ntuple")


class Unfit(Exception):
    """Nothing can be measured between these ports; the text says why."""


@dataclass(frozen=True)
class Plan:
    """What is done. commands: of the DUT, then of its peer, in their order.

    needed: names of steps without which zero copy cannot be measured.
    """

    family: int
    address: str  # that the receiver listens at
    mtu: int
    warm_up: int  # bytes
    queue: int  # that the flow is put on; -1: it comes as it comes
    softirq: int
    application: Mapping[Where, int]
    commands: tuple[Step, ...]
    skipped: tuple[Missing, ...]
    needed: frozenset[str] = frozenset()


def plan(asked: Asked, lab: Lab, dut: Facts, peer: Facts) -> Plan:
    """Decide, by what both machines have answered. Raises Unfit."""
    family, address = _address(lab, dut, peer)
    mtu = asked.mtu or PAYLOAD + HEADERS[family]
    softirq, application, without = _cpus(dut)
    rows = {row.name: row for rule in rules_nic.RULES for row in rule(_checked(lab, dut, peer))}
    lacks = _lacks(rows)
    queue = -1 if lacks else _queue(dut, rows)
    split = tuple(_split(dut, rows))
    steering = () if lacks else tuple(_steering(dut, rows, family, address, queue))
    mtus = (_step(side, "link.mtu", str(mtu), port) for side, port in _ports(dut, peer))
    return Plan(
        family=family,
        address=address,
        mtu=mtu,
        warm_up=asked.warm_up or _warm_up(nicfacts.port(dut).speed),
        queue=queue,
        softirq=softirq,
        application=application,
        commands=(*_quiet(dut, softirq), *split, *steering, *mtus),
        skipped=tuple(_skipped(asked.items, lacks, without)),
        needed=frozenset(step.name for step in (*split, *steering)),
    )


def _warm_up(speed: str) -> int:
    """Say how many bytes make a flow as fast as it gets. speed: in Mbit/s, "" for not known."""
    return int(speed) * BYTES_PER_MBIT // WARM_UP_PART if speed else WARM_UP


def _checked(lab: Lab, dut: Facts, peer: Facts) -> preflight.Asked:
    return preflight.Asked(lab, preflight.Timed(dut, 0, 0), preflight.Timed(peer, 0, 0))


def _address(lab: Lab, dut: Facts, peer: Facts) -> tuple[int, str]:
    """Choose a version of IP that both have, the fourth first; give the DUT's address."""
    ours = [*lab.dut.addresses, *addresses(dut)]
    theirs = {
        ipaddress.ip_interface(one).version for one in (*lab.peer.addresses, *addresses(peer))
    }
    for version in sorted(HEADERS):
        for one in ours:
            if ipaddress.ip_interface(one).version == version and version in theirs:
                return version, bare(one)
    raise Unfit("the ports have no addresses of the same version of IP")


def _cpus(dut: Facts) -> tuple[int, dict[Where, int], str]:
    """Choose the CPU of softirqs and that of the application; say why there is no other one.

    Near the NIC, not CPU 0 (which has more to do than others) where there are more, and not two
    threads of a core.
    """
    online = nicfacts.cpu_list(dut.text("online")) or (0,)
    near = set(nicfacts.cpu_list(dut.text("near")))
    order = sorted(online, key=lambda cpu: (cpu not in near, cpu == 0, cpu))
    first = order[0]
    same_core = nicfacts.siblings(dut).get(first, (first,))
    others = [cpu for cpu in order if cpu != first and cpu not in same_core]
    if not others:
        return first, {"same": first}, "the machine has one core"
    return first, {"different": others[0], "same": first}, ""


def _lacks(rows: Mapping[str, Row]) -> str:
    """Say what zero copy needs and the target does not have; "" where nothing is known to lack."""
    told = [rows[name] for name in NEEDED if name in rows and rows[name].state is State.SKIP]
    return "; ".join(f"{row.name}: {row.found}" for row in told)


def _skipped(items: Sequence[Item], lacks: str, without: str) -> Iterator[Missing]:
    for item in items:
        if item.where == "different" and without:
            yield Missing(item, without)
        elif item.receiver == "zcrx" and lacks:
            yield Missing(item, lacks)


def _queue(dut: Facts, rows: Mapping[str, Row]) -> int:
    """Give the last queue, of those that there will be."""
    most, now = ethtool.two_parts(dut.text("channels"))
    count = now.get("combined", 0) + now.get("rx", 0)
    if (row := rows.get("channels")) is not None and row.state is State.WRONG:
        count = min(most.get("combined") or most.get("rx", 0), QUEUES)
    return max(count, 1) - 1


def _step(side: Side, name: str, value: str, port: str, command: str = "") -> Step:
    return Step(side, name, value, command or putback.put(name, value, port))


def _ports(dut: Facts, peer: Facts) -> tuple[tuple[Side, str], ...]:
    return ("dut", dut.port), ("peer", peer.port)


def _quiet(dut: Facts, softirq: int) -> Iterator[Step]:
    """Give the steps that have the interrupts on one CPU, none of which saves power."""
    port = dut.port
    settings = nicfacts.port(dut).settings
    if settings.get("irqbalance.runs") == "on":
        yield _step("dut", "irqbalance.runs", "off", port)
    for name, value in settings.items():
        if name.startswith("governor.") and value != "performance":
            yield _step("dut", name, "performance", port)
    queues = f'"/sys/class/net/{port}/queues/rx-"*/rps_cpus'
    yield _step("dut", "RPS", "off", port, f'for file in {queues}; do echo 0 >"$file"; done')
    yield _step("dut", "interrupts", f"CPU {softirq}", port, _interrupts(port, softirq))


def _interrupts(port: str, cpu: int) -> str:
    """Give the command that has all interrupts of a port go to a CPU.

    A NIC may name them as it likes, so they are found by its device. It fails where one stays.
    """
    folder = f'"/sys/class/net/{port}/device/msi_irqs/"'
    return (
        f"set -- {folder}*; [ -e \"$1\" ] || {{ echo 'it has none that can be told'; exit 1; }};"
        f' bad=0; for irq; do echo {cpu} >"/proc/irq/${{irq##*/}}/smp_affinity_list" || bad=1;'
        " done; exit $bad"
    )


def _split(dut: Facts, rows: Mapping[str, Row]) -> Iterator[Step]:
    """Give the steps that have headers apart, so that payload begins on a page of its own."""
    port = dut.port
    split = rows.get("header split")
    if split is not None and split.state in (State.WRONG, State.UNKNOWN):
        yield _step("dut", f"rings.{rules_nic.SPLIT}", "on", port)
    if _is_wrong(rows, rules_nic.THRESHOLD):
        is_copied = rules_nic.COPYBREAK in rows[rules_nic.THRESHOLD].needed
        name = f"tunable.{rules_nic.COPYBREAK}" if is_copied else f"rings.{rules_nic.THRESHOLD}"
        yield _step("dut", name, "0", port)


def _steering(
    dut: Facts, rows: Mapping[str, Row], family: int, address: str, queue: int
) -> Iterator[Step]:
    """Give the steps that have the flow on a queue which has no other."""
    port = dut.port
    most, _ = ethtool.two_parts(dut.text("channels"))
    if _is_wrong(rows, "channels"):
        kind = "combined" if most.get("combined") else "rx"
        yield _step("dut", f"channels.{kind}", str(queue + 1), port)
    if _is_wrong(rows, "ntuple"):
        yield _step("dut", "features.ntuple-filters", "on", port)
    if rows["RSS"].state is State.OK:
        words = ["ethtool", "-X", port, "equal", str(queue)]
        yield _step("dut", "RSS", f"{queue} queues", port, shlex.join(words))
    flow = ["flow-type", f"tcp{family}", "dst-ip", address, "dst-port", str(LISTENER)]
    words = ["ethtool", "-N", port, *flow, "action", str(queue)]
    yield _step("dut", "rule", f"queue {queue}", port, shlex.join(words))


def _is_wrong(rows: Mapping[str, Row], name: str) -> bool:
    return name in rows and rows[name].state is State.WRONG


def receiver_words(asked: Asked, made: Plan, item: Item, port: str) -> tuple[str, ...]:
    """Give the options of the program that receives."""
    application = made.application[item.where]
    cpus = ",".join(str(cpu) for cpu in dict.fromkeys((made.softirq, application)))
    words = ["--listen", made.address, "--receiver", item.receiver, *_common(asked, made)]
    words += ["--mtu", str(made.mtu), "--pin", str(application), "--account", cpus]
    if item.receiver == "zcrx":
        words += ["--interface", port, "--queue", str(made.queue)]
    return tuple(words)


def sender_words(asked: Asked, made: Plan) -> tuple[str, ...]:
    """Give the options of the program that sends."""
    return ("--connect", made.address, *_common(asked, made))


def _common(asked: Asked, made: Plan) -> tuple[str, ...]:
    words = ("--seconds", str(asked.seconds), "--write", str(asked.write))
    return (*words, "--warm-up", str(made.warm_up))
