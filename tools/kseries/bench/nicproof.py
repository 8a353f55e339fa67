# SPDX-License-Identifier: GPL-2.0
"""Was what zero copy received not copied after all? Probes count the copies of a run by itself.

The interface has no counter for them: where headers are not split off, or the flow is on another
queue, all is copied, and a figure would be one of something else. Probes cost time, so no figure is
taken while they are there. They are those of `test.coverage`, with counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

COPIES = re.compile(r"^[0-9a-f]+ [tT] (io_zcrx_copy\w*)$", re.MULTILINE)
"""Functions of the kernel that copy what was received. Where none is called so, nobody knows."""
MOST = 0.01
"""Of the pieces, so many may be copied: ends of a stream, that lie behind their headers."""

# Arguments: symbols. Prints "none" where nothing can be probed.
BEGIN = """\
cd /sys/kernel/tracing 2>/dev/null && [ -e kprobe_events ] || {
	mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
	cd /sys/kernel/tracing 2>/dev/null && [ -e kprobe_events ] || { echo none; exit 0; }
}
mkdir -p instances/kseries
echo 0 >instances/kseries/tracing_on
number=0
for symbol; do
	echo "p:kseries/copy$number $symbol" >>kprobe_events &&
		echo 1 >"instances/kseries/events/kseries/copy$number/enable" || echo none
	number=$((number + 1))
done 2>/dev/null
"""
LOOK = "cat /sys/kernel/tracing/kprobe_profile"
END = """\
cd /sys/kernel/tracing || exit 0
for file in instances/kseries/events/kseries/copy*/enable; do echo 0 >"$file"; done
rmdir instances/kseries
sed -n 's/^p:kseries\\/\\(copy[0-9]*\\) .*/-:kseries\\/\\1/p' kprobe_events | while read -r line; do
	echo "$line" >>kprobe_events
done
"""
_HIT = re.compile(r"^\s*copy\d+\s+(\d+)\s+\d+", re.MULTILINE)

Ask = Callable[[Sequence[str]], list[str]]
"""Runs a command on the machine and gives its lines."""


@dataclass(frozen=True)
class Proof:
    """What was seen of a run by itself. why_not: nobody knows, and why."""

    pieces: int = 0
    copies: int = 0
    why_not: str = ""

    @property
    def doubt(self) -> str:
        """Why figures of zero copy are none; "" where they are, or nobody knows."""
        if self.why_not or self.copies <= MOST * self.pieces:
            return ""
        return (
            f"{self.copies} of {self.pieces} pieces were copied in a run by itself: headers are not"
            " split off, or the flow is on another queue"
        )


def symbols(text: str) -> tuple[str, ...]:
    """Give the functions that copy, of /proc/kallsyms."""
    return tuple(dict.fromkeys(COPIES.findall(text)))


def prove(ask: Ask, receive: Callable[[], int | None]) -> Proof:
    """Count the copies of a run. receive: gives the pieces that it received, None where it failed.

    Raises as `ask` and `receive` do; the machine is to be booted then anyway.
    """
    found = symbols("\n".join(ask(["sh", "-c", "grep io_zcrx_copy /proc/kallsyms; true"])))
    if not found:
        return Proof(why_not="the kernel has no function that is known to copy")
    if "none" in ask(["sh", "-c", BEGIN, "sh", *found]):
        return Proof(why_not="the kernel takes no probes")
    pieces = receive()
    hits = _HIT.findall("\n".join(ask(["sh", "-c", LOOK])))
    ask(["sh", "-c", END])
    if pieces is None:
        return Proof(why_not="nothing was received while copies were counted")
    if len(hits) < len(found):
        return Proof(why_not="the probes were taken away")
    return Proof(pieces, sum(map(int, hits)))
