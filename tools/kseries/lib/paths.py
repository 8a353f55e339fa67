# SPDX-License-Identifier: GPL-2.0
"""Where things are: the project's own files, what runs make, what all runs share.

Nobody else decides that. The project's own files (`kernel/`, `configs/`, `patches/`) lie in a clone
or, of an installed kseries, in its package; what runs make lies in a workspace.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from kseries.lib import workspace as workspaces
from kseries.lib.errors import UserError
from kseries.lib.userpath import current, own_folder, require_folder, user_path

ROOT_MARK = Path("kernel") / "stacks"
PACKAGE = "kseries"
DATA = "data"
"""The project's own files in the package, where a wheel has put them (pyproject.toml)."""


@dataclass(frozen=True)
class Project:
    """The project's own files, and the workspace of those who use them."""

    root: Path
    workspace: Path | None = None  # of an installed kseries, or chosen; None: out/ of the clone

    @classmethod
    def find(cls, workspace: str = "") -> Project:
        """Find the clone, else the package, and the workspace.

        The clone is $KSERIES_ROOT, else the one that this program is run from. The current folder
        chooses none: it may be a kernel tree, and others wrote what that holds. workspace: the
        folder that it is to be in, "" for the usual one. Raises UserError for what cannot be used.
        """
        current()  # without one, no path that a user names means anything
        root = _clone()
        chosen = workspace or os.environ.get("KSERIES_WORKSPACE", "")
        if chosen:
            place: Path | None = workspaces.chosen(chosen)
        else:
            place = None if root else workspaces.above() or workspaces.state()
        project = cls(root or _data(), place)
        what = "The workspace" if place else "The folder out/"
        require_folder(project.out, what, "move it out of the way")
        return project

    @property
    def is_clone(self) -> bool:
        """Whether the files are those of a clone, where ./nox starts everything."""
        return self.root != _data()

    @property
    def out(self) -> Path:
        """Everything made at run time; ignored by git, safe to delete."""
        return self.workspace or self.root / "out"

    def prepare(self) -> None:
        """Make the workspace that something is about to be put into."""
        if self.workspace is not None:
            self.workspace.mkdir(parents=True, exist_ok=True)
            ignored = self.workspace / ".gitignore"
            if not ignored.exists():
                ignored.write_text("*\n")  # a kernel tree that it lies in does not have it
            workspaces.remember(self.workspace)

    @property
    def runs(self) -> Path:
        """One folder a run."""
        return self.out / "runs"

    @property
    def trees(self) -> Path:
        """One worktree of kernel sources for each stack and source."""
        return self.out / "trees"

    @property
    def sources(self) -> Path:
        """Pins of kernel sources, one TOML file each."""
        return self.root / "kernel" / "sources"

    @property
    def stacks(self) -> Path:
        """Stacks, one TOML file each."""
        return self.root / "kernel" / "stacks"

    @property
    def suites(self) -> Path:
        """Suites of tests, one TOML file each."""
        return self.root / "kernel" / "suites"

    @property
    def patches(self) -> Path:
        """Series kept with the project, one folder each."""
        return self.root / "patches"

    @property
    def configs(self) -> Path:
        """Kconfig fragments."""
        return self.root / "configs"


@dataclass(frozen=True)
class Cache:
    """What workspaces share: the user's cache folder, `$XDG_CACHE_HOME/kseries`."""

    root: Path

    @classmethod
    def find(cls) -> Cache:
        """Follow the XDG base directory rules: an unset or relative value means ~/.cache.

        Raises UserError when there is no home, and for a place that is not a folder of this user.
        """
        do = "set XDG_CACHE_HOME to a folder of yours"
        asked = os.environ.get("XDG_CACHE_HOME", "")
        base = user_path(asked, Path("/")) if asked.startswith("/") else _home(do) / ".cache"
        return cls(own_folder(base / "kseries", "The cache folder", do))

    @property
    def downloads(self) -> Path:
        """Source packages and tarballs as they came."""
        return self.root / "downloads"

    @property
    def git(self) -> Path:
        """One bare repository for each imported kernel source."""
        return self.root / "git"

    @property
    def ccache(self) -> Path:
        """Compiler caches, one for each stack, so that a series can spoil only its own."""
        return self.root / "ccache"

    @property
    def libraries(self) -> Path:
        """Libraries that test programs are linked with, one folder each."""
        return self.root / "libraries"

    @property
    def rootfs(self) -> Path:
        """Root file systems of guests."""
        return self.root / "rootfs"

    @property
    def history(self) -> Path:
        """What tests did in earlier runs."""
        return self.root / "history.sqlite"

    @property
    def host(self) -> Path:
        """What was found out about this host: KVM, build sizes."""
        return self.root / "host"

    @property
    def baselines(self) -> Path:
        """What tests do on bases without the series under test, one file each."""
        return self.root / "baselines"


def _clone() -> Path | None:
    """Give the clone whose files are used; None for those of the package."""
    asked = os.environ.get("KSERIES_ROOT")
    if not asked and _data().is_dir():
        return None
    places = [user_path(asked, Path("/"))] if asked else list(Path(__file__).parents)
    for place in places:
        if (place / ROOT_MARK).is_dir():
            return place.resolve()
    raise UserError(
        "No kseries checkout found.",
        where=f"looked for {ROOT_MARK} in {places[0]}",
        do="set KSERIES_ROOT to a checkout, or unset it",
    )


def _data() -> Path:
    return Path(str(resources.files(PACKAGE) / DATA))


def _home(do: str) -> Path:
    try:
        home = Path.home()
    except RuntimeError:
        home = Path()
    if os.environ.get("HOME") == "" or not home.is_absolute():
        raise UserError("This user has no home folder for the cache.", do=do)
    return home
