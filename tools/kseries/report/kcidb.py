# SPDX-License-Identifier: GPL-2.0
"""The result document as a report to KCIDB, the kernel's common database of test results.

The only module that knows kcidb-io. Ids follow from the document alone, so that sending the same
run twice adds nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from jsonschema import ValidationError
from kcidb_io.schema import V5_3

from kseries.lib.errors import UserError
from kseries.model import (
    AppliedPatch,
    Case,
    Diagnostic,
    Finding,
    KernelEvent,
    PatchState,
    ProgramResult,
    RunResult,
    StageRecord,
    StageState,
    Status,
)
from kseries.parse.casetree import paths
from kseries.parse.outcome import label_of, loose_events
from kseries.report import against
from kseries.report.printable import printable
from kseries.report.words import author_base, tail
from kseries.verdict import findings, scope, uncompiled
from kseries.verdict.known_failures import gone, sentence
from kseries.verdict.named import CASE, tests

ORIGIN = "kseries"
MAX_EXCERPT = 16_384  # characters; KCIDB takes no more
MAX_PART = 128  # characters of one part of a path
ARCHITECTURE = "x86_64"  # the only one that is built

KSELFTEST = "kselftest"
KERNEL_LOG = "kernel_log"  # path of what the kernel complained of outside of all programs
COMPILED = "compiled"  # path of whether what the series changes was compiled

Object = dict[str, Any]

# XFAIL: it behaved as was known. CRASH: the kernel is at fault. TIMEOUT: nobody knows.
_STATUS = {
    Status.PASS: "PASS",
    Status.SKIP: "SKIP",
    Status.XFAIL: "PASS",
    Status.FAIL: "FAIL",
    Status.MISSING: "MISS",
    Status.ERROR: "ERROR",
    Status.TIMEOUT: "ERROR",
    Status.CRASH: "FAIL",
}

_STAGE_STATUS = {
    StageState.DONE: "PASS",
    StageState.FAILED: "FAIL",
    StageState.LOST: "MISS",
    StageState.USAGE: "MISS",
    StageState.INTERRUPTED: "MISS",
}

_NO_PART = re.compile(r"[^a-zA-Z0-9_-]+")


def render(result: RunResult, origin: str = ORIGIN) -> str:
    """Give the report as JSON. Raises UserError for what KCIDB would refuse."""
    try:
        return json.dumps(V5_3.validate(report(result, origin)), indent=2) + "\n"
    except ValidationError as error:
        place = ".".join(map(str, error.absolute_path))
        raise UserError(
            "KCIDB would refuse a report of this run.",
            where=f"{place}: {error.message}",
            do="take another format, or the document as kseries wrote it",
        ) from error


def report(result: RunResult, origin: str = ORIGIN) -> Object:
    """Give the report: one checkout, its build if there was one, and a test for each result.

    origin: what KCIDB calls who made it.
    """
    result = printable(result)
    base = _base_id(result, origin)
    build = _build(result, base)
    tests = [*_compiled(result, base), *_tests(result, base)] if build else []
    return {
        "version": {"major": V5_3.major, "minor": V5_3.minor},
        "checkouts": [_checkout(result, base)],
        "builds": [build] if build else [],
        "tests": tests,
    }


def _base_id(result: RunResult, origin: str) -> str:
    """Name the run so that two hosts that begin one in the same second do not collide."""
    facts = (result.run, result.started, result.provenance.host, *result.provenance.command)
    digest = hashlib.sha256("\0".join(facts).encode(errors="replace")).hexdigest()
    return f"{origin}:{result.run}-{digest[:12]}"


def _origin(base: str) -> str:
    return base.partition(":")[0]


def _checkout(result: RunResult, base: str) -> Object:
    facts = result.provenance
    what = f"{result.under_test or 'no series'} on {facts.source or 'no source'}"
    stage = _stage(result, "apply")
    known = {
        "git_commit_hash": facts.base_commit,
        "comment": f"{what}: {scope.heading(result)}",
        "start_time": result.started,
        "log_excerpt": _stage_excerpt(stage),
    }
    checkout = {"id": base, "origin": _origin(base), **_filled(known)}
    digest = _patchset_hash(result.patches)
    if digest is not None:
        checkout["patchset_hash"] = digest
    if stage is not None and stage.state in (StageState.DONE, StageState.FAILED):
        checkout["valid"] = stage.state is StageState.DONE
    checkout["misc"] = {
        "run": result.run,
        "verdict": result.verdict.value,
        "scope": asdict(scope.seen(result)),
        "kseries_commit": facts.kseries_commit,
        "head_commit": facts.head_commit,
        "patches": [
            {"series": p.series, "title": p.title, "state": p.state.value} for p in result.patches
        ],
    }
    if result.author_base is not None:
        named = {**asdict(result.author_base), "told": author_base(result.author_base)}
        checkout["misc"]["author_base"] = named
    if result.baseline is not None:
        told = {"commit": result.baseline.head, "tests": sentence(result.baseline)}
        checkout["misc"]["against_base"] = told
    return checkout


def _patchset_hash(patches: Sequence[AppliedPatch]) -> str | None:
    """Hash what was put on the base, as KCIDB does; None where a patch's own hash is not known."""
    digests = [patch.sha256 for patch in patches if patch.state is not PatchState.IN_BASE]
    if not digests:
        return ""
    if not all(digests):
        return None
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


def _build(result: RunResult, base: str) -> Object | None:
    """Give the build; None where there was no attempt: a configuration alone is none."""
    stages = [_stage(result, name) for name in ("config", "build")]
    tried = [stage for stage in stages if stage and stage.state is not StageState.NOT_RUN]
    if not tried or _is_configured(tried[-1]) or result.provenance.base_commit == "":
        return None
    last, facts = tried[-1], result.provenance
    known = {
        "architecture": ARCHITECTURE,
        "compiler": facts.compiler,
        "config_name": facts.config,
        "log_excerpt": _stage_excerpt(last) or _diagnosed(result.diagnostics),
        "comment": last.summary,
        "status": _STAGE_STATUS[last.state],
    }
    build = {"id": f"{base}:build", "checkout_id": base, "origin": _origin(base), **_filled(known)}
    if last.name == "build":
        build["duration"] = last.seconds
    build["misc"] = _filled(
        {
            "config_sha256": facts.config_sha256,
            "kernel_release": facts.kernel_release,
            "diagnostics": str(len(result.diagnostics)),
        }
    )
    return build


def _is_configured(stage: StageRecord) -> bool:
    return stage.name == "config" and stage.state is StageState.DONE


def _tests(result: RunResult, base: str) -> Iterator[Object]:
    if _state(result, "test") in (None, StageState.NOT_RUN):
        return
    facts = result.provenance
    shared: Object = {"build_id": f"{base}:build", "origin": _origin(base)}
    environment = _filled({"comment": ", ".join(filter(None, (facts.qemu, facts.accelerator)))})
    if environment:
        shared["environment"] = environment
    used: Counter[str] = Counter()
    for path, test in (*_found(result), *_gone(result)):
        used[path] += 1
        # Names of tests are not unique everywhere; ids are.
        again = f"#{used[path]}" if used[path] > 1 else ""
        yield {**shared, "id": f"{base}:{path}{again}", "path": path, **test}


def _compiled(result: RunResult, base: str) -> Iterator[Object]:
    """Tell whether what the series changes was compiled, where that is known."""
    if result.changed is None:
        return
    why = next(uncompiled.failures(result.changed), "")
    test: Object = {
        "id": f"{base}:{COMPILED}",
        "build_id": f"{base}:build",
        "origin": _origin(base),
        "path": COMPILED,
        "status": "FAIL" if why else "PASS",
        "comment": why or uncompiled.statement(result) or "all that the series changes",
    }
    untested = [file for file in result.changed if file.state.untested]
    if untested:
        test["misc"] = {"not_compiled": {file.path: uncompiled.told(file) for file in untested}}
    yield test


def _found(result: RunResult) -> Iterator[tuple[str, Object]]:
    """Give (path, what is known) of each program, each case, and the kernel log."""
    found = findings.of(result)
    marks = against.marks(result)
    # They come in the order in which they are named.
    for (path, test), one in zip(_of_programs(result, found), tests(result.programs), strict=True):
        if one.name in marks:
            test.setdefault("misc", {})["against_base"] = marks[one.name]
        yield path, test
    loose = loose_events(result.programs, result.events)
    if loose or (result.programs and _state(result, "test") is StageState.DONE):
        loosely = {event.during for event in loose}
        yield KERNEL_LOG, _kernel_log(loose, [f for f in found if loosely.intersection(f.during)])


def _of_programs(result: RunResult, found: Sequence[Finding]) -> Iterator[tuple[str, Object]]:
    for program in result.programs:
        path = ".".join((KSELFTEST, _part(program.suite), _part(program.name)))
        yield path, _program(program, _during(found, label_of(program)))
        for names, case in paths(program.cases):
            parts = (part for name in names for part in name.split("."))
            yield ".".join((path, *map(_part, parts))), _case(case)


def _gone(result: RunResult) -> Iterator[tuple[str, Object]]:
    """Give what passes on the base and is not there with the series."""
    for one in gone(result.baseline):
        program, _, case = one.test.partition(CASE)
        parts = (*program.split("/", 1), *filter(None, case.split(".")))
        told = {"comment": one.test, "status": "MISS"}
        misc = {"misc": {"against_base": one.effect.value}}
        yield ".".join((KSELFTEST, *map(_part, parts))), {**told, **misc}


def _during(found: Sequence[Finding], label: str) -> list[Finding]:
    """Choose what the kernel complained of while a program ran."""
    return [f for f in found if any(name.partition(": ")[0] == label for name in f.during)]


def _program(program: ProgramResult, found: Sequence[Finding]) -> Object:
    bad = not program.status.good
    return {
        "comment": label_of(program),
        "status": _STATUS[program.status],
        "duration": program.seconds,
        **_excerpt((*program.problems, *program.tail) if bad else ()),
        **_misc(program.status, "", program.reruns, found),
    }


def _case(case: Case) -> Object:
    bad = not case.status.good
    test: Object = {"comment": case.name, "status": _STATUS[case.status]}
    if case.seconds is not None:
        test["duration"] = case.seconds
    return {
        **test,
        **_excerpt((case.reason, *case.diagnostics) if bad else ()),
        **_misc(case.status, case.reason, case.reruns),
    }


def _kernel_log(events: Sequence[KernelEvent], found: Sequence[Finding]) -> Object:
    lines = [line for event in events for line in (event.title, *event.lines)]
    return {
        "comment": "the kernel log outside of all programs",
        "status": "FAIL" if events else "PASS",
        **_excerpt(lines),
        **({"misc": {"findings": list(map(_finding, found))}} if found else {}),
    }


def _finding(finding: Finding) -> Object:
    return _filled(
        {
            "fingerprint": finding.fingerprint,
            "kind": finding.kind.value,
            "title": finding.title,
            "where": finding.where,
            "stack": "\n".join(finding.stack),
            "suspicion": findings.suspicion(finding),
        }
    )


def _excerpt(lines: Sequence[str]) -> Object:
    text = tail("\n".join(line for line in lines if line), MAX_EXCERPT)
    return {"log_excerpt": text} if text else {}


def _misc(
    status: Status, reason: str, again: Sequence[Status], found: Sequence[Finding] = ()
) -> Object:
    """Tell what the six words of KCIDB cannot."""
    if status is Status.PASS and not found:
        return {}
    told = {
        "kseries_status": status.value,
        "reason": reason,
        "when_run_again": ", ".join(again),
    }
    return {"misc": _filled(told) | ({"findings": list(map(_finding, found))} if found else {})}


def _stage(result: RunResult, name: str) -> StageRecord | None:
    return next((stage for stage in result.stages if stage.name == name), None)


def _state(result: RunResult, name: str) -> StageState | None:
    stage = _stage(result, name)
    return stage.state if stage else None


def _stage_excerpt(stage: StageRecord | None) -> str:
    if stage is None or stage.state is StageState.DONE:
        return ""
    return tail(stage.message, MAX_EXCERPT)


def _diagnosed(diagnostics: Sequence[Diagnostic]) -> str:
    lines = (f"{d.file}:{d.line}: {d.severity.value}: {d.text} {d.option}" for d in diagnostics)
    return tail("\n".join(lines), MAX_EXCERPT)


def _part(name: str) -> str:
    """Give a part of a path: letters, digits, "_" and "-"."""
    return _NO_PART.sub("_", name)[:MAX_PART] or "_"


def _filled(known: dict[str, str]) -> Object:
    """Leave out what is not known: KCIDB has no null."""
    return {name: value for name, value in known.items() if value}
