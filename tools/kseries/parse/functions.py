# SPDX-License-Identifier: GPL-2.0
"""Sets of functions of the kernel, told by their names."""

from __future__ import annotations

import re
from functools import lru_cache

_SUFFIX = re.compile(r"(?:_noprof)?(?:\.(?:constprop|isra|part|cold|lto_priv|llvm)\b.*)?$")
_COMPILERS = re.compile(r"\.(?:constprop|isra|part|cold|lto_priv|llvm)\b.*$")


def source_name(symbol: str) -> str:
    """Give the name that a function has in the source, without what the compiler appends."""
    return _COMPILERS.sub("", symbol)


class Functions:
    """Functions by name. `symbol in functions` takes a name as it stands in a call trace.

    names: separated by blanks, without underscores in front and without "_noprof", which many
    have or lack as the kernel grew; a star stands for any part of a name, a question
    mark for a character.
    """

    def __init__(self, *names: str) -> None:
        self.names = tuple(name for some in names for name in some.split())
        patterns = "|".join(name.replace("*", r"\w*").replace("?", r"\w") for name in self.names)
        self._match = re.compile(rf"(?:{patterns})$").match
        self._has = lru_cache(maxsize=4096)(self._look)

    def __contains__(self, symbol: object) -> bool:
        return isinstance(symbol, str) and self._has(symbol)

    def _look(self, symbol: str) -> bool:
        return bool(self._match(_SUFFIX.sub("", symbol).lstrip("_")))
