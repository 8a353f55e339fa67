# SPDX-License-Identifier: GPL-2.0
"""Which of the changed functions run while the tests do: probes count calls in the guest.

Each function gets a kprobe whose event goes nowhere; the kernel counts how often it was hit. A
program that takes away all probes takes ours, too, and what it cannot be asked any more is told.
What is in a test's hands can lie, so what ran is evidence for people and excuses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from kseries.lib.deadline import Deadline
from kseries.lib.runfolder import RunFolder
from kseries.machines.base import Target

# Below tests/: symbol, tab, "suite/program" that ran it first; nothing where it cannot be watched.
RECORD = "functions.txt"
LIMIT_S = 120.0

TRACING = "/sys/kernel/tracing"

# Arguments: where tracing is, symbols. Prints the numbers of those that cannot be watched.
_WATCH = """\
cd "$1" 2>/dev/null && [ -w kprobe_events ] || { echo none; exit 0; }
mkdir instances/kseries 2>/dev/null
echo 0 >instances/kseries/tracing_on
shift
number=0
for symbol; do
	if { echo "p:kseries/f$number $symbol" >>kprobe_events &&
		echo 1 >"instances/kseries/events/kseries/f$number/enable"; } 2>/dev/null; then :
	else echo "$number"; fi
	number=$((number + 1))
done
"""

_HIT = re.compile(r"\s*f(\d{1,6})\s+(\d+)\s+\d+")


@dataclass
class Coverage:
    """Watches functions on one machine. symbols: as the kernel calls them."""

    symbols: Sequence[str]
    target: Target
    run: RunFolder
    tracing: str = TRACING
    _seen: set[int] = field(default_factory=set)
    _is_on: bool = False

    def begin(self) -> None:
        """Put the probes, on a machine that was just booted. Raises as `Target.run` does."""
        self._is_on = False
        if not self.symbols:
            return
        said = self._ask(["sh", "-c", _WATCH, "sh", self.tracing, *self.symbols])
        self._is_on = "none" not in said
        numbers = {int(word) for word in said if word.isdigit()}
        refused = range(len(self.symbols)) if not self._is_on else numbers
        self._write(set(refused), "")

    def look(self, label: str) -> None:
        """Write down which functions have run for the first time. Raises as `Target.run` does."""
        if not self._is_on or len(self._seen) == len(self.symbols):
            return
        said = self._ask(["cat", f"{self.tracing}/kprobe_profile"])
        hits = [match for line in said if (match := _HIT.match(line))]
        if not hits:
            self._is_on = False  # somebody took the probes away
        new = {int(hit[1]) for hit in hits if int(hit[2])} - self._seen
        self._write(new, label)

    def _write(self, numbers: set[int], label: str) -> None:
        new = sorted(n for n in numbers - self._seen if n < len(self.symbols))
        self._seen |= set(new)
        if new:
            place = self.run.path / "tests" / RECORD
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("a") as record:
                record.writelines(f"{self.symbols[n]}\t{label}\n" for n in new)

    def _ask(self, argv: list[str]) -> list[str]:
        said: list[str] = []
        self.target.run(
            argv, deadline=Deadline.after(LIMIT_S), on_line=lambda _at, line: said.append(line)
        )
        return said


def ran(run: RunFolder) -> dict[str, str]:
    """Give symbol → the program that ran it first, "" where it cannot be watched."""
    try:
        text = (run.path / "tests" / RECORD).read_text()
    except FileNotFoundError:
        return {}
    found: dict[str, str] = {}
    for line in text.splitlines():
        symbol, _, label = line.partition("\t")
        if label or symbol not in found:
            found[symbol] = found.get(symbol) or label
    return found
