# SPDX-License-Identifier: GPL-2.0
"""What `git format-patch --base` and b4 say of a series' base. Pure: b4 itself skips half of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kseries.model import Prerequisite
from kseries.series.assemble import Assembled

PREREQUISITE = "prerequisite-"
BASE = "base-commit"

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_TRAILER = re.compile(
    rb"^(base-commit|prerequisite-[a-z-]{1,40}+):[ \t]*+([^\s][^\n]{0,200})", re.MULTILINE
)


@dataclass(frozen=True)
class Trailers:
    """What the trailers of a series say."""

    base_commit: str
    prerequisites: tuple[Prerequisite, ...]


def read_trailers(found: Assembled, cover: bytes) -> Trailers:
    """Read the trailers of a series. cover: the text of its cover letter.

    The base stands in the cover letter or the first patch; patches that were collected from
    other series name bases of those.
    """
    first = found.patches[0]
    totals = {patch.mail.label.total for patch in found.patches}
    whole = totals in ({0}, {len(found.patches)}) or first.mail.label.number == 1
    pairs = _pairs(cover)
    if whole:
        for patch in found.patches:
            pairs += [
                pair
                for pair in _pairs(patch.message + patch.diff)
                if patch is first or pair[0] != BASE
            ]
    pairs = list(dict.fromkeys(pairs))
    bases = [value for key, value in pairs if key == BASE and _COMMIT.fullmatch(value)]
    prerequisites = [
        Prerequisite(key.removeprefix(PREREQUISITE), value.strip("<>"))
        for key, value in pairs
        if key.startswith(PREREQUISITE)
    ]
    return Trailers(bases[0] if bases else "", tuple(prerequisites))


def _pairs(text: bytes) -> list[tuple[str, str]]:
    return [
        (key.decode(), value.decode(errors="replace").strip())
        for key, value in _TRAILER.findall(text)
    ]
