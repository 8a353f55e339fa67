# SPDX-License-Identifier: GPL-2.0
"""Turn what compiler, assembler, linker, modpost, objtool, Kconfig and make print into records."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from kseries.lib.untrusted import harmless
from kseries.model import Diagnostic, Severity

# The line number may lack (objtool, ld's in-file messages), the column often does.
# What a compiler repeats is a series' own: each of these takes no longer than its line is long.
PLACE = (
    r"(?P<file>\{standard input\}|(?=[^\s:][^\s:.]*+\.[^\s:])[^\s:]++"
    r"|[^\s:]++(?:(?<=Makefile)|(?<=Kconfig)|(?<=KConfig)|(?<=Kbuild)))"
)
GCC = re.compile(
    rf"{PLACE}:(?P<line>\d{{1,9}})(?::(?P<column>\d{{1,9}}))?:"
    r"\s*(?P<severity>fatal error|error|warning|note|Error|Warning): (?P<text>.*\S)"
)
OPTION = re.compile(r" \[(?P<option>-W[\w+=-]+)\]$")
INCLUDED = re.compile(r"(?:In file included from|\s+from) (?P<place>[^\s,:]+:\d+)(?::\d+)?[,:]$")
EXCERPT = re.compile(r"(?:\s++(?:(?:\d++|\+\+\+)\s*+)?|(?:\d++|\+\+\+)\s*+)\|")
OBJTOOL = re.compile(r"(?P<file>\S+\.o): (?P<severity>warning|error): objtool: (?P<text>.*\S)")
# "ld: a.o: in function `f':" stands before "a.c:12: undefined reference to `g'".
LINKER = re.compile(
    r"(?:\S*\bld(?:\.\w+)?: )?"
    r"(?:(?P<file>[^\s:]+)(?::(?P<source>[^\s:(\d][^\s:(]*))?:(?:(?P<line>\d{1,9}):)? ?)?"
    r"(?:\([^)]*\): ?)?"
    r"(?P<text>(?:more )?undefined references? to .*\S|multiple definition of .*\S)"
)
LINKER_ELSE = re.compile(r"\S*\bld(?:\.\w+)?: (?:(?P<what>warning|error): )?(?P<text>.*\S)")
MODPOST = re.compile(r"(?P<severity>ERROR|WARNING): modpost: (?P<text>.*\S)")
MODPOST_FILE = re.compile(r"\[([^\s\[\]]++)\]|^(\S+\.o|vmlinux): | in (\S+\.o)$")
KCONFIG = re.compile(
    r"(?=[^\s:]*?K[Cc]onfig)(?P<file>[^\s:]++):(?P<line>\d{1,9}):\s*+(?P<text>.*\S)"
)
UNMET = re.compile(r"WARNING: (?P<text>unmet direct dependencies detected for \w+)")
UNMET_MORE = re.compile(r"\s+(?:Depends on|Selected by|- )")
MAKE = re.compile(
    r"(?:(?P<file>[^\s:]+):(?P<line>\d{1,9}):|make(?:\[\d+\])?:) "
    r"\*\*\* (?P<text>.*?\S)(?:  Stop\.)?$"
)
# Only tells that a command which has spoken for itself failed.
MAKE_ECHO = re.compile(
    r"\[[^][]*+\] (?:Error|Killed|Terminated|Interrupt)|Waiting for unfinished|Deleting file"
)
TOOL = re.compile(
    r"(?:\S*/)?(?:gcc|cc1|cc|as|collect2|g\+\+|ccache|<command-line>): "
    r"(?P<severity>fatal error|error|warning): (?P<text>.*\S)"
)
LINKER_FAILED = "ld returned "  # says collect2: the linker has spoken for itself

OUT_OF_MEMORY = re.compile(
    r"signal terminated program|virtual memory exhausted|cc1: out of memory|memory exhausted$"
    r"|^(?>.*?ld: ).*?(?:Cannot allocate memory|memory exhausted)"
    r"|fork: (?:retry: )?(?:Cannot allocate memory|Resource temporarily unavailable)|\] Killed$"
)
DISK_FULL = re.compile(r": (?:No space left on device|Disk quota exceeded)\b")
MORE_MEMORY = "close other programs, or build with fewer jobs (`--jobs`), then try again"
MORE_DISK = (
    "free some space on the disk (`kseries cache clear` drops what can be rebuilt), then start"
    " again"
)


@dataclass(frozen=True)
class Found:
    """A diagnostic and the source lines that the compiler showed with it."""

    diagnostic: Diagnostic
    excerpt: tuple[str, ...] = ()


@dataclass
class _Open:
    """A diagnostic that may still get notes, include chain and excerpt."""

    severity: Severity
    file: str
    line: int
    column: int
    option: str
    text: list[str]
    excerpt: list[str] = field(default_factory=list)
    in_note: bool = False

    def close(self) -> Found:
        return Found(
            Diagnostic(
                severity=self.severity,
                file=self.file,
                line=self.line,
                column=self.column,
                option=self.option,
                text="\n".join(self.text),
            ),
            tuple(self.excerpt),
        )


class Parser:
    """Takes the lines of a build as they come; gives each diagnostic once.

    roots: folders whose names are cut off paths, in order: the build folder and the tree, as
    programs see them. A path relative to the build folder (`../net/core/dev.c`) becomes one
    relative to the tree too.

    warnings: how many there are so far. lost: the line that shows that this machine failed, "" as
    long as none does; remedy: what to do about it.
    """

    def __init__(self, roots: Iterable[str] = ()) -> None:
        self._roots = tuple(root.rstrip("/") + "/" for root in roots)
        self._found: dict[tuple[str, int, int, str], Found] = {}
        self._open: _Open | None = None
        self._chain: list[str] = []
        self.warnings = 0
        self.lost = ""
        self.remedy = ""

    def feed(self, line: str) -> None:
        """Take one line, without its newline."""
        if line.startswith("  ") and self._open is None and not self._chain:
            # Nearly every line of a good build: "  CC      net/core/dev.o".
            return
        line = harmless(line.rstrip())
        self._watch_host(line)
        if self._continues(line):
            return
        self._finish()
        included = INCLUDED.match(line)
        if included:
            self._chain.append(self._path(included["place"]))
            return
        self._open = (
            self._compiler(line) or self._objects(line) or self._kconfig(line) or self._make(line)
        )
        self._chain = []

    def finish(self) -> tuple[Found, ...]:
        """Give all diagnostics, in the order they came."""
        self._finish()
        return tuple(self._found.values())

    def _watch_host(self, line: str) -> None:
        """Note a line that blames this machine, not the code."""
        for signs, remedy in ((OUT_OF_MEMORY, MORE_MEMORY), (DISK_FULL, MORE_DISK)):
            if not self.lost and signs.search(line):
                self.lost = line.strip()
                self.remedy = remedy

    def _continues(self, line: str) -> bool:
        """Take a line that belongs to the open diagnostic."""
        found = self._open
        if found is None:
            return False
        if EXCERPT.match(line):
            if not found.in_note:
                found.excerpt.append(line)
            return True
        if UNMET_MORE.match(line):
            found.text.append(line.strip())
            return True
        note = GCC.match(line)
        if note and note["severity"] == "note":
            found.in_note = True
            found.text.append(f"note: {self._path(note['file'])}:{note['line']}: {note['text']}")
            return True
        return False

    def _finish(self) -> None:
        if self._open is None:
            return
        found = self._open.close()
        self._open = None
        item = found.diagnostic
        first_line = item.text.partition("\n")[0]
        # A warning in a header comes once for each file that includes it.
        known = self._found.setdefault((item.file, item.line, item.column, first_line), found)
        self.warnings += known is found and item.severity is Severity.WARNING

    def _compiler(self, line: str) -> _Open | None:
        match = GCC.match(line)
        if match and match["severity"] != "note":
            option = OPTION.search(match["text"])
            text = [OPTION.sub("", match["text"])]
            text += [f"included from {place}" for place in self._chain]
            return _Open(
                _severity(match["severity"]),
                self._path(match["file"]),
                int(match["line"]),
                int(match["column"] or 0),
                option["option"].replace("-Werror=", "-W") if option else "",
                text,
            )
        tool = TOOL.match(line)
        if tool and not tool["text"].startswith(LINKER_FAILED):
            return _plain(_severity(tool["severity"]), tool["text"])
        return None

    def _objects(self, line: str) -> _Open | None:
        """Messages of objtool, linker and modpost, which look at objects."""
        match = OBJTOOL.match(line)
        if match:
            return _plain(_severity(match["severity"]), match["text"], self._path(match["file"]))
        match = MODPOST.match(line)
        if match:
            place = MODPOST_FILE.search(match["text"])
            file = next(filter(None, place.groups())) if place else ""
            return _plain(_severity(match["severity"].lower()), match["text"], self._path(file))
        match = LINKER.match(line)
        if match:
            file = self._path(match["file"] or "")
            if match["source"]:
                file = posixpath.join(posixpath.dirname(file), posixpath.basename(match["source"]))
            return _plain(Severity.ERROR, match["text"], file, int(match["line"] or 0))
        match = LINKER_ELSE.match(line)
        if match and not line.endswith("':"):
            severity = Severity.WARNING if match["what"] == "warning" else Severity.ERROR
            return _plain(severity, match["text"])
        return None

    def _kconfig(self, line: str) -> _Open | None:
        match = KCONFIG.match(line)
        if match and not match["text"].startswith("***"):
            return _plain(
                Severity.ERROR, match["text"], self._path(match["file"]), int(match["line"])
            )
        match = UNMET.fullmatch(line)
        return _plain(Severity.WARNING, match["text"]) if match else None

    def _make(self, line: str) -> _Open | None:
        match = MAKE.match(line)
        if match is None or MAKE_ECHO.search(match["text"]):
            return None
        file = self._path(match["file"] or "")
        return _plain(Severity.ERROR, match["text"], file, int(match["line"] or 0))

    def _path(self, path: str) -> str:
        """Give a path relative to the tree."""
        for root in self._roots:
            path = path.removeprefix(root)
        path = posixpath.normpath(path) if path else ""
        # make works in a direct subfolder of the tree.
        return path.removeprefix("../")


def parse(text: str, roots: Iterable[str] = ()) -> tuple[Found, ...]:
    """Parse a whole log."""
    parser = Parser(roots)
    for line in text.splitlines():
        parser.feed(line)
    return parser.finish()


def _plain(severity: Severity, text: str, file: str = "", line: int = 0) -> _Open:
    return _Open(severity, file, line, 0, "", [text])


def _severity(word: str) -> Severity:
    return Severity.WARNING if word.lower() == "warning" else Severity.ERROR
