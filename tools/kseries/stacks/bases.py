# SPDX-License-Identifier: GPL-2.0
"""Try a series on the sources at hand, and choose the one that it is put on."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.fetch.stage import fetch, is_at_hand
from kseries.lib import atomicfile, gitrepo
from kseries.lib.errors import InfraError, KseriesError
from kseries.lib.paths import Cache, Project
from kseries.lib.progress import Progress, Unnoted
from kseries.lib.runfolder import RunFolder
from kseries.model import LocalSource, NamedSource, Request, Series
from kseries.stacks import basechoice, candidates
from kseries.stacks.basechoice import Choice
from kseries.stacks.candidates import Candidate
from kseries.stacks.source import pinned, read_source
from kseries.stacks.stack import plan, resolve

MOST_NAMED = 3  # of the sources that an error offers


@dataclass(frozen=True)
class Bases:
    """What was found.

    before: what stands below the series. source: of the choice, as --source names it.
    passed_over: (source, why it was not tried). lost: names of those of them that could not be had.
    """

    series: Series
    before: tuple[Series, ...]
    tried: tuple[Candidate, ...]
    passed_over: tuple[tuple[str, str], ...]
    choice: Choice | None
    source: str
    lost: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether it is known what the series applies to.

        It may apply to what could not be had, where it does to nothing else.
        """
        found = self.choice
        if found is not None and (found.fits or found.candidate.in_base == found.candidate.total):
            return True
        return not self.lost

    @property
    def lack(self) -> str:
        """Say what could not be had."""
        return f"{' and '.join(self.lost)} cannot be had"

    def require_known(self) -> None:
        """Raise InfraError where it is not known what the series applies to."""
        if self.is_known:
            return
        why = dict(self.passed_over)
        tried = [f"{one.base.source.name}: {one.why_not}" for one in self.tried]
        names = " or ".join(f"--source {one.base.source.name}" for one in self.tried[:MOST_NAMED])
        raise InfraError(
            f"Whether {self.series.name} applies is not known, as {self.lack}.",
            where="\n".join([*(f"{name}: {why[name]}" for name in self.lost), *tried]),
            do=f"see to that{f', or name what it is put on: {names}' if names else ''}",
        )


def is_open(request: Request) -> bool:
    """Whether a request leaves it to us what its series is put on."""
    return bool(request.series) and not (request.stack or request.source or request.tree)


def find(
    request: Request,
    project: Project,
    cache: Cache,
    run: RunFolder,
    progress: Progress,
    *,
    download: bool = False,
) -> Bases:
    """Try the series of a request on the sources of the project and the user's own.

    Those that are at hand come first, and decide where the series applies on one of them; else, or
    with `download`, all others are fetched, too. What is read goes into the folder `run`, where the
    stages find it. Raises UserError for a series that cannot be read, InfraError for one that is
    lost.
    """
    sources = [read_source(name, project=project) for name in pinned(project)]
    before, series = _read(request, project, run, progress)
    sources = [one for one in sources if _is_for(series, one)]
    sources += _of_author(series, sources, project)
    here = [one for one in sources if is_at_hand(one, cache)]
    search = _Search(before, series, project, cache, run, progress)
    search.look(sources if download else here)
    if not any(one.fits for one in search.tried):
        search.look([one for one in sources if one not in here and not download])
    else:
        left = [one.name for one in sources if one not in here and not download]
        search.passed_over += [(name, "not at hand: it would be downloaded") for name in left]
    choice = basechoice.choose(series, search.tried)
    name = choice.candidate.base.source.name if choice else ""
    own = _pin_of_author(project, name)
    source = str(own) if own.is_file() else name
    tried, passed_over = tuple(search.tried), tuple(search.passed_over)
    return Bases(series, before, tried, passed_over, choice, source, tuple(search.lost))


def on(
    source: NamedSource,
    request: Request,
    project: Project,
    cache: Cache,
    run: RunFolder,
    progress: Progress,
) -> Candidate:
    """Try the series of a request on one source. Raises UserError and InfraError as `find`."""
    before, series = _read(request, project, run, progress)
    base = fetch(source, cache, project.out, run, progress)
    return candidates.tried(series, base, before)


def _read(
    request: Request, project: Project, run: RunFolder, progress: Progress
) -> tuple[tuple[Series, ...], Series]:
    """Give what stands below the series of a request, and the series."""
    planned = plan(request, project=project)
    stack = resolve(planned, project=project, workdir=run.path, progress=Unnoted(progress))
    place = [one.name for one in stack.series].index(stack.under_test)
    return stack.series[:place], stack.series[place]


class _Search:
    def __init__(
        self,
        before: Sequence[Series],
        series: Series,
        project: Project,
        cache: Cache,
        run: RunFolder,
        progress: Progress,
    ) -> None:
        self.tried: list[Candidate] = []
        self.passed_over: list[tuple[str, str]] = []
        self.lost: list[str] = []
        self._before, self._series = before, series
        self._project, self._cache, self._run = project, cache, run
        self._progress = progress

    def look(self, sources: list[NamedSource]) -> None:
        """Try the series on more sources; one that cannot be had is passed over."""
        for source in sources:
            self._progress.update(f"trying {self._series.name} on {source.name}")
            try:
                base = fetch(source, self._cache, self._project.out, self._run, self._progress)
            except KseriesError as error:
                self.passed_over.append((source.name, error.what))
                self.lost.append(source.name)
                continue
            self.tried.append(candidates.tried(self._series, base, self._before))


def _of_author(
    series: Series, sources: Sequence[NamedSource], project: Project
) -> list[NamedSource]:
    """Give the commit that the author names as a source, where a tree on this machine has it.

    It gets a file of its own in the workspace, so that a run can be repeated from it.
    """
    for one in sources:
        if not series.base_commit or not isinstance(one.source, LocalSource):
            continue
        if not (one.source.path / ".git").exists():
            continue
        commit = gitrepo.of_worktree(one.source.path).commit_of(series.base_commit)
        if commit:
            pin = _pin_of_author(project, f"{one.name}-{commit[:12]}")
            remote = json.dumps(str(one.source.path))  # as TOML writes a string
            atomicfile.write_text(pin, f'kind = "git"\nremote = {remote}\ncommit = "{commit}"\n')
            return [read_source(str(pin), project=project)]
    return []


def _pin_of_author(project: Project, name: str) -> Path:
    return project.out / "sources" / f"{name}.toml"


def _is_for(series: Series, source: NamedSource) -> bool:
    wanted = series.for_sources
    return not wanted or any(fnmatch.fnmatchcase(source.name, pattern) for pattern in wanted)
