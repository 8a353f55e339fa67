# SPDX-License-Identifier: GPL-2.0
"""The network namespace that the peer's port is in, where that is a port of the DUT.

It ends with the kernel that has it, and the next one has the port where it has all ports. So it is
made again after each boot: for a run, and for the machine's own kernel when it is put back.
"""

from __future__ import annotations

import shlex

from kseries.hardware.ends import Place
from kseries.hardware.port import PORT_S
from kseries.hardware.probe import FIND
from kseries.hardware.putback import Difference
from kseries.hardware.ssh import Links
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError

LIMIT_S = 60.0
CHANGED = "namespace: made\n"

# What the machine does by itself at boot to put it there is not to be done twice.
_ENTER = r"""
LC_ALL=C PATH=$PATH:/usr/sbin:/sbin IF={interface} PCI={pci}
export LC_ALL PATH IF PCI
{find}
if ! ip netns exec {namespace} true 2>/dev/null; then
	ip netns add {namespace} && ip -n {namespace} link set dev lo up || exit
fi
tries={wait}
until ip netns exec {namespace} sh -c {inside}; do
	if find_port; then
		ip link set dev "$IF" netns {namespace} && printf %s {changed}
		exit
	fi
	[ $tries -gt 0 ] || break
	tries=$((tries - 1))
	sleep 1
done
"""


def enter(links: Links, place: Place) -> tuple[Difference, ...]:
    """Have a port in its namespace; say what had to be done for that.

    A port that is nowhere is for who asks it. Raises Unreachable, InfraError.
    """
    if not place.namespace:
        return ()
    namespace = shlex.quote(place.namespace)
    script = _ENTER.format(
        interface=shlex.quote(place.interface),
        pci=shlex.quote(place.pci),
        namespace=namespace,
        find=FIND,
        inside=shlex.quote(f"{FIND}\nfind_port"),
        wait=PORT_S,
        changed=shlex.quote(CHANGED),
    )
    done = links.by_host[place.host].run(script, Deadline.after(LIMIT_S))
    if not done.ok:
        lines = "".join(f"\n| {line}" for line in done.output.splitlines()[-4:])
        raise InfraError(
            f"{place.host} does not put {place.interface} into the namespace {place.namespace}.",
            where=f"ssh {place.host}{lines}",
            do=f"try `{by_hand(place)}` there",
        )
    if CHANGED not in done.output:
        return ()
    return (Difference("namespace", place.namespace, "", by_hand(place)),)


def by_hand(place: Place) -> str:
    """Give the commands, as root on the machine."""
    name = place.namespace
    return (
        f"ip netns add {name}; ip -n {name} link set dev lo up;"
        f" ip link set dev {place.interface} netns {name}"
    )
