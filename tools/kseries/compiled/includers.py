# SPDX-License-Identifier: GPL-2.0
"""Which sources of a tree include a file, asked of git."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from kseries.lib.gitrepo import Repository

# Of so many files it is asked; all of them in two goes of git, for the whole tree takes seconds.
MAX_ASKED = 500

_PUBLIC = re.compile(r"(?:arch/\w+/)?include/(?:uapi/)?(.+)")
_INCLUDE = re.compile(r"\s*#\s*include\s*[\"<]([^\">]+)[\">]")


def includers(
    repository: Repository, commit: str, files: Sequence[str]
) -> Mapping[str, Sequence[str]]:
    """Give, for files by their paths, the C sources that include each, as far as there are any.

    A header in include/ is included as <linux/x.h>, one elsewhere as "x.h" by its neighbours.
    """
    public: dict[str, list[str]] = {}  # of include/linux/ and include/uapi/linux/ one name
    beside: list[str] = []
    for path in files[:MAX_ASKED]:
        if match := _PUBLIC.match(path):
            public.setdefault(match[1], []).append(path)
        else:
            beside.append(path)
    found: dict[str, list[str]] = {}
    for source, name in _grep(repository, commit, [f"<{name}>" for name in public], ["*.c"]):
        for path in public.get(name, ()):
            found.setdefault(path, []).append(source)
    names = sorted({PurePosixPath(path).name for path in beside})
    folders = sorted({f":(glob){PurePosixPath(path).parent}/*.c" for path in beside})
    for source, name in _grep(repository, commit, [f'{name}"' for name in names], folders):
        path = str(PurePosixPath(source).parent / PurePosixPath(name).name)
        if path in beside:
            found.setdefault(path, []).append(source)
    return found


def _grep(
    repository: Repository, commit: str, texts: Iterable[str], where: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Give (source, name) of each #include that has one of the texts."""
    patterns = [word for text in texts for word in ("-e", text)]
    if not patterns:
        return
    answer = repository.ask("grep", "-z", "-F", "-I", *patterns, commit, "--", *where)
    for line in answer.stdout.decode(errors="surrogateescape").splitlines():
        place, _, text = line.partition("\0")
        match = _INCLUDE.match(text)
        if match:
            yield place.removeprefix(f"{commit}:"), match[1]
