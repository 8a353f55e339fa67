# SPDX-License-Identifier: GPL-2.0
"""Where things are: the project's own files, what a clone makes, what clones share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kseries.errors import UserError

ROOT_MARK = Path("kernel") / "stacks"


@dataclass(frozen=True)
class Project:
    """A checkout of the project; everything made at run time is below `out`."""

    root: Path

    @classmethod
    def find(cls) -> Project:
        """Find the checkout: $KSERIES_ROOT, the current folder or one above, else this file's.

        Raises UserError when none holds kernel/stacks.
        """
        given = os.environ.get("KSERIES_ROOT")
        here = Path.cwd()
        places = [Path(given)] if given else [here, *here.parents, *Path(__file__).parents]
        for place in places:
            if (place / ROOT_MARK).is_dir():
                return cls(root=place.resolve())
        raise UserError(
            "No kseries checkout found.",
            where=f"looked for {ROOT_MARK} in {places[0]} and above",
            do="change into the checkout, or set KSERIES_ROOT to it",
        )

    @property
    def out(self) -> Path:
        """Everything made at run time; ignored by git, safe to delete."""
        return self.root / "out"

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
    def patches(self) -> Path:
        """Series kept with the project, one folder each."""
        return self.root / "patches"

    @property
    def configs(self) -> Path:
        """Kconfig fragments."""
        return self.root / "configs"


@dataclass(frozen=True)
class Cache:
    """What clones share: the user's cache folder, `$XDG_CACHE_HOME/kseries`."""

    root: Path

    @classmethod
    def find(cls) -> Cache:
        """Follow the XDG base directory rules: an unset or relative value means ~/.cache."""
        given = os.environ.get("XDG_CACHE_HOME", "")
        base = Path(given) if given.startswith("/") else Path.home() / ".cache"
        return cls(root=base / "kseries")

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
