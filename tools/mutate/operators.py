# SPDX-License-Identifier: GPL-2.0
"""The faults: what may stand in place of a node of a module's syntax tree. Pure.

Of strings only keys change (looked up, compared, searched for), no messages.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mutate.exchanges import ARITHMETIC, COMPARISONS, KEYED, NEGATIONS, NOTHING, TWINS
from mutate.importing import assigned
from mutate.patterns import difference, weaker

LEFT_OUT = "(left out)"
Function = ast.FunctionDef | ast.AsyncFunctionDef

SIMPLE = (ast.Raise, ast.Continue, ast.Break, ast.AugAssign, ast.Expr)


@dataclass(frozen=True)
class Change:
    """A node and the source that takes its place.

    at: the part of it that changes, where that is smaller. told: what becomes of that, where it is
    not `new`.
    """

    node: ast.AST
    operator: str
    new: str
    at: ast.AST | None = None
    told: str = ""


@dataclass
class Scope:
    """Where in a module a node stands.

    raw: the places, (line, column), of raw strings: those are regular expressions.
    """

    raw: frozenset[tuple[int, int]] = frozenset()
    parents: list[ast.AST] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Names of the functions and classes around, outermost first."""
        return [p.name for p in self.parents if isinstance(p, Function | ast.ClassDef)]

    @property
    def function(self) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The outermost function around."""
        return next((p for p in self.parents if isinstance(p, Function)), None)

    @property
    def inner(self) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The innermost function around."""
        return next((p for p in reversed(self.parents) if isinstance(p, Function)), None)

    @property
    def targets(self) -> tuple[str, ...]:
        """The names that are assigned around, of the module or of a class."""
        for parent in self.parents[1:]:
            match parent:
                case ast.ClassDef():
                    continue
                case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                    return assigned(parent)
            break
        return ()


def _comparison(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        for place, old in enumerate(node.ops):
            new = copy.copy(node)
            new.ops = [*node.ops]
            new.ops[place] = COMPARISONS[type(old)]()
            yield Change(node, "comparison", f"({ast.unparse(new)})")


def _negated(node: ast.AST) -> Iterator[Change]:
    """Turn round a condition, unless a comparison's operator is turned round already."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield Change(node, "condition", f"({ast.unparse(node.operand)})")
        return
    tests: list[ast.expr] = []
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        tests = [node.test]
    elif isinstance(node, ast.comprehension):
        tests = node.ifs
    for test in tests:
        simple = isinstance(test, ast.Compare) and isinstance(test.ops[0], NEGATIONS)
        if not (simple or isinstance(test, ast.UnaryOp)):
            yield Change(test, "condition", f"(not ({ast.unparse(test)}))")
    if isinstance(node, ast.comprehension):
        for test in node.ifs:
            yield Change(test, "condition", "True")


def _dropped_operand(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.BoolOp):
        for place in range(len(node.values)):
            left = [*node.values[:place], *node.values[place + 1 :]]
            new = ast.BoolOp(node.op, left) if len(left) > 1 else left[0]
            yield Change(node, "operand", f"({ast.unparse(new)})")


def _arithmetic(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        if any(_textual(side) for side in (node.left, node.right)):
            return
        new = ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)
        yield Change(node, "arithmetic", f"({ast.unparse(new)})")


def _textual(node: ast.expr) -> bool:
    match node:
        case ast.JoinedStr() | ast.List() | ast.Tuple() | ast.ListComp():
            return True
        case ast.Constant(value=str() | bytes()):
            return True
        case ast.IfExp(body=body):
            return _textual(body)
    return False


def _constant(node: ast.AST, scope: Scope) -> Iterator[Change]:
    if not isinstance(node, ast.Constant):
        return
    match node.value:
        case bool(value):
            yield Change(node, "constant", str(not value))
        case int(value):
            yield Change(node, "constant", str(value + 1))
            if value:
                yield Change(node, "constant", str(value - 1))
        case float(value) if value:
            yield Change(node, "constant", str(value * 2))
        case str(value) if (node.lineno, node.col_offset) in scope.raw:
            for pattern in weaker(value):
                yield Change(node, "pattern", repr(pattern), told=difference(value, pattern))
        case str(value) if value and _is_key(node, scope):
            yield Change(node, "key", repr(value + "~"))


def _is_key(node: ast.Constant, scope: Scope) -> bool:
    parent = scope.parents[-1]
    match parent:
        case ast.Subscript() | ast.Compare():
            return True
        case ast.Dict(keys=keys):
            return any(key is node for key in keys)
        case ast.Call(func=ast.Attribute(attr=method), args=[first, *_]):
            return method in KEYED and first is node
        case ast.Call(func=ast.Name(id="getattr" | "hasattr")):
            return True
        case ast.Tuple() | ast.Set() | ast.List():
            return len(scope.parents) > 1 and isinstance(scope.parents[-2], ast.Compare)
        case ast.MatchValue():
            return True
        case ast.arguments():
            return True
    return False


def _returned(node: ast.AST, scope: Scope) -> Iterator[Change]:
    """Give nothing back, or of two truths the other one."""
    function = scope.inner
    if not isinstance(node, ast.Return) or node.value is None or function is None:
        return
    if isinstance(node.value, ast.Constant) or function.returns is None:
        return
    kind = ast.unparse(function.returns)
    if kind == "bool":
        yield Change(node.value, "return", f"(not ({ast.unparse(node.value)}))")
        return
    nothing = "None" if kind.endswith("None") else NOTHING.get(kind.partition("[")[0])
    if nothing and nothing != ast.unparse(node.value):
        yield Change(node.value, "return", nothing)


def _removed(node: ast.AST, scope: Scope) -> Iterator[Change]:
    """Leave out a statement that does something."""
    if isinstance(node, ast.Return):
        function = scope.inner
        does = node.value is None or (function is not None and function.body[-1] is not node)
    elif isinstance(node, ast.Delete):
        # Of a bare name it tells the linter that an argument is not used.
        does = not isinstance(node.targets[0], ast.Name)
    elif isinstance(node, ast.Assign):
        does = isinstance(node.targets[0], ast.Attribute | ast.Subscript)
    else:
        does = isinstance(node, SIMPLE)
    if does:
        yield Change(node, "statement", "pass")


def _handler(node: ast.AST) -> Iterator[Change]:
    """Do not handle an error."""
    if isinstance(node, ast.ExceptHandler) and not isinstance(node.body[0], ast.Raise):
        yield Change(node.body[0], "handler", "raise")


def _keyword(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Call):
        for place, keyword in enumerate(node.keywords):
            if keyword.arg in (None, "strict"):  # zip's is an assertion
                continue
            new = copy.copy(node)
            new.keywords = [*node.keywords[:place], *node.keywords[place + 1 :]]
            yield Change(node, "argument", ast.unparse(new), keyword, LEFT_OUT)


def _element(node: ast.AST, scope: Scope) -> Iterator[Change]:
    """Leave an element out of a list, a set, a table."""
    if isinstance(node, ast.Dict) and len(node.keys) > 1:
        for place in range(len(node.keys)):
            keys = [*node.keys[:place], *node.keys[place + 1 :]]
            values = [*node.values[:place], *node.values[place + 1 :]]
            at = node.keys[place] or node.values[place]
            yield Change(node, "element", ast.unparse(ast.Dict(keys, values)), at, LEFT_OUT)
    if isinstance(node, ast.List | ast.Set | ast.Tuple) and len(node.elts) > 1:
        if isinstance(node, ast.Tuple) and not _is_table(node, scope):
            return
        if not isinstance(node, ast.Set) and isinstance(node.ctx, ast.Store):
            return
        for place in range(len(node.elts)):
            new = copy.copy(node)
            new.elts = [*node.elts[:place], *node.elts[place + 1 :]]
            yield Change(node, "element", ast.unparse(new), node.elts[place], LEFT_OUT)


def _is_table(node: ast.Tuple, scope: Scope) -> bool:
    """Whether a tuple may be longer or shorter: it is searched, gone through or a constant."""
    match scope.parents[-1]:
        case ast.Compare() | ast.For() | ast.comprehension() | ast.Starred():
            return True
        case ast.Call(func=ast.Attribute(attr="startswith" | "endswith")):
            return True
        case ast.Assign() | ast.AnnAssign():
            return scope.inner is None
    return any(isinstance(item, ast.Starred) for item in node.elts)


def _twin(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in ("min", "max", "all", "any"):
            yield Change(node.func, "function", TWINS[name])
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in TWINS:
            if name not in ("min", "max", "all", "any"):
                yield Change(node.func, "function", f"{ast.unparse(value)}.{TWINS[name]}")


def _slice(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Subscript(value=value, slice=ast.Slice(lower=lower, upper=upper)):
            for low, high in ((None, upper), (lower, None)):
                new = ast.Subscript(value, ast.Slice(low, high), ast.Load())
                if (low, high) != (lower, upper):
                    yield Change(node, "slice", ast.unparse(new))


def _swapped_member(node: ast.AST, members: Mapping[str, Sequence[str]]) -> Iterator[Change]:
    """Take the next member of an enum."""
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=member) if name in members:
            names = members[name]
            if member in names and len(names) > 1:
                other = names[(names.index(member) + 1) % len(names)]
                yield Change(node, "member", f"{name}.{other}")


PLAIN: tuple[Callable[[ast.AST], Iterator[Change]], ...] = (
    _comparison,
    _negated,
    _dropped_operand,
    _arithmetic,
    _handler,
    _keyword,
    _twin,
    _slice,
)
IN_SCOPE: tuple[Callable[[ast.AST, Scope], Iterator[Change]], ...] = (
    _constant,
    _returned,
    _removed,
    _element,
)


def changes(node: ast.AST, scope: Scope, members: Mapping[str, Sequence[str]]) -> Iterator[Change]:
    """Give the faults of one node. members: of each enum, by its name, the names of its members."""
    for plain in PLAIN:
        yield from plain(node)
    for in_scope in IN_SCOPE:
        yield from in_scope(node, scope)
    yield from _swapped_member(node, members)
