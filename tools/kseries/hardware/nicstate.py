# SPDX-License-Identifier: GPL-2.0
"""What a port is set to: named values, read of what its machine answered. Pure.

A value has a name like "channels.combined", whose first word is its group. What a driver does not
have is no value; a group that could not be asked is unknown and never compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kseries.hardware import ethtool
from kseries.hardware.probe import Facts

Pairs = Iterator[tuple[str, str]]

PLACE = "PORT"
"""What stands for the interface in values that hold its name."""

THERE = "there"
"""The value of what has none of its own."""

JSON = frozenset(
    ("link", "addresses", "routes4", "routes6", "rings", "features", "coalesce", "pause", "rss")
)
"""Questions that are answered so."""

LINK = ("mtu", "txqlen", "address", "gso_max_size", "gro_max_size")
# Names of `ethtool --json -c` that are not those of its option -C.
_FRAMES = re.compile(r"-frame-(low|high)$")


@dataclass(frozen=True)
class Port:
    """What a port is set to. unknown: why a group was not answered."""

    interface: str
    kernel: str
    boot: str
    settings: Mapping[str, str]
    unknown: Mapping[str, str]


def port(facts: Facts) -> Port:
    """Read all settings of a port."""
    settings: dict[str, str] = {}
    unknown: dict[str, str] = {}
    interface = facts.port
    for group, (fact, reader) in READERS.items():
        if facts.ok(fact):
            found = _read(fact, reader, facts, interface)
            if found is None:
                unknown[group] = "what was answered makes no sense"
                continue
            settings |= {f"{group}.{name}": value for name, value in found.items()}
        elif not facts.unsupported(fact):
            unknown[group] = facts.why_not(fact)
    if settings.get("irqbalance.runs") == "on":
        # They move all the time.
        settings = {name: value for name, value in settings.items() if group_of(name) != "irq"}
    return Port(interface, facts.text("kernel"), facts.text("boot"), settings, unknown)


def _read(
    fact: str, reader: Callable[[Facts, str], Pairs], facts: Facts, interface: str
) -> dict[str, str] | None:
    """Read an answer; None for one that makes no sense, as an older program may print."""
    if fact in JSON and facts.json(fact) is None:
        return None
    try:
        return dict(reader(facts, interface))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def group_of(name: str) -> str:
    """Give the group of a setting's name."""
    return name.partition(".")[0]


def _link(facts: Facts, _: str) -> Pairs:
    told = facts.first("link")
    for name in LINK:
        if name in told:
            yield name, str(told[name])
    yield "up", "up" if "UP" in told.get("flags", []) else "down"
    yield "promisc", "on" if "PROMISC" in told.get("flags", []) else "off"


def _xdp(facts: Facts, _: str) -> Pairs:
    program = facts.first("link").get("xdp")
    if isinstance(program, dict):
        told = program.get("prog")
        yield "program", str(told.get("id") if isinstance(told, dict) else "several")


def _addresses(facts: Facts, _: str) -> Pairs:
    for one in facts.first("addresses").get("addr_info", []):
        if one.get("scope") != "link" and not one.get("dynamic"):
            yield f"{one['local']}/{one['prefixlen']}", THERE


def _routes(fact: str) -> Callable[[Facts, str], Pairs]:
    def read(facts: Facts, _: str) -> Pairs:
        for one in facts.json(fact) or []:
            if one.get("protocol") in ("kernel", "ra"):
                continue
            words = [("via", one.get("gateway")), ("metric", one.get("metric"))]
            words += [("src", one.get("prefsrc")), ("proto", one.get("protocol"))]
            yield one["dst"], " ".join(f"{key} {value}" for key, value in words if value) or THERE

    return read


def _channels(facts: Facts, _: str) -> Pairs:
    for name, count in ethtool.two_parts(facts.text("channels"))[1].items():
        yield name, str(count)


def _objects(fact: str) -> Callable[[Facts, str], Pairs]:
    def read(facts: Facts, _: str) -> Pairs:
        for name, value in facts.first(fact).items():
            if name != "ifname" and not name.endswith("-max") and _is_value(value):
                yield _FRAMES.sub(r"-frames-\1", name), _text(value)

    return read


def _pause(facts: Facts, _: str) -> Pairs:
    told = facts.first("pause")
    for name, key in (("autoneg", "autonegotiate"), ("rx", "rx"), ("tx", "tx")):
        if isinstance(told.get(key), bool):
            yield name, _text(told[key])


def _features(facts: Facts, _: str) -> Pairs:
    for name, value in facts.first("features").items():
        if isinstance(value, dict) and value.get("fixed") is False:
            yield name, _text(bool(value.get("requested")))


def _flags(facts: Facts, _: str) -> Pairs:
    for name, value in ethtool.pairs(facts.text("flags")).items():
        if value in ("on", "off"):
            yield name, value


def _tunable(facts: Facts, _: str) -> Pairs:
    for name, value in ethtool.pairs(facts.text("tunable")).items():
        if value.isdecimal():
            yield name, value


def _rss(facts: Facts, _: str) -> Pairs:
    told = facts.first("rss")
    table, key = told.get("rss-indirection-table"), told.get("rss-hash-key")
    if isinstance(table, list) and table:
        yield "table", " ".join(map(str, table))
    if isinstance(key, list) and key:
        yield "key", ":".join(f"{int(byte):02x}" for byte in key)
    if isinstance(told.get("rss-hash-function"), str):
        yield "function", told["rss-hash-function"]
    transforms = told.get("rss-input-transformation")
    if isinstance(transforms, dict):
        yield "transform", next((name for name, on in transforms.items() if on), "none")


def _contexts(facts: Facts, interface: str) -> Pairs:
    for part in re.split(r"^context ", facts.text("contexts"), flags=re.MULTILINE)[1:]:
        number, _, text = part.partition("\n")
        yield number.strip(), " ".join(text.replace(interface, PLACE).split())


def _rules(facts: Facts, _: str) -> Pairs:
    for part in re.split(r"^Filter: ", facts.text("rules"), flags=re.MULTILINE)[1:]:
        number, _, text = part.partition("\n")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        yield number.strip(), "; ".join(lines)


def _files(fact: str, below: str) -> Callable[[Facts, str], Pairs]:
    def read(facts: Facts, interface: str) -> Pairs:
        for line in facts.text(fact).splitlines():
            file, colon, value = line.partition(":")
            file = file.replace(f"/{interface}/", f"/{PLACE}/")
            if colon and file.startswith(below):
                yield file.removeprefix(below), " ".join(value.split())

    return read


def _irqs(facts: Facts, interface: str) -> Pairs:
    for line in facts.text("irqs").splitlines():
        number, _, rest = line.partition(" ")
        cpus, _, action = rest.partition(" ")
        if number.isdecimal() and action:
            yield action.replace(interface, PLACE), cpus


def _irqbalance(facts: Facts, _: str) -> Pairs:
    yield "runs", facts.text("irqbalance")


def _is_value(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, bool | int | str)


def _text(value: bool | int | str) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


READERS: Mapping[str, tuple[str, Callable[[Facts, str], Pairs]]] = {
    # In the order in which they are put back: some that come later depend on earlier ones.
    "xdp": ("link", _xdp),
    "flags": ("flags", _flags),
    "channels": ("channels", _channels),
    "rings": ("rings", _objects("rings")),
    "features": ("features", _features),
    "coalesce": ("coalesce", _objects("coalesce")),
    "pause": ("pause", _pause),
    "tunable": ("tunable", _tunable),
    "rss": ("rss", _rss),
    "context": ("contexts", _contexts),
    "rule": ("rules", _rules),
    "link": ("link", _link),
    "sysfs": ("sysfs", _files("sysfs", f"/sys/class/net/{PLACE}/")),
    "sysctl": ("sysctl", _files("sysctl", "/proc/sys/")),
    "address": ("addresses", _addresses),
    "route4": ("routes4", _routes("routes4")),
    "route6": ("routes6", _routes("routes6")),
    "irqbalance": ("irqbalance", _irqbalance),
    "irq": ("irqs", _irqs),
    "governor": ("governor", _files("governor", "/sys/devices/system/cpu/")),
}
"""Each group's question, and who reads the answer."""
