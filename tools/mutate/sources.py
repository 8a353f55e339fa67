# SPDX-License-Identifier: GPL-2.0
"""The mutants of a module, out of its source. Pure.

Left alone is what says something to people or to the type checker and decides nothing: docstrings,
messages, annotations, imports, assertions, decorators of dataclasses.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from mutate.model import Edit, Mutant
from mutate.operators import Change, Scope, changes


def mutants(module: str, source: str, members: Mapping[str, Sequence[str]]) -> list[Mutant]:
    """Give all mutants of a module, in the order of its lines.

    members: of each enum, by its name, the names of its members.
    """
    text = Text(source)
    found: dict[tuple[int, int, str], Mutant] = {}
    for change, scope in _all_changes(ast.parse(source), Scope(_raw(source)), members):
        edit = text.edit(change)
        if edit is None or not _parses(edit.apply(text.source)):
            continue
        line = getattr(change.at, "lineno", text.line(edit.start))
        function = scope.function
        mutant = Mutant(
            module,
            ".".join(scope.names),
            line,
            text.lines[line - 1].decode().strip(),
            change.operator,
            text.told(change, edit),
            edit,
            scope.targets,
            (function.body[0].lineno, function.end_lineno or 0) if function else None,
        )
        found.setdefault((edit.start, edit.end, edit.text), mutant)
    ordered = sorted(found.values(), key=lambda mutant: (mutant.edit.start, mutant.edit.end))
    return list(_told_apart(ordered))


def _raw(source: str) -> frozenset[tuple[int, int]]:
    """Give the places of raw strings."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    strings = (token for token in tokens if token.type == tokenize.STRING)
    return frozenset(token.start for token in strings if token.string[0] in "rR")


def _told_apart(found: Iterable[Mutant]) -> Iterator[Mutant]:
    """Give those that say the same of one line a number."""
    counts: Counter[tuple[str, ...]] = Counter()
    for mutant in found:
        counts[mutant.key] += 1
        again = counts[mutant.key]
        yield replace(mutant, change=f"{mutant.change} #{again}") if again > 1 else mutant


def enums(source: str) -> dict[str, list[str]]:
    """Give the members of the enums that a module defines."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(b) for b in node.bases):
            found[node.name] = [
                target.id
                for item in node.body
                if isinstance(item, ast.Assign)
                for target in item.targets
                if isinstance(target, ast.Name)
            ]
    return found


class Text:
    """A source and where its lines begin, in bytes as the syntax tree counts."""

    def __init__(self, source: str) -> None:
        self.source = source.encode()
        self.lines = self.source.splitlines(keepends=True)
        self._starts = [0]
        for line in self.lines:
            self._starts.append(self._starts[-1] + len(line))

    def edit(self, change: Change) -> Edit | None:
        """Give the change in bytes; None where the tree has no true position (in f-strings)."""
        node = change.node
        start, end = self._span(node)
        if isinstance(node, ast.expr) and not _same(self.source[start:end], node):
            return None
        return Edit(start, end, change.new)

    def _span(self, node: ast.AST) -> tuple[int, int]:
        """Give the bytes of a node. Only what has a place can change."""
        assert isinstance(node, ast.expr | ast.stmt | ast.keyword)
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0)

    def told(self, change: Change, edit: Edit) -> str:
        """Say what changes: "old → new"."""
        if change.told and change.at is None:
            return change.told
        old = self.source[edit.start : edit.end]
        if change.at is not None:
            old = self.source[slice(*self._span(change.at))]
        return f"{_short(old.decode())} → {_short(change.told or change.new)}"

    def line(self, offset: int) -> int:
        """Give the number of the line of a byte, from 1."""
        return self.source.count(b"\n", 0, offset) + 1


def _same(segment: bytes, node: ast.expr) -> bool:
    if isinstance(node, ast.Starred):
        return True
    try:
        # In brackets, as an expression may go over lines.
        there = ast.parse(b"(" + segment + b")", mode="eval").body
    except SyntaxError:
        return False
    return ast.dump(there) == ast.dump(node)


def _parses(source: bytes) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def _short(text: str) -> str:
    return " ".join(text.split())


def _all_changes(
    tree: ast.Module, scope: Scope, members: Mapping[str, Sequence[str]]
) -> Iterator[tuple[Change, Scope]]:
    def walk(node: ast.AST) -> Iterator[tuple[Change, Scope]]:
        for change in changes(node, scope, members):
            yield change, scope
        scope.parents.append(node)
        for child in _children(node):
            yield from walk(child)
        scope.parents.pop()

    yield from walk(tree)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Give what may change below a node: no annotation, no import, no docstring, no assertion."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Assert):
        return
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_comment", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _mere_text(child):
                yield child


def _mere_text(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.Call(func=ast.Name(id="dataclass")) | ast.keyword(arg="strict"):
            return True  # it forbids, and computes nothing
        case ast.Subscript(value=ast.Name(id="Callable")):
            return True  # the name of a type
    return False
