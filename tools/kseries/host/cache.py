# SPDX-License-Identifier: GPL-2.0
"""What is kept from run to run, in the cache and in out/: shown, cleared, kept below a limit.

All of it can be rebuilt, runs excepted. What a run uses (`leases`) is never removed; of the
rest, what was used longest ago goes first.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from kseries.lib import atomicfile, leases, proc, settings
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.lib.gitrepo import Repository
from kseries.lib.paths import Cache, Project
from kseries.lib.progress import Progress

GIB = 1 << 30
MEASURE_LIMIT_S = 300.0
# What is to stay free on the disks: import, worktree and a build, with room for others to write.
FREE = "free"
FREE_GIB = 6.0
# Paths of one command line.
_AT_ONCE = 200
# What du says, behind what it complains of; the path can hold anything.
_MEASURED = re.compile(r"(?:\A|\n)(?P<size>\d+)\t(?P<path>/.*)\Z", re.DOTALL)
_LEFTOVER = re.compile(r"\.part-(?P<part>.+)~[^~]*|\.(?P<scratch>.+)\.scratch", re.DOTALL)


@dataclass(frozen=True)
class Kind:
    """Things of one kind. A new kind is a new line below, and `leases.use` where it is used.

    pattern: of their paths, below the cache's folder or out/. limit_gib: what they may take
    together; None: no limit, and never removed by itself. rebuildable: whether it can be rebuilt.
    """

    name: str
    about: str
    pattern: str
    limit_gib: float | None
    in_out: bool = False
    rebuildable: bool = True


KINDS = (
    Kind("downloads", "source packages and tarballs as they came", "downloads/*", 2),
    Kind("git", "kernel sources imported into git", "git/*", 8),
    Kind("ccache", "compiler caches, one a series and base", "ccache/*/*", 20),
    Kind("libraries", "libraries that tests are linked with", "libraries/*", 1),
    Kind("rootfs", "root file systems of guests", "rootfs/*", 4),
    Kind("baselines", "what tests do without the series", "baselines/*", 1),
    Kind("host", "what was found out about this host", "host/*", None),
    Kind("history", "what tests did in earlier runs", "history.sqlite*", None, rebuildable=False),
    Kind("builds", "build folders, one a tree and config", "trees/*/build/*", 25, in_out=True),
    Kind("trees", "worktrees of kernel sources", "trees/*", 20, in_out=True),
    Kind("runs", "results and logs of runs", "runs/*", 5, in_out=True, rebuildable=False),
)
BY_NAME = {kind.name: kind for kind in KINDS}


@dataclass(frozen=True)
class Item:
    """One thing that is kept.

    size: bytes on disk, without what is an item of its own. used: last, Unix seconds. inner:
    places of items in it.
    """

    kind: str
    name: str
    path: Path
    size: int
    used: float
    in_use: bool = False
    inner: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Cleared:
    """What was removed, and what was left since somebody uses it."""

    removed: tuple[Item, ...]
    left: tuple[Item, ...]

    @property
    def freed(self) -> int:
        """Bytes on disk that were set free."""
        return sum(item.size for item in self.removed)


def items(project: Project, cache: Cache) -> tuple[Item, ...]:
    """List what is there, by kind and name. Raises InfraError where it cannot be measured."""
    found = [
        (kind, path)
        for kind in KINDS
        for path in sorted(_root(kind, project, cache).glob(kind.pattern))
        if _is_item(path, kind)
    ]
    paths = [path for _, path in found]
    sizes = _sizes(paths, project.root)
    inner = {path: tuple(each for each in paths if path in each.parents) for path in paths}
    return tuple(
        Item(
            kind=kind.name,
            name="/".join(_inner_parts(path, kind)),
            path=path,
            size=max(0, sizes[path] - sum(sizes[each] for each in inner[path])),
            used=leases.used(path),
            in_use=any(_in_use(each) for each in (path, *inner[path])),
            inner=inner[path],
        )
        for kind, path in found
    )


def others(project: Project, cache: Cache) -> tuple[Item, ...]:
    """List what else is there; nothing here removes it."""
    known = {(kind.in_out, kind.pattern.split("/")[0].rstrip("*")) for kind in KINDS}
    found = [
        path
        for in_out, root in ((False, cache.root), (True, project.out))
        for path in sorted(root.glob("*"))
        if not any(path.name.startswith(name) for place, name in known if place is in_out)
    ]
    sizes = _sizes(found, project.root)
    return tuple(Item("-", path.name, path, sizes[path], leases.used(path)) for path in found)


def clear(project: Project, cache: Cache, kinds: Sequence[str]) -> Cleared:
    """Remove all items of these kinds (none: of every kind in the cache) that nobody uses.

    Raises UserError for a kind that does not exist.
    """
    unknown = [kind for kind in kinds if kind not in BY_NAME]
    if unknown:
        raise UserError(
            f"There is nothing called {', '.join(unknown)} in the cache.",
            where=str(cache.root),
            do=f"choose from: {', '.join(BY_NAME)}",
        )
    wanted = kinds or [kind.name for kind in KINDS if not kind.in_out and kind.rebuildable]
    return drop([i for i in items(project, cache) if i.kind in wanted], cache)


def make_room(project: Project, cache: Cache, progress: Progress) -> Cleared:
    """Remove what is above the limits, and more where a disk is nearly full; tell what.

    Raises UserError for limits that cannot be read.
    """
    allowed = limits()
    found = items(project, cache)
    done = drop(surplus(found, allowed, _missing(project, cache, allowed[FREE])), cache)
    for item in done.removed:
        progress.note(
            f"removed to make room: {item.kind} {item.name}, {item.size / 1e6:,.0f} MB,"
            f" last used {time.strftime('%Y-%m-%d', time.localtime(item.used))}"
        )
    return done


def surplus(
    found: Sequence[Item], allowed: Mapping[str, int], missing: Sequence[tuple[Path, int]] = ()
) -> list[Item]:
    """Choose what is to go, oldest first, never what is used. Pure.

    allowed: bytes for each kind; one that is not named has no limit. missing: folders, and how
    many bytes must become free below them; what cannot be rebuilt does not go for that.
    """
    going: dict[Path, Item] = {}
    oldest = sorted((item for item in found if not item.in_use), key=lambda item: item.used)
    for kind, limit in allowed.items():
        excess = sum(item.size for item in found if item.kind == kind) - limit
        for item in oldest:
            if item.kind == kind and excess > 0:
                going[item.path] = item
                excess -= item.size
    for folder, size in missing:
        there = [item for item in oldest if item.path.is_relative_to(folder)]
        short = size - sum(item.size for item in there if item.path in going)
        for item in there:
            if short > 0 and BY_NAME[item.kind].rebuildable and item.kind in allowed:
                short -= 0 if item.path in going else item.size
                going[item.path] = item
    return list(going.values())


def drop(going: Iterable[Item], cache: Cache) -> Cleared:
    """Remove items, except those that somebody uses by now."""
    removed: list[Item] = []
    left: list[Item] = []
    for item in going:
        (removed if _remove(item) else left).append(item)
    if any(BY_NAME[item.kind].in_out for item in removed):
        _forget_worktrees(cache)
    return Cleared(tuple(removed), tuple(left))


def limits() -> dict[str, int]:
    """Give the bytes that each kind may take, and as FREE what is to stay free on the disks.

    They are the table's, or what the settings say. Raises UserError.
    """
    found = {kind.name: kind.limit_gib for kind in KINDS if kind.limit_gib is not None}
    found[FREE] = FREE_GIB
    for name, given in settings.read().limits.items():
        if name not in found:
            raise UserError(
                f"A limit cannot be read: nothing is kept that is called '{name}'.",
                where=given.origin,
                do=f"take one of: {', '.join(found)}",
            )
        found[name] = given.value
    return {name: int(gib * GIB) for name, gib in found.items()}


def _root(kind: Kind, project: Project, cache: Cache) -> Path:
    return project.out if kind.in_out else cache.root


def _inner_parts(path: Path, kind: Kind) -> tuple[str, ...]:
    """Give the parts of an item's path below the folder of its kind."""
    return path.parts[-max(1, kind.pattern.count("/")) :]


def _is_item(path: Path, kind: Kind) -> bool:
    """Whether a path is a thing, or what was left of making one; not a lock, or in a leftover."""
    hidden = [part.startswith(".") for part in _inner_parts(path, kind)]
    if path.is_symlink() or any(hidden[:-1]):
        return False
    return not hidden[-1] or _owner(path) is not None


def _owner(leftover: Path) -> Path | None:
    """Give the place of what a leftover is of; None where it is none."""
    match = _LEFTOVER.fullmatch(leftover.name)
    return leftover.with_name(match["part"] or match["scratch"]) if match else None


def _in_use(path: Path) -> bool:
    owner = _owner(path)
    if owner is None:
        return leases.in_use(path)
    return leases.in_use(owner) or not atomicfile.abandoned(path)


def _remove(item: Item) -> bool:
    with ExitStack() as stack:
        for place in (_owner(item.path) or item.path, *item.inner):
            if not stack.enter_context(leases.taken(place)):
                return False
        if _owner(item.path) and not atomicfile.abandoned(item.path):
            return False
        atomicfile.remove_tree(item.path)
    return True


def _forget_worktrees(cache: Cache) -> None:
    """Have our repositories forget worktrees that are gone."""
    for folder in cache.git.glob("*.git"):
        Repository(folder).ask("worktree", "prune", "--expire=now")


def _missing(project: Project, cache: Cache, wanted: int) -> list[tuple[Path, int]]:
    """Tell how many bytes the disks of the cache and of out/ are short of those wanted."""
    found: dict[int, tuple[Path, int]] = {}
    for folder in (cache.root, project.out):
        if folder.is_dir():
            short = wanted - shutil.disk_usage(folder).free
            device = folder.stat().st_dev
            above = os.path.commonpath([found[device][0], folder]) if device in found else folder
            found[device] = (Path(above), short)
    return [(folder, short) for folder, short in found.values() if short > 0]


def _sizes(paths: Sequence[Path], cwd: Path) -> dict[Path, int]:
    """Measure bytes on disk, with programs that know no depth of folders; 0 for what vanished."""
    sizes = {path: leases.size(path) for path in paths}
    unknown = [path for path, size in sizes.items() if size is None]
    found = {path: size or 0 for path, size in sizes.items()}
    by_text = {os.fsencode(path).decode(errors="replace"): path for path in unknown}
    for start in range(0, len(unknown), _AT_ONCE):
        part = unknown[start : start + _AT_ONCE]
        done = proc.run(
            ["du", "-s", "-x", "-0", "-l", "--block-size=1", "--", *part],
            cwd=cwd,
            deadline=Deadline.after(MEASURE_LIMIT_S),
            check=False,
        )
        for entry in done.output.split("\0"):
            match = _MEASURED.search(entry)
            path = by_text.get(match["path"]) if match else None
            if match and path is not None:
                found[path] = int(match["size"])
                if not _in_use(path):
                    leases.remember(path, found[path])
    return found
