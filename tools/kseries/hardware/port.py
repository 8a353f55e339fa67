# SPDX-License-Identifier: GPL-2.0
"""The ports of a target made ready for tests: up, with their addresses, bound to their driver."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Sequence

from kseries.hardware.ends import Asker
from kseries.hardware.probe import Question
from kseries.hardware.target import Dut, Lab

NETIF = "NETIF"
PORT_S = 20
"""How long a port may take to be there after a boot."""

_PORT = Question("port", '[ -e "/sys/class/net/$IF" ] && echo "$IF"', waits=False)
_DRIVER = Question("driver", 'basename "$(readlink "/sys/class/net/$IF/device/driver")"')
# "": of no PCI device, or of one behind which there is another bus.
_PLACE = Question("place", 'basename "$(readlink "/sys/class/net/$IF/device")" | grep : || true')
# It takes seconds.
_LINK = Question(
    "link",
    'i=0; while [ $i -lt 8 ] && [ "$(cat "/sys/class/net/$IF/carrier")" != 1 ]; do'
    " i=$((i + 1)); sleep 1; done; true",
)
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


def set_up(asker: Asker, addresses: Sequence[str]) -> None:
    """Bring a port up and give it addresses; what is refused shows when it is looked at."""
    asker(_setting_up(addresses))


def ready(asker: Asker, dut: Dut) -> str:
    """Bring the DUT's port up, wait for its link, give its name. Raises Unfit.

    Nothing is done to a port that is another one.
    """
    facts = asker((_PORT, _DRIVER, _PLACE))
    if not facts.port:
        where = f" at {dut.pci}" if dut.pci else ""
        raise Unfit(
            f"there is no interface '{dut.interface}'{where}: no driver is bound to it"
            f" ({dut.driver} is expected)"
        )
    driver = facts.text("driver")
    if driver and driver != dut.driver and driver != ".":
        raise Unfit(f"{facts.port} is driven by {driver}, not by {dut.driver}")
    place = facts.text("place")
    if dut.pci and place and place != dut.pci:
        raise Unfit(f"{facts.port} is at {place}, and none is at {dut.pci}")
    facts = asker((_PORT, *_setting_up(dut.addresses), _LINK, _CARRIER))
    if facts.text("carrier") != "1":
        raise Unfit(f"{facts.port} has no link: see the cable, and the peer's port")
    return facts.port


def _setting_up(addresses: Sequence[str]) -> list[Question]:
    commands = ['ip link set dev "$IF" up']
    for address in addresses:
        nodad = " nodad" if ":" in address else ""
        commands.append(f'ip address replace {shlex.quote(address)} dev "$IF"{nodad}')
    return [Question(f"set{number}", command) for number, command in enumerate(commands)]
