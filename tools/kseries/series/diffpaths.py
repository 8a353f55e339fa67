# SPDX-License-Identifier: GPL-2.0
"""Paths of a diff, written as `git apply -p1` takes them. Pure.

`git diff --no-prefix`, CVS and `diff -u net/x.c.orig net/x.c` write paths without the a/ and b/
before them, and quilt's `series` may say so too.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from kseries.series.diffs import GIT, NEW, OLD, RENAMES, FileDiff, Scan

NO_FILE = b"/dev/null"
MAX_LINE = 16 << 10  # bytes of one with names; two of 4,096, the kernel's limit, and quotes
WITHOUT_PREFIX = "was made without a/ and b/ before its paths; they are taken as they stand"

# Folders at the top of a kernel tree: a path that begins with one has nothing before it.
TOP = frozenset(
    b"Documentation LICENSES arch block certs crypto drivers fs include init io_uring ipc kernel"
    b" lib mm net rust samples scripts security sound tools usr virt".split()
)
_DATE = re.compile(rb"[ \t]\d{4}-\d\d-\d\d \d\d:\d\d")


def rooted(diff: bytes, found: Scan, strip: int | None = None) -> tuple[bytes, bool]:
    """Give the diff with a/ and b/ before its paths, and whether it had none.

    strip: how many leading folders its paths have too many (`-p`); None: tell by the paths.
    """
    pieces, at, bare = [], 0, False
    for file in found.files:
        level = strip if strip is not None else _level(file)
        if level == 1:
            continue
        bare = bare or level == 0
        for start, line, new in _rewritten(file, level):
            pieces += [diff[at:start], new]
            at = start + len(line)
    return b"".join([*pieces, diff[at:]]), bare


def too_long(found: Scan) -> bool:
    """Whether a diff names what no file can be called. git reads such names in quadratic time."""
    lines = (line for file in found.files for line in (file.git, file.old, file.new, *file.renames))
    return any(line is not None and len(line[1]) > MAX_LINE for line in lines)


def paths(found: Scan) -> tuple[str, ...]:
    """Give the paths that a diff changes, before and after it, sorted; it is `rooted`."""
    names = set()
    for file in found.files:
        pairs = [(line[1], 4) for line in (file.old, file.new) if line is not None]
        names |= {_name(line, start) for line, start in pairs} - {NO_FILE}
        names |= set(_git_names(file.git[1])) if file.git is not None else set()
        # These stand without a/ and b/.
        names |= {b"a/" + _name(line, len(prefix)) for line, prefix in _renames(file)}
    plain = {unquoted(name).partition(b"/")[2] for name in names}
    return tuple(sorted(name.decode(errors="replace") for name in plain if name))


def unquoted(name: bytes) -> bytes:
    """Give a path, with a/ or b/ before it, without the quotation marks that git put around it."""
    inner = name.removeprefix(b"a/") if name.startswith(b'a/"') else name
    if not (len(inner) > 1 and inner.startswith(b'"') and inner.endswith(b'"')):
        return name
    try:
        plain = codecs.escape_decode(inner[1:-1])[0]
    except ValueError:
        return name
    return plain if inner is name else b"a/" + plain


def _level(file: FileDiff) -> int:
    """Tell how many folders lead the paths of a file: 1, or 0 where it has no a/ and b/."""
    if file.git is not None:
        first, second = _git_names(file.git[1])
        renamed = [_name(line, len(prefix)) for line, prefix in _renames(file)]
        if renamed:
            return 0 if first == renamed[0] else 1
        return 0 if first and first == second and not _has_letter(first) else 1
    old, new = (_name(line[1], 4) if line else b"" for line in (file.old, file.new))
    names = [name for name in (old, new) if name != NO_FILE]
    if any(b"/" not in name for name in names):
        return 0
    tops = {name.split(b"/")[0] for name in names}
    return 0 if len(tops) == 1 and tops <= TOP else 1


def _rewritten(file: FileDiff, level: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Give the lines that change: where they begin, what stands there, what is to stand there."""
    if file.git is not None:
        start, line = file.git
        first, second = _git_names(line)
        if first:
            ends = line[len(line.rstrip(b"\r\n")) :]
            names = _prefixed(first, level, b"a/") + b" " + _prefixed(second, level, b"b/")
            yield start, line, GIT + names + ends
    if level > 1:
        for (start, line), (_, prefix) in zip(file.renames, _renames(file), strict=True):
            yield start, line, prefix + _prefixed(line[len(prefix) :], level - 1, b"")
    for place, prefix, letter in ((file.old, OLD, b"a/"), (file.new, NEW, b"b/")):
        if place is not None and _name(place[1], 4) != NO_FILE:
            start, line = place
            yield start, line, prefix + _prefixed(line[4:], level, letter)


def _prefixed(name: bytes, level: int, letter: bytes) -> bytes:
    quote = b'"' if name.startswith(b'"') else b""
    parts = name[len(quote) :].split(b"/")
    return quote + letter + b"/".join(parts[level:] or parts[-1:])


def _renames(file: FileDiff) -> list[tuple[bytes, bytes]]:
    """Give the lines about renames and copies, each with its words before the path."""
    return [
        (line, next(prefix for prefix in RENAMES if line.startswith(prefix)))
        for _, line in file.renames
    ]


def _git_names(line: bytes) -> tuple[bytes, bytes]:
    """Give both paths of a "diff --git" line as they stand; b"" where they cannot be told apart."""
    names = line[len(GIT) :].rstrip(b"\r\n")
    middle = len(names) // 2
    if names[middle : middle + 1] == b" " and names[:middle] == names[middle + 1 :]:
        return names[:middle], names[:middle]
    first, _, second = names.partition(b" ")
    return (first, second) if second and b" " not in second else (b"", b"")


def _name(line: bytes, start: int) -> bytes:
    """Give the path of a header's line, without what `diff -u` puts behind it."""
    name = line[start:].rstrip(b"\r\n").partition(b"\t")[0]
    return _DATE.split(name, maxsplit=1)[0].rstrip()


def _has_letter(name: bytes) -> bool:
    """Whether a path begins as git's own prefixes do (a/, b/, and i/, w/, c/, o/)."""
    return len(name.lstrip(b'"').split(b"/")[0]) == 1
