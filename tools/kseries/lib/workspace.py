# SPDX-License-Identifier: GPL-2.0
"""Workspaces outside of a clone: where runs, worktrees and builds of a user lie."""

from __future__ import annotations

import json
import os
from pathlib import Path

from kseries.lib.errors import UserError
from kseries.lib.userpath import current, own_folder, user_path

WORKSPACE = ".kseries"
KNOWN = "workspaces"
"""In the user's state folder: the workspaces that are this user's, one a line, as JSON."""


def chosen(name: str) -> Path:
    """Give the workspace in a folder that the user names, or that itself. Raises UserError."""
    place = user_path(name, current()).resolve()
    place = place if place.name == WORKSPACE else place / WORKSPACE
    if place.is_dir():
        remember(place)
    return place


def above() -> Path | None:
    """Find the workspace of the current folder or of one above.

    What is in one is carried out (`--resume`), and a kernel tree may bring one. So it must be one
    that this user made or named, or be empty. Raises UserError for any other.
    """
    here = current()
    for folder in (here, *here.parents):
        place = folder / WORKSPACE
        if not os.path.lexists(place):
            continue
        is_ours = place.is_dir() and not place.is_symlink() and place.stat().st_uid == os.geteuid()
        if is_ours and (place.resolve() in _known() or not any(place.iterdir())):
            return place.resolve()
        raise UserError(
            "There is a workspace that is not known to be yours.",
            where=str(place),
            do=f"if you trust what is in it, name it once: --workspace {folder}; else name another",
        )
    return None


def _known() -> set[Path]:
    try:
        lines = (state() / KNOWN).read_text().splitlines()
        return {Path(json.loads(line)) for line in lines}
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            "The list of your workspaces cannot be read.",
            where=f"{state() / KNOWN}: {error}",
            do="remove that file, then name your workspaces again: --workspace DIR",
        ) from error


def remember(workspace: Path) -> None:
    """Add a workspace to those that are known to be this user's."""
    folder = state()
    if workspace in _known() or workspace == folder:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / KNOWN).open("a") as file:
        file.write(f"{json.dumps(str(workspace))}\n")


def state() -> Path:
    """Give the user's state folder, which is the workspace of who chose none."""
    # Not needed in a clone.
    import platformdirs

    do = "set XDG_STATE_HOME to a folder of yours, or name a workspace: --workspace DIR"
    return own_folder(platformdirs.user_state_path("kseries"), "The state folder", do)
