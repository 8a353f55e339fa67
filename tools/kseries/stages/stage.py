# SPDX-License-Identifier: GPL-2.0
"""Stage stage: the test programs are built against the patched tree and laid out for the target.

Makefiles and sources of the tests are the patched tree's, so all of it runs in the sandbox. What
comes out is copied to where the sandbox cannot reach, links and special files refused, and is
what every later run with the same tree and tests uses again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kseries import proc, publish
from kseries.building import diagnostics, kbuild
from kseries.building.sandbox import Sandbox, prepare
from kseries.deadline import Deadline
from kseries.errors import CheckFailed, InfraError, UserError
from kseries.model import Kernel, Stack, StagedSuites, TestProgram
from kseries.paths import Cache
from kseries.progress import Progress
from kseries.runfolder import RunFolder
from kseries.suites import SUITES, Generated, Suite, Unfit
from kseries.suites.base import SELFTESTS

MAKE_LIMIT_S = 900.0
# In the build folder: made by the tree's code, trusted by nobody.
INSTALLED = "kselftest-install"
OBJECTS = "kselftest-generated"
# In the state folder: what is put on the target, the generated sources, what both were made of.
STAGED = "staged"
SOURCES = "kselftest"
RECORD = "staged.json"
# Of kselftest_harness.h: run the case of this name ("fixture.case"); may be repeated.
CASE_OPTION = "-r"
# Raised when this stage would make something else of the same input.
STAGE_VERSION = 1


@dataclass(frozen=True)
class Plan:
    """What is to be built, and which programs come of it."""

    programs: tuple[TestProgram, ...]
    targets: tuple[str, ...]  # of the tree's kselftest
    generated: tuple[Generated, ...]
    left_out: tuple[tuple[str, str], ...]  # (suite, why)


@dataclass(frozen=True)
class Record:
    """What the staged folder was made of: equal to now's, and there is nothing to do."""

    inputs: str


RECORD_ADAPTER = TypeAdapter(Record)


def stage(
    kernel: Kernel, stack: Stack, cache: Cache, run: RunFolder, progress: Progress
) -> StagedSuites:
    """Build the stack's test programs and lay them out as kselftest installs them.

    Raises CheckFailed when a test does not build, with the first diagnostic; UserError when the
    tree is no longer what it was.
    """
    tree, build = kernel.config.tree, kernel.config.build
    box = kbuild.sandbox(tree.path, build, stack, cache)
    plan = plan_suites(tree.path, stack.suites, str(box.inside_tree / SELFTESTS / "lib.mk"))
    for suite, why in plan.left_out:
        progress.note(f"suite {suite}: left out: {why}")
    for made in plan.generated:
        progress.note(made.found)
    state = kbuild.state_folder(build)
    inputs = _inputs(kernel, box, plan) if kbuild.is_clean(tree) else ""
    if not _unchanged(state, inputs, plan):
        prepare(box)
        _build(box, plan, run.log("stage"), progress)
        (state / RECORD).unlink(missing_ok=True)
        _take_over(build / INSTALLED, state / STAGED, plan)
        publish.write_bytes(state / RECORD, RECORD_ADAPTER.dump_json(Record(inputs)))
    return StagedSuites(state / STAGED, plan.programs, plan.left_out)


def plan_suites(tree: Path, names: Sequence[str], lib_mk: str) -> Plan:
    """Decide what of the suites fits a tree. Raises UserError for a name that is no suite's."""
    programs: list[TestProgram] = []
    targets: list[str] = []
    generated: list[Generated] = []
    left_out: list[tuple[str, str]] = []
    for name in names:
        if name not in SUITES:
            raise UserError(
                f"There is no suite '{name}'.", do=f"choose from: {', '.join(sorted(SUITES))}"
            )
        suite = SUITES[name]
        own = _tree_programs(suite, tree, left_out)
        if own:
            targets += [target for target in suite.targets if target not in targets]
        made = suite.generate(tree, lib_mk) if suite.generate else None
        if isinstance(made, Unfit):
            left_out.append((name, made.why))
        elif made is not None:
            generated.append(made)
            own += _generated_programs(suite, made)
        programs += own
    return Plan(tuple(programs), tuple(targets), tuple(generated), tuple(left_out))


def _tree_programs(suite: Suite, tree: Path, left_out: list[tuple[str, str]]) -> list[TestProgram]:
    """Give the programs of a suite that the tree has; say of the others that it has not."""
    found = []
    for program in suite.programs:
        file = SELFTESTS / program.folder / program.name
        if not (tree / file).is_file():
            left_out.append((suite.name, f"the tree has no {file}"))
            continue
        found.append(
            TestProgram(
                suite=suite.name,
                name=program.name,
                argv=(f"./{program.name}",),
                folder=program.folder,
                timeout_s=program.timeout_s,
                ktap=program.ktap,
            )
        )
    return found


def _generated_programs(suite: Suite, made: Generated) -> list[TestProgram]:
    return [
        TestProgram(
            suite=suite.name,
            name=name,
            argv=(f"./{name}",),
            folder=made.folder,
            timeout_s=suite.extended_timeout_s if name in made.extended else suite.timeout_s,
            cases=cases,
            case_option=CASE_OPTION,
            extended=name in made.extended,
        )
        for name, cases in made.cases.items()
    ]


def _inputs(kernel: Kernel, box: Sandbox, plan: Plan) -> str:
    """Hash all that decides about the staged folder."""
    parts = [str(STAGE_VERSION), kernel.config.tree.head, kernel.compiler]
    # The command lines stand for the sandbox and for the targets.
    parts += [proc.command_text(command) for command in _commands(box, plan)]
    for made in plan.generated:
        parts += [text for file in sorted(made.files.items()) for text in file]
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()


def _unchanged(state: Path, inputs: str, plan: Plan) -> bool:
    """Whether what lies there was made of the same (known: not ""), every program included."""
    try:
        record = RECORD_ADAPTER.validate_json((state / RECORD).read_bytes())
    except (FileNotFoundError, ValidationError):
        return False
    return bool(inputs) and record.inputs == inputs and not _absent(state / STAGED, plan)


def _build(box: Sandbox, plan: Plan, log: Path, progress: Progress) -> None:
    """Write the generated sources, then run every command in the sandbox."""
    with publish.new_folder(_sources(box)) as folder:
        for made in plan.generated:
            for name, text in made.files.items():
                publish.write_text(folder / made.folder / name, text)
    progress.update(f"building {len(plan.programs)} test programs")
    for command in _commands(box, plan):
        done = proc.run(
            command, cwd=box.tree, deadline=Deadline.after(MAKE_LIMIT_S), log=log, check=False
        )
        if not done.ok:
            raise _failed(box, done.output, log)


def _sources(box: Sandbox) -> Path:
    return kbuild.state_folder(box.build) / SOURCES


def _commands(box: Sandbox, plan: Plan) -> list[list[str]]:
    """Plan the command lines that build and install everything, from an empty folder on."""
    installed, objects = box.inside_build / INSTALLED, box.inside_build / OBJECTS
    script = 'rm -rf "$@" && mkdir -p "$@"'
    commands = [box.argv(["sh", "-c", script, "sh", installed, objects])]
    if plan.targets:
        variables = {
            "O": str(box.inside_build),
            "TARGETS": " ".join(plan.targets),
            "FORCE_TARGETS": "1",  # without it a target that does not build is passed over
            "INSTALL_PATH": str(installed),
        }
        words = ["-C", str(SELFTESTS), "install"]
        commands.append(kbuild.make(box, words, jobs=kbuild.cores(), variables=variables))
    for made in plan.generated:
        inside = box.inside_tree / _sources(box).relative_to(box.tree) / made.folder
        variables = {
            "OUTPUT": str(objects),
            "KHDR_INCLUDES": f"-isystem {box.inside_build}/usr/include",
            "INSTALL_PATH": str(installed / made.folder),
            "USERLDFLAGS": "-static",  # the target's C library may be older than ours
        }
        words = ["-C", str(inside), "install"]
        commands.append(kbuild.make(box, words, jobs=kbuild.cores(), variables=variables))
    return commands


def _failed(box: Sandbox, output: str, log: Path) -> CheckFailed | InfraError:
    parser = diagnostics.Parser((str(box.inside_build), str(box.inside_tree)))
    for line in output.splitlines():
        parser.feed(line)
    found = parser.finish()
    if parser.lost:
        return InfraError(
            f"Building the tests could not go on: {parser.lost}.",
            where=f"log: {log}",
            do=parser.remedy,
        )
    tail = [box.outside(line) for line in output.splitlines()[-5:]]
    lines = [
        line
        for item in found[:1]
        for line in (
            f"{item.diagnostic.file}:{item.diagnostic.line}: {item.diagnostic.text}",
            *item.excerpt,
        )
    ]
    return CheckFailed(
        "The tests do not build against this tree.",
        where="\n".join([*(lines or tail), f"sources of ours: {_sources(box)}", f"log: {log}"]),
        do="mend what the series changes in the user interface headers or in the tests",
    )


def _take_over(installed: Path, final: Path, plan: Plan) -> None:
    """Copy what was installed to where the sandbox cannot reach. Raises CheckFailed."""
    if installed.is_symlink() or not installed.is_dir():
        raise _odd(installed)
    with publish.new_folder(final) as folder:
        _copy(installed, folder)
        absent = _absent(folder, plan)
        if absent:
            raise CheckFailed(
                "Test programs were not installed, though make says that all is well.",
                where="\n".join(absent),
                do="look at what the series changes in the Makefiles of the tests",
            )


def _copy(source: Path, destination: Path) -> None:
    """Copy files and folders only: a link could lead to a file of the user's."""
    with os.scandir(source) as entries:
        for entry in entries:
            target = destination / entry.name
            if entry.is_dir(follow_symlinks=False):
                target.mkdir()
                _copy(Path(entry.path), target)
            elif entry.is_file(follow_symlinks=False):
                shutil.copyfile(entry.path, target, follow_symlinks=False)
                target.chmod(0o755 if os.access(entry.path, os.X_OK) else 0o644)
            else:
                raise _odd(Path(entry.path))


def _odd(path: Path) -> CheckFailed:
    return CheckFailed(
        "The tests installed something that is neither a file nor a folder.",
        where=str(path),
        do="look at what the series changes in the Makefiles of the tests",
    )


def _absent(folder: Path, plan: Plan) -> list[str]:
    """Give the planned programs that are not in a folder."""
    places = [f"{program.folder}/{program.name}" for program in plan.programs]
    return [place for place in places if not (folder / place).is_file()]
