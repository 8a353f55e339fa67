# SPDX-License-Identifier: GPL-2.0
"""Keeps the result document of a run up to date while its stages go by."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import singledispatch
from types import MappingProxyType
from typing import Any

from kseries.lib.errors import CheckFailed, InfraError, KseriesError, UserError
from kseries.lib.runfolder import RunFolder
from kseries.model import (
    AgainstBase,
    AuthorBase,
    BaseTree,
    GitSource,
    InstalledSuites,
    Kernel,
    KernelConfig,
    LocalSource,
    NoBaseline,
    Provenance,
    RunResult,
    Scope,
    Stack,
    StageRecord,
    StageState,
    Subject,
    TestOutcome,
    Tree,
    Verdict,
)
from kseries.stacks.stack import Plan
from kseries.test import checkpoint
from kseries.verdict import document, findings, verdict

MAX_ADDED = 8  # lines in a note

STATE_OF: Mapping[int, StageState] = {
    CheckFailed.exit_code: StageState.FAILED,
    UserError.exit_code: StageState.USAGE,
    InfraError.exit_code: StageState.LOST,
}

RUNNING = "It was running when this was written."

NO_SCOPE = Scope()
NOTHING: Mapping[str, object] = MappingProxyType({})


class Record:
    """The result document in the making."""

    def __init__(
        self,
        run: RunFolder,
        plan: Plan,
        stages: Sequence[str],
        provenance: Provenance,
        *,
        scope: Scope = NO_SCOPE,
        earlier: Mapping[str, object] = NOTHING,
    ) -> None:
        """Begin the document of a run that carries out these stages now.

        earlier: what the stages before them left, by their names. Nothing else is taken over from
        the document that is there: what came of later stages was made of something else.
        """
        self._run = run
        there = document.read(run) if run.has("results") else None
        before = _before(there.stages if there else (), stages)
        self._result = RunResult(
            run=run.name,
            stack=plan.name,
            under_test=plan.under_test,
            started=there.started if there else _now(),
            seconds=0.0,
            verdict=Verdict.INCOMPLETE,
            stages=(*before, *(StageRecord(name, StageState.NOT_RUN) for name in stages)),
            provenance=provenance,
            notes=plan.notes,
            scope=scope,
        )
        if "test" in stages or any(stage.name == "test" for stage in before):
            self._result = replace(self._result, suites=tuple(suite.name for suite in plan.suites))
        for stage in before:
            if stage.state is StageState.DONE:
                self.add(earlier.get(stage.name))

    def begin(self, stage: str) -> None:
        """Note that a stage runs. Should we be killed now, it reads as interrupted."""
        self._begun = time.monotonic()
        self._set(StageRecord(stage, StageState.INTERRUPTED, message=RUNNING))
        self.write()

    def end(self, stage: str, state: StageState, summary: str, message: str = "") -> None:
        """Note how a stage ended."""
        seconds = round(time.monotonic() - self._begun, 3)
        record = StageRecord(stage, state, seconds, summary, message)
        if stage == "test" and state is not StageState.DONE:
            # The programs that came to an end before are known one by one.
            self.add(checkpoint.collect(self._run))
        self._set(record)
        self.write()

    def add(self, left: object) -> None:
        """Take over what the document tells of what a stage left, or of why it failed."""
        parts = contribution(left, self._result)
        facts = replace(self._result.provenance, **parts.pop("provenance", {}))
        self.note(*parts.pop("notes", ()))
        self._result = replace(self._result, provenance=facts, **parts)

    def note(self, *notes: str) -> None:
        """Add what a reader must know."""
        told = tuple(dict.fromkeys([*self._result.notes, *notes]))
        self._result = replace(self._result, notes=told)

    def write(self) -> RunResult:
        """Decide anew, write results.json, give the document."""
        seconds = round(sum(stage.seconds for stage in self._result.stages), 3)
        self._result = verdict.decided(replace(self._result, seconds=seconds))
        self._run.save("results", self._result, document.RESULT)
        return self._result

    def _set(self, record: StageRecord) -> None:
        stages = tuple(record if s.name == record.name else s for s in self._result.stages)
        self._result = replace(self._result, stages=stages)


def _before(there: Sequence[StageRecord], stages: Sequence[str]) -> tuple[StageRecord, ...]:
    """Give the records of the stages before those that are carried out now."""
    names = [record.name for record in there]
    end = names.index(stages[0]) if stages and stages[0] in names else len(there)
    return tuple(there[:end])


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@singledispatch
def contribution(left: object, result: RunResult) -> dict[str, Any]:
    """Give the fields of the document that an outcome or error fills.

    "provenance" holds fields of the provenance; "notes" are added to those there are. What is
    not known here fills none.
    """
    del left, result
    return {}


@contribution.register
def _(left: KseriesError, result: RunResult) -> dict[str, Any]:
    del result
    # Errors carry what was found before them under the document's own names.
    return {name: getattr(left, name) for name in ("patches", "diagnostics") if hasattr(left, name)}


@contribution.register
def _(left: Stack, result: RunResult) -> dict[str, Any]:
    del result
    return {
        "author_base": _author_base(left),
        "subject": _subject(left),
        "notes": [f"{series.name}: {note}" for series in left.series for note in series.notes],
        "provenance": {"source": left.source.name},
    }


def _subject(stack: Stack) -> Subject:
    source = stack.source.source
    tree = str(source.path) if isinstance(source, LocalSource) else ""
    for series in stack.series:
        if series.name == stack.under_test:
            return Subject(series.title, series.author, series.link, tree)
    return Subject(tree=tree)


@contribution.register
def _(left: BaseTree, result: RunResult) -> dict[str, Any]:
    source = f"{left.source.name}: {left.origin}"
    facts = {"source": source, "base_commit": left.commit}
    return {"author_base": _put_on(result.author_base, left), "provenance": facts}


def _author_base(stack: Stack) -> AuthorBase | None:
    """Give what the author of the series under test says of its base."""
    between = 0
    for series in stack.series:
        if series.name == stack.under_test and series.base_commit:
            return AuthorBase(series.base_commit, between=between)
        between += len(series.patches)
    return None


def _put_on(named: AuthorBase | None, base: BaseTree) -> AuthorBase | None:
    """Compare the base that an author named with the one that was fetched."""
    if named is None:
        return None
    on = f"{base.source.name} (Linux {base.version}"
    match base.source.source:
        case GitSource():
            commit = base.commit
        case LocalSource():
            commit = base.head if base.as_committed else ""
            changed = "" if base.as_committed else " with changes"
            on += f", {base.head[:12]}{changed}" if base.head else ""
        case _:
            commit = ""
    # What a package or a tarball was made of is in no git; a changed tree is no commit.
    used = commit.startswith(named.commit) if commit else False if base.head else None
    return replace(named, used=used, on=f"{on})")


@contribution.register
def _(left: Tree, result: RunResult) -> dict[str, Any]:
    del result
    return {"patches": left.patches, "provenance": {"head_commit": left.head}}


@contribution.register
def _(left: KernelConfig, result: RunResult) -> dict[str, Any]:
    del result
    notes = []
    if left.added:
        shown = [*left.added[:MAX_ADDED], *(["…"] if len(left.added) > MAX_ADDED else [])]
        told = f"{len(left.added)} line{'s' * (len(left.added) != 1)}"
        why = "for what the series changes and tests want"
        notes = [f"the config has {told} more, {why}: {', '.join(shown)}"]
    return {"provenance": {"config": left.name, "config_sha256": left.sha256}, "notes": notes}


@contribution.register
def _(left: Kernel, result: RunResult) -> dict[str, Any]:
    del result
    return {
        "diagnostics": left.diagnostics,
        "changed": left.changed,
        "functions": left.functions,
        "provenance": {"compiler": left.compiler, "kernel_release": left.release},
    }


@contribution.register
def _(left: InstalledSuites, result: RunResult) -> dict[str, Any]:
    out = dict(left.left_out)
    there = {program.suite for program in left.programs}
    kept = tuple(suite for suite in result.suites if suite in there or suite not in out)
    return {
        # When none fits, all stay planned: a run that tests nothing is not a pass.
        "suites": kept or result.suites,
        "changed": left.changed,
        "scope": replace(result.scope, left_out=tuple(out)),
        "notes": left.notes,
    }


@contribution.register
def _(left: AgainstBase, result: RunResult) -> dict[str, Any]:
    del result
    return {"baseline": left}


@contribution.register
def _(left: NoBaseline, result: RunResult) -> dict[str, Any]:
    if not result.under_test:
        return {"notes": [f"there is nothing to compare with: {left.why}"]}
    counts = "so every failure counts as the series' own"
    return {"notes": [f"not compared with the base without the series, {counts}: {left.why}"]}


@contribution.register
def _(left: TestOutcome, result: RunResult) -> dict[str, Any]:
    asked = {program.suite for program in left.programs}
    events, found = left.events, left.findings
    if not found:  # of tests that were ended
        events, found = findings.together(events)
    return {
        "programs": left.programs,
        "functions": left.functions or result.functions,
        "events": events,
        "findings": found,
        "suites": tuple(s for s in result.suites if s in asked) or result.suites,
        "scope": replace(result.scope, chosen=left.chosen, planned=left.planned),
        "notes": [*left.notes, *filter(None, [left.facts.get("note", "")])],
        "provenance": {
            name: left.facts[name] for name in ("qemu", "accelerator") if name in left.facts
        },
    }
