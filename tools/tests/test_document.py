# SPDX-License-Identifier: GPL-2.0
"""The result document as a file: its schema is the published one, and others are refused."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from kseries.lib.errors import UserError
from kseries.lib.runfolder import RunFolder
from kseries.model import (
    SCHEMA_VERSION,
    AgainstBase,
    Case,
    Effect,
    RunResult,
    Scope,
    Status,
    TestEffect,
    Verdict,
)
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
        assert "provenance.kseries_commit" in error.value.do
        assert "some/results.json" in error.value.where


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"{}", b"\xff", b'{"schema_version": 1}', b'{"schema_version": "x"}']
)
def test_what_is_no_document_is_told(data: bytes) -> None:
    with pytest.raises(UserError, match="not a result document") as error:
        document.parse(data, "x")
    assert "results.json" in error.value.do


def test_a_run_without_document_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no result document") as error:
        document.read(RunFolder(tmp_path / "run-1"))
    assert error.value.where.endswith("run-1/results.json")
    assert "--resume run-1" in error.value.do


def test_a_document_that_is_no_plain_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "results.json").mkdir()
    with pytest.raises(UserError, match="cannot be read") as error:
        document.read(RunFolder(tmp_path))
    assert error.value.where.startswith(str(tmp_path / "results.json: it "))
    assert error.value.do


@pytest.mark.parametrize(
    ("verdict", "code", "fits"),
    [
        (Verdict.PASS, 0, True),
        (Verdict.PASS, 2, False),
        (Verdict.FAIL, 1, True),
        (Verdict.FAIL, 0, False),
        # Lost, or a request that could not be carried out.
        (Verdict.INCOMPLETE, 3, True),
        (Verdict.INCOMPLETE, 2, True),
        (Verdict.INCOMPLETE, 0, False),
    ],
)
def test_the_exit_code_is_that_of_the_verdict(
    passing_run: RunResult, verdict: Verdict, code: int, *, fits: bool
) -> None:
    data = document.to_json(replace(passing_run, verdict=verdict, exit_code=code)).encode()
    if fits:
        assert document.parse(data, "x").exit_code == code
        return
    with pytest.raises(UserError, match="not a result document") as error:
        document.parse(data, "x")
    assert f"x: exit_code: {code} is not that of '{verdict}'" in error.value.where


@pytest.mark.parametrize(("place", "fits"), [(-1, False), (0, True), (1, True), (2, False)])
def test_complaints_of_the_base_are_among_those_of_the_run(
    failing_run: RunResult, place: int, *, fits: bool
) -> None:
    assert len(failing_run.events) == 2
    base = AgainstBase("b" * 40, (), "r", "now", False, (), (place,), ())
    data = document.to_json(replace(failing_run, baseline=base)).encode()
    if fits:
        assert document.parse(data, "x").baseline == base
        return
    with pytest.raises(UserError, match="not a result document"):
        document.parse(data, "x")


def test_a_document_of_now_is_read_word_by_word(passing_run: RunResult) -> None:
    told = replace(passing_run, notes=("\N{SNOWMAN}",))
    text = document.to_json(told)
    assert text.isascii()  # it may go to a terminal
    assert document.parse(text.encode(), "x") == told


@pytest.mark.parametrize(
    ("options", "only", "extended"),
    [
        (("-k", "ping", "-k", "pong"), ("ping", "pong"), False),
        (("--extended", "--baseline"), (), True),
        ((), (), False),
    ],
)
def test_a_document_of_version_1_says_what_was_asked_for(
    passing_run: RunResult, options: tuple[str, ...], only: tuple[str, ...], *, extended: bool
) -> None:
    facts = replace(passing_run.provenance, options=options)
    written = json.loads(document.to_json(replace(passing_run, provenance=facts)))
    del written["scope"]
    told = document.parse(json.dumps({**written, "schema_version": 1}).encode(), "x")
    assert (told.scope.only, told.scope.extended) == (only, extended)
    assert told.schema_version == SCHEMA_VERSION


def test_a_document_of_version_2_is_read_in_the_words_of_now(failing_run: RunResult) -> None:
    case = Case("c", Status.FAIL, reruns=(Status.PASS,))
    programs = (replace(failing_run.programs[0], cases=(case,), reruns=(Status.FAIL,)),)
    effects = (Effect.PRE_EXISTING, Effect.NOT_RUN_ON_BASE, Effect.BROKE)
    baseline = AgainstBase(
        *("abc", (), "run", "2026-11-29T00:00:00+00:00", False),
        tests=tuple(TestEffect(f"t: {effect}", effect) for effect in effects),
        events_on_base=(0,),
        events_gone=(),
    )
    facts = replace(failing_run.provenance, options=("-k", "stage", "--until", "install"))
    now = replace(
        *(failing_run,), programs=programs, baseline=baseline, provenance=facts,
        scope=Scope(asked="install", reached="install", not_asked=("test", "install")),
    )  # fmt: skip
    written = document.to_json(now)
    for new, old in (
        ('"schema_version": 3', '"schema_version": 2'),
        ('"name": "install"', '"name": "stage"'),
        ('"reruns"', '"again"'),
        ('"events_on_base"', '"events_before"'),
        ('"pre-existing"', '"broken before"'),
        ('"fails, not run on base"', '"fails, untold before"'),
        ('"install"', '"stage"'),
    ):
        assert new in written
        written = written.replace(new, old)
    assert document.parse(written.encode(), "x") == now


@pytest.mark.parametrize("part", ["stages", "scope", "baseline", "provenance", "programs"])
@pytest.mark.parametrize("value", [None, 3, "x", [3], [[]], {}, {"options": 3}, {"tests": [1]}])
def test_a_malformed_document_of_version_2_ends_in_no_traceback(
    passing_run: RunResult, part: str, value: object
) -> None:
    written = json.loads(document.to_json(passing_run)) | {"schema_version": 2, part: value}
    with suppress(UserError):  # some are no mistake; nothing else is raised
        document.parse(json.dumps(written).encode(), "x")
