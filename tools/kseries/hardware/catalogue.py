# SPDX-License-Identifier: GPL-2.0
"""The targets that there are: files of the user and of the project.

A name is that of a file in `~/.config/kseries/targets/` or `configs/targets/`, or a file's path.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from kseries.hardware.target import OWN, Lab, Login, Target
from kseries.lib import datafiles, settings, tomlfile
from kseries.lib.errors import UserError
from kseries.lib.naming import choices
from kseries.lib.paths import Project
from kseries.lib.userpath import user_path

FOLDER = "targets"
VM = "vm"
"""The virtual machine: `kseries.machines` reads its file."""

_FILE: TypeAdapter[Lab] = TypeAdapter(Lab)
_Places = Iterator[tuple[tuple[str | int, ...], str]]


@dataclass(frozen=True)
class Listed:
    """A target's file. problem: why it cannot be used, "" if it can."""

    name: str
    file: Path
    target: Target | None
    problem: str = ""


@dataclass(frozen=True)
class Catalogue:
    """Finds targets. folders: where their files lie; the first one counts."""

    folders: tuple[Path, ...]

    @property
    def configs(self) -> Path:
        """The folder with the project's fragments."""
        return self.folders[-1].parent

    @classmethod
    def of(cls, project: Project) -> Catalogue:
        """Give the user's targets, and behind them the project's."""
        return cls((settings.own(FOLDER), project.configs / FOLDER))

    def listed(self) -> tuple[Listed, ...]:
        """Give all targets, by name."""
        files = datafiles.listed(self.folders)
        return tuple(
            _listed(name, file, self.configs) for name, file in files.items() if name != VM
        )

    def find(self, name: str, base: Path) -> Target:
        """Give a target by its name. base: that a relative path of a file starts from.

        Raises UserError for a name that is no target's, and for mistakes in a file.
        """
        file = datafiles.find(name, self.folders, base) if name != VM else None
        if file is not None:
            return read(file, self.configs)
        there = (each for each in datafiles.listed(self.folders) if each != VM)
        raise UserError(
            f"There is no lab machine '{name}'.",
            where=" ".join(str(folder) for folder in self.folders),
            do=f"{choices(name, there)}; docs/hardware.md tells how to write one",
        )

    def find_real(self, name: str, base: Path) -> Target:
        """Give a target that can be asked. Raises UserError as `find` does, and for an example."""
        target = self.find(name, base)
        if target.lab.example:
            raise UserError(
                f"'{name}' is an example: there is no such machine.",
                do=f"copy its file to {self.folders[0]}, take out the line with `example`, and"
                " name your machines there",
            )
        return target


def read(file: Path, configs: Path) -> Target:
    """Read a target's file. configs: where the project's fragments lie.

    Raises UserError with file and line of each mistake.
    """
    lab = tomlfile.read(file, _FILE, what="target")
    found = (*_mistakes(lab), *_missing(lab, configs, file.parent))
    mistakes = sorted((tomlfile.line_of(file, *key), text) for key, text in found)
    if mistakes:
        raise tomlfile.mistake(file, "target", mistakes)
    config = tuple(_found(name, configs, file.parent) for name in lab.dut.config)
    return Target(file.stem, replace(lab, dut=replace(lab.dut, config=config)))


def _listed(name: str, file: Path, configs: Path) -> Listed:
    try:
        return Listed(name, file, read(file, configs))
    except UserError as error:
        return Listed(name, file, None, f"{error.what} {error.where}")


def _found(name: str, configs: Path, base: Path) -> str:
    """Give a fragment's name as it is, and a path of one from the root on."""
    known = name == OWN or (configs / f"{name}.config").is_file()
    return name if known else str(user_path(name, base))


def _missing(lab: Lab, configs: Path, base: Path) -> _Places:
    """Give (key, text) of fragments that are not there."""
    there = [file.stem for file in configs.glob("*.config")]
    for number, name in enumerate(lab.dut.config):
        if name not in (OWN, *there) and not Path(_found(name, configs, base)).is_file():
            told = f"dut.config: there is no config fragment '{name}'; {choices(name, there)}"
            yield ("dut", "config", number), f"{told}, or '{OWN}'"
    if len(set(lab.dut.config)) < len(lab.dut.config):
        yield ("dut", "config"), "dut.config: names one twice"


def _mistakes(lab: Lab) -> _Places:
    """Give (key, text) of what single values do not show."""
    if bool(lab.peer.host) == bool(lab.peer.namespace):
        yield ("peer",), "peer: name a host, or a namespace of the DUT: one of the two"
    if lab.peer.host == lab.dut.host:
        yield ("peer", "host"), "peer.host: that is the DUT: put the port into a namespace there"
    for name, way in (("console", lab.console), ("power", lab.power)):
        if isinstance(way, Login) and bool(way.password_file) == bool(way.password_env):
            yield (name,), f"{name}: name a password_file, or a password_env: one of the two"
    for name, addresses in (("dut", lab.dut.addresses), ("peer", lab.peer.addresses)):
        for number, text in enumerate(addresses):
            try:
                ipaddress.ip_interface(text)
            except ValueError as error:
                yield (name, "addresses", number), f"{name}.addresses: {error}"
