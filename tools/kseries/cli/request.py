# SPDX-License-Identifier: GPL-2.0
"""A request, made of what was typed."""

from __future__ import annotations

import shlex
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from kseries.cli.parser import command_line
from kseries.hardware import labtarget
from kseries.lib import settings
from kseries.lib.paths import Project
from kseries.model import Request


def request(arguments: Namespace) -> Request:
    """Give what was asked for; the options of a stack and of tests must be there."""
    return Request(
        stack=place(arguments.stack),
        source=place(arguments.source),
        series=place(arguments.series),
        before=tuple(map(place, arguments.before)),
        tree=place(arguments.tree),
        partial=arguments.partial,
        exact_config=arguments.exact_config,
        configs=tuple(arguments.config),
        suites=tuple(map(place, arguments.suite)),
        only=tuple(arguments.only),
        append=tuple(shlex.split(arguments.append)),
        reruns=arguments.reruns,
        each_patch=arguments.each_patch,
        extended=arguments.extended,
        archive=arguments.archive,
        trusted=arguments.trusted,
        incremental=arguments.incremental,
        compiler=arguments.compiler,
        jobs=arguments.jobs,
        machines=arguments.machines,
        target=place(arguments.target),
        until=arguments.until,
        baseline=arguments.baseline,
        command=command_line(),
    )


def with_settings(request: Request) -> Request:
    """Fill in what the user's settings say where the request says nothing."""
    given = {name: getattr(request, name) for name in ("stack", "compiler", "jobs", "machines")}
    found = settings.read(given)
    filled = {name: found.value(name) or given[name] for name in given}
    return replace(request, **{**filled, "stack": place(filled["stack"])})


def on(target: str, request: Request, project: Project) -> Request:
    """Give a request on another lab machine. Raises UserError for none that can be used."""
    name = place(target)
    labtarget.find(name, project)
    return replace(request, target=name)


def place(given: str) -> str:
    """Make a path independent of the current folder, which a resumed run does not know."""
    looks_like_path = "/" in given or given.endswith((".toml", ".mbox"))
    return str(Path(given).resolve()) if looks_like_path and Path(given).exists() else given
