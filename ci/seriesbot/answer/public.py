# SPDX-License-Identifier: GPL-2.0
"""A result document as others may see it: its commands work elsewhere. Pure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath

from kseries.model import RunResult


def public(result: RunResult, message_id: str) -> RunResult:
    """Give a document whose command works elsewhere: it names the series by its message id.

    message_id: without <>. Tests that were chosen for the series are chosen again: dozens of them
    would hide the command.
    """
    left_out = ["--archive", "--workspace", *(["--suite"] if result.scope.chosen_suites else [])]
    options: list[str] = []
    words = iter(result.provenance.options)
    for word in words:
        if word in left_out:
            next(words, None)
        elif word == "--series":
            given = next(words, "")
            local = PurePath(given).is_absolute() or "@" not in given
            options += [word, message_id if local else given]
        else:
            options.append(word)
    return replace(result, provenance=replace(result.provenance, options=tuple(options)))
