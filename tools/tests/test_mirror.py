# SPDX-License-Identifier: GPL-2.0
from pathlib import Path

import pytest

from kseries.machines.mirror import (
    Archive,
    archives,
    choose,
    debian_codename,
    parse_deb822,
    parse_one_line,
)

DEB822 = """\
# a comment
Types: deb deb-src
URIs: https://mirror.example/debian
  https://second.example/debian
Suites: bookworm bookworm-updates
# in between
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://off.example/debian
Suites: bookworm
Enabled: no

Types: deb-src
URIs: https://sources.example/debian
Suites: bookworm

Types: deb
URIs: https://key.example/x
Suites: stable
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
"""


def test_stanzas() -> None:
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    suites = ("bookworm", "bookworm-updates")
    assert parse_deb822(DEB822) == [
        Archive("https://mirror.example/debian", suites, keyring),
        Archive("https://second.example/debian", suites, keyring),
        Archive("https://key.example/x", ("stable",), ""),
    ]


def test_one_line_form() -> None:
    text = (
        "# deb http://comment.example x main\n"
        "deb http://a.example/debian bookworm main contrib\n"
        "  deb [arch=amd64 signed-by=/k.gpg] http://b.example/d  trixie main # end\n"
        "deb-src http://c.example bookworm main\n"
        "nonsense\n"
    )
    assert parse_one_line(text) == [
        Archive("http://a.example/debian", ("bookworm",)),
        Archive("http://b.example/d", ("trixie",), "/k.gpg"),
    ]


def test_all_lists_that_apt_reads(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text("deb http://a.example bookworm main\n")
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "b.sources").write_text(DEB822)
    (tmp_path / "sources.list.d" / "c.list").write_bytes(b"\xff\xfe")
    (tmp_path / "sources.list.d" / "d.list.save").write_text("deb http://d.example x main\n")
    assert [archive.uri for archive in archives(tmp_path)] == [
        "http://a.example",
        "https://mirror.example/debian",
        "https://second.example/debian",
        "https://key.example/x",
    ]
    assert archives(tmp_path / "none") == ()


def test_the_archive_of_this_release_is_chosen() -> None:
    security = Archive("https://m.example/debian-security", ("bookworm-security",))
    strange = Archive("cdrom:[Debian]/", ("bookworm",))
    main = Archive("https://m.example/debian", ("bookworm-updates", "bookworm"))
    assert choose([security, strange, main], "bookworm") == main
    assert choose([security], "bookworm") is None


@pytest.mark.parametrize(
    ("text", "codename"),
    [
        ('ID=debian\nVERSION_CODENAME=bookworm\nNAME="Debian"\n', "bookworm"),
        ('ID="debian"\nVERSION_CODENAME="trixie"\n', "trixie"),
        ("ID=ubuntu\nVERSION_CODENAME=noble\n", ""),
        ("", ""),
    ],
)
def test_the_codename_of_a_debian(text: str, codename: str) -> None:
    assert debian_codename(text) == codename
