# SPDX-License-Identifier: GPL-2.0
"""The document of a bench in a run's folder, with its text and its page beside it."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence
from typing import Any

from kseries.bench import machine
from kseries.bench.document import BENCH, Bench
from kseries.cli.screen import print_json
from kseries.lib import atomicfile
from kseries.lib.errors import CheckFailed, InfraError
from kseries.lib.runfolder import RunFolder
from kseries.machines import qemu
from kseries.model import Kernel, Verdict
from kseries.report import bench as report
from kseries.run import pipeline, stages
from kseries.run.context import RunContext
from kseries.run.stages import Stage
from kseries.suites import zcrx
from kseries.suites.base import Unfit

NAME = "bench"
TEXT, PAGE = "bench.txt", "bench.html"


def begun(work: RunContext, started: datetime.datetime, *, in_guest: bool = True) -> Bench:
    """Give the document of a session in which nothing is measured yet.

    in_guest: something is to be, so that the document tells of the emulated processor.
    """
    kernel: Kernel = work.outcome(stages.BUILD)
    interface = zcrx.interface_of(kernel.config.tree.path)
    return Bench(
        run=work.run.name,
        stack=work.plan.name,
        started=started.isoformat(timespec="seconds"),
        seconds=0.0,
        kernel=kernel.release,
        head=kernel.config.tree.head,
        dialect="" if isinstance(interface, Unfit) else str(interface),
        qemu=qemu.version() if in_guest else "",
        compiler=kernel.compiler,
        models={str(name): told for name, told in machine.MODELS.items()} if in_guest else {},
        measurements=(),
    )


def kept(run: RunFolder) -> Bench | None:
    """Give what was measured in a run; None where nothing was."""
    return run.load(NAME, BENCH) if run.has(NAME) else None


def keep(run: RunFolder, done: Bench) -> None:
    """Write the document, the report and the page."""
    from kseries.report import html

    run.save(NAME, done, BENCH)
    atomicfile.write_text(run.path / TEXT, report.text(done))
    atomicfile.write_text(run.path / PAGE, html.render_bench(done))


def lost(done: Bench) -> bool:
    """Whether a path of a patch's kernel could not be measured."""
    costs = (done.patches, done.program.cost if done.program else None)
    return any(one.lost for cost in costs if cost is not None for one in cost.built)


def build(work: RunContext, chosen: Sequence[Stage[Any]]) -> None:
    """Carry out stages that build. Raises CheckFailed where that does not pass."""
    base = pipeline.run_stages(work, chosen)
    if base.exit_code and base.verdict is not Verdict.INCOMPLETE:
        raise CheckFailed(
            "The stack is not built, so it cannot be measured.",
            where="\n".join([*base.reasons, str(work.run.path)]),
            do="fix the stack first: `kseries run`",
        )


def tell(done: Bench, run: RunFolder | None, *, as_json: bool) -> int:
    """Print the report. run: that was measured in, where the page lies."""
    if as_json:
        print_json(BENCH.dump_python(done, mode="json"))
    else:
        sys.stdout.write(report.text(done))
        if run is not None:
            print(f"\nas a page: {run.path / PAGE}")
    over_nic = done.nic.lost if done.nic else ()
    return InfraError.exit_code if done.lost or lost(done) or over_nic else 0
