# SPDX-License-Identifier: GPL-2.0
"""What it takes to repeat a run, gathered before and along it."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import kseries
from kseries.lib import atomicfile
from kseries.lib.gitrepo import Repository
from kseries.lib.paths import Project
from kseries.model import Provenance, Request
from kseries.names import RUN_STAGES

REPRODUCE = """\
#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Repeats the run {run} from a clean clone of kseries. Start it in that clone.
set -eu
{checkout}
exec ./nox -s {session} -- {arguments}
"""

REPRODUCE_INSTALLED = """\
#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Repeats the run {run} with an installed kseries; it was made by kseries {version}.
set -eu
exec kseries {session} {arguments}
"""

HERE = '"$(cd -- "$(dirname -- "$0")" && pwd)"'
"""The folder of the script, in the shell's words."""


def gather(request: Request, project: Project) -> Provenance:
    """Gather what is known before the first stage."""
    host = platform.uname()
    return Provenance(
        command=request.command,
        kseries_version=kseries.__version__,
        kseries_commit=_commit(project.root),
        host=f"{host.system} {host.release} {host.machine}",
        python=platform.python_version(),
        options=arguments(request),
        installed=not project.is_clone,
    )


def _commit(root: Path) -> str:
    """Name the commit of a checkout, "-dirty" when files differ from it; "" outside git."""
    repository = Repository(root / ".git", work_tree=root)
    if not repository.path.exists():
        return ""
    commit = repository.commit_of("HEAD")
    changed = repository.ask("status", "--porcelain", "--untracked-files=no").text
    return f"{commit}-dirty" if commit and changed else commit


def arguments(request: Request) -> tuple[str, ...]:
    """Give the request as the options of `kseries run`."""
    options: list[str] = []
    for name in ("stack", "source", "series", "tree", "archive", "compiler", "target"):
        value = getattr(request, name)
        if value:
            options += [f"--{name}", value]
    for series in request.before:
        options += ["--before", series]
    for config in request.configs:
        options += ["--config", config]
    for suite in request.suites:
        options += ["--suite", suite]
    if request.append:
        options += ["--append", shlex.join(request.append)]
    for pattern in request.only:
        options += ["-k", pattern]
    return (*options, *_flags(request))


def _flags(request: Request) -> list[str]:
    names = ("partial", "incremental", "extended", "trusted", "exact_config")
    options = [f"--{name.replace('_', '-')}" for name in names if getattr(request, name)]
    if not request.reruns:
        options.append("--no-reruns")
    if request.each_patch is not None:
        options.append("--each-patch" if request.each_patch else "--no-each-patch")
    if request.baseline is not None:
        options.append("--baseline" if request.baseline else "--no-baseline")
    last = RUN_STAGES[-2] if request.baseline is False else RUN_STAGES[-1]
    if request.until not in ("", last):
        options += ["--until", request.until]
    return options


def write_script(
    path: Path,
    run: str,
    session: Sequence[str],
    request: Request,
    provenance: Provenance,
    *,
    series: str = "",
) -> None:
    """Write the script that repeats the run.

    session: of nox, and words for it alone.
    series: folder beside the script that holds the series under test as it was read, where it
    came from outside of the project: what it was read from may change or go.
    """
    commit = provenance.kseries_commit
    if not commit:
        checkout = "# kseries was not in a git checkout: which version ran is not known."
    elif commit.endswith("-dirty"):
        checkout = (
            "# kseries had uncommitted changes, which this cannot bring back.\n"
            f"git checkout --detach {commit.removesuffix('-dirty')}"
        )
    else:
        checkout = f"git checkout --detach {commit}"
    name, *own = session
    options = arguments(replace(request, series="", archive="") if series else request)
    asked = shlex.join([*own, *options])
    if series:
        asked = f"--series {HERE}/{shlex.quote(series)} {asked}".rstrip()
    if provenance.installed:
        command = "run" if name == "selftest" else name
        version = provenance.kseries_version
        text = REPRODUCE_INSTALLED.format(
            run=run, version=version, session=command, arguments=asked
        )
    else:
        text = REPRODUCE.format(run=run, checkout=checkout, session=name, arguments=asked)
    atomicfile.write_text(path, text)
    path.chmod(0o755)
