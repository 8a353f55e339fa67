# SPDX-License-Identifier: GPL-2.0
"""Where things are: the project's own files, what a clone makes, what clones share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kseries.lib.errors import UserError

ROOT_MARK = Path("kernel") / "stacks"

# Linux's own bounds, in bytes: of one name, and of a path.
NAME_MAX = 255
PATH_MAX = 4096


def user_path(text: str, base: Path) -> Path:
    """Give the path that a user names; relative ones start from `base`, `~` is a home.

    What can be no path on any disk raises UserError here, so that whoever looks there needs not
    expect it.
    """
    try:
        path = base / Path(text).expanduser()
    except RuntimeError as error:
        raise _no_path(text, "there is no such user, or no home folder") from error
    raw = os.fsencode(path)
    if b"\0" in raw:
        raise _no_path(text, "it holds a zero byte")
    if len(raw) >= PATH_MAX or any(len(part) > NAME_MAX for part in raw.split(b"/")):
        raise _no_path(text, "it is too long")
    return path


def named_path(folder: Path, name: str, suffix: str = "") -> Path | None:
    """Give the place of something in a folder of ours by its name; None for what is no name."""
    raw = os.fsencode(name + suffix)
    if name in ("", ".", "..") or len(raw) > NAME_MAX or b"/" in raw or b"\0" in raw:
        return None
    return folder / f"{name}{suffix}"


def current() -> Path:
    """Give the current folder. Raises UserError when it was removed."""
    try:
        return Path.cwd()
    except OSError as error:
        raise UserError(
            "The current folder is not there any more.", do="change into another folder"
        ) from error


def _no_path(text: str, why: str) -> UserError:
    shown = text if len(text) <= 100 else f"{text[:100]}…"
    return UserError(
        f"This is not a path: {why}.", where=repr(shown)[1:-1], do="name a file or folder"
    )


def require_folder(place: Path, what: str, do: str) -> None:
    """Raise UserError where something else than a folder stands, or in the way to one.

    what: the folder, for people. A link to a folder is one; nothing there at all is fine.
    """
    for part in (place, *place.parents):
        try:
            part.lstat()
        except FileNotFoundError:
            continue
        except OSError:  # something further up is in the way
            continue
        if part.is_dir():
            return
        why = "leads nowhere" if part.is_symlink() and not part.exists() else "is not a folder"
        raise UserError(f"{what} cannot be used: {part} {why}.", where=str(place), do=do)


@dataclass(frozen=True)
class Project:
    """A checkout of the project; everything made at run time is below `out`."""

    root: Path

    @classmethod
    def find(cls) -> Project:
        """Find the checkout: $KSERIES_ROOT, the current folder or one above, else this file's.

        Raises UserError when none holds kernel/stacks.
        """
        asked = os.environ.get("KSERIES_ROOT")
        if asked:
            places = [user_path(asked, Path("/"))]
        else:
            here = current()
            places = [here, *here.parents, *Path(__file__).parents]
        for place in places:
            if (place / ROOT_MARK).is_dir():
                project = cls(root=place.resolve())
                require_folder(project.out, "The folder out/", "move it out of the way")
                return project
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
        """Follow the XDG base directory rules: an unset or relative value means ~/.cache.

        Raises UserError when there is no home, and for a place that is not a folder of this user.
        """
        do = "set XDG_CACHE_HOME to a folder of yours"
        asked = os.environ.get("XDG_CACHE_HOME", "")
        base = user_path(asked, Path("/")) if asked.startswith("/") else _home(do) / ".cache"
        root = base / "kseries"
        require_folder(root, "The cache folder", do)
        if root.is_dir() and root.stat().st_uid != os.geteuid():
            # Whoever may write there chooses what we build and run.
            raise UserError("The cache folder belongs to another user.", where=str(root), do=do)
        return cls(root=root)

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


def _home(do: str) -> Path:
    try:
        home = Path.home()
    except RuntimeError:
        home = Path()
    if os.environ.get("HOME") == "" or not home.is_absolute():
        raise UserError("This user has no home folder for the cache.", do=do)
    return home
