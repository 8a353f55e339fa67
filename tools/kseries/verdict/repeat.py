# SPDX-License-Identifier: GPL-2.0
"""The commands that repeat a run, or one test of it, as they are pasted where it was made."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from kseries.model import Case, ProgramResult, Provenance, RunResult
from kseries.parse.outcome import label_of

# Options of `kseries run` that say which tests or stages, and their arguments.
_CHOOSING = ("-k", "--until", "--resume")


def command(result: RunResult, only: str = "") -> str:
    """Give the shell command that asks for the same again, or for the tests that `only` names.

    "" for results that no run of ours gave.
    """
    if not result.stack:
        return ""
    options = _options(result)
    if only:
        options = [*_without_choice(options), "-k", only]
    return of_options(result.provenance, options)


def of_options(provenance: Provenance, options: Sequence[str]) -> str:
    """Give the shell command that begins a run with these options."""
    if provenance.installed:
        return shlex.join(["kseries", "run", *options])
    return shlex.join(["./nox", "-s", "selftest", *(["--", *options] if options else [])])


def checkout(provenance: Provenance) -> str:
    """Give the command that brings the kseries of the run; "" where it is not known."""
    commit = provenance.kseries_commit.removesuffix("-dirty")
    return f"git checkout --detach {shlex.quote(commit)}" if commit else ""


def pattern(program: ProgramResult, case: Case | None = None) -> str:
    """Give what `-k` takes for a case, or for the whole program where a case is not run alone."""
    return case.name if case is not None and program.by_case else label_of(program)


def _options(result: RunResult) -> list[str]:
    given = result.provenance.options
    if given:
        return list(given)
    words = list(result.provenance.command)
    if words[:2] == ["kseries", "run"] and "--resume" not in words:
        return words[2:]
    return ["--stack", result.stack]


def _without_choice(options: list[str]) -> list[str]:
    kept: list[str] = []
    words = iter(options)
    for word in words:
        if word in _CHOOSING:
            next(words, None)
        elif word.partition("=")[0] not in _CHOOSING:
            kept.append(word)
    return kept
