# SPDX-License-Identifier: GPL-2.0
"""Small faults that can be put into C: what may stand instead of an expression or a statement.

The syntax tree is tree-sitter's, of one file as it stands: nothing is preprocessed, so a macro is a
call like any other. What cannot be parsed or may not be changed has no fault: declarations,
constant expressions, what a statement only asserts or prints.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import tree_sitter_c
from tree_sitter import Language, Node, Parser

# Words that tree-sitter takes for names where the kernel has them for checkers and linker. They are
# read as blanks, as are macros of several lines and conditions of the preprocessor, so that what
# stands around them is understood.
_BLANKED = re.compile(
    rb"\b__(?:user|force|rcu|percpu|iomem|bitwise|init|exit|net_init|read_mostly|must_check|cold"
    rb"|always_inline)\b"
    rb"|\b____cacheline_aligned\w*"
    rb"|^[ \t]*#[ \t]*define\b(?:[^\n]*\\\n)+[^\n]*"
    rb"|^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif|else|endif)\b[^\n]*",
    re.MULTILINE,
)
_FUNCTION_END = re.compile(rb"^\}[^\n]*\n", re.MULTILINE)
_DIRECTIVE = re.compile(rb"^[ \t]*#", re.MULTILINE)
_NOT_NEWLINE = re.compile(rb"[^\n]")

SWAPS = {
    "<": ("bound", "<="),
    "<=": ("bound", "<"),
    ">": ("bound", ">="),
    ">=": ("bound", ">"),
    "==": ("condition", "!="),
    "!=": ("condition", "=="),
    "&&": ("logical", "||"),
    "||": ("logical", "&&"),
    "+": ("arithmetic", "-"),
    "-": ("arithmetic", "+"),
    "*": ("arithmetic", "/"),
    "/": ("arithmetic", "*"),
    "%": ("arithmetic", "/"),
    "<<": ("arithmetic", ">>"),
    ">>": ("arithmetic", "<<"),
    "&": ("arithmetic", "|"),
    "|": ("arithmetic", "&"),
    "+=": ("arithmetic", "-="),
    "-=": ("arithmetic", "+="),
    "|=": ("arithmetic", "&="),
    "&=": ("arithmetic", "|="),
    "<<=": ("arithmetic", ">>="),
    ">>=": ("arithmetic", "<<="),
    "++": ("arithmetic", "--"),
    "--": ("arithmetic", "++"),
}
_ARITHMETIC = frozenset(op for op, (kind, _) in SWAPS.items() if kind == "arithmetic")
_NARROW = ("u16", "u32")
NUMBER = "$"  # in code, for the number of the mutant; C has no such character

_ERROR = re.compile(r"-\s*E[A-Z0-9]+")
_OTHER_ERROR = ("EINVAL", "ENOMEM")
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+|[A-Z]{3,}")

# What has no effect that anybody is meant to see: the tree asserts, annotates or prints there.
_ASSERTS = re.compile(
    r"(?:DEBUG_NET_)?(?:VM_)?(?:WARN|BUG|BUILD_BUG)(?:_ON)?(?:_ONCE)?(?:_MSG|_PAGE)?|lockdep_assert\w*"
    r"|might_(?:sleep|fault)|(?:pr|netdev|dev|net)_\w*(?:warn|err|info|debug)\w*|printk\w*|trace_\w+"
    r"|static_assert|kasan_\w+|kmemleak_\w+|prefetchw?|ASSERT_RTNL|cond_resched"
)
_RELEASES = re.compile(
    r"(?:^|_)(?:unlock|put|free|release|unref|dec|unpin|unmap|unaccount|close|destroy|detach|end)(?:_|$)"
)

# Nodes whose inside must be known when it is compiled, or is no code.
_CONSTANT_NODES = frozenset(
    {
        "array_declarator", "attribute_specifier", "bitfield_clause", "enumerator",
        "field_declaration", "gnu_asm_expression", "offsetof_expression", "preproc_call",
        "preproc_elif", "preproc_function_def", "preproc_include", "sizeof_expression",
        "static_assert_declaration", "type_descriptor",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One fault of one node. start, end: bytes of what is replaced. code: what stands there then.

    statement: whether that is a statement, else it is an expression. change: "old → new".
    line: the number of the line that is changed, from 1. call: where `code` is a function that is
    called in place of another, the call; start and end are those of the other's head, with its
    brace.
    """

    start: int
    end: int
    code: str
    statement: bool
    operator: str
    change: str
    line: int
    within: str
    call: str = ""


def changes(source: bytes) -> list[Change]:
    """Give the faults of a file, in the order of their places."""
    found: list[Change] = []
    for start, end, root in parts(source):
        walk = _Walk(source[start:end], start, source.count(b"\n", 0, start))
        walk.node(root, "")
        found += walk.found
    return sorted(found, key=lambda change: (change.start, -change.end))


def parts(source: bytes) -> Iterator[tuple[int, int, Node]]:
    """Parse a file function by function: what is not understood of one spoils no other.

    Gives the bytes of each part, from the end of a function to the end of the next, and its tree.
    """
    parser = Parser(Language(tree_sitter_c.language()))
    text = _blanked(source)
    starts = [0, *(match.end() for match in _FUNCTION_END.finditer(text))]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield start, end, parser.parse(text[start:end]).root_node


def _blanked(source: bytes) -> bytes:
    return _BLANKED.sub(lambda match: _NOT_NEWLINE.sub(b" ", match[0]), source)


class _Walk:
    """Looks for faults in a part of a file. start, line: where it begins, from 0."""

    def __init__(self, source: bytes, start: int, line: int) -> None:
        self.found: list[Change] = []
        self._source = source
        self._start = start
        self._line = line
        self._labels: list[str] = []

    # ---- walking

    def node(self, node: Node, within: str) -> None:
        """Look at a node and what is in it."""
        if node.type in _CONSTANT_NODES or node.type == "ERROR":
            return
        if node.type == "preproc_def":
            self._macro(node)
            return
        if node.type == "function_definition":
            within = self._name_of(node)
            self._labels = list(_labels(node))
        if within and not node.is_missing:
            for look in (_LOOKS.get(node.type), _Walk._wider if node.is_named else None):
                if look is not None:
                    look(self, node, within)
        for child in node.children:
            if child.type == "case" or _is_label_value(node, child):
                continue
            if node.type == "declaration" and _is_static(node):
                continue
            self.node(child, within)

    def _name_of(self, function: Node) -> str:
        declarator = function.child_by_field_name("declarator")
        while declarator is not None and declarator.type != "identifier":
            declarator = declarator.child_by_field_name("declarator")
        return self._text(declarator) if declarator is not None else "?"

    def _text(self, node: Node) -> str:
        return self._source[node.start_byte : node.end_byte].decode(errors="replace")

    def _add(
        self,
        node: Node,
        code: str,
        operator: str,
        change: str,
        within: str,
        *,
        statement: bool = False,
        at: Node | None = None,
    ) -> None:
        self._add_at(
            node.start_byte, node.end_byte, code, operator, change, within,
            (at or node).start_point[0], statement=statement,
        )  # fmt: skip

    def _add_at(
        self,
        start: int,
        end: int,
        code: str,
        operator: str,
        change: str,
        within: str,
        line: int,
        *,
        statement: bool = False,
    ) -> None:
        if _DIRECTIVE.search(self._source, start, end):
            return  # it would stand in the middle of a line
        code, change = " ".join(code.split()), " ".join(change.split())
        start, end, line = self._start + start, self._start + end, self._line + line + 1
        self.found.append(Change(start, end, code, statement, operator, change, line, within))

    # ---- expressions

    def _binary(self, node: Node, within: str) -> None:
        operator = node.child_by_field_name("operator")
        assert operator is not None
        swap = SWAPS.get(operator.type)
        if swap is None or node.has_error:
            return
        kind, new = swap
        left, right = (
            self._source[start:end].decode(errors="replace")
            for start, end in (
                (node.start_byte, operator.start_byte),
                (operator.end_byte, node.end_byte),
            )
        )
        code = f"{left}{new}{right}"
        if node.type == "binary_expression":
            code = f"({left}) {new} ({right})"
        self._add(node, code, kind, f"{operator.type} → {new}", within, at=operator)

    def _condition(self, node: Node, within: str) -> None:
        condition = node.child_by_field_name("condition")
        while condition is not None and condition.type == "parenthesized_expression":
            inner = _first(condition)
            if inner is None:
                return
            condition = inner
        if condition is None or condition.has_error or self._text(condition) in ("1", "true"):
            return
        operator = condition.child_by_field_name("operator")
        if operator is not None and operator.type in ("==", "!="):
            return
        text = self._text(condition)
        self._add(condition, f"!({text})", "condition", f"{text} → !({text})", within)

    def _number(self, node: Node, within: str) -> None:
        match = _NUMBER.fullmatch(self._text(node))
        if match is None:
            return
        value, suffix = int(match[1], 0), match[2]
        for new in (value + 1, *([value - 1] if value else [])):
            self._add(node, f"{new}{suffix}", "constant", f"{match[0]} → {new}{suffix}", within)

    def _truth(self, node: Node, within: str) -> None:
        new = {"true": "false", "false": "true"}[self._text(node)]
        self._add(node, new, "constant", f"{self._text(node)} → {new}", within)

    def _name(self, node: Node, within: str) -> None:
        text, parent = self._text(node), node.parent
        if parent is None or _CONSTANT.fullmatch(text) is None or text == "NULL":
            return
        if parent.type == "call_expression" and parent.child_by_field_name("function") == node:
            return
        if parent.type == "unary_expression" and _ERROR.fullmatch(self._text(parent)):
            return
        if _of(parent, "left") == node or parent.type not in _PLACES_OF_VALUES:
            return
        self._add(node, f"({text} + 1)", "constant", f"{text} → {text} + 1", within)

    def _negative(self, node: Node, within: str) -> None:
        text = self._text(node)
        if _ERROR.fullmatch(text):
            new = next(f"-{code}" for code in _OTHER_ERROR if f"-{code}" != text)
            self._add(node, new, "error code", f"{text} → {new}", within)

    def _wider(self, node: Node, within: str) -> None:
        """Look for a value that may be wider than some type; the compiler tells whether it is."""
        if not self._is_value(node) or node.has_error:
            return
        text = self._text(node)
        for kind in _NARROW:
            self._add(
                node,
                f"kseries_narrow({NUMBER}, {kind}, {text})",
                "width",
                f"{text} → ({kind})",
                within,
            )

    def _is_value(self, node: Node) -> bool:
        parent = node.parent
        if parent is None:
            return False
        if node.type == "binary_expression":
            return self._sums(node) and not self._sums(parent)
        if node.type == "cast_expression":
            return True
        if node.type not in ("identifier", "field_expression", "call_expression"):
            return False
        if parent.type == "assignment_expression":
            return parent.child_by_field_name("right") == node
        return parent.type == "init_declarator" and parent.child_by_field_name("value") == node

    def _sums(self, node: Node) -> bool:
        operator = node.child_by_field_name("operator")
        return (
            node.type == "binary_expression"
            and operator is not None
            and operator.type in _ARITHMETIC
        )

    # ---- statements

    def _expression_statement(self, node: Node, within: str) -> None:
        inner = _first(node)
        if inner is None or node.has_error:
            return
        if inner.type not in ("call_expression", "assignment_expression", "update_expression"):
            return
        operator = "statement"
        if inner.type == "call_expression":
            function = inner.child_by_field_name("function")
            name = self._text(function) if function is not None else ""
            if _ASSERTS.fullmatch(name):
                return
            if _RELEASES.search(name):
                operator = "release"
        self._add(node, "{ }", operator, f"{self._text(node)} → nothing", within, statement=True)

    def _goto(self, node: Node, within: str) -> None:
        label = node.child_by_field_name("label")
        if label is None or node.has_error:
            return
        text = self._text(label)
        for other in self._labels:
            if other != text:
                code = f"goto {other};"
                self._add(node, code, "label", f"goto {text} → {other}", within, statement=True)
        self._leaving(node, within)

    def _leaving(self, node: Node, within: str) -> None:
        """Drop a jump that something depends on: one that is the whole function's is its end."""
        if node.has_error or not _is_conditional(node):
            return
        self._add(node, "{ }", "statement", f"{self._text(node)} → nothing", within, statement=True)

    def _return(self, node: Node, within: str) -> None:
        value = _first(node)
        self._leaving(node, within)
        if value is None or node.has_error:
            return
        text = self._text(value)
        if text in ("true", "false", "NULL"):
            return
        new = "-EINVAL" if text == "0" else "0"
        change = f"return {text} → {new}"
        self._add(node, f"return {new};", "return value", change, within, statement=True)

    # ---- macros

    def _macro(self, node: Node) -> None:
        """Look at `#define NAME number`."""
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or value is None:
            return
        match = _NUMBER.fullmatch(self._text(value).strip())
        if match is None:
            return
        start = value.start_byte + self._text(value).index(match[0])
        for new in (int(match[1], 0) + 1, int(match[1], 0) - 1):
            code = f"{new}{match[2]}"
            change, line = f"{match[0]} → {code}", node.start_point[0]
            end = start + len(match[0])
            self._add_at(start, end, code, "constant", change, self._text(name), line)


_LOOKS: dict[str, Callable[[_Walk, Node, str], None]] = {
    "binary_expression": _Walk._binary,
    "assignment_expression": _Walk._binary,
    "update_expression": _Walk._binary,
    "if_statement": _Walk._condition,
    "while_statement": _Walk._condition,
    "do_statement": _Walk._condition,
    "for_statement": _Walk._condition,
    "conditional_expression": _Walk._condition,
    "number_literal": _Walk._number,
    "true": _Walk._truth,
    "false": _Walk._truth,
    "identifier": _Walk._name,
    "unary_expression": _Walk._negative,
    "expression_statement": _Walk._expression_statement,
    "goto_statement": _Walk._goto,
    "return_statement": _Walk._return,
    "break_statement": _Walk._leaving,
    "continue_statement": _Walk._leaving,
}

_PLACES_OF_VALUES = frozenset(
    {
        "argument_list", "assignment_expression", "binary_expression", "conditional_expression",
        "init_declarator", "initializer_list", "initializer_pair", "parenthesized_expression",
        "return_statement", "subscript_expression", "unary_expression",
    }
)  # fmt: skip


def _first(node: Node) -> Node | None:
    inside = [child for child in node.named_children if child.type != "comment"]
    return inside[0] if inside else None


def _of(node: Node, name: str) -> Node | None:
    return node.child_by_field_name(name)


def _labels(function: Node) -> Iterator[str]:
    """Give the labels of a function, in their order."""
    for child in function.children:
        if child.type == "labeled_statement" and (label := _of(child, "label")) is not None:
            yield (label.text or b"").decode()
        yield from _labels(child)


def _is_label_value(node: Node, child: Node) -> bool:
    return node.type == "case_statement" and _of(node, "value") == child


def _is_static(declaration: Node) -> bool:
    return any(
        child.type == "storage_class_specifier" and child.text == b"static"
        for child in declaration.children
    )


def _is_conditional(node: Node) -> bool:
    """Whether a statement is in the body of an `if`, a loop or a `case`."""
    parent = node.parent
    while parent is not None and parent.type in ("compound_statement", "else_clause"):
        parent = parent.parent
    return parent is not None and parent.type in (
        "if_statement",
        "case_statement",
        "for_statement",
        "while_statement",
        "do_statement",
    )
