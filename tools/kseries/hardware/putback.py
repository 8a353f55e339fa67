# SPDX-License-Identifier: GPL-2.0
"""The command that puts a setting of a port back, and what is to be put back in which order. Pure.

Each command can be typed by hand, as root on the machine.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kseries.hardware.nicstate import PLACE, READERS, THERE, Port, group_of

# Groups of things that are there or not. What was added is taken away, before all else is put
# back: a rule holds a queue, a program of XDP an MTU.
COLLECTIONS = ("xdp", "context", "rule", "address", "route4", "route6")
LAST = "link.up"
ORDER = tuple(READERS)


@dataclass(frozen=True)
class Difference:
    """A setting that is not what it was. was, now: "" where it was or is not there.

    command: what puts it back, "" where that can only be done by hand.
    """

    name: str
    was: str
    now: str
    command: str


def differences(before: Port, now: Port) -> tuple[Difference, ...]:
    """Give what is not as it was, in the order in which it is put back.

    A group that is unknown on either side is not compared: `unknown` names those.
    """
    skipped = set(unknown(before, now))
    if now.settings.get("irqbalance.runs") != before.settings.get("irqbalance.runs"):
        skipped.add("irq")  # they moved; what they were put to then shows in the next round
    old = {name: was for name, was in before.settings.items() if group_of(name) not in skipped}
    new = {name: value for name, value in now.settings.items() if group_of(name) not in skipped}
    extra = [
        Difference(name, old.get(name, ""), value, drop(name, now.interface))
        for name, value in new.items()
        if group_of(name) in COLLECTIONS and old.get(name) != value
    ]
    taken_away = {each.name for each in extra}
    lacking = [
        Difference(
            name,
            was,
            "" if name in taken_away else new.get(name, ""),
            put(name, was, now.interface),
        )
        for name, was in old.items()
        if new.get(name) != was
    ]
    return (*reversed(extra), *sorted(lacking, key=_turn))


def _turn(each: Difference) -> tuple[bool, int]:
    is_last = each.name == LAST and each.was == "down"
    return is_last, ORDER.index(group_of(each.name))


def unknown(before: Port, now: Port) -> Mapping[str, str]:
    """Give the groups that cannot be compared, with the reason."""
    return {**before.unknown, **now.unknown}


def put(name: str, value: str, interface: str) -> str:
    """Give the command that sets something; "" where there is none."""
    group, _, key = name.partition(".")
    make = _PUT.get(group)
    words = make(key, value, interface) if make else None
    return _text(words)


def drop(name: str, interface: str) -> str:
    """Give the command that takes something away; "" where there is none."""
    group, _, key = name.partition(".")
    if group == "xdp":
        # There is no telling here how it was attached.
        modes = (f"ip link set dev {interface} {mode} off" for mode in ("xdp", "xdpgeneric"))
        return "; ".join(modes)
    words = {
        "context": ("ethtool", "-X", interface, "context", key, "delete"),
        "rule": ("ethtool", "-N", interface, "delete", key),
        "address": ("ip", "address", "del", key, "dev", interface),
        "route4": ("ip", "-4", "route", "del", key, "dev", interface),
        "route6": ("ip", "-6", "route", "del", key, "dev", interface),
    }.get(group)
    return _text(words)


Words = Sequence[str] | None
_Put = Callable[[str, str, str], Words]


def _text(words: Words) -> str:
    """Give words as a shell takes them; what stands behind `sh -c` is one already."""
    return shlex.join(words) if words else ""


def _ethtool(option: str) -> _Put:
    return lambda key, value, interface: ("ethtool", option, interface, key, value)


def _link(key: str, value: str, interface: str) -> Words:
    if key == "up":
        return ("ip", "link", "set", "dev", interface, value)
    name = "txqueuelen" if key == "txqlen" else key
    return ("ip", "link", "set", "dev", interface, name, value)


def _rss(key: str, value: str, interface: str) -> Words:
    if key == "table":
        spread = spread_of([int(queue) for queue in value.split()])
        return ("ethtool", "-X", interface, *spread) if spread else None
    option = {"key": "hkey", "function": "hfunc", "transform": "xfrm"}.get(key)
    return ("ethtool", "-X", interface, option, value) if option else None


def spread_of(table: Sequence[int]) -> tuple[str, ...]:
    """Give the words of `ethtool -X` that make a table; () for one that they cannot make."""
    first, last = min(table), max(table)
    count = last - first + 1
    start = ("start", str(first)) if first else ()
    if list(table) == [first + place % count for place in range(len(table))]:
        return (*start, "equal", str(count))
    weights = [table.count(first + queue) for queue in range(count)]
    if list(table) == _weighted(weights, first, len(table)):
        return (*start, "weight", *map(str, weights))
    return ()


def _weighted(weights: Sequence[int], first: int, size: int) -> list[int]:
    """Give the table that ethtool makes of weights."""
    made: list[int] = []
    for queue, weight in enumerate(weights):
        made += [first + queue] * weight
    return made[:size]


_FLOWS = {
    "TCP over IPv4": "tcp4",
    "UDP over IPv4": "udp4",
    "SCTP over IPv4": "sctp4",
    "TCP over IPv6": "tcp6",
    "UDP over IPv6": "udp6",
    "SCTP over IPv6": "sctp6",
}
_FIELDS = {
    "Src IP addr": "src-ip",
    "Dest IP addr": "dst-ip",
    "Src port": "src-port",
    "Dest port": "dst-port",
}
# ethtool prints the bits that are not looked at. Those of an address of IPv6 stand in groups.
_ALL = re.compile(r"0x0+|0\.0\.0\.0|::")
_NONE = re.compile(r"0xf+|255\.255\.255\.255|ffff(:ffff){7}")


def _rule(key: str, value: str, interface: str) -> Words:
    """Make a rule anew; None where it asks for more than addresses and ports."""
    words: list[str] = []
    for part in value.split("; "):
        name, _, told = part.partition(": ")
        if name == "Rule Type" and told in _FLOWS:
            words += ["flow-type", _FLOWS[told]]
        elif name == "Action" and (queue := re.fullmatch(r"Direct to queue (\d+)", told)):
            words += ["action", queue[1]]
        elif name == "Action" and told == "Drop":
            words += ["action", "-1"]
        else:
            field, _, mask = told.partition(" mask: ")
            if _NONE.fullmatch(mask):
                continue
            if name not in _FIELDS or not _ALL.fullmatch(mask):
                return None
            words += [_FIELDS[name], field]
    if words[:1] != ["flow-type"] or "action" not in words:
        return None
    return ("ethtool", "-N", interface, *words, "loc", key)


def _address(key: str, _: str, interface: str) -> Words:
    nodad = ("nodad",) if ":" in key else ()
    return ("ip", "address", "add", key, "dev", interface, *nodad)


def _route(family: str) -> _Put:
    def make(key: str, value: str, interface: str) -> Words:
        more = () if value == THERE else value.split()
        return ("ip", family, "route", "add", key, "dev", interface, *more)

    return make


def _write(folder: str) -> _Put:
    def make(key: str, value: str, interface: str) -> Words:
        file = f"{folder}/{key}".replace(f"/{PLACE}/", f"/{interface}/")
        return ("sh", "-c", f"printf %s {shlex.quote(value)} >{shlex.quote(file)}")

    return make


def _irq(key: str, value: str, interface: str) -> Words:
    # Its number may be another by then.
    action = shlex.quote(key.replace(PLACE, interface))
    find = f"for irq in /proc/irq/*/{action}; do printf %s {shlex.quote(value)}"
    return ("sh", "-c", f'{find} >"${{irq%/*}}/smp_affinity_list"; done')


def _irqbalance(_: str, value: str, __: str) -> Words:
    if value == "on":
        return ("sh", "-c", "systemctl start irqbalance || irqbalance")
    ends = "grep -lx irqbalance /proc/[0-9]*/comm | cut -d/ -f3 | xargs kill"
    return ("sh", "-c", f"systemctl stop irqbalance 2>/dev/null || {ends}; sleep 0.3")


_PUT: Mapping[str, _Put] = {
    "flags": _ethtool("--set-priv-flags"),
    "channels": _ethtool("-L"),
    "rings": _ethtool("-G"),
    "features": _ethtool("-K"),
    "coalesce": _ethtool("-C"),
    "pause": _ethtool("-A"),
    "tunable": _ethtool("--set-tunable"),
    "rss": _rss,
    "rule": _rule,
    "link": _link,
    "sysfs": _write(f"/sys/class/net/{PLACE}"),
    "sysctl": _write("/proc/sys"),
    "address": _address,
    "route4": _route("-4"),
    "route6": _route("-6"),
    "irqbalance": _irqbalance,
    "irq": _irq,
    "governor": _write("/sys/devices/system/cpu"),
}
"""A program of XDP and an RSS context cannot be made anew: nobody knows what loaded them."""


def by_hand(port: Port) -> Iterator[tuple[str, str, str]]:
    """Give each setting with the command that sets it, in the order to be typed."""
    names = sorted(port.settings, key=lambda name: ORDER.index(group_of(name)))
    for name in names:
        value = port.settings[name]
        yield name, value, put(name, value, port.interface)
