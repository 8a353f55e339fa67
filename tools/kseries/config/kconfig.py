# SPDX-License-Identifier: GPL-2.0
"""Evaluate a tree's Kconfig: are promises kept, and why has a symbol the value it has?

Parsing Kconfig runs the tree's `$(shell …)`, so this is a program of its own, started in the
sandbox by `kconfig_ask`: `python -m kseries.config.kconfig ENV CONFIG PROMISES [SYMBOL …]`.
Its answer is one line of JSON behind `ANSWER_MARK`.
"""

from __future__ import annotations

import difflib
import io
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import kconfiglib

ANSWER_MARK = "kseries-kconfig: "
PREFIX = "CONFIG_"
CLOSE_MATCHES = 5
SELECTORS_SHOWN = 6
ALTERNATIVES_SHOWN = 3
DEPTH_LIMIT = 8
INDENT = "  "

# What newer kernels write and kconfiglib does not know: the bare attributes `modules` and
# `transitional`, and (7.0) `depends on X if Y`, which means `X || Y = n`.
MODULES = re.compile(r"^([ \t]+)modules[ \t]*$", re.MULTILINE)
TRANSITIONAL = re.compile(r"^[ \t]+transitional[ \t]*$", re.MULTILINE)
DEPENDS = re.compile(r"^([ \t]*depends on )((?:[^\n]|(?<=\\)\n)*)$", re.MULTILINE)
COMMENT = re.compile(r'("[^"\n]*")|#[^\n]*')
NUMBER = re.compile(r"-?(0x)?[0-9a-fA-F]+")
IF = re.compile(r"\bif\b")

# Symbols, choices and expressions of kconfiglib, which has no types.
Symbol = Any
Expr = Any


class KernelKconfig(kconfiglib.Kconfig):  # type: ignore[misc]
    """A Kconfig tree in the language of today's kernels."""

    def _open(self, filename: str, mode: str) -> Any:  # noqa: ANN401
        if "r" not in mode:
            return super()._open(filename, mode)
        return io.StringIO(rewrite(Path(filename).read_text(errors="surrogateescape")))


def rewrite(text: str) -> str:
    """Turn new Kconfig statements into ones that kconfiglib knows; lines keep their numbers."""
    text = MODULES.sub(r"\1option modules", text)
    text = TRANSITIONAL.sub("", text)
    return DEPENDS.sub(_rewrite_depends, text)


def _rewrite_depends(match: re.Match[str]) -> str:
    condition = COMMENT.sub(r"\1", match[2])
    parts = IF.split(condition)
    if len(parts) != 2:
        return match[0]
    return f"{match[1]}({parts[0]}) || !({parts[1]})"


def load(top: str, config: Path) -> Any:  # noqa: ANN401
    """Parse the Kconfig file `top` below $srctree and the values of a .config.

    Raises kconfiglib.KconfigError.
    """
    kconfig = KernelKconfig(top, warn=False)
    kconfig.load_config(str(config))
    return kconfig


def value_of(kconfig: Any, name: str) -> str | None:  # noqa: ANN401
    """Give the value of a symbol as .config writes it, None for one that the tree has not."""
    symbol = kconfig.syms.get(name)
    if symbol is None or not symbol.nodes:
        return None
    return _value(symbol)


def close_names(kconfig: Any, name: str) -> list[str]:  # noqa: ANN401
    """Give the symbols of the tree whose names are most like `name`."""
    names = [symbol.name for symbol in kconfig.unique_defined_syms]
    return difflib.get_close_matches(name, names, n=CLOSE_MATCHES, cutoff=0.7)


def why(symbol: Symbol, told: set[str], depth: int = 0) -> list[str]:
    """Tell why a symbol has its value: what it depends on, down to what a user can set.

    told: symbols that were told of already; they are named but not followed again.
    """
    pad = INDENT * depth
    head = f"{pad}{symbol.name} = {_value(symbol)} ({_status(symbol)})"
    if symbol.name in told:
        return [f"{head}, see above"]
    told.add(symbol.name)
    lines = [head, *(f"{pad}{INDENT}{line}" for line in _facts(symbol))]
    for other in _blamed(symbol):
        if other.name not in told and depth < DEPTH_LIMIT:
            lines += why(other, told, depth + 1)
    return lines


def _facts(symbol: Symbol) -> list[str]:
    """Tell what the Kconfig files say about a symbol, one line each."""
    prompts = [node.prompt for node in symbol.nodes if node.prompt]
    kind = kconfiglib.TYPE_TO_STR[symbol.orig_type]
    prompt = f'"{prompts[0][0]}"' if prompts else "no prompt"
    places = ", ".join(f"{node.filename}:{node.linenr}" for node in symbol.nodes)
    lines = [f"{kind}, {prompt}, defined at {places}"]
    if not _always(symbol.direct_dep):
        lines.append(f"depends on {_text(symbol.direct_dep)}")
    for _, condition in prompts:
        # kconfiglib has the dependencies in the prompt's condition already.
        if kconfiglib.expr_value(symbol.direct_dep) and not kconfiglib.expr_value(condition):
            lines.append(f"prompt only if {_text(condition)}")
    if not prompts or symbol.visibility == 0:
        lines += [f"default {_clause(*item[:2])}" for item in symbol.orig_defaults]
    for low, high, condition in symbol.orig_ranges:
        lines.append(f"range {_text(low)} {_clause(high, condition)}")
    return [*lines, *_selectors(symbol)]


def _selectors(symbol: Symbol) -> list[str]:
    """Name what turns a symbol on, or could; of many the ones that a user can set come first."""
    expression = symbol.rev_dep
    found = [] if never(expression) else kconfiglib.split_expr(expression, kconfiglib.OR)
    if is_on(symbol):
        return [f"selected by {_text(item)}" for item in found if kconfiglib.expr_value(item)]
    if symbol.visibility or _lacking(symbol):
        return []
    told = [_selector(kconfiglib.split_expr(item, kconfiglib.AND)[0]) for item in found]
    told.sort(key=lambda item: not item[0])
    lines = [f"selected by {text}" for _, text in told[:SELECTORS_SHOWN]]
    if len(told) > SELECTORS_SHOWN:
        lines.append(f"selected by {len(told) - SELECTORS_SHOWN} more")
    return lines


def _selector(symbol: Symbol) -> tuple[bool, str]:
    """Tell whether a user can set a selecting symbol, and its state."""
    return bool(symbol.visibility), f"{symbol.name} = {_value(symbol)} ({_status(symbol)})"


def _status(symbol: Symbol) -> str:
    """Tell the state of a symbol in a few words."""
    if is_on(symbol):
        return _why_on(symbol)
    wishes = [_wish(expression) for expression in _lacking(symbol)]
    if wishes:
        return f"needs {_joined(wishes, ' or ')}"
    if symbol.choice is not None and symbol.choice.selection is not None:
        return f"its choice has {symbol.choice.selection.name}"
    if symbol.visibility:
        sample = "y" if symbol.orig_type in kconfiglib._BOOL_TRISTATE else "…"
        return f"can be set: {PREFIX}{symbol.name}={sample}"
    if not never(symbol.rev_dep):
        return "cannot be set, only selected"
    return "no prompt, and no default turns it on"


def _why_on(symbol: Symbol) -> str:
    for verb, expression in (("selected", symbol.rev_dep), ("implied", symbol.weak_rev_dep)):
        for item in kconfiglib.split_expr(expression, kconfiglib.OR):
            if kconfiglib.expr_value(item):
                return f"{verb} by {kconfiglib.split_expr(item, kconfiglib.AND)[0].name}"
    if symbol.visibility and symbol.user_value is not None:
        return "set in the config"
    return "by default"


def _lacking(symbol: Symbol) -> list[Expr]:
    """Find the conditions that keep a symbol off, any of which would do."""
    if is_on(symbol):
        return []
    if not met(symbol.direct_dep, True):
        return [symbol.direct_dep]
    if symbol.visibility or symbol.orig_type not in kconfiglib._BOOL_TRISTATE:
        return []
    conditions = [node.prompt[1] for node in symbol.nodes if node.prompt]
    conditions += [item[1] for item in symbol.orig_defaults if not never(item[0])]
    return [condition for condition in conditions if not met(condition, True)]


def _blamed(symbol: Symbol) -> list[Symbol]:
    """Find the symbols of the tree that stand in the way of a symbol."""
    found = [item for expression in _lacking(symbol) for item in _unmet(expression, True)]
    return list({item.name: item for item in found if item.nodes}.values())


def deciding(symbol: Symbol) -> list[str]:
    """Name a symbol and those that keep it, directly or not, from another value."""
    found: dict[str, Symbol] = {}
    left = [symbol]
    while left:
        item = left.pop()
        if item.name not in found:
            found[item.name] = item
            left += [*_blamed(item), *_forcing(item)]
    return list(found)


def _forcing(symbol: Symbol) -> list[Symbol]:
    """Find the symbols that turn a symbol on, or bound its number."""
    expressions = [
        item
        for every in (symbol.rev_dep, symbol.weak_rev_dep)
        for item in kconfiglib.split_expr(every, kconfiglib.OR)
        if kconfiglib.expr_value(item)
    ]
    parts = [kconfiglib.split_expr(item, kconfiglib.AND)[0] for item in expressions]
    parts += [bound for low, high, _ in symbol.orig_ranges for bound in (low, high)]
    return [item for item in parts if getattr(item, "nodes", None) and item is not symbol]


def _unmet(expression: Expr, wanted: bool) -> Iterable[Symbol]:
    """Give the symbols that keep an expression from its wanted value."""
    if met(expression, wanted):
        return
    if isinstance(expression, kconfiglib.Choice):
        yield from _unmet(expression.direct_dep, wanted)
    elif isinstance(expression, kconfiglib.Symbol):
        yield expression
    elif expression[0] == kconfiglib.NOT:
        yield from _unmet(expression[1], not wanted)
    elif expression[0] in (kconfiglib.AND, kconfiglib.OR):
        for part in expression[1:]:
            yield from _unmet(part, wanted)
    else:
        yield from (item for item in expression[1:] if not item.is_constant)


def _wish(expression: Expr, wanted: bool = True) -> str:
    """Write what is lacking to an expression: `A and !B and (C or D)`; "" when nothing is."""
    if met(expression, wanted):
        return ""
    if isinstance(expression, kconfiglib.Choice):
        return _wish(expression.direct_dep, wanted)
    if isinstance(expression, kconfiglib.Symbol):
        return str(expression.name) if wanted else f"!{expression.name}"
    operator = expression[0]
    if operator == kconfiglib.NOT:
        return _wish(expression[1], not wanted)
    if operator not in (kconfiglib.AND, kconfiglib.OR):
        return _text(expression) if wanted else f"not {_text(expression)}"
    parts = [_wish(part, wanted) for part in kconfiglib.split_expr(expression, operator)]
    return _joined(parts, " and " if (operator == kconfiglib.AND) == wanted else " or ")


def _joined(parts: Iterable[str], word: str) -> str:
    """Join wishes, each once; of many alternatives only the first are named."""
    once = list(dict.fromkeys(part for part in parts if part))
    if word == " or " and len(once) > ALTERNATIVES_SHOWN:
        once = [*once[:ALTERNATIVES_SHOWN], "others"]
    if len(once) > 1:
        other = " or " if word == " and " else " and "
        once = [f"({part})" if other in part else part for part in once]
    return word.join(once)


def met(expression: Expr, wanted: bool) -> bool:
    """Whether an expression is y, or wanted not to be."""
    return bool(kconfiglib.expr_value(expression) == 2) == wanted


def is_on(symbol: Symbol) -> bool:
    """Whether a symbol is y."""
    return bool(symbol.str_value == "y")


def _always(expression: Expr) -> bool:
    return getattr(expression, "is_constant", False) and expression.name == "y"


def never(expression: Expr) -> bool:
    """Whether an expression is the constant n."""
    return getattr(expression, "is_constant", False) and expression.name == "n"


def _clause(value: Expr, condition: Expr) -> str:
    return _text(value) if _always(condition) else f"{_text(value)} if {_text(condition)}"


def _text(expression: Expr) -> str:
    """Write an expression with the value of each symbol: `A [=y] && !B [=n]`."""
    return str(kconfiglib.expr_str(expression, _name_and_value))


def _name_and_value(item: Symbol) -> str:
    if not isinstance(item, kconfiglib.Symbol) or item.is_constant:
        return str(kconfiglib.standard_sc_expr_str(item))
    if not item.nodes:
        # Also a plain number in a comparison or range looks like a symbol nobody defines.
        return str(item.name) + ("" if NUMBER.fullmatch(item.name) else " [unknown]")
    return f"{item.name} [={_value(item)}]"


def _value(symbol: Symbol) -> str:
    if symbol.orig_type == kconfiglib.STRING:
        return f'"{kconfiglib.escape(symbol.str_value)}"'
    return str(symbol.str_value)


def answer(kconfig: Any, promises: Sequence[Sequence[str]], names: Sequence[str]) -> dict[str, Any]:  # noqa: ANN401
    """Answer what the program is asked.

    promises: (symbol, value) each. Gives `broken`: [symbol, value found or None, lines that
    tell why or close names, the symbols that decided], and `why`: the same for `names`.
    """
    told: set[str] = set()
    found = [(name, promised, value_of(kconfig, name)) for name, promised in promises]
    return {
        "broken": [
            _told(kconfig, name, value, told)
            for name, promised, value in found
            if value != promised
        ],
        "why": [_told(kconfig, name, value_of(kconfig, name), set()) for name in names],
    }


def _told(kconfig: Any, name: str, found: str | None, told: set[str]) -> list[Any]:  # noqa: ANN401
    if found is None:
        return [name, found, close_names(kconfig, name), [name]]
    symbol = kconfig.syms[name]
    return [name, found, why(symbol, told), deciding(symbol)]


def both(first: Expr, second: Expr) -> Expr:
    """Give the expression that two others are met."""
    return kconfiglib.AND, first, second


def taken_apart(expression: Expr) -> tuple[str, tuple[Expr, ...]]:
    """Give what an expression is, and its parts.

    It is "symbol", "choice", "not", "and", "or", "=", "!=" or "other".
    """
    if isinstance(expression, kconfiglib.Symbol):
        return "symbol", (expression,)
    if isinstance(expression, kconfiglib.Choice):
        return "choice", (expression.direct_dep,)
    operator = expression[0]
    if operator in (kconfiglib.AND, kconfiglib.OR):
        parts = tuple(kconfiglib.split_expr(expression, operator))
        return ("and" if operator == kconfiglib.AND else "or"), parts
    names = {kconfiglib.NOT: "not", kconfiglib.EQUAL: "=", kconfiglib.UNEQUAL: "!="}
    return names.get(operator, "other"), tuple(expression[1:])


def is_switch(symbol: Symbol) -> bool:
    """Whether a symbol of the tree is of type bool or tristate."""
    return bool(symbol.nodes) and symbol.orig_type in kconfiglib._BOOL_TRISTATE


def opened(env: str, config: str) -> Any:  # noqa: ANN401
    """Load a tree's Kconfig and the values of a .config, as the kernel's make would.

    env: a file with the variables of that make, each ended by NUL. Raises
    kconfiglib.KconfigError.
    """
    for pair in Path(env).read_text(errors="surrogateescape").split("\0"):
        name, _, value = pair.partition("=")
        if name and not name.startswith("MAKE"):
            os.environ[name] = value
    return load(os.environ.get("KBUILD_KCONFIG") or "Kconfig", Path(config))


def main(arguments: Sequence[str]) -> int:
    """Run the program. ENV holds the variables of the kernel's make, each ended by NUL."""
    env, config, promises, *names = arguments
    try:
        kconfig = opened(env, config)
        told = answer(kconfig, json.loads(Path(promises).read_text()), names)
    except kconfiglib.KconfigError as error:
        told = {"error": str(error)}
    sys.stdout.write(f"\n{ANSWER_MARK}{json.dumps(told)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
