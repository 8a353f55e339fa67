# SPDX-License-Identifier: GPL-2.0
"""Results of test programs one by one, so that a run killed in the middle can still be read.

tests/<suite>/<program>.log grows as the program prints; <program>.json follows when it ends.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kseries import publish
from kseries.model import ProgramResult, Status, TestOutcome, TestProgram
from kseries.results import attribution, evidence, klog, ktap, outcome
from kseries.runfolder import RunFolder

_RESULT: TypeAdapter[ProgramResult] = TypeAdapter(ProgramResult)


def clear(run: RunFolder) -> None:
    """Drop what an earlier attempt at the tests of this run left."""
    publish.remove_tree(run.path / "tests")
    publish.remove_tree(run.console)


def save(run: RunFolder, result: ProgramResult) -> None:
    """Write the result of a program beside its log."""
    log = run.test_log(result.suite, result.name)
    name = log.with_suffix("").relative_to(run.path)
    run.save(str(name), result, _RESULT)


def collect(run: RunFolder) -> TestOutcome:
    """Give what is known of the tests of a run that did not come to their end.

    The programs come in the order in which they ended. A program without a result was running.
    """
    files = {path.with_suffix("") for path in run.path.glob("tests/*/*") if _is_ours(path)}
    programs = [_read(run, file) for file in sorted(files, key=_age)]
    lines = _console(run)
    events = klog.events(lines, during=attribution.during(lines, {}))
    charged = tuple(outcome.with_events(program, events) for program in programs)
    return TestOutcome(evidence.gather(run, charged, lines), events, {})


def log_name(run: RunFolder, program: TestProgram | ProgramResult) -> str:
    """Give the log of a program relative to the run folder."""
    return str(run.test_log(program.suite, program.name).relative_to(run.path))


def _is_ours(path: Path) -> bool:
    return path.suffix in (".log", ".json") and not path.name.startswith(publish.PARTIAL_PREFIX)


def _age(file: Path) -> tuple[float, str]:
    log = Path(f"{file}.log")
    known = log if log.is_file() else Path(f"{file}.json")
    return (known.stat().st_mtime, str(file))


def _read(run: RunFolder, file: Path) -> ProgramResult:
    try:
        return _RESULT.validate_json(Path(f"{file}.json").read_bytes())
    except FileNotFoundError:
        return _unfinished(run, file, "the run was ended while it ran")
    except ValidationError:
        return _unfinished(run, file, "what it left cannot be read")


def _unfinished(run: RunFolder, file: Path, why: str) -> ProgramResult:
    log = Path(f"{file}.log")
    cases = ktap.parse(_text(log).splitlines()).cases
    return ProgramResult(
        suite=file.parent.name,
        name=file.name,
        status=Status.MISSING,
        exit_status=None,
        seconds=0.0,
        cases=cases,
        problems=(why,),
        log=str(log.relative_to(run.path)),
    )


def _console(run: RunFolder) -> list[tuple[float, str]]:
    # The times of arrival are lost, so what a case did is charged to its program.
    return [(0.0, line) for line in _text(run.console).split("\n")]


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""
