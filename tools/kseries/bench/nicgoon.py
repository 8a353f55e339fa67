# SPDX-License-Identifier: GPL-2.0
"""What of a session over a NIC that was ended counts for the one that goes on with it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from kseries.bench.nic import OverNic, Port
from kseries.lib.untrusted import Untrusted

HANGS_ON = {
    "target": "the target",
    "made_of": "the kernel or the program",
    "machine": "the machine",
    "port": "its port",
    "peer": "the driver of the peer's port",
    "softirq": "the CPU of the softirqs",
    "application": "the CPU of the application",
}
"""What figures hang on, as `OverNic` names it: they are of one session only where none changed."""

BY_CHANCE = frozenset({"link.address", "rss.key"})
"""Settings that drivers draw anew at each boot; the queue of the one flow hangs on a rule alone."""
MOST = 5  # settings that are told


def made_of(image: Path, program: bytes) -> str:
    """Give a digest of the kernel's image and the program that measures. Raises NotPlain."""
    parts = (Untrusted(image.parent).sha256(image.name), hashlib.sha256(program).hexdigest())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def go_on(begun: OverNic, earlier: OverNic) -> OverNic:
    """Begin with what was measured before, where that is of the same kernel on the same machine.

    begun: after both ports were set up. What was lost is left out, so that it is tried again.
    """
    others = [told for name, told in HANGS_ON.items() if _of(begun, name) != _of(earlier, name)]
    others += _settings(begun.port.settings, earlier.port.settings)
    if others:
        note = f"all is measured anew, as another than before is: {', '.join(others)}"
        return replace(begun, notes=(*begun.notes, note))
    skipped = {missing.item for missing in begun.skipped}
    wanted = set(begun.asked.items) - skipped
    proof = earlier.proof if earlier.proof is not None and not earlier.proof.why_not else None
    return replace(
        begun,
        samples=tuple(sample for sample in earlier.samples if sample.item in wanted),
        proof=proof,
    )


def _of(session: OverNic, name: str) -> object:
    """Give what figures hang on; settings of the port are told one by one."""
    value = getattr(session, name)
    return replace(value, settings={}) if isinstance(value, Port) else value


def _settings(new: dict[str, str], old: dict[str, str]) -> list[str]:
    known = (new.keys() | old.keys()) - BY_CHANCE
    names = sorted(name for name in known if new.get(name) != old.get(name))
    told = [f"{name} ({old.get(name, 'not there')} before)" for name in names]
    return [*told[:MOST], f"{len(told) - MOST} more settings"] if len(told) > MOST else told
