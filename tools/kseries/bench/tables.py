# SPDX-License-Identifier: GPL-2.0
"""What the plugin is told: functions by address, and which of them begin another context. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kseries.bench.elf import Function
from kseries.bench.marks import Mark

UNKNOWN = "[unknown]"
"""What has no function: the vDSO, code that the kernel made at run time."""

_SYMBOL = re.compile(r"^([0-9a-f]{16}) ([tTwWi]) (\S+)$")
# Behind these no function of the kernel lies, until the next.
_ENDS = re.compile(r"^([0-9a-f]{16}) [A-Za-z] (_etext|_einittext)$")
# What the compiler or an alignment puts in front of a function, and aliases of it.
_LESSER = re.compile(r"^(__pfx_|__cfi_|__x64_sys_|__ia32_sys_|__SCT__)|^(_stext|_text|_start)$")


@dataclass(frozen=True)
class Bracket:
    """A function that begins a context. caller: it has to be called by one that begins so."""

    layer: str
    function: str
    caller: str = ""


# All functions of a kernel that has them; those of the device are netdevsim's.
BRACKETS = (
    # The handlers alone: on the way out of an interrupt another task may go on.
    Bracket("hardirq", "__sysvec_apic_timer_interrupt"),
    Bracket("hardirq", "__sysvec_irq_work"),
    Bracket("hardirq", "__sysvec_call_function_single"),
    Bracket("hardirq", "__common_interrupt"),
    Bracket("softirq", "handle_softirqs"),
    Bracket("poll", "nsim_poll"),
    # What stands for DMA of the simulated device: the bytes go into the buffer.
    Bracket("dma", "nsim_dma_write"),
    Bracket("dma", "skb_copy_bits", "nsim_"),
    # It hashes headers, as a NIC does.
    Bracket("steer", "nsim_steer"),
    # It raises the interrupt of the queue, which is no work of whoever sends.
    Bracket("steer", "nsim_irq_raise"),
    # The sender's packet, which no wire brings to a receiver.
    Bracket("drop", "consume_skb", "nsim_"),
    Bracket("drop", "kfree_skb_reason", "nsim_"),
    Bracket("drop", "sk_skb_reason_drop", "nsim_"),
    Bracket("drop", "__kfree_skb", "nsim_"),
)
# Of a kernel whose paths nobody knows beforehand.
PLAIN_BRACKETS = tuple(one for one in BRACKETS if one.layer in ("hardirq", "softirq"))
# With all that is done in it, and on the way out of it.
TIMER = "asm_sysvec_apic_timer_interrupt"
# Called where a segment with data, or a datagram, is queued: so a queue is known that splits no
# headers.
RECEIVES = ("tcp_data_ready", "__udp_enqueue_schedule_skb")
SWITCH = "__switch_to_asm"


def tables(system_map: str, program: Iterable[Function]) -> str:
    """Give the text that the plugin reads. Raises ValueError for a kernel without symbols."""
    lines = [*_functions(system_map, program), *_layers(BRACKETS)]
    lines += [*(f"receives {name}" for name in RECEIVES), f"switch {SWITCH}"]
    return "".join(f"{line}\n" for line in lines)


def with_sections(system_map: str, program: Iterable[Function], marks: Iterable[Mark]) -> str:
    """Give the same for a program that marks sections, and any kernel."""
    lines = [*_functions(system_map, program), *_layers(PLAIN_BRACKETS), f"timer {TIMER}"]
    lines += [f"mark {mark.address:x} {mark.kind}{mark.section}" for mark in marks]
    lines.append(f"switch {SWITCH}")
    return "".join(f"{line}\n" for line in lines)


def _functions(system_map: str, program: Iterable[Function]) -> Iterator[str]:
    kernel = list(_kernel(system_map))
    if not any(name == SWITCH for _, name in kernel):
        raise ValueError(f"it has no {SWITCH}")
    yield from (f"kernel {address:x} {name}" for address, name in kernel)
    yield from (f"program {address:x} {name}" for address, name in _program(program))


def _layers(brackets: Iterable[Bracket]) -> Iterator[str]:
    yield from (f"layer {b.layer} {b.function} {b.caller}".rstrip() for b in brackets)


def _kernel(system_map: str) -> Iterator[tuple[int, str]]:
    """Give one name for each address at which a function begins, in the order of addresses."""
    named: dict[int, str] = {}
    for line in system_map.splitlines():
        if end := _ENDS.match(line):
            named.setdefault(int(end[1], 16), UNKNOWN)
        elif found := _SYMBOL.match(line):
            address, name = int(found[1], 16), found[3]
            if address not in named or _rank(name) < _rank(named[address]):
                named[address] = name
    yield from sorted(named.items())


def _rank(name: str) -> tuple[bool, bool, str]:
    known = name in {bracket.function for bracket in BRACKETS} or name in {*RECEIVES, SWITCH}
    return not known, name == UNKNOWN or _LESSER.match(name) is not None, name


def _program(functions: Iterable[Function]) -> Iterator[tuple[int, str]]:
    """Give the same of a program, with an end behind its last function."""
    named: dict[int, str] = {}
    end = 0
    for function in sorted(functions, key=lambda one: (one.address, one.name)):
        named.setdefault(function.address, function.name)
        end = max(end, function.address + function.size)
    if end:
        named.setdefault(end, UNKNOWN)
    yield from sorted(named.items())
