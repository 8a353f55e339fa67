# SPDX-License-Identifier: GPL-2.0
"""Sets of functions of the kernel, told by their names."""

from __future__ import annotations

import re
from functools import lru_cache

_COMPILERS = re.compile(r"\.(?:constprop|isra|part|cold|lto_priv|llvm)\b.*")


def source_name(symbol: str) -> str:
    """Give the name that a function has in the source, without what the compiler appends."""
    return _COMPILERS.sub("", symbol)


class Functions:
    """Functions by name. `symbol in functions` takes a name as it stands in a call trace.

    names: separated by blanks, without underscores in front and without "_noprof", which many
    have or lack as the kernel grew; a star stands for any part of a name.
    """

    def __init__(self, *names: str) -> None:
        self.names = tuple(name for some in names for name in some.split())
        # A regular expression of hundreds of names takes long to compile.
        self._whole = frozenset(self.names)
        self._heads = tuple(name[:-1] for name in self.names if name.endswith("*"))
        others = [name.replace("*", r"\w*") for name in self.names if "*" in name[:-1]]
        self._other = re.compile(rf"(?:{'|'.join(others) or '(?!)'})$")
        self._has = lru_cache(maxsize=4096)(self._look)

    def __contains__(self, symbol: object) -> bool:
        return isinstance(symbol, str) and self._has(symbol)

    def _look(self, symbol: str) -> bool:
        name = source_name(symbol).removesuffix("_noprof").lstrip("_")
        known = name in self._whole or name.startswith(self._heads)
        return known or self._other.match(name) is not None
