# SPDX-License-Identifier: GPL-2.0
"""The command `config show`: the settings, and where each comes from."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping

from kseries.cli.screen import print_json, screen
from kseries.lib import settings
from kseries.lib.paths import Cache, Project
from kseries.lib.settings import Setting


def show(arguments: Namespace) -> int:
    """Tell each setting with its origin."""
    from kseries.report import listing

    found = tuple(_rows(arguments))
    if arguments.json:
        print_json(
            {
                "file": str(settings.file()),
                "settings": {row.name: {"value": row.value, "from": row.origin} for row in found},
            }
        )
        return 0
    width, color = screen()
    place = settings.file()
    there = "" if place.exists() else " (is not there)"
    rows = [(row.name, _text(row.value), row.origin) for row in found]
    titles = ("setting", "value", "from")
    foot = f"the file: {place}{there}"
    sys.stdout.write(listing.render(titles, rows, width=width, color=color, foot=foot))
    return 0


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _rows(arguments: Namespace) -> Iterator[Setting]:
    options = {name: getattr(arguments, name) for name in settings.NAMES}
    read = settings.read(options)
    for name, setting in read.of.items():
        default = Setting(name, settings.DEFAULTS[name], setting.origin)
        yield default if setting.value is None else setting
    yield from _limits(read.limits)
    yield _workspace(arguments.workspace)
    yield Setting("cache", str(Cache.find().root), _if_set("XDG_CACHE_HOME"))


def _limits(given: Mapping[str, Setting]) -> Iterator[Setting]:
    from kseries.host import cache

    for kind, size in cache.limits().items():
        origin = given[kind].origin if kind in given else "default"
        yield Setting(f"limits.{kind}", size / cache.GIB, origin)


def _workspace(chosen: str) -> Setting:
    project = Project.find(chosen)
    if chosen:
        origin = "--workspace"
    elif os.environ.get("KSERIES_WORKSPACE"):
        origin = "KSERIES_WORKSPACE"
    elif project.workspace is None:
        origin = "the clone"
    elif project.workspace.name == ".kseries":
        origin = "found above the current folder"
    else:
        origin = "default"
    return Setting("workspace", str(project.out), origin)


def _if_set(variable: str) -> str:
    return variable if os.environ.get(variable) else "default"
