# SPDX-License-Identifier: GPL-2.0
"""The result document as a file: reading it, and the JSON Schema that it follows."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from kseries.lib import runfolder
from kseries.lib.errors import UserError
from kseries.lib.runfolder import MAX_BYTES, RunFolder
from kseries.lib.untrusted import NotPlain, Untrusted
from kseries.model import SCHEMA_VERSION, RunResult, Scope, Verdict
from kseries.verdict.upgrade import upgraded
from kseries.verdict.verdict import decided

RESULT: TypeAdapter[RunResult] = TypeAdapter(RunResult)

BEFORE_SCOPES = 1  # the version whose documents do not say what was asked for

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class _Versioned:
    """What every version of the document has in common."""

    schema_version: int


_VERSIONED = TypeAdapter(_Versioned)


def read(run: RunFolder) -> RunResult:
    """Read the result document of a run, which others may have made.

    Raises UserError as `parse`, or when there is none, or no plain file of a sane size.
    """
    if not os.path.lexists(run.results):
        raise UserError(
            f"The run {run.name} has no result document.",
            where=str(run.results),
            do=f"go on with it: `kseries run --resume {run.name}`",
        )
    try:
        data = Untrusted(run.path).read_bytes(run.results.name, MAX_BYTES)
    except NotPlain as error:
        raise UserError(
            "The result document cannot be read.",
            where=f"{run.results}: it {error.why}",
            do="take the run folder as kseries left it, or start a new run",
        ) from error
    return parse(data, str(run.results))


def parse(data: bytes, where: str) -> RunResult:
    """Read a result document. where: the file it came from, for messages.

    Earlier versions are read, too. One of version 1 is decided anew: it could call a run a pass
    that was not to do everything.

    Raises UserError when it is of a version that is not known here, or is not a result document.
    """
    try:
        version = _VERSIONED.validate_json(data).schema_version
        if BEFORE_SCOPES <= version <= SCHEMA_VERSION:
            current = data
            if version < SCHEMA_VERSION:
                current = json.dumps(upgraded(from_json(data))).encode()
            result = RESULT.validate_json(current)
            _check(result)
            return _with_scope(result) if version == BEFORE_SCOPES else result
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _no_document(where, f"{place + ': ' if place else ''}{first['msg']}") from error
    except _AtOddsError as error:
        raise _no_document(where, str(error)) from error
    raise UserError(
        f"The result document is of version {version}; this kseries reads those up to"
        f" {SCHEMA_VERSION}.",
        where=where,
        do="read it with the kseries that wrote it (provenance.kseries_commit names it)",
    )


class _AtOddsError(Exception):
    """A document says things that cannot be true together."""


def _check(result: RunResult) -> None:
    """See that the parts of a document fit each other, as reports and exit codes rely on it."""
    codes = {result.verdict.exit_code}
    if result.verdict is Verdict.INCOMPLETE:
        codes.add(UserError.exit_code)
    if result.exit_code not in codes:
        raise _AtOddsError(f"exit_code: {result.exit_code} is not that of '{result.verdict}'")
    before = result.baseline.events_on_base if result.baseline else ()
    if not all(0 <= place < len(result.events) for place in before):
        raise _AtOddsError("baseline.events_on_base: a place that events does not have")


def _no_document(where: str, why: str) -> UserError:
    return UserError(
        "This is not a result document.",
        where=f"{where}: {why}",
        do="take the results.json of a run folder, or start a new run",
    )


def _with_scope(result: RunResult) -> RunResult:
    """Give a document of version 1 as one of now."""
    options = result.provenance.options
    only = tuple(after for word, after in itertools.pairwise(options) if word == "-k")
    asked = Scope(only=only, extended="--extended" in options)
    return decided(replace(result, scope=asked, schema_version=SCHEMA_VERSION))


def to_json(result: RunResult) -> str:
    """Give the document as it is written, in ASCII: it may go to a terminal."""
    return runfolder.to_json(result, RESULT, ascii_only=True)


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
