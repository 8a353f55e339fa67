# SPDX-License-Identifier: GPL-2.0
"""How near tests are to code by the words in their names. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

# They stand in the names of tests whatever these are about.
_NO_SUBJECT = frozenset(["test", "kunit", "selftest", "sh", "py", "c", "h", "basic", "lib"])


def words(name: str) -> frozenset[str]:
    """Give the words that a name is made of: "fib_rule_tests.sh" → fib, rule."""
    found = re.findall(r"[a-z]+[0-9]*|[0-9]+", name.lower())
    return frozenset(word.rstrip("s") if len(word) > 3 else word for word in found) - _NO_SUBJECT


def of_paths(paths: Iterable[str]) -> frozenset[str]:
    """Give the words of files and their folders, without those at the top."""
    return frozenset().union(*(words("/".join(path.split("/")[1:])) for path in paths))


def ranked(names: Sequence[str], wanted: frozenset[str]) -> Mapping[str, float]:
    """Give name → how near it is: a word that few of the names have says more. 0: none shared."""
    counts = Counter(word for name in names for word in words(name))
    return {name: sum(1 / counts[word] for word in words(name) if word in wanted) for name in names}
