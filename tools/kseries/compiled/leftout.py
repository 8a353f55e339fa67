# SPDX-License-Identifier: GPL-2.0
"""What became of a file in a build, and where nothing came of it, why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import PurePosixPath

from kseries.compiled.cmdfiles import Evidence
from kseries.compiled.conditionals import left_out, tells
from kseries.compiled.makefiles import ARCH, OF_TOP, Makefiles, Want, Wants
from kseries.model import FileState

SELFTESTS = "tools/testing/selftests/"
USER_HEADERS = "usr/include/"
# Of user mode Linux, though it lies below the folder of this architecture.
USER_MODE = f"arch/{ARCH}/um/"
# What every build reads, with what these name.
ALWAYS_READ = (*OF_TOP, "scripts/Makefile.build", "scripts/Makefile.lib")
MAKEFILES = ("Makefile", "Kbuild", "Build")

# Of what includes a file, so many are looked at.
MAX_USERS = 200

SCRIPT = "a script"

_DOCUMENTS = frozenset({".rst", ".txt", ".md", ".svg", ".html"})
_CODE = frozenset({".c", ".h", ".S", ".rs"})
_SCRIPTS = frozenset({".sh", ".py", ".pl", ".awk", ".cocci", ".sed"})
# Lists, and settings of tools: dot files, defconfigs, …
_INCLUDE = re.compile(r"\s*#\s*include\b")
_LISTS = re.compile(r"MAINTAINERS|CREDITS|COPYING|README.*|TODO|\..+|.*defconfig|.*\.config")


@dataclass(frozen=True)
class Answer:
    """What became of a file; by and needs as in `ChangedFile`."""

    state: FileState
    by: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Built:
    """A build.

    users: of files that were not compiled, the sources that include each. former: the Makefiles
    before the series.
    """

    seen: Evidence
    values: Mapping[str, str]  # symbol → value, of those that .config sets
    makefiles: Makefiles
    users: Mapping[str, Sequence[str]]
    former: Makefiles | None = None

    def answer(self, path: str) -> Answer:
        """Tell what became of a file that is in the tree."""
        return self._read(path) or self._apart(path) or self._left_out(path)

    def expected(self, path: str) -> Answer:
        """Tell what is to become of a file, from the Makefiles alone: nothing is built yet."""
        if path.endswith(".h"):
            ways = [self.makefiles.unmet(user) for user in self.users.get(path, ())[:MAX_USERS]]
            if () in ways:
                return Answer(FileState.COMPILED)
        elif self.makefiles.unmet(path) == ():
            return Answer(FileState.COMPILED)
        return self._apart(path) or self._left_out(path)

    def with_lines(self, answer: Answer, text: str, changed: Set[int]) -> Answer:
        """Look into a file that was compiled: were the changed lines of its text?

        Where a condition on the config leaves out all of them, the change was not compiled.
        """
        telling = tells(text) & changed
        # A header that a change includes is no code of its own.
        includes = {n for n, line in enumerate(text.split("\n"), 1) if _INCLUDE.match(line)}
        telling = telling - includes or telling
        out = left_out(text, self.values)
        symbols = sorted({name for number in telling for name in out.get(number, ())})
        count = sum(number in out for number in telling)
        if not count:
            return answer
        because = f"by conditions on {', '.join(f'CONFIG_{name}' for name in symbols)}"
        because = because if symbols else "by conditions that no config meets"
        if count < len(telling):
            some = f"{count} of {len(telling)} changed lines are left out {because}"
            return Answer(answer.state, f"{answer.by}; {some}")
        off = [name for name in symbols if self.values.get(name) != "y"]
        needs = tuple(Want(name).line for name in off)
        all_of_it = f"what is changed in it is left out {because}"
        return Answer(FileState.NOT_COMPILED, all_of_it, needs)

    def _read(self, path: str) -> Answer | None:
        seen = self.seen
        if path in seen.compiled:
            # vmlinux has a script for its source.
            state = FileState.READ if _no_code(PurePosixPath(path)) else FileState.COMPILED
            return Answer(state, seen.compiled[path])
        if path in seen.included:
            return Answer(FileState.COMPILED, f"included by {seen.included[path]}")
        # That a command names code has none of it compiled.
        if path in seen.named and PurePosixPath(path).suffix not in _CODE:
            return Answer(FileState.READ, seen.named[path])
        if path in seen.kconfig:
            return Answer(FileState.READ, "Kconfig")
        if self._is_makefile_read(PurePosixPath(path)):
            return Answer(FileState.READ, "make")
        return None

    def _is_makefile_read(self, path: PurePosixPath) -> bool:
        if str(path) in ALWAYS_READ or (path.name == "Kbuild" and "include" in path.parts):
            return True
        folder = str(path.parent)
        if path.name in MAKEFILES:
            return folder in self.seen.folders
        if not re.search(r"Makefile|Kbuild|\.mk$", path.name):
            return False
        if folder == "scripts":
            return any(path.name in self._text(name) for name in ALWAYS_READ)
        beside = self._text(str(path.parent / "Makefile"))
        return folder in self.seen.folders and path.name in beside

    def _text(self, path: str) -> str:
        return self.makefiles.read(path) or ""

    def _apart(self, path: str) -> Answer | None:
        """Tell of a file that no config of this build has compiled."""
        name = PurePosixPath(path)
        top = name.parts[0]
        is_test = path.startswith(SELFTESTS)  # also one that is a script can be run or not
        if (what := _no_code(name)) and not (is_test and what == SCRIPT):
            return Answer(FileState.NOT_CODE, what)
        if arch := _other_arch(name):
            return Answer(FileState.OTHER_ARCH, arch)
        if top in ("tools", "scripts"):
            return Answer(FileState.NOT_BUILT, f"this build made nothing of it in {top}/")
        if name.suffix == ".rs":
            return Answer(FileState.NOT_BUILT, "Rust is not built")
        return None

    def _left_out(self, path: str) -> Answer:
        """Tell which symbols leave a file out."""
        if self._is_dropped(path):
            wants = self.makefiles.unmet(path) or ()
            why = self._told(wants) or "no Makefile names it any more"
            return Answer(FileState.DROPPED, why, tuple(want.line for want in wants))
        wants = next(filter(None, self._ways(path)), ())
        if wants:
            needs = tuple(want.line for want in wants)
            return Answer(FileState.NOT_COMPILED, self._told(wants), needs)
        if by := self.seen.named.get(path):
            named = f"the command that makes {by} names it, and no more"
            what = "only installed for user programs" if by.startswith(USER_HEADERS) else named
            return Answer(FileState.NOT_COMPILED, what)
        if path.endswith(".h"):
            return Answer(FileState.NOT_COMPILED, "nothing that was compiled includes it")
        return Answer(FileState.NOT_COMPILED, "which symbol has it compiled is not known")

    def _is_dropped(self, path: str) -> bool:
        """Whether the Makefiles had it compiled with this config before the series, and have not.

        Where they say the same before and after, the build may have left it out for a reason that
        stands in no list.
        """
        former = self.former
        compiled_before = former is not None and former.unmet(path) == ()
        return compiled_before and self.makefiles.unmet(path) != ()

    def _ways(self, path: str) -> Iterator[Wants | None]:
        """Give what is unmet, the surest first: of the file, of what includes it, around it."""
        if not path.endswith(".h"):
            yield self.makefiles.unmet(path)
        users = [self.makefiles.unmet(user) for user in self.users.get(path, ())[:MAX_USERS]]
        yield min(filter(None, users), key=len, default=None)
        yield self.makefiles.unmet_around(path)

    def _told(self, wants: Wants) -> str:
        """Say what stands in the way: "CONFIG_A and CONFIG_B are off"."""
        # Only what must be on can be a module and unmet.
        modules = [want for want in wants if self.values.get(want.symbol) == "m"]
        off = [want for want in wants if want.on and want not in modules]
        on = [want for want in wants if not want.on]
        found = ((off, "off"), (modules, "m, which is not built"), (on, "on"))
        return "; ".join(_are(these, what) for these, what in found if these)


def _are(wants: Sequence[Want], what: str) -> str:
    names = [f"CONFIG_{want.symbol}" for want in wants]
    if len(names) == 1:
        return f"{names[0]} is {what}"
    return f"{', '.join(names[:-1])} and {names[-1]} are {what}"


def _no_code(name: PurePosixPath) -> str:
    """Say what a file is that nobody compiles; "" for one with code, or not known."""
    if name.parts[0] == "Documentation" or name.suffix in _DOCUMENTS:
        return "documentation"
    is_list = name.suffix not in _CODE and _LISTS.fullmatch(name.name)
    if name.parts[0] == "LICENSES" or is_list:
        return "no code"
    is_host_script = name.parts[0] == "scripts" and "." not in name.name
    if name.suffix in _SCRIPTS or (is_host_script and name.name not in MAKEFILES):
        return SCRIPT
    return ""


def _other_arch(name: PurePosixPath) -> str:
    """Give the other architecture that a file belongs to, "" for none."""
    if name.suffix in (".dts", ".dtsi", ".dtso"):
        return "a device tree"
    if str(name).startswith(USER_MODE):
        return "um"
    parts = name.parts
    return parts[1] if parts[0] == "arch" and len(parts) > 2 and parts[1] != ARCH else ""
