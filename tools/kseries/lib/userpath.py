# SPDX-License-Identifier: GPL-2.0
"""Paths that users name: what can be none, and what is not what it has to be, is told."""

from __future__ import annotations

import os
from pathlib import Path

from kseries.lib.errors import UserError

# Linux's own bounds, in bytes: of one name, and of a path.
NAME_MAX = 255
PATH_MAX = 4096


def user_path(text: str, base: Path) -> Path:
    """Give the path that a user names; relative ones start from `base`, `~` is a home.

    What cannot be a path on any disk raises UserError here, so that whoever looks there needs not
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


def own_folder(place: Path, what: str, do: str) -> Path:
    """Give a folder back. Raises UserError where it is none, or another user's."""
    require_folder(place, what, do)
    if place.is_dir() and place.stat().st_uid != os.geteuid():
        # Whoever may write there chooses what we build and run.
        raise UserError(f"{what} belongs to another user.", where=str(place), do=do)
    return place
