# SPDX-License-Identifier: GPL-2.0
"""Why a build failed: the series, or this machine; told with the first error and its patch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from kseries.kbuild.diagnostics import Found, Parser
from kseries.lib import proc
from kseries.lib.errors import CheckFailed, InfraError
from kseries.lib.gitrepo import of_worktree
from kseries.lib.untrusted import harmless
from kseries.model import Diagnostic, Severity, Tree

# How a shell, and bubblewrap, tell that what they ran was killed.
KILLED = (137, -9)
LAST_LINES = 15
FAILED = re.compile(r"make(?:\[\d+\])?: \*\*\* \[")
QUIET = re.compile(r"  [A-Z]")
PATCHES_NAMED = 3


class BuildFailed(CheckFailed):
    """The tree cannot be configured or built.

    diagnostics: what the tools said, errors and warnings.
    """

    def __init__(
        self, what: str, *, where: str, do: str, diagnostics: tuple[Diagnostic, ...] = ()
    ) -> None:
        super().__init__(what, where=where, do=do)
        self.diagnostics = diagnostics


def explain(
    parser: Parser, done: proc.Completed, tree: Tree, log: Path
) -> BuildFailed | InfraError:
    """Make the error for a make that failed. `parser` has had all its lines."""
    found = parser.finish()
    if parser.lost or done.returncode in KILLED:
        return InfraError(
            "This machine could not carry out make.",
            where=f"{parser.lost or 'make was killed'}\nlog: {log}",
            do=parser.remedy or "look for its reason in the host's log (`dmesg`), try again",
        )
    errors = _errors(found)
    # What names a file says more than the linker's or make's last words.
    errors.sort(key=lambda item: not item.diagnostic.line)
    what, where = _first(errors, done, tree)
    if len(errors) > 1:
        more = len(errors) - 1
        where.append("1 more error" if more == 1 else f"{more} more errors")
    return BuildFailed(
        what,
        where="\n".join([*where, f"log: {log}"]),
        do="fix the patch, then try again; what is built stays built",
        diagnostics=tuple(item.diagnostic for item in found),
    )


def see_no_error(found: Sequence[Found], tree: Tree, log: Path) -> None:
    """Look for errors in a build of which make says that all is well. Raises BuildFailed.

    Only those that name a line count: what a compiler so refused, it did not compile.
    """
    errors = [item for item in _errors(found) if item.diagnostic.line]
    if errors:
        what, where = _told(errors[0], tree)
        raise BuildFailed(
            f"The tree does not build, and make ignored an error: {what}",
            where="\n".join([*where, f"log: {log}"]),
            do="look at what the series does in Makefiles; errors of a compiler must end the build",
            diagnostics=tuple(item.diagnostic for item in found),
        )


def _errors(found: Sequence[Found]) -> list[Found]:
    return [item for item in found if item.diagnostic.severity is Severity.ERROR]


def _first(errors: Sequence[Found], done: proc.Completed, tree: Tree) -> tuple[str, list[str]]:
    """Tell the first error: a headline, and lines with its place, source and patch."""
    if not errors:
        last = [f"| {harmless(line)}" for line in _last_words(done.output.splitlines())]
        return f"make failed with exit status {done.returncode}.", last
    what, where = _told(errors[0], tree)
    return f"The tree does not build: {what}", where


def _told(found: Found, tree: Tree) -> tuple[str, list[str]]:
    item = found.diagnostic
    where = [f"{place(item)}{'error: ' if item.line else ''}{item.text}", *found.excerpt]
    if item.file:
        where += [f"patch: {name}" for name in patches_of(tree, item.file)]
    headline = item.text.split("\n", 1)[0]
    return f"{place(item)}{headline}", where


def _last_words(lines: Sequence[str]) -> list[str]:
    """Give the lines up to where the first command failed, without those of good ones."""
    end = next((at for at, line in enumerate(lines) if FAILED.match(line)), len(lines) - 1)
    quiet = [at for at, line in enumerate(lines[:end]) if QUIET.match(line)]
    begin = max(quiet[-1] if quiet else 0, end - LAST_LINES)
    return [*lines[begin : end + 1], *lines[end + 1 :][-2:]]


def place(item: Diagnostic) -> str:
    """Write where a diagnostic points to, ready to stand before its text."""
    numbers = [str(number) for number in (item.line, item.column) if number]
    return ":".join([item.file, *numbers]) + ": " if item.file else ""


def patches_of(tree: Tree, file: str) -> list[str]:
    """Name the stack's patches that touch a file, the last one first; empty when none does."""
    words = ("log", "--format=%H", f"{tree.base.commit}..{tree.head}", "--", f":(literal){file}")
    answer = of_worktree(tree.path).ask(*words)
    by_commit = {patch.commit: patch for patch in tree.patches if patch.commit}
    found = [by_commit[commit] for commit in answer.text.split() if commit in by_commit]
    return [f'{p.series} {p.index} "{p.title}"' for p in found[:PATCHES_NAMED]]
