# SPDX-License-Identifier: GPL-2.0
"""What is taken for what: operators, functions, and what a function gives when it gives nothing."""

from __future__ import annotations

import ast

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
NEGATIONS = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
# A function or method and the one that is taken for it.
TWINS = {
    "min": "max",
    "all": "any",
    "startswith": "endswith",
    "lstrip": "rstrip",
    "partition": "rpartition",
    "find": "rfind",
    "removeprefix": "removesuffix",
    "match": "search",
    "fullmatch": "match",
}
TWINS |= {new: old for old, new in TWINS.items() if new not in TWINS}
# Methods whose first argument, when it is a string, is a key.
KEYED = {"get", "pop", "startswith", "endswith", "removeprefix", "removesuffix", "partition"}
KEYED |= {"rpartition", "split", "rsplit", "find", "rfind", "count", "setdefault", "index"}
# What a function of that type gives when it gives nothing.
NOTHING = {"str": "''", "bytes": "b''", "int": "0", "bool": "False"}
NOTHING |= dict.fromkeys(("tuple", "Sequence", "Iterable"), "()")
NOTHING |= {"list": "[]", "dict": "{}", "set": "set()", "frozenset": "frozenset()"}
