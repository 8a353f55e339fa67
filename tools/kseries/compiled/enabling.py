# SPDX-License-Identifier: GPL-2.0
"""Complete what would have files compiled by all that it depends on: asked of the tree's Kconfig.

`kconfig_enable` evaluates it, in the sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain

from pydantic import TypeAdapter, ValidationError

from kseries.config import kconfig_ask
from kseries.config.kconfig import ANSWER_MARK
from kseries.kbuild import make as kbuild
from kseries.kbuild.sandbox import Sandbox, run_in
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.model import ChangedFile

LIMIT_S = 300.0
# Different ones; the others keep what their Makefiles say.
MAX_ASKED = 200

ANSWER = TypeAdapter(list[list[str]])
# What answers runs beside the series' own code, so nothing else is taken over.
LINE = re.compile(r"CONFIG_\w+=[ym]|# CONFIG_\w+ is not set", re.ASCII)


def completed(files: Sequence[ChangedFile] | None, box: Sandbox) -> tuple[ChangedFile, ...] | None:
    """Give the files with all the lines that a fragment needs; none where nothing helps.

    The tree must have been configured. Where Kconfig cannot be evaluated the files stay as they
    are: who uses the lines is told by the stage config what else is missing.
    """
    if files is None:
        return None
    told = answers(box, [file.needs for file in files if file.needs])
    return tuple(_with(file, told.get(file.needs)) for file in files)


def answers(box: Sandbox, wanted: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], list[str]]:
    """Give wanted lines → all the lines that they need, [] where nothing helps.

    Of those that were not asked, or could not be, nothing is given.
    """
    asked = list(dict.fromkeys(wanted))[:MAX_ASKED]
    found = _ask(box, [",".join(needs) for needs in asked]) if asked else []
    return dict(zip(asked, found, strict=True)) if len(found) == len(asked) else {}


def _with(file: ChangedFile, lines: Sequence[str] | None) -> ChangedFile:
    if lines is None:
        return file
    if lines:
        return replace(file, needs=tuple(lines))
    return replace(file, needs=(), by=f"{file.by}, and no config for x86 changes that")


def _ask(box: Sandbox, wants: Sequence[str]) -> list[list[str]]:
    program = kconfig_ask.python("kseries.config.kconfig_enable")
    config = str(box.inside_state / kbuild.CONFIG)
    words = [*program, kconfig_ask.ENV_FILE, config, *wants]
    argv = ["env", "-C", str(box.inside_build), *words]
    try:
        done = run_in(
            box, box.argv(argv, kconfig_ask.environment(box)), deadline=Deadline.after(LIMIT_S)
        )
        return _answer(done.output)
    except InfraError:
        return []


def _answer(output: str) -> list[list[str]]:
    """Give the answers of the program, [] for what is none."""
    for line in reversed(output.splitlines()):
        if line.startswith(ANSWER_MARK):
            with suppress(ValidationError):
                found = ANSWER.validate_json(line.removeprefix(ANSWER_MARK))
                return found if all(map(LINE.fullmatch, chain(*found))) else []
    return []
