# SPDX-License-Identifier: GPL-2.0
"""The result document as a file: reading it, and the JSON Schema that it follows."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from kseries import textfile
from kseries.errors import UserError
from kseries.model import SCHEMA_VERSION, RunResult
from kseries.runfolder import RunFolder

RESULT: TypeAdapter[RunResult] = TypeAdapter(RunResult)

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class _Versioned:
    """What every version of the document has in common."""

    schema_version: int


_VERSIONED = TypeAdapter(_Versioned)


def read(run: RunFolder) -> RunResult:
    """Read the result document of a run. Raises UserError as `parse`, or when there is no file."""
    try:
        data = textfile.content(run.results)
    except FileNotFoundError as error:
        raise UserError(
            f"The run {run.name} has no result document.",
            where=str(run.results),
            do=f"go on with it: `kseries run --resume {run.name}`",
        ) from error
    return parse(data, str(run.results))


def parse(data: bytes, where: str) -> RunResult:
    """Read a result document. where: the file it came from, for messages.

    Raises UserError when it is of a version that is not known here, or is not a result document.
    """
    try:
        version = _VERSIONED.validate_json(data).schema_version
        if version == SCHEMA_VERSION:
            return RESULT.validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(
            "This is not a result document.",
            where=f"{where}: {place + ': ' if place else ''}{first['msg']}",
            do="take the results.json of a run folder, or start a new run",
        ) from error
    raise UserError(
        f"The result document is of version {version}; this kseries reads version"
        f" {SCHEMA_VERSION}.",
        where=where,
        do="read it with the kseries that wrote it (provenance.kseries_commit names it)",
    )


def to_json(result: RunResult) -> str:
    """Give the document as it is written."""
    return RESULT.dump_json(result, indent=2).decode() + "\n"


def schema() -> str:
    """Give the JSON Schema of the document, as text that only a change of the model changes."""
    made = RESULT.json_schema()
    made["properties"]["schema_version"] = {"const": SCHEMA_VERSION}
    made["required"].append("schema_version")
    named = {
        "$schema": SCHEMA_DIALECT,
        "$id": f"kseries-results-{SCHEMA_VERSION}.schema.json",
        **made,
        "title": "Result document of kseries (results.json)",
    }
    return json.dumps(named, indent=2) + "\n"
