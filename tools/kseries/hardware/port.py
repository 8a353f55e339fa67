# SPDX-License-Identifier: GPL-2.0
"""The ports of a target made ready for tests: up, with their addresses, bound to their driver."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Sequence

from kseries.hardware import probe
from kseries.hardware.probe import Question
from kseries.hardware.ssh import Link
from kseries.hardware.target import Dut, Lab

NETIF = "NETIF"
CARRIER_S = 20
LIMIT = "i=0; while [ $i -lt {seconds} ]; do {test} && break; i=$((i + 1)); sleep 1; done"

_PORT = Question("port", '[ -e "/sys/class/net/$IF" ] && echo "$IF"', waits=False)
_DRIVER = Question("driver", 'basename "$(readlink "/sys/class/net/$IF/device/driver")"')
_CARRIER = Question("carrier", 'cat "/sys/class/net/$IF/carrier"', waits=False)


def environment(lab: Lab, interface: str) -> dict[str, str]:
    """Tell the kernel's tests of drivers where they are (drivers/net/README.rst)."""
    told = {NETIF: interface}
    for name, addresses in (("LOCAL", lab.dut.addresses), ("REMOTE", lab.peer.addresses)):
        for text in addresses:
            address = ipaddress.ip_interface(text).ip
            told.setdefault(f"{name}_V{address.version}", str(address))
    if lab.peer.namespace:
        return told | {"REMOTE_TYPE": "netns", "REMOTE_ARGS": lab.peer.namespace}
    return told | {"REMOTE_TYPE": "ssh", "REMOTE_ARGS": lab.peer.host}


class Unfit(Exception):
    """The port is not what tests need; the text says what it lacks."""


def set_up(link: Link, interface: str, *, addresses: Sequence[str], namespace: str = "") -> None:
    """Bring a port up and give it addresses; what is refused shows when it is looked at."""
    questions = _setting_up(addresses)
    probe.ask(link, questions, interface=interface, namespace=namespace)


def ready(link: Link, dut: Dut) -> str:
    """Bring the DUT's port up, wait for its link, give its name. Raises Unfit.

    Drivers come as late as udev wants, and a link takes seconds.
    """
    test = f'[ -e "/sys/bus/pci/devices/{dut.pci}/net" ]' if dut.pci else "true"
    waits = f"{LIMIT.format(seconds=CARRIER_S, test=test)}; true"
    link_up = LIMIT.format(seconds=8, test='[ "$(cat /sys/class/net/"$IF"/carrier)" = 1 ]')
    probe.ask(link, [Question("wait", waits, waits=False)], interface=dut.interface)
    facts = probe.ask(
        link,
        [_PORT, _DRIVER, *_setting_up(dut.addresses), Question("wait", f"{link_up}; true"),
         _CARRIER],
        interface=dut.interface,
        pci=dut.pci,
    )  # fmt: skip
    if not facts.port:
        where = f" at {dut.pci}" if dut.pci else ""
        raise Unfit(
            f"there is no interface '{dut.interface}'{where}: no driver is bound to it"
            f" ({dut.driver} is expected)"
        )
    driver = facts.text("driver")
    if driver and driver != dut.driver and driver != ".":
        raise Unfit(f"{facts.port} is driven by {driver}, not by {dut.driver}")
    if facts.text("carrier") != "1":
        raise Unfit(f"{facts.port} has no link: see the cable, and the peer's port")
    return facts.port


def _setting_up(addresses: Sequence[str]) -> list[Question]:
    commands = ['ip link set dev "$IF" up']
    for address in addresses:
        nodad = " nodad" if ":" in address else ""
        commands.append(f'ip address replace {shlex.quote(address)} dev "$IF"{nodad}')
    return [Question(f"set{number}", command) for number, command in enumerate(commands)]
