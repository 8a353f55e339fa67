# SPDX-License-Identifier: GPL-2.0
"""A configured kernel, a built one, and what of the series is in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kseries.model.applied import Tree
from kseries.model.base import Seconds


@dataclass(frozen=True)
class BuildPlace:
    """The folders of one build."""

    folder: Path  # ours, with the two below in it
    ccache: Path  # what is compiled here is kept there
    clean: Path | None = None  # objects that can be used and not changed: those of the base
    compiler: str = ""  # "": gcc

    @property
    def made(self) -> Path:
        """Give the folder that only code in the sandbox writes: O= of make."""
        return self.folder / "made"

    @property
    def state(self) -> Path:
        """Give the folder that only we write."""
        return self.folder / "state"


@dataclass(frozen=True)
class KernelConfig:
    """A final .config, every promise of its fragments kept."""

    tree: Tree
    place: BuildPlace
    name: str  # the fragments' names joined, "base+zcrx"
    sha256: str  # of .config
    enabled: int  # symbols that are y
    added: tuple[str, ...] = ()  # lines for what the series changes, beyond the fragments


class Severity(StrEnum):
    """How bad a diagnostic is."""

    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Diagnostic:
    """One message of compiler, linker, modpost or objtool."""

    severity: Severity
    file: str  # relative to the tree; "" where none is named
    line: int  # 0 where none is named
    column: int
    option: str  # "-Wunused-variable"; "" for errors and other tools
    text: str


class FileState(StrEnum):
    """What a build did with a file that the series changes."""

    COMPILED = "compiled"  # it, or what includes it, became a part of what was built
    READ = "read"  # by make, Kconfig, the linker or a script of the build
    NOT_COMPILED = "not compiled"  # this config leaves it out
    DROPPED = "no longer compiled"  # the series has it left out
    OTHER_ARCH = "other architecture"
    NOT_BUILT = "not built here"  # tools, Rust and the like
    NOT_CODE = "not code"  # documentation, scripts, lists
    DELETED = "deleted"

    @property
    def untested(self) -> bool:
        """Whether there is code in it that nobody compiled."""
        return self in (
            FileState.NOT_COMPILED,
            FileState.DROPPED,
            FileState.OTHER_ARCH,
            FileState.NOT_BUILT,
        )


@dataclass(frozen=True)
class ChangedFile:
    """A file that the series under test changes, and what the build did with it."""

    path: str  # relative to the tree
    patches: tuple[int, ...]  # that change it, by their index
    state: FileState
    # What shows it, "net/core/dev.o"; for what was not compiled, why: "CONFIG_E1000 is off".
    by: str = ""
    needs: tuple[str, ...] = ()  # lines of a Kconfig fragment that would have it compiled


class FunctionState(StrEnum):
    """What is known of a function that the series changes."""

    RAN = "ran"  # while a test did
    NOT_RUN = "not run"
    UNWATCHED = "not watched"  # nothing tells whether it ran
    NOT_COMPILED = "not compiled"


@dataclass(frozen=True)
class ChangedFunction:
    """A function that the series changes."""

    name: str
    file: str  # relative to the tree
    state: FunctionState
    by: str = ""  # the "suite/program" that ran it first; why nothing is known
    symbol: str = ""  # as the kernel's symbol table calls it, where it can be watched


@dataclass(frozen=True)
class Kernel:
    """A built kernel."""

    config: KernelConfig
    image: Path  # bzImage, in a folder that only we write
    release: str  # of include/config/kernel.release
    compiler: str  # first line of its --version
    objects: int  # compiled or linked in this build; 0: nothing was to be done
    seconds: Seconds  # wall time of make
    log: Path
    diagnostics: tuple[Diagnostic, ...] = ()
    # What the series under test changes; None where none is under test, or not all of it.
    changed: tuple[ChangedFile, ...] | None = None
    functions: tuple[ChangedFunction, ...] = ()  # of what is compiled of them
