# SPDX-License-Identifier: GPL-2.0
"""Rules of the preflight check about the machines: who logs in, kernel, memory, clock. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kseries.hardware.lock import Seen
from kseries.hardware.preflight import Asked, Row, State, good, unknown
from kseries.hardware.probe import Facts

PAGE = 4096
MEMORY_MIB = 512  # free: areas of the tests and what they are pinned by
DISK_MIB = 1024  # free: a kernel, its modules, an initrd, the tests
SKEW_S = 2.0
ETHTOOL = ("tcp-data-split", "hds-thresh")


def login(asked: Asked) -> Iterator[Row]:
    """See that we are root: nothing of a NIC can be set otherwise."""
    for name, facts in _hosts(asked):
        user = facts.text("user")
        needed = "root"
        if not user:
            yield unknown(f"login, {name}", facts, "user", needed)
            continue
        fix = f'# host = "root@…" in the target\'s file (now {facts.host})'
        yield good(f"login, {name}", user == "0", f"user {user}", needed, fix)


def holder(asked: Asked) -> Iterator[Row]:
    """See who has the DUT."""
    needed = "free, or yours"
    if asked.lab.labgrid is not None:
        told = asked.place
        yield good("labgrid place", told.is_good, told.text, needed, told.fix and f"# {told.fix}")
        return
    if not asked.dut.ok("lock"):
        yield unknown("lock", asked.dut, "lock", needed)
        return
    text, now = asked.dut.text("lock"), asked.dut.text("time")
    seen = Seen(text, text, int(now) if now.isdecimal() else 0)
    if seen.is_of(asked.token):
        yield Row("lock", State.OK, "yours", needed)
        return
    fix = "# ask them; else: kseries hw lock TARGET --take-over"
    yield good("lock", not text, seen.told(), needed, fix)


def programs(asked: Asked) -> Iterator[Row]:
    """See that the DUT's ethtool knows the settings: what it does not know, it does not show."""
    needed = " and ".join(ETHTOOL)
    fix = "# install one whose --help has both: Debian's is too old up to trixie"
    if not asked.dut.ok("ethtool"):
        yield unknown("ethtool", asked.dut, "ethtool", needed, fix)
        return
    lacking = [word for word in ETHTOOL if word not in asked.dut.text("ethtool")]
    found = f"does not know {' and '.join(lacking)}" if lacking else "knows both"
    yield good("ethtool", not lacking, found, needed, fix)


def kernel(asked: Asked) -> Iterator[Row]:
    """See what the kernel was booted with."""
    wanted = asked.lab.dut.arguments
    if not wanted:
        return
    needed = " ".join(wanted)
    if not asked.dut.ok("cmdline"):
        yield unknown("kernel options", asked.dut, "cmdline", needed)
        return
    has = asked.dut.text("cmdline").split()
    lacking = [word for word in wanted if word not in has]
    fix = f"# boot it with {' '.join(lacking)} (GRUB_CMDLINE_LINUX, then update-grub)"
    found = f"without {' '.join(lacking)}" if lacking else needed
    yield good("kernel options", not lacking, found, needed, fix)


def page(asked: Asked) -> Iterator[Row]:
    """See that pages are those that the tests count in."""
    text = asked.dut.text("page")
    needed = f"{PAGE} bytes"
    if not text.isdecimal():
        yield unknown("page size", asked.dut, "page", needed)
    elif int(text) == PAGE:
        yield Row("page size", State.OK, f"{text} bytes", needed)
    else:
        yield Row("page size", State.SKIP, f"this kernel has pages of {text} bytes", needed)


def memory(asked: Asked) -> Iterator[Row]:
    """See what can be had without swapping."""
    match = re.search(r"^MemAvailable:\s+(\d+) kB", asked.dut.text("memory"), re.MULTILINE)
    needed = f"{MEMORY_MIB} MiB"
    if match is None:
        yield unknown("free memory", asked.dut, "memory", needed)
        return
    free = int(match[1]) >> 10
    fix = asked.on_dut("ps aux --sort -rss") + "  # and end what uses it"
    yield good("free memory", free >= MEMORY_MIB, f"{free} MiB", needed, fix)


def disk(asked: Asked) -> Iterator[Row]:
    """See what room there is for kernels and tests."""
    lines = asked.dut.text("disk").splitlines()
    fields = lines[-1].split() if lines else []
    needed = f"{DISK_MIB} MiB"
    if len(fields) < 6 or not fields[3].isdecimal():
        yield unknown("free disk", asked.dut, "disk", needed)
        return
    free = int(fields[3]) >> 10
    fix = asked.on_dut("du -xh -d 2 /") + " | sort -h | tail  # and remove what is not needed"
    yield good("free disk", free >= DISK_MIB, f"{free} MiB on {fields[5]}", needed, fix)


def kexec(asked: Asked) -> Iterator[Row]:
    """See whether a kernel may be started from the running one."""
    if asked.lab.boot.method != "kexec":
        return
    facts, needed = asked.dut, "the program, and a kernel that allows it"
    disabled, lockdown = facts.text("kexec_disabled"), facts.text("lockdown")
    if not facts.ok("kexec_disabled") and facts.answers.get("kexec_disabled") is not None:
        why = facts.why_not("kexec_disabled")
        if "No such file" in why:
            yield Row("kexec", State.SKIP, "this kernel is without CONFIG_KEXEC", needed)
            return
    if disabled not in ("0", "1") or not lockdown:
        lacking = "lockdown" if disabled in ("0", "1") else "kexec_disabled"
        yield unknown("kexec", facts, lacking, needed)
    elif disabled == "1":
        found = "kernel.kexec_load_disabled is 1, until the next boot"
        fix = "# take it out of /etc/sysctl.d, then boot"
        yield Row("kexec", State.WRONG, found, needed, fix)
    elif "[integrity]" in lockdown or "[confidentiality]" in lockdown:
        found = "the kernel is locked down (secure boot?)"
        yield Row(
            "kexec", State.WRONG, found, needed, "# boot it with secure boot off, or lockdown=none"
        )
    elif not facts.ok("kexec_program"):
        fix = asked.on_dut("apt-get install -y kexec-tools")
        yield Row("kexec", State.WRONG, "the program kexec is not installed", needed, fix)
    else:
        yield Row("kexec", State.OK, facts.text("kexec_program"), needed)


def switch(asked: Asked) -> Iterator[Row]:
    """See that the power switch can be worked before somebody needs it."""
    told = asked.switch
    if told.text:
        needed = f"{asked.lab.power.kind}, and on"
        yield good("power switch", told.is_good, told.text, needed, told.fix and f"# {told.fix}")


def clocks(asked: Asked) -> Iterator[Row]:
    """Hold both clocks against the workstation's; the time that asking took is allowed for."""
    needed = f"within {SKEW_S:g} s of this one's"
    for name, facts in _hosts(asked):
        text = facts.text("time")
        if not text.isdecimal():
            yield unknown(f"clock, {name}", facts, "time", needed)
            continue
        timed = asked.of_dut if name == "dut" else asked.of_peer
        began, ended = timed.began, timed.ended
        # A second is told when it has begun.
        skew = max(began - (int(text) + 1), int(text) - ended, 0.0)
        ahead = "ahead" if int(text) > ended else "behind"
        found = f"{skew:.0f} s {ahead}" if skew > SKEW_S else "right"
        fix = f"ssh {facts.host} date -s @$(date +%s)  # chrony keeps it so"
        yield good(f"clock, {name}", skew <= SKEW_S, found, needed, fix)


def _hosts(asked: Asked) -> Iterator[tuple[str, Facts]]:
    yield "dut", asked.dut
    if asked.lab.peer.host:
        yield "peer", asked.peer


RULES = (login, holder, kernel, programs, page, memory, disk, kexec, switch, clocks)
