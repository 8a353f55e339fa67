# SPDX-License-Identifier: GPL-2.0
"""Find what a fragment must say to have symbols on or off: they, and all that they depend on.

A program of its own, since it evaluates a tree's Kconfig: it is started in the sandbox by
`enabling`, as `python -m kseries.config.kconfig_enable ENV CONFIG WANTS …`. WANTS are lines of a
fragment joined by commas. A symbol that is asked for as a module (=m) may be built in.
Its answer is one line of JSON behind `ANSWER_MARK`: for each WANTS the lines, [] where none were
found.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kseries.config.kconfig import (
    ANSWER_MARK,
    PREFIX,
    Expr,
    Symbol,
    both,
    is_on,
    is_switch,
    met,
    never,
    opened,
    taken_apart,
)

DEPTH = 12  # of what depends on what
STEPS = 20_000  # for one answer
SELECTORS = 12  # that are tried, where only those turn a symbol on
ROUNDS = 4  # what is turned on may want more

Plan = dict[str, bool]  # symbol → whether it is to be on


@dataclass
class Enabler:
    """Looks for the shortest way to have symbols on."""

    kconfig: Any
    _steps: int = field(default=0)
    _modules: frozenset[str] = frozenset()

    def lines(self, wants: Plan, modules: frozenset[str] = frozenset()) -> list[str]:
        """Give lines of a fragment that meet the wants; [] where no way is found.

        modules: those of the symbols for which to be a module is enough.
        """
        self._modules = modules
        plan: Plan = {}
        before: dict[str, Any] = {}
        try:
            for _ in range(ROUNDS):
                self._steps = STEPS
                more = self._all((self._symbol(name), on) for name, on in wants.items())
                if more is None:
                    return []
                plan |= more
                self._set(plan, before)
                if self._holds(wants):
                    return [
                        self._line(name, on) for name, on in plan.items() if self._holds({name: on})
                    ]
            return []
        finally:
            for name, value in before.items():
                symbol = self.kconfig.syms[name]
                symbol.unset_value() if value is None else symbol.set_value(value)

    def _symbol(self, name: str) -> Symbol:
        return self.kconfig.syms.get(name)

    def _holds(self, wants: Plan) -> bool:
        return all(
            self._is_on(self.kconfig.syms[name]) == on if name in self.kconfig.syms else not on
            for name, on in wants.items()
        )

    def _set(self, plan: Plan, before: dict[str, Any]) -> None:
        for name, on in plan.items():
            symbol = self.kconfig.syms[name]
            before.setdefault(name, symbol.user_value)
            symbol.set_value(("m" if name in self._modules else "y") if on else "n")

    def _is_on(self, symbol: Symbol) -> bool:
        return is_on(symbol) or (symbol.name in self._modules and symbol.str_value == "m")

    def _line(self, name: str, on: bool) -> str:
        if not on:
            return f"# {PREFIX}{name} is not set"
        return f"{PREFIX}{name}={self.kconfig.syms[name].str_value}"

    def _all(self, wants: Iterable[tuple[Symbol | None, bool]]) -> Plan | None:
        plan: Plan = {}
        for symbol, on in wants:
            more = None if symbol is None else self._want(symbol, on, plan, DEPTH)
            if more is None:
                return None
            plan = more
        return plan

    def _want(self, symbol: Symbol, on: bool, plan: Plan, depth: int) -> Plan | None:
        """Give the plan with what it takes for a symbol, None where it cannot be had."""
        self._steps -= 1
        if symbol.name in plan:
            return plan if plan[symbol.name] == on else None
        if not symbol.is_constant and self._is_on(symbol) == on:
            return plan
        if symbol.is_constant and symbol.name == "m":
            return plan if on and self._modules else None
        if not depth or self._steps < 0 or not is_switch(symbol):
            return None
        plan = {**plan, symbol.name: on}
        prompts = [node.prompt[1] for node in symbol.nodes if node.prompt]
        if not on:
            held = met(symbol.rev_dep, True) or not prompts
            return None if held else plan
        ways = prompts or [*self._selectors(symbol.rev_dep), *self._by_itself(symbol)]
        return self._cheapest(ways, True, plan, depth)

    def _selectors(self, expression: Expr) -> list[Expr]:
        """Give who selects or implies a symbol, those first that can be set as things are."""
        if never(expression):
            return []
        kind, parts = taken_apart(expression)
        found = list(parts) if kind == "or" else [expression]
        found.sort(key=lambda item: not self._is_visible(item))
        return found[:SELECTORS]

    def _by_itself(self, symbol: Symbol) -> list[Expr]:
        """Give what else turns a symbol on that has no prompt: its defaults, and who implies it.

        Either counts only where what it depends on is on, which its defaults say themselves.
        """
        defaults = [both(value, condition) for value, condition in symbol.defaults]
        implied = [both(by, symbol.direct_dep) for by in self._selectors(symbol.weak_rev_dep)]
        return [*defaults, *implied]

    def _is_visible(self, expression: Expr) -> bool:
        kind, parts = taken_apart(expression)
        if kind == "symbol":
            return bool(parts[0].visibility)
        return kind == "and" and self._is_visible(parts[0])

    def _cheapest(self, ways: Iterable[Expr], wanted: bool, plan: Plan, depth: int) -> Plan | None:
        found = (self._satisfy(way, wanted, plan, depth) for way in ways)
        return min((one for one in found if one is not None), key=len, default=None)

    def _satisfy(self, expression: Expr, wanted: bool, plan: Plan, depth: int) -> Plan | None:
        """Give the plan with what it takes for an expression to be y, or not to be."""
        if met(expression, wanted):
            return plan
        kind, parts = taken_apart(expression)
        if kind == "symbol":
            return self._want(parts[0], wanted, plan, depth - 1)
        if kind == "not":
            return self._satisfy(parts[0], not wanted, plan, depth)
        if kind == "choice":
            return self._satisfy(parts[0], wanted, plan, depth)
        if kind in ("=", "!="):
            return self._compare(kind, parts, wanted, plan, depth)
        if kind == "other":
            return None
        if (kind == "and") != wanted:
            return self._cheapest(parts, wanted, plan, depth)
        for part in parts:
            more = self._satisfy(part, wanted, plan, depth)
            if more is None:
                return None
            plan = more
        return plan

    def _compare(
        self, kind: str, parts: Sequence[Symbol], wanted: bool, plan: Plan, depth: int
    ) -> Plan | None:
        symbol, value = parts
        if not value.is_constant or value.name not in ("y", "n"):
            return None
        on = (kind == "=") == (value.name == "y")
        return self._want(symbol, on == wanted, plan, depth - 1)


def _read(lines: str) -> tuple[Plan, frozenset[str]]:
    """Read lines of a fragment, joined by commas; the symbols, and those of them that are =m."""
    found = {}
    modules = set()
    for line in lines.split(","):
        on = line.startswith(PREFIX)
        name = line.removeprefix("# ").removeprefix(PREFIX).partition("=" if on else " ")[0]
        found[name] = on
        if line.endswith("=m"):
            modules.add(name)
    return found, frozenset(modules)


def main(arguments: Sequence[str]) -> int:
    """Run the program."""
    env, config, *asked = arguments
    enabler = Enabler(opened(env, config))
    told = [enabler.lines(*_read(lines)) for lines in asked]
    sys.stdout.write(f"\n{ANSWER_MARK}{json.dumps(told)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
