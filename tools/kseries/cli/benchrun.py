# SPDX-License-Identifier: GPL-2.0
"""The document of a bench in a run's folder, with its text and its page beside it."""

from __future__ import annotations

import datetime

from kseries.bench import machine
from kseries.bench.document import BENCH, Bench
from kseries.lib import atomicfile
from kseries.lib.runfolder import RunFolder
from kseries.machines import qemu
from kseries.model import Kernel
from kseries.report import bench as report
from kseries.run import pipeline
from kseries.run.pipeline import RunContext
from kseries.suites import zcrx

NAME = "bench"
TEXT, PAGE = "bench.txt", "bench.html"


def begun(work: RunContext, started: datetime.datetime) -> Bench:
    """Give the document of a session in which nothing is measured yet."""
    kernel: Kernel = work.outcome(pipeline.BUILD)
    return Bench(
        run=work.run.name,
        stack=work.plan.name,
        started=started.isoformat(timespec="seconds"),
        seconds=0.0,
        kernel=kernel.release,
        head=kernel.config.tree.head,
        dialect=str(zcrx.interface_of(kernel.config.tree.path)),
        qemu=qemu.version(),
        compiler=kernel.compiler,
        models={str(name): told for name, told in machine.MODELS.items()},
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
    return done.patches is not None and any(one.lost for one in done.patches.built)
