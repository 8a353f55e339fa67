# SPDX-License-Identifier: GPL-2.0
"""Which sources include a file, in real git."""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.compiled import includers
from kseries.lib.gitrepo import Repository
from tests.toyproject import git

SOURCES = {
    "net/a.c": "#include <linux/both.h>\n#include <net/own.h>\n  #  include \t<asm/low.h>\n",
    "net/b.c": '#include "beside.h"\n#include <beside.h>\n/* #include <net/own.h> */\n',
    "net/c.c": '#include<linux/both.h>\nconst char *x = "<linux/both.h>";\n',
    "net/deep/d.c": '#include "beside.h"\n',
    "net/latin.c": "/* \udce4 */ int a;\n#include <net/own.h>\t/* \udce4 */\n",
    "net/readme.txt": "#include <net/own.h>\n",
    "drivers/beside.c": '#include "../net/beside.h"\n',
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text.encode(errors="surrogateescape"))
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message=x")
    return tmp_path


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["include/net/own.h"], {"include/net/own.h": ["net/a.c", "net/latin.c"]}),
        (
            ["include/net/own.h", "include/linux/both.h"],
            {
                "include/net/own.h": ["net/a.c", "net/latin.c"],
                "include/linux/both.h": ["net/a.c", "net/c.c"],
            },
        ),
        (["arch/x86/include/asm/low.h"], {"arch/x86/include/asm/low.h": ["net/a.c"]}),
        # One name, and nobody says which of them is meant.
        (
            ["include/linux/both.h", "include/uapi/linux/both.h"],
            {
                "include/linux/both.h": ["net/a.c", "net/c.c"],
                "include/uapi/linux/both.h": ["net/a.c", "net/c.c"],
            },
        ),
        (["net/beside.h"], {"net/beside.h": ["net/b.c"]}),
        (["net/e.h"], {}),
        (["net/deep/beside.h"], {"net/deep/beside.h": ["net/deep/d.c"]}),
        (["xinclude/net/own.h", "include/"], {}),
        ([], {}),
    ],
)
def test_who_includes_what(tree: Path, files: list[str], found: dict[str, list[str]]) -> None:
    assert includers.includers(Repository(tree / ".git"), "HEAD", files) == found


def test_so_many_are_looked_for(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert includers.MAX_ASKED == 500
    monkeypatch.setattr(includers, "MAX_ASKED", 1)
    asked = ["include/none.h", "include/net/own.h"]
    repository = Repository(tree / ".git")
    assert includers.includers(repository, "HEAD", asked) == {}
    assert list(includers.includers(repository, "HEAD", asked[::-1])) == asked[1:]
