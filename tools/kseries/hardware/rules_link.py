# SPDX-License-Identifier: GPL-2.0
"""Rules of the preflight check about the cable: both ports, their link, the way between. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from kseries.hardware.asked import addresses, bare
from kseries.hardware.preflight import Asked, Row, State, good, unknown
from kseries.hardware.probe import Facts
from kseries.hardware.target import Network

_Side = tuple[str, Facts, str, Callable[[str], str], tuple[Network, ...]]


def ports(asked: Asked) -> Iterator[Row]:
    """See that both interfaces are there, under the names that the target's file has."""
    for name, facts, wanted, _, _ in sides(asked):
        found, title = facts.port, f"port, {name}"
        if found:
            fix = f'# interface = "{found}" in the target\'s file'
            yield good(title, found == wanted, found, wanted, fix)
        elif facts.answers.get("port") is None:
            yield unknown(title, facts, "port", wanted)
        else:
            fix = f"ssh {facts.host} ip -brief link  # and correct `interface`"
            yield Row(title, State.WRONG, "there is no such interface", wanted, fix)


def links(asked: Asked) -> Iterator[Row]:
    """See that both ports are up and see each other."""
    for name, facts, wanted, command, _ in sides(asked):
        link, title = facts.first("link"), f"link, {name}"
        port = facts.port or wanted
        if not link:
            yield unknown(title, facts, "link", "up")
        elif "UP" not in link.get("flags", []):
            fix = command(f"ip link set dev {port} up")
            yield Row(title, State.WRONG, "the interface is down", "up", fix)
        elif facts.text("carrier") not in ("0", "1"):
            yield unknown(title, facts, "carrier", "up")
        else:
            has = facts.text("carrier") == "1"
            found = "up" if has else "no carrier"
            yield good(title, has, found, "up", "# is the other port up, and the cable in?")


def mtu(asked: Asked) -> Iterator[Row]:
    """See that both ports take packets of the same length."""
    ours, theirs = (facts.first("link").get("mtu") for facts in (asked.dut, asked.peer))
    needed = "the same on both"
    for facts, value in ((asked.dut, ours), (asked.peer, theirs)):
        if not isinstance(value, int):
            yield unknown("MTU", facts, "link", needed)
            return
    peer = asked.peer.port or asked.lab.peer.interface
    fix = asked.on_peer(f"ip link set dev {peer} mtu {ours}")
    found = str(ours) if ours == theirs else f"{ours}, and {theirs} on the peer"
    yield good("MTU", ours == theirs, found, needed, fix)


def route(asked: Asked) -> Iterator[Row]:
    """See that both ports have addresses, and that the way between is the cable."""
    lacking = False
    for name, facts, wanted, command, needs in sides(asked):
        has = addresses(facts)
        title, needed = f"addresses, {name}", " ".join(needs) or "one"
        if facts.json("addresses") is None:
            yield unknown(title, facts, "addresses", needed)
            lacking = True
            continue
        missing = [one for one in needs if one not in has]
        port = facts.port or wanted
        fix = "; ".join(
            command(f"ip address add {one} dev {port}{' nodad' if ':' in one else ''}")
            for one in missing
        )
        is_good = bool(has) and not missing
        lacking = lacking or not is_good
        yield good(
            title,
            is_good,
            " ".join(has) or "none",
            needed,
            fix or "# give the port one, or name some: `addresses`",
        )
    named = asked.lab.peer.addresses or addresses(asked.peer)
    for number, address in enumerate(peer_addresses(named)):
        yield _way(asked, number, address, lacking)


def _way(asked: Asked, number: int, address: str, lacking: bool) -> Row:
    facts, title = asked.dut, f"route to {address}"
    needed = f"by {asked.port}, answered"
    device = facts.first(f"route{number}").get("dev")
    if device is None:
        return unknown(title, facts, f"route{number}", needed)
    if device != asked.port:
        # Without addresses there is no other way; those are told above.
        fix = "" if lacking else asked.on_dut(f"ip route replace {address} dev {asked.port}")
        return Row(title, State.WRONG, f"by {device}", needed, fix or "# add the addresses above")
    found = f"ping{number}"
    if facts.answers.get(found) is None or facts.answers[found].status in (124, 126, 127):
        return unknown(title, facts, found, needed)
    answered = re.search(r"\b1 (packets )?received", facts.text(found)) is not None
    text = f"by {device}, {'answered' if answered else 'no answer'}"
    return good(
        title, answered, text, needed, "# see link and addresses of the peer, and its firewall"
    )


def peer_addresses(networks: tuple[Network, ...]) -> tuple[str, ...]:
    """Give the addresses of the peer that are to be reached, without their prefixes."""
    return tuple(map(bare, networks))


def sides(asked: Asked) -> tuple[_Side, _Side]:
    """Give both ports: name, facts, interface, how a command is given to it, addresses needed."""
    dut, peer = asked.lab.dut, asked.lab.peer
    return (
        ("dut", asked.dut, dut.interface, asked.on_dut, dut.addresses),
        ("peer", asked.peer, peer.interface, asked.on_peer, peer.addresses),
    )


RULES = (links, mtu, route)
