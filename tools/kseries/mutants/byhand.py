# SPDX-License-Identifier: GPL-2.0
"""Mutants made by hand, behind switches: the function that one changes is there twice.

A patch may change a function as it likes. So a copy of it that has the change stands before it, and
the function calls the copy when the switch is on. What is changed outside of functions has no
switch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tree_sitter import Node

from kseries.lib.gitrepo import Repository
from kseries.model import GeneratedMutant
from kseries.mutants import operators
from kseries.mutants.mutants import Mutant
from kseries.mutants.operators import NUMBER, Change

OPERATOR = "by hand"


def without(mutants: Sequence[GeneratedMutant]) -> tuple[GeneratedMutant, ...]:
    """Leave those out that were made by hand."""
    return tuple(mutant for mutant in mutants if mutant.operator != OPERATOR)


def changes(
    repository: Repository, commit: str, mutants: Sequence[Mutant], scratch: Path
) -> Iterator[tuple[str, bytes, Change]]:
    """Give file, source and change of each mutant that a switch can bring; `change` is its name.

    commit: what the patches are for. One that does not apply is left out. scratch: an empty folder.
    """
    for mutant in mutants:
        file = _file(mutant.patch)
        source = repository.file_at(commit, file)
        if source is None:
            continue
        changed = _patched(repository.with_index(scratch / mutant.name), commit, file, mutant.patch)
        found = change(mutant.name, source, changed) if changed is not None else None
        if found is not None:
            yield file, source, found


def _file(patch: Path) -> str:
    lines = patch.read_text().splitlines()
    return next(line.removeprefix("+++ b/") for line in lines if line.startswith("+++ b/"))


def _patched(repository: Repository, commit: str, file: str, patch: Path) -> bytes | None:
    """Give a file as a patch leaves it, None where the patch does not apply."""
    blob = repository.text("rev-parse", f"{commit}:{file}")
    repository.text("update-index", "--add", "--cacheinfo", f"100644,{blob},{file}")
    if not repository.ask("apply", "--cached", patch).ok:
        return None
    return repository.ask("cat-file", "blob", f":{file}").stdout


def change(name: str, source: bytes, changed: bytes) -> Change | None:
    """Give what a switch has to do to make one file of the other; None where none can."""
    old, new = source.splitlines(keepends=True), changed.splitlines(keepends=True)
    before = _alike(old, new)
    behind = _alike(old[before:][::-1], new[before:][::-1])
    first = len(b"".join(old[:before]))
    last = len(b"".join(old[: len(old) - behind]))
    for start, end, root in operators.parts(source):
        if not start <= first <= last <= end:
            continue
        for node in root.children:
            body = node.child_by_field_name("body")
            if node.type != "function_definition" or body is None:
                continue
            inside, outside = start + body.start_byte + 1, start + body.end_byte - 1
            if inside <= first and last <= outside:
                text = changed[inside - 1 : len(changed) - (len(source) - outside) + 1]
                head = source.count(b"\n", 0, start + node.start_byte) + 1
                return _twice(name, source[start:end], node, text, start, (head, before + 1))
    return None


def _alike(some: Sequence[bytes], others: Sequence[bytes]) -> int:
    """Count the lines that are the same before the first that is not."""
    pairs = zip(some, others, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(some), len(others)))


def _twice(
    name: str, part: bytes, function: Node, text: bytes, start: int, lines: tuple[int, int]
) -> Change | None:
    """Give the change that has a function twice, once with `text` for its body.

    lines: of the function's first line, and of the first that is changed.
    """
    body = function.child_by_field_name("body")
    declarator = _declarator(function)
    if body is None or declarator is None:
        return None
    own = declarator.child_by_field_name("declarator")
    arguments = _arguments(declarator)
    if own is None or own.type != "identifier" or arguments is None or NUMBER.encode() in text:
        return None
    called = part[own.start_byte : own.end_byte].decode()
    copy = f"{called}__mutant_{NUMBER}"
    head = part[function.start_byte : own.start_byte].decode()
    tail = part[own.end_byte : body.start_byte].decode()
    static = "" if "static" in head.split() else "static "
    # No other line moves, also not that of the include on top: the compiler is told where it is.
    here = f"\n#line {lines[0] + 1}\n"
    # The copy may call the function, which stands behind it.
    code = f"{head}{called}{tail};{here}{static}{head}{copy}{tail}{text.decode()}{here}"
    call = f"{copy}({', '.join(arguments)})"
    span = (start + function.start_byte, start + body.start_byte + 1)
    return Change(*span, code, False, OPERATOR, name, lines[1], called, call)


def _declarator(function: Node) -> Node | None:
    """Give the part of a function's head that has its name and its parameters."""
    node = function.child_by_field_name("declarator")
    while node is not None and node.type != "function_declarator":
        node = node.child_by_field_name("declarator")
    return node


def _arguments(declarator: Node) -> list[str] | None:
    """Name the parameters of a function, None where one has no name."""
    parameters = declarator.child_by_field_name("parameters")
    if parameters is None or parameters.has_error:
        return None
    found = [node for node in parameters.named_children if node.type != "comment"]
    if len(found) == 1 and found[0].text == b"void":
        return []
    names = [_name(node.child_by_field_name("declarator")) for node in found]
    return [name for name in names if name] if all(names) else None


def _name(declarator: Node | None) -> str:
    """Give the name that a declarator declares, "" for none."""
    while declarator is not None and declarator.type != "identifier":
        inner = declarator.child_by_field_name("declarator")
        if inner is None and declarator.type == "parenthesized_declarator":
            inner = next(iter(declarator.named_children), None)
        declarator = inner
    return (declarator.text or b"").decode() if declarator is not None else ""
