# SPDX-License-Identifier: GPL-2.0
"""Which tests a tree's sources list: in Makefiles of kselftest, and in programs. Pure.

Only what stands there for anyone to see is taken; the rest is not guessed at.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# Variables of lib.mk whose programs are run; those of *_EXTENDED are only installed.
RUN = ("TEST_PROGS", "TEST_GEN_PROGS", "TEST_CUSTOM_PROGS")
TARGETS = ("TARGETS",)  # of selftests/Makefile: the folders that are built and run

NO_TIMEOUT_S = 3600.0  # what "none" means here: somebody waits

_NAME = re.compile(r"[\w.+-]+")
_ASSIGNED = re.compile(r"\s*(?:override\s+|export\s+)*(\w+)\s*(\+|\?|::?|)=\s*(.*)")
_WILDCARD = re.compile(r"\$[({]wildcard ([^$(){}]*)[)}]")


@dataclass(frozen=True)
class Words:
    """The words that variables of a Makefile have. is_whole: whether nothing else may be there."""

    words: frozenset[str]
    is_whole: bool


def words_of(
    makefile: str, variables: tuple[str, ...], matching: Callable[[str], list[str]]
) -> Words:
    """Give the words of these variables, whatever conditions they stand below.

    matching: gives the files of the Makefile's folder that match a pattern.
    """
    values: dict[str, list[str]] = {}
    is_whole = True
    for name, sign, text in _assignments(makefile):
        if name not in variables:
            continue
        text = _WILDCARD.sub(
            lambda found: " ".join(
                file for pattern in found[1].split() for file in matching(pattern)
            ),
            text,
        )
        computed = "$" in text
        is_whole = is_whole and not computed
        words = [] if computed else text.split()
        # What is computed may be made of the words before it.
        keeps = sign == "+" or computed or (sign == "?" and name in values)
        values[name] = [*(values.get(name, []) if keeps else []), *words]
    return Words(frozenset(word for words in values.values() for word in words), is_whole)


def _assignments(makefile: str) -> Iterator[tuple[str, str, str]]:
    for line in re.sub(r"\\\n[ \t]*", " ", makefile).split("\n"):
        if line.startswith("\t"):
            continue
        if found := _ASSIGNED.fullmatch(line.partition("#")[0].rstrip()):
            yield found[1], found[2], found[3]


def cases_of(source: str) -> frozenset[str] | None:
    """Name the cases that a Python test of ksft.py hands to ksft_run(); None where it is unclear.

    Results are called after the program and the case: "ping.test_v4".
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "ksft_run"
    ]
    if len(calls) != 1:
        return None
    options = {word.arg: word.value for word in calls[0].keywords}
    listed = calls[0].args[0] if calls[0].args else options.get("cases")
    named = _names(listed, tree) if listed is not None else frozenset[str]()
    prefixed = _prefixed(options, tree)
    if named is None or prefixed is None:
        return None
    return named | prefixed or None


def _names(value: ast.expr, tree: ast.Module) -> frozenset[str] | None:
    if isinstance(value, ast.Name):
        given = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            and any(isinstance(to, ast.Name) and to.id == value.id for to in node.targets)
        ]
        uses = sum(isinstance(n, ast.Name) and n.id == value.id for n in ast.walk(tree))
        # One assignment and one use: nothing is put in or taken out between.
        if len(given) != 1 or uses != 2 or isinstance(given[0], ast.Name):
            return None
        value = given[0]
    if not isinstance(value, ast.List | ast.Tuple):
        return None
    names = [item.id for item in value.elts if isinstance(item, ast.Name)]
    return frozenset(names) if len(names) == len(value.elts) else None


def _prefixed(options: dict[str | None, ast.expr], tree: ast.Module) -> frozenset[str] | None:
    """Give the functions that are cases by their prefix: `globs=globals(), case_pfx={"test_"}`."""
    if "case_pfx" not in options:
        return frozenset()
    prefixes = options["case_pfx"]
    if not isinstance(prefixes, ast.Set | ast.List | ast.Tuple):
        return None
    texts = [item.value for item in prefixes.elts if isinstance(item, ast.Constant)]
    if len(texts) != len(prefixes.elts) or not all(isinstance(text, str) for text in texts):
        return None
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return frozenset(name for name in functions if name.startswith(tuple(map(str, texts))))


def timeout_of(settings: str) -> float:
    """Give the timeout in a target's `settings`, in seconds: its own word, an hour for none."""
    found = re.search(r"^timeout=(\d{1,5})$", settings, re.MULTILINE)
    if found is None:
        return 0.0
    return float(found[1]) or NO_TIMEOUT_S


def installed(text: str) -> list[tuple[str, str]]:
    """Read what kselftest lists of its installed tests: (folder, program) each."""
    entries = (line.strip().partition(":") for line in text.splitlines())
    return [(folder, name) for folder, colon, name in entries if colon and _NAME.fullmatch(name)]
