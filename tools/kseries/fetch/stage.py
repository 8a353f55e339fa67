# SPDX-License-Identifier: GPL-2.0
"""Stage fetch: from a source to a commit in a bare repository in the cache.

A source is imported once; see `imports`.
"""

from __future__ import annotations

import hashlib
import urllib.parse
from dataclasses import dataclass, replace
from pathlib import Path

from kseries.fetch import debsource, gitremote, imports, kerneltree, snapshot, tarimport
from kseries.fetch.debsource import Apt
from kseries.fetch.download import download, has_sha256, require_sha256
from kseries.fetch.imports import Import
from kseries.lib import atomicfile, diskspace, gitrepo
from kseries.lib.diskspace import MIB, Need
from kseries.lib.errors import InfraError, UserError
from kseries.lib.gitrepo import Repository
from kseries.lib.locks import locked
from kseries.lib.paths import Cache
from kseries.lib.progress import Progress
from kseries.lib.runfolder import RunFolder
from kseries.model import (
    BaseTree,
    DebianSource,
    GitSource,
    LocalSource,
    NamedSource,
    TarballSource,
)

# What a kernel takes for each byte of its tarball (.tar.xz, measured on 6.12): twice its size as
# a pack and once more while it is taken out of a package; as a worktree 11, as a build 6 times.
CACHE_FACTOR = 4
TREE_FACTOR = 11
OUT_FACTOR = TREE_FACTOR + 6
# The size of such a tarball, for sources that do not tell theirs.
KERNEL_TARBALL = 160 * MIB


@dataclass(frozen=True)
class _Work:
    """What the ways to fetch share."""

    named: NamedSource
    cache: Cache
    out: Path
    log: Path
    progress: Progress

    def place(self, mark: str) -> Path:
        """Where the import with that mark is kept."""
        return _place(self.named, self.cache, mark)

    def require_room(self, tarball: int) -> None:
        """Raise InfraError unless import, worktree and build of a tarball's bytes have room."""
        diskspace.require(
            [
                Need(self.cache.git, CACHE_FACTOR * tarball, "the import into git"),
                Need(self.out, OUT_FACTOR * tarball, "a worktree and a build"),
            ]
        )

    def import_tar(self, repository: Repository, tarball: Path, origin: str) -> str:
        """Import a tarball; give the commit."""
        self.require_room(tarball.stat().st_size)
        tree = tarimport.import_tar(repository, tarball, self.progress)
        return imports.commit_of_tree(repository, tree, origin)

    def base(self, place: Path, made: Import) -> BaseTree:
        """Give the outcome of the stage."""
        return BaseTree(
            source=self.named,
            repo=place,
            commit=made.commit,
            version=made.version,
            origin=made.origin,
        )


def fetch(
    source: NamedSource, cache: Cache, out: Path, run: RunFolder, progress: Progress
) -> BaseTree:
    """Give the source as a commit; import it when this was not done before.

    out: where worktrees and builds will be, asked for free space. Raises UserError when the
    source is wrong, InfraError when it cannot be had now.
    """
    work = _Work(source, cache, out, run.log("fetch"), progress)
    with atomicfile.disk_errors(cache.root):
        match source.source:
            case DebianSource() as debian:
                return _debian(work, debian)
            case TarballSource() as tarball:
                return _tarball(work, tarball)
            case GitSource() as git:
                return _git(work, git)
            case LocalSource() as local:
                return _local(work, local)


# ---------------------------------------------------------------- debian


def _debian(work: _Work, source: DebianSource) -> BaseTree:
    here = debsource.installed(source.package)
    if here is not None:
        origin = f"{source.package} {here.version}"
        place = work.place(here.version)
        made = imports.make_once(
            place,
            _debian_content(source, here.version),
            origin,
            lambda repository: work.import_tar(repository, here.tarball, origin),
            work.progress,
        )
        return work.base(place, made)
    home = work.cache.downloads / f"apt-{source.suite or 'host'}"
    apt = Apt(source.package, source.suite, home, work.log, work.progress)
    with locked(home, work.progress):
        return _from_apt(work, source, apt)


def _from_apt(work: _Work, source: DebianSource, apt: Apt) -> BaseTree:
    version = apt.candidate()
    if not version:
        found = _newest(work, source, "apt's lists do not name it")
        if found is not None:
            return found
    try:
        return apt.newest(version, lambda offered: _import_deb(work, source, apt, offered))
    except InfraError as error:
        found = _newest(work, source, f"{version} cannot be had now: {error.what}")
        if found is None:
            raise
        return found


def _import_deb(work: _Work, source: DebianSource, apt: Apt, version: str) -> BaseTree:
    origin = f"{source.package} {version}"
    place = work.place(version)

    def fill(repository: Repository) -> str:
        work.require_room(KERNEL_TARBALL)
        deb = apt.download(version, work.cache.downloads)
        # Among the repository's own files, so that it goes when the import does.
        tarball = repository.path / f"{source.package}.tar.xz"
        debsource.unpack_tarball(deb, source.package, tarball)
        commit = work.import_tar(repository, tarball, origin)
        tarball.unlink()
        return commit

    content = _debian_content(source, version)
    return work.base(place, imports.make_once(place, content, origin, fill, work.progress))


def _newest(work: _Work, source: DebianSource, why: str) -> BaseTree | None:
    """Find what was imported last of a package, for a host that is cut off."""
    prefix = _debian_content(source, "")
    for place, made in imports.matching(work.cache.git, work.named.name, prefix):
        work.progress.note(f"{source.package}: {why}; taking {made.origin}, imported earlier")
        return work.base(place, made)
    return None


def _debian_content(source: DebianSource, version: str) -> str:
    return f"debian:{source.package}={version}"


# ---------------------------------------------------------------- tarball


def _tarball(work: _Work, source: TarballSource) -> BaseTree:
    place = work.place(source.sha256[:16])
    made = imports.make_once(
        place,
        f"tarball:{source.sha256}",
        source.url,
        lambda repository: work.import_tar(repository, _tarball_file(work, source), source.url),
        work.progress,
    )
    return work.base(place, made)


def _tarball_file(work: _Work, source: TarballSource) -> Path:
    """Give the tarball as a file of the pinned content."""
    parts = urllib.parse.urlsplit(source.url)
    if parts.scheme in ("http", "https"):
        final = work.cache.downloads / f"{source.sha256[:16]}-{Path(parts.path).name}"
        with locked(final, work.progress):
            if not has_sha256(final, source.sha256):
                download(source.url, source.sha256, final, work.progress)
        return final
    if parts.scheme not in ("", "file"):
        raise UserError(
            f"A tarball cannot be had by {parts.scheme}.",
            where=source.url,
            do="name a url that begins with https:// or file://, or a path",
        )
    path = urllib.parse.unquote(parts.path) if parts.scheme else source.url
    final = Path(path).expanduser()
    if not final.is_file():
        raise UserError(
            "The tarball is not there.", where=str(final), do="fix the url in the source's pin"
        )
    require_sha256(final, source.sha256)
    return final


# ---------------------------------------------------------------- git


def _git(work: _Work, source: GitSource) -> BaseTree:
    def fill(repository: Repository) -> str:
        work.require_room(_tarball_size(source))
        gitremote.fetch_commit(repository, source.remote, source.commit, work.log, work.progress)
        return source.commit

    place = work.place(source.commit[:16])
    origin = f"{source.remote} {source.commit}"
    made = imports.make_once(place, f"git:{source.commit}", origin, fill, work.progress)
    return work.base(place, made)


def _tarball_size(source: GitSource) -> int:
    """Estimate the tarball of a commit; one that lies on this machine tells what it holds."""
    folder = Path(source.remote)
    if not folder.is_dir():
        return KERNEL_TARBALL
    inner = folder / ".git"
    repository = Repository(inner if inner.exists() else folder)
    listed = repository.ask("ls-tree", "-r", "-l", "-z", "--full-tree", source.commit)
    if not listed.ok:
        return KERNEL_TARBALL
    # "100644 blob 1234…    5678<tab>path"; "-" for a submodule
    sizes = [entry.partition("\t")[0].split()[3] for entry in listed.entries]
    return sum(int(size) for size in sizes if size.isdigit()) // TREE_FACTOR


# ---------------------------------------------------------------- local


def _local(work: _Work, source: LocalSource) -> BaseTree:
    folder = source.path.expanduser().resolve()
    kerneltree.require(folder)
    place = work.place(hashlib.sha256(str(folder).encode()).hexdigest()[:16])
    with locked(place, work.progress):
        if imports.read(place) is not None:
            made = _take(work, Repository(place), folder)
        else:
            with atomicfile.new_folder(place) as partial:
                made = _take(work, gitrepo.create(partial), folder)
        head, tree = snapshot.head(folder)
        unchanged = bool(tree) and tree == Repository(place).tree_of(made.commit)
        return replace(work.base(place, made), head=head, as_committed=unchanged)


def _take(work: _Work, repository: Repository, folder: Path) -> Import:
    tree = snapshot.snapshot(
        *(repository, folder, work.log, work.progress),
        room=lambda size: work.require_room(size // TREE_FACTOR),
    )
    commit = imports.commit_of_tree(repository, tree, str(folder))
    return imports.record(repository, f"local:{folder}", str(folder), commit)


# ---------------------------------------------------------------- without a download


def is_at_hand(source: NamedSource, cache: Cache) -> bool:
    """Whether a source can be had without the network: it was imported, or lies on this machine."""
    match source.source:
        case DebianSource(package=package):
            prefix = _debian_content(source.source, "")
            imported = any(True for _ in imports.matching(cache.git, source.name, prefix))
            return imported or debsource.installed(package) is not None
        case TarballSource(url=url, sha256=sha256):
            parts = urllib.parse.urlsplit(url)
            path = Path(urllib.parse.unquote(parts.path) if parts.scheme else url).expanduser()
            is_local = parts.scheme in ("", "file") and path.is_file()
            return is_local or imports.read(_place(source, cache, sha256[:16])) is not None
        case GitSource(remote=remote, commit=commit):
            imported = imports.read(_place(source, cache, commit[:16])) is not None
            return imported or Path(remote).is_dir()
        case LocalSource():
            return True


def _place(source: NamedSource, cache: Cache, mark: str) -> Path:
    return cache.git / f"{source.name}-{mark.replace('/', '_')}.git"
