# SPDX-License-Identifier: GPL-2.0
"""A user's own programs, built for the guest: statically, in the sandbox, against the kernel.

A folder with a Makefile is built by it; else each C file with a `main` is a program, and all
others are a part of each. What comes out is believed as little as anything built there.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.bench import elf, marks
from kseries.bench.elf import NotAnElf
from kseries.bench.marks import Mark
from kseries.bench.programs import HERE
from kseries.kbuild import make as kbuild
from kseries.kbuild.sandbox import Sandbox, prepare, run_in
from kseries.lib import atomicfile, proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.lib.untrusted import harmless

HEADER = HERE / "guest" / "kseries_bench.h"
MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
SOURCE = ".c"
MAIN = "main"

# In the state folder and in the build folder.
SOURCES, INCLUDE, BUILT = "bench-program", "bench-include", "bench-program"
MAX_FILES, MAX_SIZE = 2000, 64 << 20
MAX_PROGRAM = 64 << 20
BUILD_LIMIT_S = 300.0
SHOWN = 12  # lines of a compiler

FLAGS = {"CFLAGS": "-O2 -Wall", "LDFLAGS": "-static"}
_COPY = 'rm -rf "$2" && cp -r "$1" "$2" && cd "$2"'
# Arguments: sources, the folder to build in.
_MAKE = f"{_COPY} && make"
# And the compiler.
_COMPILE = f"""\
{_COPY} && for file in *.c; do
	"$3" $CFLAGS -c -o "${{file%.c}}.o" "$file" || exit
done
"""
# Arguments: the folder, the compiler, a program, the objects that it is made of.
_LINK = 'cd "$1" && cc="$2" && made="$3" && shift 3 && "$cc" $CFLAGS $LDFLAGS -o "$made" "$@" -lm'


@dataclass(frozen=True)
class Program:
    """A program as it is put into the guest. sections: that it begins somewhere."""

    name: str
    data: bytes
    marks: tuple[Mark, ...]

    @property
    def sections(self) -> tuple[str, ...]:
        """Name the sections that it begins somewhere."""
        return marks.names(self.marks)


def require(folder: Path) -> None:
    """Raise UserError where nothing in a folder can be built."""
    if not folder.is_dir():
        raise UserError(
            "There is no such folder with a program.",
            where=str(folder),
            do="name a folder with C sources, or with a Makefile",
        )
    has_make = any((folder / name).is_file() for name in MAKEFILES)
    if not has_make and not any(folder.glob(f"*{SOURCE}")):
        raise UserError(
            "There is nothing to build in this folder: no C source and no Makefile.",
            where=str(folder),
            do="put a C source into it that includes kseries_bench.h (docs/bench.md)",
        )


def take(folder: Path, destination: Path) -> None:
    """Copy a user's folder. Raises as `require`, and for one that is too large."""
    require(folder)
    files = _files(folder)
    with atomicfile.disk_errors(destination), atomicfile.new_folder(destination) as new:
        for file in files:
            final = new / file.relative_to(folder)
            final.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, final)
            final.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)


def build(
    sources: Path, box: Sandbox, log: Path, *, jobs: int | None = None
) -> tuple[Program, ...]:
    """Build the programs of a folder that was taken, against the user headers of a kernel.

    box: of a configured tree. Raises UserError for what does not build, with the compiler's words,
    for a program without marks, and for one that needs libraries.
    """
    prepare(box)
    assert box.state is not None
    for name, what in ((SOURCES, sources), (INCLUDE, None)):
        with atomicfile.new_folder(box.state / name) as new:
            if what is not None:
                shutil.copytree(what, new, dirs_exist_ok=True)
            else:
                shutil.copyfile(HEADER, new / HEADER.name)
    kbuild.hand_on_config(box, log)
    headers = kbuild.make(box, ["headers"], jobs=jobs or kbuild.cores())
    run_in(box, headers, deadline=Deadline.after(BUILD_LIMIT_S), log=log)
    built = _Build(box, log)
    if any((sources / name).is_file() for name in MAKEFILES):
        made = built.by_make()
    else:
        made = built.by_compiler()
    found = tuple(_checked(name, data) for name, data in made)
    if not found:
        raise UserError(
            "Building it left no program in its folder.",
            where=f"{built.folder}\nlog: {log}",
            do="a Makefile leaves its programs beside itself; a C source has a main()",
        )
    return found


def key(programs: Sequence[Program]) -> str:
    """Give a digest of programs."""
    parts = [part for one in programs for part in (one.name.encode(), one.data)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _files(folder: Path) -> list[Path]:
    files, size = [], 0
    for file in sorted(folder.rglob("*")):
        if ".git" in file.parts or not file.is_file():
            continue
        files.append(file)
        size += file.stat().st_size
        if len(files) > MAX_FILES or size > MAX_SIZE:
            raise UserError(
                "This folder is too large to be a program's.",
                where=f"{folder}: more than {MAX_FILES} files, or {MAX_SIZE >> 20} MiB",
                do="name the folder that holds nothing but the program's sources",
            )
    return files


class _Build:
    """The command lines that build."""

    def __init__(self, box: Sandbox, log: Path) -> None:
        self._box = box
        self._log = log
        self.folder = box.build / BUILT

    def by_make(self) -> Iterator[tuple[str, bytes]]:
        """Give what the Makefile makes: programs that can be started, by name."""
        self._run(_MAKE, *self._places())
        for file in self._box.made.files(BUILT, count=10 * MAX_FILES):
            name = file.name.removeprefix(f"{BUILT}/")
            if "/" not in name and file.executable:
                data = self._read(name)
                if elf.is_elf(data) and elf.is_program(data):
                    yield name, data

    def by_compiler(self) -> Iterator[tuple[str, bytes]]:
        """Give a program for each source with a main()."""
        compiler = self._box.compiler
        self._run(_COMPILE, *self._places(), compiler)
        files = self._box.made.files(BUILT, count=10 * MAX_FILES)
        names = sorted(file.name.removeprefix(f"{BUILT}/") for file in files)
        objects = [f"{name[:-2]}.o" for name in names if name.endswith(SOURCE) and "/" not in name]
        main = [name for name in objects if self._has_main(name)]
        others = [name for name in objects if name not in main]
        for name in main:
            made = name.removesuffix(".o")
            self._run(_LINK, self._box.inside_build / BUILT, compiler, made, name, *others)
            yield made, self._read(made)

    def _places(self) -> tuple[Path, Path]:
        return self._box.inside_state / SOURCES, self._box.inside_build / BUILT

    def _has_main(self, name: str) -> bool:
        try:
            return any(one.name == MAIN for one in elf.functions(self._read(name)))
        except NotAnElf:
            return False

    def _read(self, name: str) -> bytes:
        return self._box.made.read_bytes(f"{BUILT}/{name}", MAX_PROGRAM)

    def _run(self, script: str, *arguments: str | Path) -> None:
        box = self._box
        places = f"{box.inside_state / INCLUDE}:{box.inside_build}/usr/include"
        env = {**FLAGS, "C_INCLUDE_PATH": places, "CPLUS_INCLUDE_PATH": places}
        argv = box.argv(["sh", "-c", script, "sh", *arguments], env)
        try:
            done = run_in(
                box, argv, deadline=Deadline.after(BUILD_LIMIT_S), log=self._log, check=False
            )
        except proc.CommandTimeout as error:
            raise UserError(
                f"The program was not built within {BUILD_LIMIT_S:.0f} s.",
                where=f"log: {self._log}",
                do="look at what its Makefile does",
            ) from error
        if not done.ok:
            raise UserError(
                "The program does not build.",
                where="\n".join([*self._said(done.output), f"log: {self._log}"]),
                do="fix it; it is built by `gcc -static`, with kseries_bench.h and the kernel's"
                " user headers at hand",
            )

    def _said(self, output: str) -> list[str]:
        """Give the first lines that a compiler said, with the user's own paths."""
        inside = f"{self._box.inside_build / BUILT}/"
        lines = [harmless(line).replace(inside, "") for line in output.splitlines()]
        more = len(lines) - SHOWN
        return [*lines[:SHOWN], *([f"... and {more} lines more"] if more > 0 else [])]


def _checked(name: str, data: bytes) -> Program:
    """Look at what was built. Raises UserError."""
    try:
        why, found = elf.why_not_alone(data), marks.read(data)
    except (NotAnElf, marks.Unreadable) as error:
        raise UserError(
            f"What was built as {name} cannot be measured: {error}.",
            do="mark it by kseries_bench.h (docs/bench.md)",
        ) from error
    if why:
        raise UserError(
            f"The program {name} does not run in the guest: {why}.",
            do="link it with -static, as LDFLAGS of the environment says (not -static-pie)",
        )
    if not marks.names(found):
        raise UserError(
            f"The program {name} has no marks, so nothing of it is measured.",
            do='include "kseries_bench.h" and put kseries_begin("name") and kseries_end("name")'
            " around what is to be measured",
        )
    return Program(name, data, found)
