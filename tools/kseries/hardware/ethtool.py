# SPDX-License-Identifier: GPL-2.0
"""What ethtool prints where it has no JSON, and what it prints as JSON of rings. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

PRESET, CURRENT = "Pre-set maximums", "Current hardware settings"


def pairs(text: str) -> dict[str, str]:
    """Read lines "key: value", as `ethtool -i` prints them."""
    found = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, colon, value in found if colon}


def two_parts(text: str) -> tuple[dict[str, int], dict[str, int]]:
    """Read `ethtool -l`: what is possible, and what is; "n/a" is left out."""
    parts: dict[str, dict[str, int]] = {PRESET: {}, CURRENT: {}}
    part: dict[str, int] | None = None
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in parts:
            part = parts[key.strip()]
        elif part is not None and value.strip().isdecimal():
            part[key.strip().lower()] = int(value)
    return parts[PRESET], parts[CURRENT]


def switch(rings: Mapping[str, Any], key: str) -> bool | None:
    """Tell whether something of `ethtool --json -g` is on; None where it is not there."""
    value = rings.get(key)
    if isinstance(value, bool):
        return value
    return {"on": True, "off": False}.get(value) if isinstance(value, str) else None


def version(text: str) -> tuple[int, ...]:
    """Give the first numbers with dots in a text, "230.0.157.0/pkg 230.1" say; () for none."""
    match = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(map(int, match[0].split("."))) if match else ()
