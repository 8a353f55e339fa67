# SPDX-License-Identifier: GPL-2.0
"""The result document as a file: its schema is the published one, and others are refused."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from kseries.lib.errors import UserError
from kseries.lib.runfolder import RunFolder
from kseries.model import SCHEMA_VERSION, RunResult
from kseries.verdict import document

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / f"results-{SCHEMA_VERSION}.schema.json"


def test_published_schema_is_that_of_the_model() -> None:
    told = f"the model changed: kseries schema --out {PUBLISHED.relative_to(ROOT)}"
    assert PUBLISHED.read_text() == document.schema(), told


def test_documents_follow_the_schema(passing_run: RunResult, failing_run: RunResult) -> None:
    schema = json.loads(document.schema())
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    for result in (passing_run, failing_run):
        written = json.loads(document.to_json(result))
        validator.validate(written)
        with pytest.raises(jsonschema.ValidationError):
            validator.validate({**written, "schema_version": SCHEMA_VERSION + 1})
        with pytest.raises(jsonschema.ValidationError):
            validator.validate({**written, "verdict": "perhaps"})


def test_what_is_written_is_read(failing_run: RunResult) -> None:
    assert document.parse(document.to_json(failing_run).encode(), "x") == failing_run


def test_fields_added_since_may_be_lacking(failing_run: RunResult) -> None:
    written = json.loads(document.to_json(failing_run))
    for program in written["programs"]:
        for name in ("by_case", "tail", "kernel_log"):
            del program[name]
    del written["provenance"]["options"]
    read = document.parse(json.dumps(written).encode(), "x")
    assert read.programs[0].tail == ()
    assert read.provenance.options == ()


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1, 99])
def test_unknown_version_is_told(version: int, passing_run: RunResult) -> None:
    # Another version may look like anything else, so the version is looked at first.
    for data in ({"schema_version": version}, {"schema_version": version, "stages": 3}):
        with pytest.raises(UserError) as error:
            document.parse(json.dumps(data).encode(), "some/results.json")
        assert f"version {version};" in str(error.value)
        assert "some/results.json" in error.value.where


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"{}", b"\xff", b'{"schema_version": 1}', b'{"schema_version": "x"}']
)
def test_what_is_no_document_is_told(data: bytes) -> None:
    with pytest.raises(UserError, match="not a result document"):
        document.parse(data, "x")


def test_a_run_without_document_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no result document"):
        document.read(RunFolder(tmp_path))
