# SPDX-License-Identifier: GPL-2.0
"""A parser of arguments that says what could have been meant."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from kseries.lib.errors import UserError

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction["Parser"]
    """argparse's list of subcommands, whose type it keeps private."""


class Parser(argparse.ArgumentParser):
    """Names what is like a mistyped command, choice or option; its texts keep their lines."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - argparse's own
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**settings)

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse; the parser of the subcommand complains of what nobody takes."""
        found, rest = self.parse_known_args(words)
        if rest:
            chosen: Parser = getattr(found, "parser", self)
            chosen.refuse(rest[0])
        return found

    def refuse(self, word: str) -> NoReturn:
        """Complain of an argument that nobody takes."""
        if not word.startswith("-"):
            self.error(f"'{word}' is one argument too many")
        name = word.partition("=")[0]
        options = [option for action in self._actions for option in action.option_strings]
        self.error(f"there is no option {name}{meant(name, options)}")

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where to look; exit with 2."""
        error = UserError(_ended(message), do=f"`{self.prog} --help` tells what there is")
        self.exit(error.exit_code, f"{self.prog}: {error}\n")

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        what = "command" if isinstance(action.choices, dict) else "choice"
        hint = meant(str(value), choices)
        there = "" if hint else f"; there are: {', '.join(choices)}"
        raise argparse.ArgumentError(
            None if what == "command" else action, f"there is no {what} '{value}'{hint}{there}"
        )


def meant(given: str, there: Iterable[str]) -> str:
    """Say what could be meant instead of a name that is unknown; "" where nothing is like it."""
    close = difflib.get_close_matches(given, list(there), n=2, cutoff=0.7)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def command_line() -> tuple[str, ...]:
    """Give the words that this program was called with."""
    return ("kseries", *sys.argv[1:])


def sentence(told: str) -> str:
    """Make a sentence of what a command does, as lists of commands tell it."""
    return _ended(f"{told[0].upper()}{told[1:]}")


def _ended(text: str) -> str:
    return text if text.endswith("?") else f"{text}."
