# SPDX-License-Identifier: GPL-2.0
"""Result documents of earlier versions, in the words of now. Pure.

Version 1 does not say what was asked for, so it is decided anew once it is read (`document`).
Version 2 calls the stage install "stage", reruns "again", and has other names for two effects.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from kseries.model import SCHEMA_VERSION, Effect

KEYS = {"again": "reruns", "events_before": "events_on_base"}
EFFECTS = {
    "fails, untold before": Effect.NOT_RUN_ON_BASE.value,
    "broken before": Effect.PRE_EXISTING.value,
}
STAGES = {"stage": "install"}
STAGE_FIELDS = ("asked", "reached", "not_asked")


def upgraded(found: dict[str, Any]) -> dict[str, Any]:
    """Give a document of version 1 or 2 as one of now; what is malformed stays so."""
    made: dict[str, Any] = _renamed(found)
    for stage in _dicts(made.get("stages")):
        stage["name"] = _new(stage.get("name"), STAGES)
    for scope in _dicts([made.get("scope")]):
        scope |= {key: _new(scope[key], STAGES) for key in STAGE_FIELDS if key in scope}
    for baseline in _dicts([made.get("baseline")]):
        for test in _dicts(baseline.get("tests")):
            test["effect"] = _new(test.get("effect"), EFFECTS)
    for provenance in _dicts([made.get("provenance")]):
        provenance["options"] = _options(provenance.get("options", []))
    return made | {"schema_version": SCHEMA_VERSION}


def _renamed(value: Any) -> Any:  # noqa: ANN401 - any JSON
    match value:
        case dict():
            return {KEYS.get(key, key): _renamed(inner) for key, inner in value.items()}
        case list():
            return [_renamed(inner) for inner in value]
    return value


def _new(value: Any, words: dict[str, str]) -> Any:  # noqa: ANN401 - any JSON
    match value:
        case str():
            return words.get(value, value)
        case list():
            return [_new(inner, words) for inner in value]
    return value


def _options(options: Any) -> Any:  # noqa: ANN401 - any JSON
    """Rename the stage behind --until."""
    if not isinstance(options, list) or not options:
        return options
    later = (_new(b, STAGES) if a == "--until" else b for a, b in pairwise(options))
    return [options[0], *later]


def _dicts(values: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON
    return (
        [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
    )
