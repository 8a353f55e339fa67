# SPDX-License-Identifier: GPL-2.0
"""Stage stage: the test programs are built against the patched tree and laid out for the target.

Makefiles and sources of the tests are the patched tree's, so all of it runs in the sandbox. What
comes out is copied to where the sandbox cannot reach, links and special files refused, and is
what every later run with the same tree and tests uses again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kseries.fetch import devpackage
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
from kseries.suites.base import SELFTESTS
from kseries.suites.planning import Plan, plan_suites, with_variables, without

MAKE_LIMIT_S = 900.0
# Installed tests of a whole kernel are 1,500 files with 200 MB.
MAX_FILES = 20_000
MAX_SIZE = 1 * GIB
# In the build folder: made by the tree's code, trusted by nobody.
INSTALLED = "kselftest-install"
OBJECTS = "kselftest-generated"
# In the state folder: what is put on the target, the generated sources, what both were made of.
STAGED = "installed"
SOURCES = "kselftest"
RECORD = "installed.json"
# Raised when this stage would make something else of the same input.
STAGE_VERSION = 1


@dataclass(frozen=True)
class Record:
    """What the installed folder was made of: equal to now's, and there is nothing to do."""

    inputs: str


RECORD_ADAPTER = TypeAdapter(Record)


def install(
    kernel: Kernel, stack: Stack, cache: Cache, run: RunFolder, progress: Progress
) -> InstalledSuites:
    """Build the stack's test programs and lay them out as kselftest installs them.

    Raises CheckFailed when a test does not build, with the first diagnostic; UserError when the
    tree is no longer what it was.
    """
    tree, place = kernel.config.tree, kernel.config.place
    box = kbuild.sandbox(tree.path, place, trusted=stack.trusted)
    plan = plan_suites(tree.path, stack.suites, str(box.inside_tree / SELFTESTS / "lib.mk"))
    plan, box = _with_libraries(plan, box, cache, run.log("install"), progress)
    for suite, why in plan.left_out:
        progress.note(f"the suite '{suite}' is left out: {why}")
    for made in plan.generated:
        progress.note(made.found)
    state = place.state
    inputs = _inputs(kernel, box, plan) if kbuild.is_clean(tree) else ""
    if not _unchanged(state, inputs, plan):
        prepare(box)
        _build(box, plan, run.log("install"), progress)
        (state / RECORD).unlink(missing_ok=True)
        _take_over(box, state / STAGED, plan)
        atomicfile.write_bytes(state / RECORD, RECORD_ADAPTER.dump_json(Record(inputs)))
    return InstalledSuites(state / STAGED, plan.programs, plan.left_out)


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


def _inputs(kernel: Kernel, box: Sandbox, plan: Plan) -> str:
    """Hash all that decides about the installed folder."""
    parts = [str(STAGE_VERSION), kernel.config.tree.head, kernel.compiler]
    # The command lines stand for the sandbox, for the targets and for versions of libraries.
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
    with atomicfile.new_folder(_sources(box)) as folder:
        for made in plan.generated:
            for name, text in made.files.items():
                atomicfile.write_text(folder / made.folder / name, text)
    progress.update(f"building {len(plan.programs)} test programs")
    for command in _commands(box, plan):
        done = run_in(box, command, deadline=Deadline.after(MAKE_LIMIT_S), log=log, check=False)
        if not done.ok:
            raise _failed(box, done.output, log)


def _sources(box: Sandbox) -> Path:
    assert box.state is not None
    return box.state / SOURCES


def _commands(box: Sandbox, plan: Plan) -> list[list[str]]:
    """Plan the command lines that build and install everything, from an empty folder on."""
    installed, objects = box.inside_build / INSTALLED, box.inside_build / OBJECTS
    script = 'rm -rf "$@" && mkdir -p "$@"'
    commands = [box.argv(["sh", "-c", script, "sh", installed, objects])]
    for install in plan.installs:
        variables = {
            "O": str(box.inside_build),
            "TARGETS": " ".join(install.targets),
            "FORCE_TARGETS": "1",  # without it a target that does not build is passed over
            "INSTALL_PATH": str(installed),
            **install.variables,
        }
        words = ["-C", str(SELFTESTS), "install"]
        commands.append(kbuild.make(box, words, jobs=kbuild.cores(), variables=variables))
    for made in plan.generated:
        inside = box.inside_state / SOURCES / made.folder
        variables = {
            "OUTPUT": str(objects),
            "KHDR_INCLUDES": f"-isystem {box.inside_build}/usr/include",
            "INSTALL_PATH": str(installed / made.folder),
            "USERLDFLAGS": "-static",  # the target's C library may be older than ours
        }
        words = ["-C", str(inside), "install"]
        commands.append(kbuild.make(box, words, jobs=kbuild.cores(), variables=variables))
    return commands


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
        absent = _absent(folder, plan)
        if absent:
            raise CheckFailed(
                "Test programs were not installed, though make says that all is well.",
                where="\n".join(absent),
                do="look at what the series changes in the Makefiles of the tests",
            )


def _absent(folder: Path, plan: Plan) -> list[str]:
    """Give the planned programs that are not in a folder."""
    places = [f"{program.folder}/{program.name}" for program in plan.programs]
    return [place for place in places if not (folder / place).is_file()]
