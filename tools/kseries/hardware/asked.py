# SPDX-License-Identifier: GPL-2.0
"""The questions of a preflight check. What becomes of the answers is in `rules_*`."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Sequence

from kseries.hardware import lock
from kseries.hardware.probe import TUNABLE, Facts, Question

PORT = (
    Question("user", "id -u", waits=False),
    Question("time", "date +%s", waits=False),
    Question("port", '[ -e "/sys/class/net/$IF" ] && echo "$IF"', waits=False),
    Question("link", 'ip -json -details link show dev "$IF"'),
    Question("carrier", 'cat "/sys/class/net/$IF/carrier"', waits=False),
    Question("addresses", 'ip -json address show dev "$IF"'),
)
"""Of both ports."""

DUT = (
    *PORT,
    Question("lock", f"[ -e {lock.PLACE} ] || exit 0; head -n 1 {lock.PLACE}"),
    Question("kernel", "uname -r", waits=False),
    Question("cmdline", "cat /proc/cmdline", waits=False),
    # What it does not know it does not show, even where the driver has it.
    Question(
        "ethtool",
        "ethtool --help >/dev/null || exit;"
        " ethtool --help | grep -o -e tcp-data-split -e hds-thresh; true",
    ),
    Question("driver", 'ethtool -i "$IF"'),
    Question("channels", 'ethtool -l "$IF"'),
    Question("rings", 'ethtool --json -g "$IF"'),
    Question("features", 'ethtool --json -k "$IF"'),
    Question("rss", 'ethtool --json -x "$IF"'),
    TUNABLE,
    # What a driver has for queues is a table of functions, whose names are alike in all of them.
    Question(
        "queue_api",
        "grep -E '[a-z0-9]_(queue_mem_alloc|has_providers)' /proc/kallsyms || [ $? -eq 1 ]",
        waits=False,
    ),
    Question("page", "getconf PAGESIZE", waits=False),
    Question("iommu_groups", "ls /sys/kernel/iommu_groups", waits=False),
    Question("iommu", 'cat "/sys/class/net/$IF/device/iommu_group/type"', waits=False),
    Question("memory", "cat /proc/meminfo", waits=False),
    Question("disk", "df -Pk /"),
    Question("kexec_program", "command -v kexec", waits=False),
    Question("kexec_disabled", "cat /proc/sys/kernel/kexec_load_disabled", waits=False),
    # Where the kernel has no lockdown, securityfs may be there all the same.
    Question(
        "lockdown",
        "[ -e /sys/kernel/security/lockdown ] || { echo none; exit 0; };"
        " cat /sys/kernel/security/lockdown",
    ),
)


def of_dut(peers: Sequence[str]) -> tuple[Question, ...]:
    """Give the questions to the DUT. peers: addresses of the peer's port."""
    more = []
    for number, address in enumerate(map(shlex.quote, peers)):
        more.append(Question(f"route{number}", f"ip -json route get {address}"))
        # Where it would go another way, there is nothing to wait for.
        ping = f'ping -n -q -c 1 -W 2 -I "$IF" {address}'
        by_port = f'case $(ip route get {address}) in *" dev $IF "*) {ping} ;; *) exit 1 ;; esac'
        more.append(Question(f"ping{number}", by_port))
    return (*DUT, *more)


def addresses(facts: Facts) -> tuple[str, ...]:
    """Give the addresses that a port has, with their prefixes; not those that it made itself."""
    found = facts.first("addresses").get("addr_info")
    there = (
        f"{one.get('local')}/{one.get('prefixlen')}"
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, dict) and one.get("scope") == "global"
    )
    return tuple(one for one in there if _is_address(one))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True


def bare(address: str) -> str:
    """Give an address without its prefix, written as Linux does."""
    return str(ipaddress.ip_interface(address).ip)
