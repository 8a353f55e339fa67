# SPDX-License-Identifier: GPL-2.0
"""What is submitted for a job: the series as a folder, and the arguments of its run."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seriesbot.assembling import fix_of, make, parts_of, write_out
from seriesbot.config import Config
from seriesbot.rules import Rule
from seriesbot.store import Row, Store

MAX_NAME = 52
FIX = "9999-fix.patch"  # behind all patches of the series


@dataclass(frozen=True)
class Made:
    """What is submitted for a job. name: of the series. files: it, as a folder."""

    name: str
    files: Mapping[str, bytes]
    arguments: tuple[str, ...]


Maker = Callable[[Row, Row], Made]
"""Makes what is submitted for a job and its version. Raises NoSeriesError."""


def maker(store: Store, config: Config, rules: Callable[[], Sequence[Rule]]) -> Maker:
    """Give the function that makes what is submitted for a job. rules: those of now."""

    def made(version: Row, job: Row) -> Made:
        with tempfile.TemporaryDirectory(prefix="seriesbot-") as name:
            scratch, folder = Path(name, "scratch"), Path(name, "series")
            scratch.mkdir()
            folder.mkdir()
            write_out(make(version, parts_of(store, version["id"]), scratch), folder)
            if job["fix"] is not None:
                mail = store.row("SELECT * FROM message WHERE id = ?", job["fix"])
                assert mail is not None
                (folder / FIX).write_bytes(fix_of(mail, scratch))
            files = {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
        more = next((rule.arguments for rule in rules() if rule.name == version["rule"]), ())
        arguments = (*config.told.engine.arguments, *more)
        return Made(_name_of(version), files, arguments)

    return made


def _name_of(version: Row) -> str:
    """Give a version a name that is safe in a path: "net-add-x-v2"."""
    title = re.sub(r"[^A-Za-z0-9]+", "-", version["title"])[:MAX_NAME].strip("-") or "series"
    return f"{title}-v{version['number']}"
