# SPDX-License-Identifier: GPL-2.0
"""Settings: what is taken where an option of the command line says nothing, and where it is from.

An option counts before a variable of the environment, that before the user's file
(`~/.config/kseries/config.toml`), and that before the default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from kseries.lib import tomlfile
from kseries.lib.errors import UserError

Count = Annotated[int, Field(ge=1, le=10_000)]
Gib = Annotated[float, Field(ge=0, lt=1e6, allow_inf_nan=False)]
Program = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
LIMITS = "limits"


@dataclass(frozen=True)
class SettingsFile:
    """What the file may say; None and {}: nothing."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    stack: Annotated[str, Field(min_length=1)] | None = None  # name or file
    archive: Annotated[str, Field(min_length=1)] | None = None  # address of a public-inbox
    compiler: Program | None = None
    jobs: Count | None = None  # of make
    machines: Count | None = None  # that run tests side by side
    limits: Mapping[str, Gib] = field(default_factory=dict)  # of what is kept, by its kind


NAMES = tuple(item.name for item in fields(SettingsFile) if item.name != LIMITS)
DEFAULTS: Mapping[str, str] = {
    "stack": "as fits the request",
    "archive": "b4's own",
    "compiler": "gcc",
    "jobs": "one for each core",
    "machines": "as many as there is room for",
}
"""What is done without a setting, for people."""

_FILE: TypeAdapter[SettingsFile] = TypeAdapter(SettingsFile)
_LIMIT = re.compile(r"(?P<kind>[a-z]+)=(?P<gib>\d{1,6}(\.\d{1,3})?)")


@dataclass(frozen=True)
class Setting:
    """A setting. value: None for the default. origin: an option, a variable, file and line."""

    name: str
    value: Any = None
    origin: str = "default"


@dataclass(frozen=True)
class Settings:
    """All settings, by name; of the limits, those that are given."""

    of: Mapping[str, Setting]
    limits: Mapping[str, Setting]

    def value(self, name: str) -> Any:  # noqa: ANN401
        """Give what is set, None where nothing is."""
        return self.of[name].value


def file() -> Path:
    """Give the place of the user's file, which need not be there."""
    import platformdirs

    return platformdirs.user_config_path("kseries") / "config.toml"


def own(kind: str) -> Path:
    """Give the user's folder of files of a kind, as the project has some: "suites", "sources"."""
    return file().parent / kind


def read(options: Mapping[str, object] | None = None) -> Settings:
    """Read all settings. options: by name; what is empty was not given.

    Raises UserError for a mistake, with its file and line, or its variable.
    """
    place = file()
    told = tomlfile.read(place, _FILE, what="settings") if place.exists() else SettingsFile()
    found = {}
    for name in NAMES:
        found[name] = (
            _of_option(name, options or {})
            or _of_environment(name)
            or _of_file(name, told, place)
            or Setting(name)
        )
    limits = {
        kind: Setting(kind, gib, _at(place, LIMITS, kind)) for kind, gib in told.limits.items()
    }
    return Settings(found, {**limits, **_limits_of_environment()})


def variable(name: str) -> str:
    """Give the name of the variable of a setting."""
    return f"KSERIES_{name.upper()}"


def _of_option(name: str, options: Mapping[str, object]) -> Setting | None:
    given = options.get(name)
    if not given:
        return None
    return Setting(name, _checked(name, given, f"--{name}"), f"--{name}")


def _of_environment(name: str) -> Setting | None:
    given = os.environ.get(variable(name), "")
    where = f"{variable(name)} in the environment"
    return Setting(name, _checked(name, given, where), variable(name)) if given else None


def _of_file(name: str, told: SettingsFile, place: Path) -> Setting | None:
    value = getattr(told, name)
    return None if value is None else Setting(name, value, _at(place, name))


def _checked(name: str, given: object, where: str) -> Any:  # noqa: ANN401
    try:
        return getattr(_FILE.validate_python({name: given}), name)
    except ValidationError as error:
        raise UserError(
            f"The setting '{name}' cannot be {str(given)[:80]!r}: {error.errors()[0]['msg']}.",
            where=where,
            do="correct it there, or leave it out",
        ) from error


def _limits_of_environment() -> dict[str, Setting]:
    """Read `KIND=GIB,…`."""
    name, found = variable(LIMITS), {}
    for word in filter(None, re.split(r"[,\s]+", os.environ.get(name, ""))):
        match = _LIMIT.fullmatch(word)
        if match is None:
            raise UserError(
                f"A limit cannot be read: {word[:80]!r}.",
                where=f"{name} in the environment",
                do="write KIND=GIB, with commas between; `kseries cache show` has them all",
            )
        found[match["kind"]] = Setting(match["kind"], float(match["gib"]), name)
    return found


def _at(place: Path, *key: str) -> str:
    return f"{place}:{tomlfile.line_of(place, *key)}"
