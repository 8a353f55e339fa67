# SPDX-License-Identifier: GPL-2.0
"""What `bench --history` tells: the figures of all runs that are kept, over their time."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict

from kseries.bench.document import Bench
from kseries.bench.history import gather
from kseries.cli import benchrun
from kseries.cli.screen import print_json
from kseries.lib import atomicfile
from kseries.lib.errors import KseriesError
from kseries.lib.paths import Project
from kseries.lib.runfolder import RunFolder
from kseries.report import benchhistory as report


def history(arguments: Namespace) -> int:
    """Tell the figures that have all the names in theirs."""
    figures = gather(_kept(Project.find(arguments.workspace)), arguments.names)
    if arguments.json:
        print_json([asdict(one) for one in figures])
    elif arguments.out:
        from kseries.report import html

        atomicfile.write_text(arguments.out, html.render_history(figures))
        print(arguments.out)
    else:
        sys.stdout.write(report.text(figures))
    return 0


def _kept(project: Project) -> list[Bench]:
    """Give the documents of all runs in which something was measured."""
    found = []
    for path in sorted(project.runs.glob("[!.]*")):
        if path.is_symlink() or not path.is_dir():
            continue
        try:
            done = benchrun.kept(RunFolder(path))
        except KseriesError as error:
            print(f"{path.name} is passed over: {error.what}", file=sys.stderr)
            continue
        if done is not None:
            found.append(done)
    return found
