# SPDX-License-Identifier: GPL-2.0
"""What a shell completes beside commands and options: names of runs, stacks, series, fragments.

argcomplete asks these functions when TAB is pressed, and leaves out what does not fit.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from kseries.names import LATEST

if TYPE_CHECKING:
    from kseries.lib.paths import Project


def by(action: argparse.Action, completer: Callable[..., Iterable[str]]) -> None:
    """Have the values of an argument completed."""
    action.completer = completer  # type: ignore[attr-defined]


def runs(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """Give the names of runs."""
    del prefix
    folder = _project(parsed_args).runs
    return [LATEST, *(path.name for path in folder.glob("[!.]*") if path.is_dir())]


def stacks(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """Give the names of stacks."""
    del prefix
    return [file.stem for file in _project(parsed_args).stacks.glob("*.toml")]


def series(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """Give the names of the project's series, and files."""
    from argcomplete.completers import FilesCompleter

    own = [path.name for path in _project(parsed_args).patches.iterdir()]
    return [*own, *FilesCompleter()(prefix)]


def configs(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """Give the names of Kconfig fragments."""
    del prefix
    return [file.stem for file in _project(parsed_args).configs.glob("*.config")]


def suites(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """Give the names of suites that have files."""
    del prefix
    return [file.stem for file in _project(parsed_args).suites.glob("*.toml")]


def targets(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """Give the names of lab machines."""
    del prefix
    from kseries.hardware.catalogue import Catalogue

    return [one.name for one in Catalogue.of(_project(parsed_args)).listed()]


def kinds(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """Give the kinds of what is kept."""
    del prefix, parsed_args
    from kseries.host.cache import BY_NAME

    return BY_NAME


def _project(arguments: argparse.Namespace) -> Project:
    from kseries.lib.paths import Project

    return Project.find(getattr(arguments, "workspace", ""))
