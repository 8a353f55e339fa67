# SPDX-License-Identifier: GPL-2.0
"""Rules of the preflight check about the NIC under test: driver, queues, headers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kseries.hardware import ethtool
from kseries.hardware.preflight import Asked, Row, State, capability, good, unknown
from kseries.hardware.probe import Facts

CHANNELS = 2  # one for the ring under test, one for everything else
RING = 64  # entries: what the tests have on their way at a time

# How names of functions begin where a driver is built in: the symbols tell no module then.
PREFIXES = {"bnxt_en": "bnxt_", "mlx5_core": "mlx5e_", "netdevsim": "nsim_"}
# What the firmware must be able to, and the driver keeps to itself: bnxt has these functions in any
# case, and refuses to use them.
FIRMWARE = {"bnxt_en": "firmware with VNIC_RE_FLUSH and NTUPLE_VNIC"}
MEMORY, NEEDED_MEMORY = "unreadable memory", "queues that take memory the CPU cannot read"
# Drivers with PP_FLAG_ALLOW_UNREADABLE_NETMEM: these in one release, none in the other.
UNREADABLE = frozenset({"bnge", "bnxt_en", "fbnic", "gve", "mlx5_core"})
WITH, WITHOUT = (7, 3), (6, 12)
# What marks a driver of an earlier release that was taught to take it, by patches of this project.
MARK = "has_providers"
# Documentation/ABI/testing/sysfs-kernel-iommu_groups
IOMMU_TYPES = ("DMA", "DMA-FQ", "auto", "blocked", "identity", "unmanaged")
SPLIT, THRESHOLD, COPYBREAK = "tcp-data-split", "hds-thresh", "rx-copybreak"
# Without a threshold, these leave payload with its headers that is short enough to be copied.
COPYING = frozenset({"bnxt_en"})


def driver(asked: Asked) -> Iterator[Row]:
    """Hold driver, place on the bus and firmware against the target's file."""
    facts, dut = asked.dut, asked.lab.dut
    told = ethtool.pairs(facts.text("driver"))
    is_told = told.get("driver", "")
    if not is_told:
        yield unknown("driver", facts, "driver", dut.driver)
        return
    fix = asked.on_dut(f"modprobe {dut.driver}") + "  # or correct `driver` in the target's file"
    yield good("driver", is_told == dut.driver, is_told, dut.driver, fix)
    if dut.pci:
        place = told.get("bus-info", "")
        fix = "# correct `pci` or `interface` in the target's file"
        yield good("PCI address", place == dut.pci, place or "none", dut.pci, fix)
    if dut.firmware:
        yield _firmware(told.get("firmware-version", ""), dut.firmware)


def _firmware(found: str, wanted: str) -> Row:
    name, needed = "firmware", f"{wanted} or later"
    has = ethtool.version(found)
    if not has:
        return Row(name, State.UNKNOWN, f"the driver says {found!r}", needed)
    is_enough = (*has, 0, 0, 0) >= ethtool.version(f"{wanted}.0")
    return good(name, is_enough, found, needed, "# ask the vendor for it")


def queue_api(asked: Asked) -> Iterator[Row]:
    """See whether the driver can stop and start one queue: then it has functions for that.

    Whether its queues take memory that the CPU cannot read is known of some releases of Linux.
    """
    facts, dut = asked.dut, asked.lab.dut
    needed = "a driver that restarts one queue (netdev_queue_mgmt_ops)"
    if not facts.ok("queue_api"):
        yield unknown("queue API", facts, "queue_api", needed)
        yield unknown(MEMORY, facts, "queue_api", NEEDED_MEMORY)
        return
    names = [name for name in _symbols(facts, dut.driver) if "queue_mem_alloc" in name]
    release = facts.text("kernel")
    if not names:
        found = f"{dut.driver} of {release or 'this kernel'} does not have it"
        yield Row("queue API", State.SKIP, found, needed)
        yield Row(MEMORY, State.SKIP, "there is no queue API", NEEDED_MEMORY)
        return
    yield Row("queue API", State.OK, names[0], needed)
    if dut.driver in FIRMWARE:
        found = "the driver does not tell"
        yield Row("queue restart", State.UNKNOWN, found, FIRMWARE[dut.driver])
    yield _memory(facts, dut.driver, release)


def _symbols(facts: Facts, driver: str) -> list[str]:
    """Name the functions of a driver that the kernel has, as far as they were asked about."""
    prefix = PREFIXES.get(driver, f"{driver}_")
    return [
        line.split()[2]
        for line in facts.text("queue_api").splitlines()
        if len(line.split()) > 2 and _is_of(line, driver, prefix)
    ]


def _is_taught(facts: Facts, driver: str) -> bool:
    prefix = PREFIXES.get(driver, f"{driver}_")
    return f"{prefix}{MARK}" in _symbols(facts, driver)


def _memory(facts: Facts, driver: str, release: str) -> Row:
    if _is_taught(facts, driver):
        return Row(MEMORY, State.OK, f"{driver} with patches for it", NEEDED_MEMORY)
    version = ethtool.version(release)
    if not version:
        return unknown(MEMORY, facts, "kernel", NEEDED_MEMORY)
    found = f"{driver} of {release}"
    if driver in UNREADABLE and version >= WITH:
        return Row(MEMORY, State.OK, found, NEEDED_MEMORY)
    if driver in UNREADABLE and version[:2] <= WITHOUT:
        return Row(MEMORY, State.SKIP, f"{found} does not, unpatched", NEEDED_MEMORY)
    return Row(MEMORY, State.UNKNOWN, f"not known of {found}", NEEDED_MEMORY)


def _is_of(line: str, name: str, prefix: str) -> bool:
    module = re.search(r"\[([\w-]+)\]$", line)
    if module:
        return module[1].replace("-", "_") == name.replace("-", "_")
    return line.split()[2].startswith(prefix)


def headers(asked: Asked) -> Iterator[Row]:
    """See that headers go into other pages than data, whatever the length."""
    facts, port = asked.dut, asked.port
    rings = facts.first("rings")
    needed = "on"
    if not rings:
        yield capability("header split", facts, "rings", needed)
        yield capability(THRESHOLD, facts, "rings", "0")
        return
    split = ethtool.switch(rings, SPLIT)
    if split is None:
        yield _not_shown(facts, "header split", SPLIT, needed)
    else:
        fix = asked.on_dut(f"ethtool -G {port} {SPLIT} on")
        yield good("header split", split, "on" if split else "off", needed, fix)
    threshold = rings.get(THRESHOLD)
    driver = asked.lab.dut.driver
    if not isinstance(threshold, int):
        if driver in COPYING and _is_taught(facts, driver):
            yield _copied(asked)
        else:
            yield _not_shown(facts, THRESHOLD, THRESHOLD, "0")
    else:
        fix = asked.on_dut(f"ethtool -G {port} {THRESHOLD} 0")
        yield good(THRESHOLD, threshold == 0, str(threshold), "0", fix)


def _copied(asked: Asked) -> Row:
    facts, needed = asked.dut, f"0 ({COPYBREAK})"
    value = ethtool.pairs(facts.text("tunable")).get(COPYBREAK, "")
    if not value.isdecimal():
        return capability(THRESHOLD, facts, "tunable", needed)
    fix = asked.on_dut(f"ethtool --set-tunable {asked.port} {COPYBREAK} 0")
    return good(THRESHOLD, int(value) == 0, value, needed, fix)


def _not_shown(facts: Facts, name: str, key: str, needed: str) -> Row:
    if key in facts.text("ethtool"):
        return Row(name, State.SKIP, "the driver does not have it", needed)
    return Row(name, State.UNKNOWN, "its ethtool does not show it", needed)


def channels(asked: Asked) -> Iterator[Row]:
    """See that there is a queue beside the one under test."""
    facts, needed = asked.dut, f"{CHANNELS} or more that receive"
    most, now = ethtool.two_parts(facts.text("channels"))
    if not now:
        yield capability("channels", facts, "channels", needed)
        return
    kind = "combined" if most.get("combined") else "rx"
    has, can = now.get("combined", 0) + now.get("rx", 0), most.get(kind, 0)
    found = f"{has} of {can}"
    if has < CHANNELS and can < CHANNELS:
        yield Row("channels", State.SKIP, found, needed)
        return
    fix = asked.on_dut(f"ethtool -L {asked.port} {kind} {min(can, 4)}")
    yield good("channels", has >= CHANNELS, found, needed, fix)


def rings(asked: Asked) -> Iterator[Row]:
    """See how many buffers a queue takes."""
    facts, needed = asked.dut, f"{RING} entries to receive"
    told = facts.first("rings")
    has, most = told.get("rx"), told.get("rx-max")
    if not isinstance(has, int) or not isinstance(most, int):
        yield capability("ring size", facts, "rings", needed)
        return
    found = f"{has} of {most}"
    if most < RING:
        yield Row("ring size", State.SKIP, found, needed)
        return
    fix = asked.on_dut(f"ethtool -G {asked.port} rx {RING}")
    yield good("ring size", has >= RING, found, needed, fix)


def steering(asked: Asked) -> Iterator[Row]:
    """See how flows are put on queues: by rules, and by hashes over the other queues."""
    facts = asked.dut
    feature = facts.first("features").get("ntuple-filters")
    if not isinstance(feature, dict) or not isinstance(feature.get("active"), bool):
        yield capability("ntuple", facts, "features", "on")
    elif not feature["active"] and feature.get("fixed"):
        yield Row("ntuple", State.SKIP, "the driver does not have it", "on")
    else:
        fix = asked.on_dut(f"ethtool -K {asked.port} ntuple on")
        found = "on" if feature["active"] else "off"
        yield good("ntuple", feature["active"], found, "on", fix)
    table = facts.first("rss").get("rss-indirection-table")
    needed = "a table that can be set"
    if isinstance(table, list) and table:
        yield Row("RSS", State.OK, f"{len(table)} entries, {len(set(table))} queues", needed)
    else:
        yield capability("RSS", facts, "rss", needed)


def iommu(asked: Asked) -> Iterator[Row]:
    """Tell the kind, as costs and what a fault does differ; any will do."""
    facts, needed = asked.dut, "any"
    kind = facts.text("iommu")
    if kind in IOMMU_TYPES:
        yield Row("IOMMU", State.OK, kind, needed)
    elif facts.ok("iommu_groups") and not facts.text("iommu_groups"):
        yield Row("IOMMU", State.OK, "none: what the NIC writes is not checked", needed)
    elif facts.ok("iommu_groups") and "No such file" in facts.why_not("iommu"):
        yield Row("IOMMU", State.OK, "none for this device", needed)
    else:
        yield unknown(
            "IOMMU", facts, "iommu" if facts.ok("iommu_groups") else "iommu_groups", needed
        )


def xdp(asked: Asked) -> Iterator[Row]:
    """See that no program of XDP refuses a ring, or takes its packets."""
    link = asked.dut.first("link")
    if not link:
        yield unknown("XDP", asked.dut, "link", "none")
        return
    fix = asked.on_dut(f"ip link set dev {asked.port} xdp off")
    has = "xdp" in link
    yield good("XDP", not has, "there is a program" if has else "none", "none", fix)


RULES = (driver, queue_api, headers, channels, rings, steering, iommu, xdp)
