# SPDX-License-Identifier: GPL-2.0
"""Which files that the series changes were not compiled, in words. Pure.

A series with code of which nothing was compiled was not tested, so it does not pass. One that
changes no code passes as far as it goes, and one that was compiled in part passes, with a word
about the rest; but not one that takes out of the kernel what it changes, for then nobody compiles
it who did before.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from kseries.model import ChangedFile, FileState, RunResult
from kseries.verdict import repeat

MAX_NAMED = 4
FRAGMENT = "more.config"
"""What the fragment is called that has the rest compiled."""


def statement(result: RunResult) -> str:
    """Say in a sentence what was not compiled; "" where all was, or where that is a reason."""
    changed = result.changed
    if changed is None or _fails(changed):
        return ""
    code = _code(changed)
    if not code:
        what = _named(changed) if changed else "the base has all of it"
        return f"the series changes nothing that is compiled: {what}"
    missing = [file for file in code if file.state.untested and not _is_dropped(file)]
    if not missing:
        return ""
    verb = "was" if len(missing) == 1 else "were"
    total = f"{len(missing)} of {len(code)} changed source files {verb} not compiled"
    return f"{total}: {_named(missing)}"


def failures(changed: Sequence[ChangedFile] | None) -> Iterator[str]:
    """Give the reason against a pass of a series that was not compiled where it should be."""
    if changed is None:
        return
    dropped = [file for file in changed if _is_dropped(file)]
    if dropped:
        yield f"the series takes out of the kernel what it changes: {_named(dropped)}"
    if _fails(changed):
        yield f"nothing that the series changes was compiled: {_named(_code(changed))}"


def advice(result: RunResult) -> str:
    """Say how to have the rest compiled, the command included; "" where all was."""
    changed = result.changed or ()
    missing = [file for file in changed if file.state.untested]
    wanted = lines(result)
    options = [*result.provenance.options]
    if FRAGMENT not in options:
        options += ["--config", FRAGMENT]
    again = repeat.of_options(result.provenance, options)
    if wanted:
        put = shlex.join(["printf", r"%s\n", *wanted])
        return f"to have it compiled: {put} >> {FRAGMENT}; {again}"
    if not _fails(changed) or all(_is_dropped(file) for file in missing):
        return ""
    if any(file.state is FileState.NOT_COMPILED for file in missing):
        return f"if you know a config that has it compiled: {again}"
    return "kseries builds kernels for x86 and the test suites of the stack, so it cannot test this"


def lines(result: RunResult) -> tuple[str, ...]:
    """Give the lines of a Kconfig fragment that would have more of it compiled, each once."""
    needs = [line for file in result.changed or () for line in file.needs]
    return tuple(dict.fromkeys(needs))


def told(file: ChangedFile) -> str:
    """Tell what became of a file, with what shows it."""
    if file.state is FileState.NOT_COMPILED:
        return file.by
    return f"{file.state.value}: {file.by}" if file.by else file.state.value


def _code(changed: Sequence[ChangedFile]) -> list[ChangedFile]:
    return [file for file in changed if file.state is FileState.COMPILED or file.state.untested]


def _is_dropped(file: ChangedFile) -> bool:
    return file.state is FileState.DROPPED


def _fails(changed: Sequence[ChangedFile]) -> bool:
    code = _code(changed)
    return bool(code) and all(file.state.untested for file in code)


def _named(files: Sequence[ChangedFile]) -> str:
    """Name files with what became of them, those alike together."""
    named: dict[str, list[str]] = {}
    for file in files[:MAX_NAMED]:
        named.setdefault(told(file), []).append(file.path)
    parts = [f"{', '.join(paths)} ({why})" for why, paths in named.items()]
    if len(files) > MAX_NAMED:
        parts.append(f"and {len(files) - MAX_NAMED} more")
    return ", ".join(parts)
