# SPDX-License-Identifier: GPL-2.0
"""Results of test programs one by one, so that a run killed in the middle can be read and go on.

tests/<suite>/<program>.log grows as the program prints; <program>.json follows when it ends. A
program that is run in shards has <program>+2 and so on beside it until all of it has run.
tests/session.json is there as long as there is something left to run, and says on what.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kseries.lib import atomicfile
from kseries.lib.errors import UserError
from kseries.lib.runfolder import PIECE_MARK, RunFolder
from kseries.model import KernelEvent, ProgramResult, Status, TestOutcome
from kseries.parse import attribution, ktap, outcome
from kseries.parse.marks import SECRET_BYTES, Marks
from kseries.parse.outcome import label_of
from kseries.test import evidence, merge

_RESULT: TypeAdapter[ProgramResult] = TypeAdapter(ProgramResult)

SESSION = "tests/session"
SECRET = "tests/marks.key"  # what the marks in the kernel logs are made with


@dataclass(frozen=True)
class On:
    """What tests are run on and which were asked for: only with the same can they go on."""

    kernel: str  # sha256 of the image
    tests: str  # sha256 of the installed files
    only: tuple[str, ...]
    extended: bool


_ON: TypeAdapter[On] = TypeAdapter(On)


def begin(run: RunFolder, on: On) -> bool:
    """Begin tests, or go on with those that were ended; tell whether it goes on.

    What other tests left is dropped.
    """
    if _begun_on(run) == on:
        return True
    clear(run)
    run.save(SESSION, on, _ON)
    return False


def end(run: RunFolder) -> None:
    """Note that there is nothing left to run."""
    (run.path / f"{SESSION}.json").unlink(missing_ok=True)


def clear(run: RunFolder) -> None:
    """Drop what an earlier attempt at the tests of this run left."""
    atomicfile.remove_tree(run.path / "tests")
    for console in run.consoles:
        atomicfile.remove_tree(console)


def save(run: RunFolder, result: ProgramResult, shard: int = 1) -> None:
    """Write the result of a program, or of a shard of it, beside its log."""
    log = run.test_log(result.suite, result.name, shard)
    name = log.with_suffix("").relative_to(run.path)
    run.save(str(name), result, _RESULT)


def join(run: RunFolder, result: ProgramResult) -> ProgramResult:
    """Write the result of a program all of which has run; make one log of those of its shards."""
    whole = run.test_log(result.suite, result.name)
    files = _files_of(run, result)
    logs = [log for log in (Path(f"{file}.log") for file in files) if log.is_file()]
    if len(files) > 1:
        with atomicfile.new_file(whole) as joined_log, joined_log.open("wb") as out:
            for log in logs:
                with log.open("rb") as part:
                    shutil.copyfileobj(part, out)
        for file in files[1:]:
            for ending in ("log", "json"):
                Path(f"{file}.{ending}").unlink(missing_ok=True)
    joined = replace(result, log=str(whole.relative_to(run.path)) if logs else "")
    save(run, joined)
    return joined


def shards(run: RunFolder) -> dict[str, dict[int, ProgramResult]]:
    """Give what is there of each program, by "suite/program" and by the number of the shard.

    Programs and shards come in the order in which they ended. One without a result was running.
    """
    found: dict[str, dict[int, ProgramResult]] = {}
    for file in sorted(_files(run), key=_age):
        result = _read(run, file)
        found.setdefault(label_of(result), {})[_number(file)] = result
    return found


def collect(run: RunFolder) -> TestOutcome:
    """Give what is known of the tests of a run that did not come to their end."""
    programs = [merge.merged((), tuple(found.values())) for found in shards(run).values()]
    found = events(run)
    charged = tuple(outcome.with_events(program, found) for program in programs)
    return TestOutcome(evidence.gather(run, charged, consoles(run), marks(run)), found, {})


def marks(run: RunFolder) -> Marks:
    """Give the marks of these tests' kernel logs; the first time they are made."""
    place = run.path / SECRET
    known = place.read_bytes() if place.is_file() else b""
    if len(known) == SECRET_BYTES:
        return Marks(known)
    new = Marks.new()
    atomicfile.write_bytes(place, new.secret)
    return new


def events(run: RunFolder) -> tuple[KernelEvent, ...]:
    """Give what the kernel logs that are there complain of; of cases they tell nothing."""
    return tuple(
        replace(event, log=file.name)
        for file, lines in zip(run.consoles, consoles(run), strict=True)
        for event in attribution.events(lines, marks(run), {})
    )


def consoles(run: RunFolder) -> list[list[tuple[float, str]]]:
    """Read the kernel logs that are there. Their times of arrival are lost, they are 0."""
    return [[(0.0, line) for line in _text(file).split("\n")] for file in run.consoles]


def _begun_on(run: RunFolder) -> On | None:
    """Say what tests were begun on; None where that is not known, or none were."""
    try:
        return run.load(SESSION, _ON)
    except UserError:
        return None


def _files(run: RunFolder) -> set[Path]:
    """Give the logs and results that there are, without their endings."""
    return {path.with_suffix("") for path in run.path.glob("tests/*/*") if _is_ours(path)}


def _files_of(run: RunFolder, result: ProgramResult) -> list[Path]:
    own = _names(run.test_log(result.suite, result.name).with_suffix(""))
    return sorted((file for file in _files(run) if _names(file) == own), key=_number)


def _names(file: Path) -> tuple[str, str]:
    """Give suite and program of a shard."""
    return file.parent.name, file.name.partition(PIECE_MARK)[0]


def _number(file: Path) -> int:
    return int(file.name.partition(PIECE_MARK)[2] or 1)


def _is_ours(path: Path) -> bool:
    return path.suffix in (".log", ".json") and not path.name.startswith(atomicfile.PARTIAL_PREFIX)


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
    suite, name = _names(file)
    cases = ktap.parse(_text(log).splitlines()).cases
    return ProgramResult(
        suite=suite,
        name=name,
        status=Status.MISSING,
        exit_status=None,
        seconds=0.0,
        cases=cases,
        problems=(why,),
        log=str(log.relative_to(run.path)),
    )


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""
