# SPDX-License-Identifier: GPL-2.0
"""`kseries base`: how a series fits the sources, and which one a run would take."""

from __future__ import annotations

import sys
from argparse import Namespace

from kseries.cli.request import request, with_settings
from kseries.cli.run_context import progress
from kseries.cli.screen import print_json, screen
from kseries.lib import runfolder
from kseries.lib.errors import InfraError
from kseries.lib.paths import Cache, Project
from kseries.report import listing
from kseries.stacks import bases
from kseries.stacks.bases import Bases
from kseries.stacks.candidates import Candidate


def base(arguments: Namespace) -> int:
    """Print the candidates, and the choice with its reason.

    1 where the series applies nowhere; 3 where that is not known, as a source cannot be had.
    """
    arguments.series = arguments.of
    asked = with_settings(request(arguments))
    project = Project.find(arguments.workspace)
    with progress(arguments) as shown, runfolder.scratch() as run:
        found = bases.find(asked, project, Cache.find(), run, shown, download=arguments.all)
    if arguments.json:
        print_json(_for_programs(found))
    else:
        titles = ("source", "kernel", "applies", "files as known", "why not, or what else")
        rows = [_row(one) for one in found.tried]
        rows += [(name, "", "", "", why) for name, why in found.passed_over]
        width, color = screen()
        foot = _sentence(found)
        sys.stdout.write(listing.render(titles, rows, width=width, color=color, foot=foot))
    if not found.is_known:
        return InfraError.exit_code
    return 0 if found.choice is not None and found.choice.fits else 1


def _row(one: Candidate) -> tuple[str, ...]:
    named = f"{one.blobs} of {one.named}" if one.named else ""
    applies = f"{one.applied} of {one.total}"
    why = one.why_not or (f"{one.in_base} in the base already" if one.in_base else "")
    return (one.base.source.name, one.base.version, applies, named, why)


def _sentence(found: Bases) -> str:
    if found.choice is None:
        return "No source can be had to put it on."
    if not found.is_known:
        return f"It is not known what it applies to, as {found.lack}."
    return f"{found.choice.candidate.base.source.name}: {found.choice.why}"


def _for_programs(found: Bases) -> dict[str, object]:
    choice = found.choice
    return {
        "series": found.series.name,
        "before": [one.name for one in found.before],
        "author_base": found.series.base_commit,
        "chosen": choice.candidate.base.source.name if choice else "",
        "why": choice.why if choice else "",
        "fits": choice is not None and choice.fits,
        "known": found.is_known,
        "candidates": [
            {
                "source": one.base.source.name,
                "version": one.base.version,
                "commit": one.base.commit,
                "applied": one.applied,
                "in_base": one.in_base,
                "patches": one.total,
                "files_as_known": one.blobs,
                "files_named": one.named,
                "why_not": one.why_not,
                "has_author_base": one.has_commit,
            }
            for one in found.tried
        ],
        "passed_over": [{"source": name, "why": why} for name, why in found.passed_over],
    }
