# SPDX-License-Identifier: GPL-2.0
"""`kseries exec` and `kseries shell`: a built kernel to try things on."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from dataclasses import replace

from kseries.cli.run_context import open_run, progress
from kseries.report.live import Shown
from kseries.run import loop
from kseries.run.context import RunContext
from kseries.run.loop import Wanted

MAX_EVENTS = 5  # that are told of


def execute(arguments: Namespace) -> int:
    """Run a program and give its exit code, or 1 where the kernel complained."""
    with progress(arguments) as shown:
        work = _work(arguments, shown)
        tried = loop.execute(work, arguments.words, _wanted(arguments), timeout_s=arguments.timeout)
    logs = work.run.path / loop.FOLDER
    if tried.death:
        print(f"kseries: the kernel died: {tried.death} ({logs})", file=sys.stderr)
    elif tried.status is None:
        told = f"it was still running after {arguments.timeout:g} s and was ended"
        print(f"kseries: {told}; --timeout gives it more", file=sys.stderr)
    for event in tried.events[:MAX_EVENTS]:
        where = f"{logs / event.log}:{event.line}"
        print(f"kseries: the kernel log says {event.title} ({where})", file=sys.stderr)
    return tried.exit_code


def shell(arguments: Namespace) -> int:
    """Give a shell until it ends."""
    with progress(arguments) as shown:
        work = _work(arguments, shown)
        loop.shell(work, _wanted(arguments))
    return 0


def _work(arguments: Namespace, shown: Shown) -> RunContext:
    opened = open_run(arguments.run, arguments.workspace)
    more = tuple(shlex.split(arguments.append))
    request = replace(opened.request, append=(*opened.request.append, *more))
    return replace(opened, request=request).work(shown)


def _wanted(arguments: Namespace) -> Wanted:
    return Wanted(tuple(arguments.put), arguments.share, arguments.nics)
