# SPDX-License-Identifier: GPL-2.0
"""What `bench --each-patch` measures: what each patch adds to paths that were there before it."""

from __future__ import annotations

import datetime
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace

from pydantic import TypeAdapter

from kseries.bench.cost import Cost
from kseries.bench.document import Bench
from kseries.bench.model import Setup
from kseries.cli import benchrun
from kseries.lib import atomicfile
from kseries.lib.errors import Interrupted
from kseries.lib.runfolder import RunFolder
from kseries.machines.vm import VirtualMachine
from kseries.report import patchcost as report
from kseries.report.live import Shown
from kseries.report.words import counted
from kseries.run import patchcost
from kseries.run.context import RunContext
from kseries.run.patchcost import Asked

ASKED = "bench-patches-asked"  # what a session was to measure
ASKED_ADAPTER: TypeAdapter[Asked] = TypeAdapter(Asked)


def forget(run: RunFolder) -> None:
    """Let another session be the one that is gone on with."""
    atomicfile.remove_tree(run.path / f"{ASKED}.json")


def measure(work: RunContext, setups: Sequence[Setup], arguments: Namespace, shown: Shown) -> Bench:
    """Measure each patch of the series; go on where an earlier session was ended.

    What is known is written after each kernel, and told where the session is ended.
    """
    if arguments.resume:
        asked = work.run.load(ASKED, ASKED_ADAPTER)
    else:
        asked = Asked(tuple(setups), rebuilds=arguments.rebuilds)
        work.run.save(ASKED, asked, ASKED_ADAPTER)
    machines = arguments.machines or work.request.machines
    machines = machines or VirtualMachine.capacity(work.project)
    asked = replace(asked, deadline_s=arguments.deadline, machines=machines)
    began, started = time.monotonic(), datetime.datetime.now(datetime.UTC)
    done = benchrun.kept(work.run) or benchrun.begun(work, started)

    def tell(found: Cost) -> None:
        nonlocal done
        done = replace(done, patches=found)
        if not done.measurements:
            done = replace(done, seconds=time.monotonic() - began)
        benchrun.keep(work.run, done)

    shown.stage(patchcost.NAME)
    try:
        found = patchcost.session(work, asked, tell)
    except Interrupted:
        sys.stdout.write("\n".join([*report.lines(done.patches), ""]))
        raise
    told = f"{counted(len(found.built), 'kernel')}, {counted(len(found.findings), 'finding')}"
    shown.finish(told, good=not benchrun.lost(done))
    return done
