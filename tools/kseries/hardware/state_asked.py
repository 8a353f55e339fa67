# SPDX-License-Identifier: GPL-2.0
"""The questions whose answers are the state of a port. What they mean is in `nicstate`."""

from __future__ import annotations

from kseries.hardware.probe import TUNABLE, Question

SYSCTLS = (
    "kernel/io_uring_disabled",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/panic_on_warn",
    "net/core/bpf_jit_enable",
    "net/core/busy_poll",
    "net/core/busy_read",
    "net/core/netdev_budget",
    "net/core/netdev_budget_usecs",
    "net/core/netdev_max_backlog",
    "net/core/optmem_max",
    "net/core/rmem_default",
    "net/core/rmem_max",
    "net/core/rps_sock_flow_entries",
    "net/core/wmem_default",
    "net/core/wmem_max",
    "net/ipv4/tcp_congestion_control",
    "net/ipv4/tcp_mem",
    "net/ipv4/tcp_rmem",
    "net/ipv4/tcp_wmem",
    "vm/nr_hugepages",
)
"""Below /proc/sys: what tests of networks and io_uring set, or are told to set."""

# The port is in these names.
PORT_SYSCTLS = (
    "net/ipv4/conf/$IF/arp_ignore",
    "net/ipv4/conf/$IF/rp_filter",
    "net/ipv6/conf/$IF/accept_dad",
    "net/ipv6/conf/$IF/disable_ipv6",
)
SYSFS = ("gro_flush_timeout", "napi_defer_hard_irqs", "threaded")
"""Below /sys/class/net/PORT."""


def _files(names: str) -> str:
    """Give a command that prints "file:value" of each file that is there; one process does it."""
    return f'grep -s "" /dev/null {names}; true'


def _below(folder: str, names: tuple[str, ...]) -> str:
    return _files(" ".join(f'"{folder}{name}"' for name in names))


PORT = (
    Question("kernel", "uname -r", waits=False),
    Question("boot", "cat /proc/sys/kernel/random/boot_id", waits=False),
    Question("port", '[ -e "/sys/class/net/$IF" ] && echo "$IF"', waits=False),
    Question("link", 'ip -json -details link show dev "$IF"'),
    Question("addresses", 'ip -json address show dev "$IF"'),
    Question("routes4", 'ip -json -4 route show table main dev "$IF"'),
    Question("routes6", 'ip -json -6 route show table main dev "$IF"'),
    Question("channels", 'ethtool -l "$IF"'),
    Question("rings", 'ethtool --json -g "$IF"'),
    Question("features", 'ethtool --json -k "$IF"'),
    Question("coalesce", 'ethtool --json -c "$IF"'),
    Question("pause", 'ethtool --json -a "$IF"'),
    Question("flags", 'ethtool --show-priv-flags "$IF"'),
    TUNABLE,
    Question("rss", 'ethtool --json -x "$IF"'),
    Question("rules", 'ethtool -n "$IF"'),
    # There is no list of contexts: their numbers are given from 1 on.
    Question(
        "contexts",
        'for number in 1 2 3 4 5 6 7 8; do out=$(ethtool -x "$IF" context $number 2>/dev/null)'
        ' && printf "context %s\\n%s\\n" "$number" "$out" || break; done; true',
    ),
    Question("sysfs", _below("/sys/class/net/$IF/", SYSFS), waits=False),
    Question("sysctl", _below("/proc/sys/", (*SYSCTLS, *PORT_SYSCTLS)), waits=False),
    Question(
        "irqs",
        'for irq in "/sys/class/net/$IF/device/msi_irqs/"*; do number=${irq##*/};'
        " for action in /proc/irq/$number/*/; do action=${action%/};"
        ' read -r list <"/proc/irq/$number/smp_affinity_list" &&'
        ' printf "%s %s %s\\n" "$number" "$list" "${action##*/}"; done; done 2>/dev/null; true',
        waits=False,
    ),
    Question(
        "irqbalance",
        "cat /proc/[0-9]*/comm 2>/dev/null | grep -qx irqbalance && echo on || echo off",
        waits=False,
    ),
    Question(
        "governor",
        _files("/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor"),
        waits=False,
    ),
)
