# SPDX-License-Identifier: GPL-2.0
"""Stage stage: the test programs are built against the patched tree and laid out for the target.

Makefiles and sources of the tests are the patched tree's, so all of it runs in the sandbox. What
comes out is copied to where the sandbox cannot reach, links and special files refused, and is
what every later run with the same tree and tests uses again.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter, ValidationError

from kseries.fetch import devpackage
from kseries.install import liburing, modules, presence, unbuilt
from kseries.kbuild import diagnostics
from kseries.kbuild import make as kbuild
from kseries.kbuild.sandbox import Sandbox, prepare, run_in
from kseries.lib import atomicfile, proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import CheckFailed, InfraError, UserError
from kseries.lib.paths import Cache
from kseries.lib.progress import Progress
from kseries.lib.runfolder import RunFolder
from kseries.lib.untrusted import GIB
from kseries.model import InstalledSuites, Kernel, Stack
from kseries.suite import SELFTESTS
from kseries.suites import content
from kseries.suites.planning import Plan, plan_suites, with_variables, without

MAKE_LIMIT_S = 900.0
# Installed tests of a whole kernel are 1,500 files with 200 MB.
MAX_FILES = 20_000
MAX_SIZE = 1 * GIB
# In the build folder: made by the tree's code, trusted by nobody.
INSTALLED = "kselftest-install"
KSELFTEST = "kselftest"  # of the tree's own Makefiles
OBJECTS = "kselftest-generated"
# In the state folder: what is put on the target, the generated sources, what both were made of.
STAGED = "installed"
SOURCES = "kselftest"
RECORD = "installed.json"
# Raised when this stage would make something else of the same input.
STAGE_VERSION = 3


@dataclass(frozen=True)
class Step:
    """A command line of the build. may_fail: what it does not make is left out."""

    argv: list[str]
    may_fail: bool = False


@dataclass(frozen=True)
class Record:
    """What the installed folder was made of: equal to now's, and there is nothing to do.

    unbuilt: programs that did not build, where they need not, and why. absent: files of a target
    that were not made.
    """

    inputs: str
    unbuilt: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


RECORD_ADAPTER = TypeAdapter(Record)


def install(
    kernel: Kernel, stack: Stack, cache: Cache, run: RunFolder, progress: Progress
) -> InstalledSuites:
    """Build the stack's test programs and lay them out as kselftest installs them.

    A test of a suite whose targets are optional may not build on this host: it is left out, unless
    the series changes what it is made of.

    Raises CheckFailed when a test does not build, with the first diagnostic; UserError when the
    tree is no longer what it was.
    """
    tree, place = kernel.config.tree, kernel.config.place
    box = kbuild.sandbox(tree.path, place, trusted=stack.trusted)
    plan = plan_suites(tree.path, stack.suites, str(box.inside_tree / SELFTESTS / "lib.mk"))
    plan, box = _with_libraries(plan, box, cache, run.log("install"), progress)
    for made in plan.generated:
        progress.note(made.found)
    state = place.state
    box = replace(box, readable=(*box.readable, *plan.sources.values()))
    has_modules = modules.are_in(place)
    steps = _steps(box, plan)
    if has_modules:
        steps += map(Step, modules.commands(box, box.inside_build / INSTALLED))
    inputs = _inputs(kernel, stack, plan, steps) if kbuild.is_clean(tree) else ""
    record = _unchanged(state, inputs, plan)
    if record is None:
        prepare(box)
        said = _build(box, plan, steps, run.log("install"), progress)
        objects = str(box.inside_build / KSELFTEST)
        record = Record(inputs, unbuilt.reasons(said), unbuilt.absent(said, objects))
        (state / RECORD).unlink(missing_ok=True)
        _take_over(box, state / STAGED, plan)
        atomicfile.write_bytes(state / RECORD, RECORD_ADAPTER.dump_json(record))
    installed = presence.installed(state / STAGED, plan, kernel, record.unbuilt, record.absent)
    _make_runnable(installed)
    for note in installed.notes:
        progress.note(note)
    return installed


def _with_libraries(
    plan: Plan, box: Sandbox, cache: Cache, log: Path, progress: Progress
) -> tuple[Plan, Sandbox]:
    """Let make find what programs are linked with; leave out suites for which it cannot be had."""
    for install in plan.installs:
        wanted = install.library
        if wanted is None:
            continue
        try:
            folder = devpackage.unpacked(wanted.package, wanted.suite, cache, log, progress)
        except (UserError, InfraError) as error:
            plan = without(plan, install, f"no {wanted.package}: {error.what}")
            continue
        plan = with_variables(plan, install, _places(box, folder / "usr"))
        box = replace(box, readable=(*box.readable, folder))
    return plan, box


def _inputs(kernel: Kernel, stack: Stack, plan: Plan, steps: Sequence[Step]) -> str:
    """Hash all that decides about the installed folder."""
    parts = [str(STAGE_VERSION), kernel.config.tree.head, kernel.config.sha256, kernel.compiler]
    # The command lines stand for the sandbox, for the targets and for versions of libraries.
    parts += [proc.command_text(step.argv) for step in steps]
    parts += [content.digest(suite) for suite in stack.suites]
    for made in plan.generated:
        parts += [text for file in sorted(made.files.items()) for text in file]
    parts += [text for file in sorted(plan.texts.items()) for text in file]
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()


def _unchanged(state: Path, inputs: str, plan: Plan) -> Record | None:
    """Give the record where what lies there was made of the same, every program included."""
    try:
        record = RECORD_ADAPTER.validate_json((state / RECORD).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    is_same = inputs and record.inputs == inputs and not presence.lacking(state / STAGED, plan)
    return record if is_same else None


def _build(
    box: Sandbox, plan: Plan, steps: Sequence[Step], log: Path, progress: Progress
) -> list[str]:
    """Write the generated sources, then run every command in the sandbox.

    Gives the lines that were printed.
    """
    with atomicfile.new_folder(_sources(box)) as folder:
        for made in plan.generated:
            for name, text in made.files.items():
                atomicfile.write_text(folder / made.folder / name, text)
    progress.update(f"building {len(plan.programs)} test programs")
    said: list[str] = []
    for step in steps:
        done = run_in(box, step.argv, deadline=Deadline.after(MAKE_LIMIT_S), log=log, check=False)
        if not done.ok and not step.may_fail:
            raise _failed(box, done.output, log)
        said += done.output.splitlines()
    return said


def _sources(box: Sandbox) -> Path:
    assert box.state is not None
    return box.state / SOURCES


def _steps(box: Sandbox, plan: Plan) -> list[Step]:
    """Plan the command lines that build and install everything, from an empty folder on."""
    installed, objects = box.inside_build / INSTALLED, box.inside_build / OBJECTS
    script = 'rm -rf "$@" && mkdir -p "$@"'
    steps = [Step(box.argv(["sh", "-c", script, "sh", installed, objects]))]
    for install in plan.installs:
        variables = {
            "O": str(box.inside_build),
            "TARGETS": " ".join(install.targets),
            # Without it a target that does not build is passed over.
            "FORCE_TARGETS": "" if install.optional else "1",
            "INSTALL_PATH": str(installed),
            **install.variables,
        }
        words = [*(["-i"] if install.optional else []), "-C", str(SELFTESTS), "install"]
        # Some Makefiles write beside their sources (mm does), where nothing can be written.
        place = replace(box, written=_on_top(install.targets))
        argv = kbuild.make(place, words, jobs=kbuild.cores(), variables=variables)
        steps.append(Step(argv, install.optional))
    for made in plan.generated:
        inside = box.inside_state / SOURCES / made.folder
        variables = {
            "OUTPUT": str(objects),
            "KHDR_INCLUDES": f"-isystem {box.inside_build}/usr/include",
            "INSTALL_PATH": str(installed / made.folder),
            "USERLDFLAGS": "-static",  # the target's C library may be older than ours
        }
        words = ["-C", str(inside), "install"]
        steps.append(Step(kbuild.make(box, words, jobs=kbuild.cores(), variables=variables)))
    for source in plan.sources.values():
        steps += [Step(argv, may_fail=True) for argv in liburing.commands(box, source, installed)]
    return steps


def _on_top(targets: Sequence[str]) -> tuple[str, ...]:
    """Give the folders of targets, relative to the tree, but those below others."""
    folders = [PurePosixPath(SELFTESTS / target) for target in targets]
    return tuple(
        str(folder) for folder in folders if not any(one in folder.parents for one in folders)
    )


def _places(box: Sandbox, usr: Path) -> dict[str, str]:
    """Tell the compiler, by what make hands on to it, where headers and libraries of `usr` are.

    Headers of a library of later may want those of a later kernel than the host's: the tree's.
    """
    return {
        "C_INCLUDE_PATH": f"{usr}/include:{box.inside_build}/usr/include",
        "LIBRARY_PATH": ":".join(str(place) for place in sorted(usr.glob("lib/*-linux-gnu*"))),
    }


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
        do="fix what the series changes in the user interface headers or in the tests",
    )


def _take_over(box: Sandbox, final: Path, plan: Plan) -> None:
    """Copy what was installed to where the sandbox cannot reach. Raises CheckFailed."""
    with atomicfile.new_folder(final) as folder:
        box.made.copy_tree(INSTALLED, folder, count=MAX_FILES, size=MAX_SIZE)
        _put(folder, plan)
        absent = presence.lacking(folder, plan)
        if absent:
            raise CheckFailed(
                "Test programs were not installed, though make says that all is well.",
                where="\n".join(absent),
                do="look at what the series changes in the Makefiles of the tests",
            )


def _make_runnable(installed: InstalledSuites) -> None:
    """Let scripts be started that a tree has not marked: kselftest goes by their first line."""
    for program in installed.programs:
        for word in program.argv:
            file = installed.folder / program.folder / word
            if word.startswith("./") and file.is_file():
                file.chmod(file.stat().st_mode | 0o111)


def _put(folder: Path, plan: Plan) -> None:
    """Put the files beside what was installed that no tree brings."""
    for place, text in plan.texts.items():
        atomicfile.write_text(folder / place, text)
    for place, source in plan.files.items():
        final = folder / place
        final.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, final)
        else:
            shutil.copy2(source, final)
