# SPDX-License-Identifier: GPL-2.0
"""The formats that a result document can be given in, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kseries.model import RunResult

TERMINAL = "terminal"
HTML = "html"

Render = Callable[["RunResult"], str]


# What makes a format is imported when it is asked for: the command line names them all.


def _json(result: RunResult) -> str:
    from kseries.verdict import document

    return document.to_json(result)


def _kcidb(result: RunResult) -> str:
    from kseries.report import kcidb

    return kcidb.render(result)


def _junit(result: RunResult) -> str:
    from kseries.report import junit

    return junit.render(result)


def _html(result: RunResult) -> str:
    from kseries.report import html

    return html.render(result)


def _mail(result: RunResult) -> str:
    from kseries.report import mail

    return mail.render(result)


# Formats that are the same wherever they go; `terminal` depends on the width.
RENDER: Mapping[str, Render] = {
    "json": _json,
    "kcidb": _kcidb,
    "junit": _junit,
    HTML: _html,
    "mail": _mail,
}

NAMES = (TERMINAL, *RENDER)

# KCIDB takes tests of a build alone, and a log does not tell what was built.
NAMES_FOR_LOGS = tuple(name for name in NAMES if name != "kcidb")
