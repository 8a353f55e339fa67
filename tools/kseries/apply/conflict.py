# SPDX-License-Identifier: GPL-2.0
"""Say why a patch does not apply: which file, which hunk, and what the tree has there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.lib import atomicfile
from kseries.lib.errors import CheckFailed
from kseries.lib.gitrepo import Repository
from kseries.model import AppliedPatch
from kseries.series.mailpatch import Mail

MOST_LINES = 30
MOST_REASONS = 8
NOT_THERE = "its lines are not in the tree as it expects them:"
CONTEXT = 3
MOST_FILES = 200  # of which copies are made
LONGEST_NAME = 1000

_MISSING = re.compile(r"^error: (.+): does not exist in index", re.MULTILINE)
_NAMES = re.compile(
    r"^(?:--- [^/\s]++/|\+\+\+ [^/\s]++/|rename from |copy from )([^\t\n]++)", re.MULTILINE
)
_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@.*$")

# What git says, and what it means. The first row that fits a message is taken.
_REASONS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"corrupt patch at (?:line |\S*:)(?P<line>\d+)"),
        "its diff is mangled at line {line}: {text}",
    ),
    (
        re.compile(r"patch fragment without header at (?:line |\S*:)(?P<line>\d+)"),
        "its diff is mangled: a hunk without a file at line {line}",
    ),
    (
        re.compile(r"git diff header lacks filename information.*?(?:line |:)(?P<line>\d+)"),
        "its diff is mangled: the file names are missing at line {line}",
    ),
    (
        re.compile(r"(?:No valid patches in input|unrecognized input)"),
        "its diff is mangled: git sees no patch",
    ),
    (
        re.compile(r"cannot apply binary patch to '(?P<file>.+)' without full index line"),
        "it changes the binary file {file} and does not carry its content"
        " (`git format-patch --binary` does)",
    ),
    (re.compile(r"corrupt binary patch"), "its binary diff is mangled"),
    (
        re.compile(r"the patch applies to '(?P<file>.+)' \([^()]*+\), which does not match"),
        "it changes the binary file {file}, which has another content in the tree",
    ),
    (
        re.compile(r"(?P<file>.+): does not exist in index"),
        "it changes {file}, which the tree does not have",
    ),
    (
        re.compile(r"(?P<file>.+): already exists in index"),
        "it adds {file}, which the tree has already",
    ),
    (re.compile(r"(?P<file>.+): wrong type"), "{file} is a file of another kind in the tree"),
    (
        re.compile(r"invalid path '(?P<file>.+)'"),
        "it names {file}, which is not a place in a kernel tree",
    ),
    (
        re.compile(r"affected file '(?P<file>.+)' is beyond a symbolic link"),
        "it changes {file}, which lies behind a symbolic link",
    ),
)


class PatchConflict(CheckFailed):
    """A patch does not apply. `patches`: what became of those before it, and of itself."""

    def __init__(
        self, what: str, *, where: str, do: str, patches: tuple[AppliedPatch, ...]
    ) -> None:
        super().__init__(what, where=where, do=do)
        self.patches = patches


@dataclass(frozen=True)
class Reject:
    """A hunk that found no place. tree: the lines that are there, from line `at` on."""

    file: str
    header: str
    lines: tuple[str, ...]
    at: int
    tree: tuple[str, ...]

    def text(self, limit: int = MOST_LINES) -> str:
        """Show the hunk, and beside it what the tree has."""
        shown = [f"{self.file} {self.header}", *_cut(self.lines, limit)]
        shown.append(f"the tree has, from line {self.at}:")
        numbered = (f"{self.at + index:6} {line}" for index, line in enumerate(self.tree))
        return "\n".join([*shown, *_cut(tuple(numbered), limit)])


@dataclass(frozen=True)
class Explanation:
    """Why a patch does not apply. reasons: half-sentences, for people. do: what may help."""

    reasons: tuple[str, ...]
    rejects: tuple[Reject, ...]
    do: str

    def text(self) -> str:
        """Give the reasons, and the first hunk in full."""
        lines = list(self.reasons)
        if self.rejects:
            lines.append(self.rejects[0].text())
            others = self.rejects[1:]
            lines += [f"also {other.file} {other.header}" for other in others[:MOST_REASONS]]
            if len(others) > MOST_REASONS:
                lines.append(f"and {len(others) - MOST_REASONS} more hunks")
        return "\n".join(lines)


def explain(repository: Repository, mail: Mail, said: str, scratch: Path) -> Explanation:
    """Find out why git refused a patch.

    repository: with the index that the patch was applied to. said: git's words. scratch: an
    empty folder, which afterwards holds the touched files and their `.rej`.
    """
    reasons = _reasons(said, mail)
    if any("mangled" in reason for reason in reasons):
        return Explanation(reasons, (), "get the patch as its author sent it; the mail was changed")
    loose = ("apply", "--cached", "--check", "--ignore-whitespace", mail.diff)
    if not reasons and repository.ask(*loose).ok:
        return Explanation(
            ("its white space is damaged: it applies when white space is ignored",),
            _rejects(repository, mail, scratch),
            "get the patch as its author sent it: tabs and blanks were changed on the way",
        )
    reasons += tuple(_elsewhere(repository, said))
    rejects = _rejects(repository, mail, scratch)
    if not reasons:
        reasons = (NOT_THERE,) if rejects else (said.strip(),)
    return Explanation(
        reasons,
        rejects,
        "rebase the series on this tree, or put a series before it that it needs",
    )


def save(explanation: Explanation, said: str, mail: Mail, scratch: Path, folder: Path) -> None:
    """Keep what there is to read about a conflict in a folder: git's words, diff, `.rej` files."""
    atomicfile.write_text(folder / "git-apply.txt", said)
    atomicfile.write_bytes(folder / "patch.diff", mail.diff.read_bytes())
    hunks = "\n\n".join(reject.text(limit=10_000) for reject in explanation.rejects)
    atomicfile.write_text(folder / "conflict.txt", "\n".join([*explanation.reasons, hunks, ""]))
    for file in scratch.rglob("*.rej"):
        atomicfile.write_bytes(folder / file.relative_to(scratch), file.read_bytes())


def _reasons(said: str, mail: Mail) -> tuple[str, ...]:
    found = []
    for line in said.splitlines():
        kind, _, words = line.partition(": ")
        if kind != "error":
            continue
        for pattern, meaning in _REASONS:
            match = pattern.match(words)
            if match:
                fields = match.groupdict()
                fields["text"] = _line(mail.diff, fields.get("line"))
                found.append(meaning.format(**fields))
                break
    reasons = tuple(dict.fromkeys(found))
    if len(reasons) > MOST_REASONS:
        return (*reasons[:MOST_REASONS], f"and {len(reasons) - MOST_REASONS} more like these")
    return reasons


def _line(file: Path, number: str | None) -> str:
    lines = file.read_text(errors="replace").splitlines()
    place = int(number or 0) - 1
    return repr(lines[place]) if 0 <= place < len(lines) else "the end"


def _elsewhere(repository: Repository, said: str) -> list[str]:
    """Name files of the same name for those that are missing: they may have moved."""
    found = []
    for path in _MISSING.findall(said)[:MOST_REASONS]:
        name = Path(path).name
        others = repository.entries("ls-files", "-z", "--", f":(glob)**/{name}")[:3]
        if others:
            found.append(f"the tree has a {name} here: {', '.join(others)}")
    return found


def _rejects(repository: Repository, mail: Mail, scratch: Path) -> tuple[Reject, ...]:
    """Apply the patch to copies of the files it touches, hunk by hunk, and read what is left."""
    text = mail.diff.read_text(errors="surrogateescape")
    # They become arguments of a program, which takes a bounded number of them.
    names = [name for name in dict.fromkeys(_NAMES.findall(text)) if len(name) <= LONGEST_NAME]
    copies = repository.at(scratch)
    # A patch may name what is not a path: git answers nothing then.
    known = copies.ask("--literal-pathspecs", "ls-files", "-z", "--", *names[:MOST_FILES]).entries
    if not known:
        return ()
    copies.text("checkout-index", "-q", "-f", "--", *known)
    before = {name: _text(scratch / name) for name in known}
    copies.ask("apply", "--reject", mail.diff)
    return tuple(
        reject
        for file in sorted(scratch.rglob("*.rej"))
        for reject in _read_reject(file, str(file.relative_to(scratch))[: -len(".rej")], before)
    )


def _read_reject(file: Path, name: str, before: dict[str, list[str]]) -> list[Reject]:
    found: list[Reject] = []
    lines = _text(file)
    starts = [index for index, line in enumerate(lines) if _HUNK.match(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        hunk = tuple(lines[start + 1 : end])
        match = _HUNK.match(lines[start])
        assert match is not None
        there = before.get(name, [])
        first = _place(hunk, int(match[1]), there)
        length = int(match[2] or 1) + 2 * CONTEXT
        at = max(first - CONTEXT, 1)
        tree = tuple(there[at - 1 : at - 1 + length])
        found.append(Reject(name, lines[start], hunk, at, tree))
    return found


def _place(hunk: Sequence[str], expected: int, there: Sequence[str]) -> int:
    """Guess the line (from 1) of the tree that the hunk was meant for.

    The lines it expects, where they occur only once, vote for how far the text has moved.
    """
    places: dict[str, list[int]] = {}
    for number, line in enumerate(there, 1):
        places.setdefault(line, []).append(number)
    old = [line[1:] for line in hunk if line[:1] in (" ", "-")]
    votes = Counter(
        places[line][0] - index
        for index, line in enumerate(old)
        if line.strip() and len(places.get(line, ())) == 1
    )
    if votes:
        return max(votes.most_common(1)[0][0], 1)
    return min(max(expected, 1), max(len(there), 1))


def _text(file: Path) -> list[str]:
    if file.is_symlink() or not file.is_file():
        return []
    return file.read_text(errors="replace").split("\n")


def _cut(lines: tuple[str, ...], limit: int) -> list[str]:
    if len(lines) <= limit:
        return list(lines)
    return [*lines[:limit], f"… {len(lines) - limit} more lines"]
