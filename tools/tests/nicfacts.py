# SPDX-License-Identifier: GPL-2.0
"""What machines answer to who measures over their NICs, as they print it."""

from __future__ import annotations

import json
from typing import Any

from kseries.hardware.probe import Answer, Facts
from kseries.hardware.target import Dut, Lab, Peer

LAB = Lab(
    kind="ssh",
    title="lab",
    dut=Dut(host="dut", interface="ens1", driver="bnxt_en", addresses=("192.0.2.1/24",)),
    peer=Peer(host="peer", interface="ens2", addresses=("192.0.2.2/24",)),
)
REFUSED = Answer(1, "netlink error: Operation not supported\n")


def told(**texts: str | Answer) -> Facts:
    """Give answers; a text is one without an error."""
    answers = {n: t if isinstance(t, Answer) else Answer(0, f"{t}\n") for n, t in texts.items()}
    return Facts("dut", answers)


def rings(**values: Any) -> str:
    return json.dumps([{"ifname": "ens1", "rx": 511, "rx-max": 2047, **values}])


def features(**values: bool) -> str:
    """Give features that can be set, and whether they are on."""
    known = {name.replace("_", "-"): value for name, value in values.items()}
    one = {n: {"active": v, "fixed": False, "requested": v} for n, v in known.items()}
    return json.dumps([{"ifname": "ens1", **one}])


CHANNELS = """\
Channel parameters for ens1:
Pre-set maximums:
RX:\t\tn/a
TX:\t\tn/a
Other:\t\tn/a
Combined:\t{most}
Current hardware settings:
RX:\t\tn/a
TX:\t\tn/a
Other:\t\tn/a
Combined:\t{now}
"""

# A NIC that has everything, on the near one of two nodes, whose cores have two threads.
BNXT: dict[str, str | Answer] = {
    "port": "ens1",
    "kernel": "7.3.0",
    "driver": "driver: bnxt_en\nversion: 7.3.0\nfirmware-version: 230.0.157.0/pkg 230.1.1\n"
    "bus-info: 0000:c1:00.0",
    "queue_api": "ffffffffc0a01230 t bnxt_queue_mem_alloc\t[bnxt_en]",
    "ethtool": "tcp-data-split\nhds-thresh",
    "rings": rings(**{"tcp-data-split": "off", "hds-thresh": 256}),
    "channels": CHANNELS.format(most=74, now=16),
    "features": features(ntuple_filters=False),
    "rss": json.dumps([{"rss-indirection-table": [n % 16 for n in range(128)]}]),
    "link": json.dumps([{"ifname": "ens1", "mtu": 1500, "flags": ["UP"]}]),
    "irqbalance": "on",
    "governor": "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor:powersave\n"
    "/sys/devices/system/cpu/cpu9/cpufreq/scaling_governor:performance",
    "online": "0-31",
    "near": "8-15,24-31",
    "siblings": "\n".join(
        f"/sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list:{n % 16},{n % 16 + 16}"
        for n in range(32)
    ),
    "processor": "AMD EPYC 9454 48-Core Processor",
    "product": "Supermicro AS -1115",
    "guest": "none",
    "speed": "200000",
    "device": "0x14e4 0x1750",
}
PEER = told(port="ens2", driver="driver: bnxt_en")
