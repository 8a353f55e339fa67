# SPDX-License-Identifier: GPL-2.0
"""Mails and folders as people have them: each is read right, or refused in words that help."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Protocol

import pytest

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.lib.paths import Project
from kseries.lib.progress import Silent
from kseries.model import Series
from kseries.series import diffpaths, diffs
from kseries.series.archive import ArchiveConfig
from kseries.series.mailbox import MAX_SUBJECT, Label, Mail
from kseries.series.read import read_series
from kseries.series.threads import threads_of

DATA = Path(__file__).parent / "data" / "mails"

DIFF = """\
diff --git a/net/socket.c b/net/socket.c
--- a/net/socket.c
+++ b/net/socket.c
@@ -1,2 +1,3 @@
 // SPDX-License-Identifier: GPL-2.0-or-later
+/* x */
 /*
"""


class Read(Protocol):
    def __call__(self, spec: Path | str, *, partial: bool = False) -> Series: ...


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(spec: Path | str, *, partial: bool = False) -> Series:
        return read_series(
            str(spec),
            project=Project(tmp_path / "project"),
            workdir=tmp_path / "run",
            archive=ArchiveConfig.at("http://127.0.0.1:1/nobody"),
            progress=Silent(),
            partial=partial,
        )

    return read


def mail(
    file: Path,
    *,
    subject: bytes = b"[PATCH] net: change a comment",
    sender: bytes = b"A Tester <a@example.org>",
    more: bytes = b"",
    text: bytes = b"A change.\n",
    diff: bytes = DIFF.encode(),
) -> Path:
    head = b"From: " + sender + b"\nSubject: " + subject + b"\nMessage-ID: <1@x.org>\n"
    date = b"" if b"\nDate:" in b"\n" + more else b"Date: Fri, 20 Sep 2024 10:00:00 +0000\n"
    file.write_bytes(head + date + more + b"\n" + text + b"---\n\n" + diff + b"-- \n2.45.2\n")
    return file


def committed(series: Series, tmp_path: Path) -> list[str]:
    """What git makes of the first patch: author, title, text, seconds."""
    patch = series.patches[0]
    repository = tmp_path / "committed"
    (repository / "net").mkdir(parents=True)
    (repository / "net/socket.c").write_text("// SPDX-License-Identifier: GPL-2.0-or-later\n/*\n")
    env = {f"GIT_COMMITTER_{name}": value for name, value in (("NAME", "C"), ("EMAIL", "c@x"))} | {
        "GIT_CONFIG_GLOBAL": "/dev/null"
    }
    identity = ["-c", "user.name=B", "-c", "user.email=b@x"]
    for words in (
        ["init", "-q"], ["add", "."], ["commit", "-q", "-m", "base"], ["am", "-q", patch.file],
    ):  # fmt: skip
        proc.run(["git", *identity, *words], cwd=repository, deadline=Deadline.after(60), env=env)
    words = ["git", "log", "-1", "--format=%an%n%s%n%b%n%at"]
    done = proc.run(words, cwd=repository, deadline=Deadline.after(60), env=env)
    return [line for line in done.output.splitlines() if line]


def refusal(read: Read, spec: Path | str) -> str:
    with pytest.raises(UserError) as caught:
        read(spec)
    return str(caught.value)


# ---------------------------------------------------------------- one mail


def test_whatever_stands_below_a_signature_is_no_part_of_the_patch(read: Read) -> None:
    series = read(DATA / "signature-then-indented-footer.mbox")
    assert [patch.title for patch in series.patches] == ["net: change a comment"]
    assert series.notes == ()


@pytest.mark.parametrize(
    "footer",
    [
        " - indented\n" * 3,
        "--- dashes\n+++ pluses\n",
        "@@ at @@\n",
        "+ plus\n- minus\n",
        "x\n" * 40,
    ],
)
def test_any_footer_may_follow_a_signature(read: Read, tmp_path: Path, footer: str) -> None:
    file = mail(tmp_path / "m.mbox", diff=DIFF.encode() + b"-- \n2.45.2\n\n" + footer.encode())
    series = read(file)
    assert series.notes == ()
    assert committed(series, tmp_path)[1] == "net: change a comment"


@pytest.mark.parametrize(
    "date",
    [
        b"Wed, 4 Jun 20777777777 17:50:46 +0000",
        b"99 Foo 99999999999 99:99:99 +99999999",
        b"Fri, 31 Dec 1000 10:00:00 +0000",
        b"Fri, 20 Sep 2024 10:00:00 +9999999",
        b"Mon, 1 Jan 2300 00:00:00 +0000",
        b"9" * 10_000,
        b"yesterday",
    ],
)
def test_a_date_that_makes_no_sense_is_left_out(read: Read, tmp_path: Path, date: bytes) -> None:
    series = read(mail(tmp_path / "m.mbox", more=b"Date: " + date + b"\n"))
    (note,) = series.notes
    assert "has a date that git does not take" in note
    assert len(note) < 300
    assert committed(series, tmp_path)[-1] == "946684800"


def test_a_date_without_a_zone_is_the_same_everywhere(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    series = read(mail(tmp_path / "m.mbox", more=b"Date: Fri, 20 Sep 2024 10:00:00 -0000\n"))
    assert series.notes == ()
    assert committed(series, tmp_path)[-1] == "1726826400"


def test_a_diffstat_that_is_stale_is_told_and_no_damage(read: Read) -> None:
    series = read(DATA / "stale-diffstat.patch")
    (note,) = series.notes
    assert "is not as its diffstat says (insertions: 1, not 2; deletions: 0, not 1)" in note


def test_a_diff_alone_has_the_title_of_its_file(read: Read, tmp_path: Path) -> None:
    assert read(DATA / "0007-net-only-a-diff.patch").patches[0].title == "net only a diff"
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "v2-0001-net_only_a_diff.diff").write_text(DIFF)
    assert read(folder).patches[0].title == "net only a diff"


def test_a_wrapped_header_of_a_diff_is_no_lack_of_prefixes(read: Read, tmp_path: Path) -> None:
    diff = DIFF.replace("a/net/socket.c b/", "a/net/socket.c\nb/", 1).encode()
    with pytest.raises(UserError, match="is damaged: its diff is cut off or mangled") as raised:
        read(mail(tmp_path / "wrapped.eml", diff=diff))
    assert "its lines were wrapped" in str(raised.value)
    assert "a/ and b/" not in str(raised.value)


@pytest.mark.parametrize("old", ["a/net/socket.c b/net/socket.c", "--- a/net/socket.c"])
def test_a_path_that_no_file_can_have_is_refused(read: Read, tmp_path: Path, old: str) -> None:
    def named(folders: int) -> Path:
        new = old.replace("net/", f"net/{'x/' * folders}")
        return mail(tmp_path / f"{folders}.eml", diff=DIFF.replace(old, new, 1).encode())

    with pytest.raises(UserError, match="names a file with a path that is too long"):
        read(named(80_000))
    assert "too long" not in str(read(named(2_000)).notes)


def test_a_title_is_one_line_for_git_alone(read: Read, tmp_path: Path) -> None:
    # Python's lines end with these, too.
    series = read(mail(tmp_path / "x.eml", subject=b"[PATCH] net: a\xe2\x80\xa8b\xc2\x85c"))
    assert series.patches[0].title.endswith("c")
    assert committed(series, tmp_path)[1].endswith("c")


# ---------------------------------------------------------------- charsets


def quoted(text: str, charset: str, named: str = "") -> bytes:
    body = "".join(f"={byte:02X}" for byte in text.encode(charset))
    return f"=?{named or charset}?Q?{body}?=".encode()


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("Jörg Müller", "ISO-8859-1"),
        ("Łukasz Żak", "ISO-8859-2"),
        ("Jörg\u2019s Müller", "windows-1252"),
        ("Иван Петров", "koi8-r"),
        ("Иван Петров", "windows-1251"),
        ("山田太郎", "iso-2022-jp"),
        ("山田太郎", "Shift_JIS"),
        ("模拟王伟", "gb2312"),
        ("홍길동", "euc-kr"),
        ("Zoë", "utf-8"),
    ],
)
@pytest.mark.parametrize("encoding", ["8bit", "base64"])
def test_any_charset_is_right_here_and_in_the_commit(
    read: Read, tmp_path: Path, text: str, charset: str, encoding: str
) -> None:
    # A name for a charset of which it uses a wider one, as mailers do.
    raw = text.encode(charset)
    body = raw + b"\n---\n\n" + DIFF.encode()
    if encoding == "base64":
        body = base64.encodebytes(body)
    head = (
        b"From: " + quoted(text, charset) + b" <j@example.org>\n"
        b"Subject: [PATCH] net: " + quoted(text, charset) + b"\n"
        b"Date: Fri, 20 Sep 2024 10:00:00 +0000\nMIME-Version: 1.0\n"
        b"Content-Type: text/plain; charset=" + charset.encode() + b"\n"
        b"Content-Transfer-Encoding: " + encoding.encode() + b"\n\n"
    )
    file = tmp_path / "m.mbox"
    file.write_bytes(head + body)
    series = read(file)
    assert series.notes == ()
    assert series.patches[0].author == f"{text} <j@example.org>"
    assert series.patches[0].title == f"net: {text}"
    assert committed(series, tmp_path)[:3] == [text, f"net: {text}", text]


def test_a_latin1_author_is_not_spoilt(read: Read, tmp_path: Path) -> None:
    series = read(DATA / "latin1.mbox")
    assert series.patches[0].author == "Jörg Müller <j@example.org>"
    assert committed(series, tmp_path)[:3] == ["Jörg Müller", "net: say hello", "Grüße."]


@pytest.mark.parametrize("charset", [b"", b"unknown-8bit", b"x-none", b"utf-8", b"us-ascii"])
def test_8_bit_text_of_no_charset_is_read_and_told(
    read: Read, tmp_path: Path, charset: bytes
) -> None:
    more = b"Content-Type: text/plain; charset=" + charset + b"\n" if charset else b""
    file = mail(
        tmp_path / "m.mbox",
        sender=b"J\xf6rg <j@example.org>",
        subject=b"[PATCH] net: Gr\xfc\xdfe",
        more=more + b"Content-Transfer-Encoding: 8bit\n",
        text=b"Gr\xfc\xdfe an \xc3\xa4lle.\nUnd \xc3\xa4lle.\n",
    )
    series = read(file)
    author, title, *lines = committed(series, tmp_path)
    assert (author, title, lines[1]) == ("Jörg", "net: Grüße", "Und älle.")
    assert lines[0].startswith("Grüße an ")
    assert any("windows-1252" in note for note in series.notes)


def test_what_no_charset_explains_is_replaced_and_told(read: Read, tmp_path: Path) -> None:
    file = mail(
        tmp_path / "m.mbox",
        sender=b"=?gb2312?Q?=D6=D0=FF=FF?= <w@example.org>",
        more=b"Content-Type: text/plain; charset=gb2312\nContent-Transfer-Encoding: 8bit\n",
        text=b"\xd6\xd0\xff\xff.\n",
    )
    series = read(file)
    assert series.patches[0].author == "中\ufffd\ufffd <w@example.org>"
    assert committed(series, tmp_path)[2] == "中\ufffd\ufffd."
    assert any("what cannot be read is replaced" in note for note in series.notes)


def test_code_points_that_are_no_text_are_replaced_and_told(read: Read, tmp_path: Path) -> None:
    # UTF-7 can name a lone surrogate, which no file and no terminal takes.
    file = mail(tmp_path / "m.mbox", subject=b"[PATCH] net: =?utf-7?Q?a+2AA-b?=")
    series = read(file)
    assert series.patches[0].title == "net: a?b"
    assert any("what cannot be read is replaced" in note for note in series.notes)


def test_a_diff_keeps_its_bytes_whatever_the_mail_says(read: Read, tmp_path: Path) -> None:
    diff = DIFF.encode().replace(b"/* x */", b"/* \xfc\xdf, Content-Type: x; charset=x-none */")
    more = b"Content-Type: text/plain; charset=x-none\nContent-Transfer-Encoding: 8bit\n"
    series = read(mail(tmp_path / "m.mbox", more=more, diff=diff))
    assert b"+/* \xfc\xdf, Content-Type: x; charset=x-none */\n" in (
        series.patches[0].file.read_bytes()
    )


# ---------------------------------------------------------------- paths


@pytest.mark.parametrize(
    ("old", "new"),
    [("", ""), ("i/", "w/"), ("c/", "i/"), ("o/", "w/"), ("linux.orig/", "linux/")],
)
@pytest.mark.parametrize("header", [True, False])
def test_paths_may_have_any_prefix_or_none(
    read: Read, tmp_path: Path, old: str, new: str, header: bool
) -> None:
    diff = DIFF.replace("a/net", f"{old}net").replace("b/net", f"{new}net")
    if not header:
        diff = diff.partition("\n")[2]
    series = read(mail(tmp_path / "m.mbox", diff=diff.encode()))
    told = [note for note in series.notes if "made without a/ and b/" in note]
    assert len(told) == (old == "")
    assert committed(series, tmp_path)[1] == "net: change a comment"


@pytest.mark.parametrize(
    ("diff", "found"),
    [
        (
            b"diff --git a/x y.c b/x y.c\nindex 1..2\n--- a/x y.c\t\n+++ b/x y.c\t\n"
            b"@@ -1 +1 @@\n-a\n+b\n",
            ("x y.c",),
        ),
        (b"--- a/old.c 2024-01-01 10:00\n+++ b/new.c\n@@ -1 +1 @@\n-a\n+b\n", ("new.c", "old.c")),
        (b"--- /dev/null\n+++ b/net/new.c\n@@ -0,0 +1 @@\n+b\n", ("net/new.c",)),
        (
            b"diff --git a/m/one b/m/two\nsimilarity index 100%\nrename from m/one\n"
            b"rename to m/two\n",
            ("m/one", "m/two"),
        ),
        (b'diff --git "a/\\303\\274.c" "b/\\303\\274.c"\nold mode 1\nnew mode 2\n', ("ü.c",)),
        (b'diff --git a/x b/x\nrename from "a\\tb"\nrename to x\n', ("a\tb", "x")),
        (b'diff --git "a/\\x" "a/\\x"\nnew file mode 100644\n', ('\\x"',)),
        (b"no diff\n", ()),
    ],
)
def test_the_paths_that_a_diff_changes(diff: bytes, found: tuple[str, ...]) -> None:
    assert diffpaths.paths(diffs.scan(diff)) == found


def test_a_patch_made_without_a_and_b_is_not_called_damaged(read: Read, tmp_path: Path) -> None:
    series = read(DATA / "noprefix-new-file.patch")
    assert "made without a/ and b/" in series.notes[0]
    assert b"\ndiff --git a/top.c b/top.c\n" in series.patches[0].file.read_bytes()


def test_paths_that_cannot_be_told_apart_are_named_as_such(read: Read, tmp_path: Path) -> None:
    diff = b"diff --git my file my other file\nnew file mode 100644\nindex 000..111\n"
    message = refusal(read, mail(tmp_path / "m.mbox", diff=diff))
    assert "was made without a/ and b/ before its paths" in message
    assert "damaged" not in message


def test_a_rename_made_without_a_and_b_is_taken(read: Read, tmp_path: Path) -> None:
    diff = (
        "diff --git net/socket.c net/plug.c\nsimilarity index 60%\n"
        "rename from net/socket.c\nrename to net/plug.c\n"
        + DIFF.partition("\n")[2].replace("a/net", "net").replace("b/net/socket", "net/plug")
    )
    series = read(mail(tmp_path / "m.mbox", diff=diff.encode()))
    committed(series, tmp_path)
    assert (tmp_path / "committed/net/plug.c").is_file()


# ---------------------------------------------------------------- series


def test_a_cover_letter_that_alone_has_the_version_gives_it_to_its_patches(read: Read) -> None:
    series = read(DATA / "cover-alone-has-the-version.mbox")
    assert (series.title, series.version, len(series.patches)) == ("Two comments", 3, 2)
    assert series.base_commit == "0123456789abcdef0123456789abcdef01234567"
    assert series.message_id == "c@x.org"


def test_versions_that_only_covers_name_are_told_apart(read: Read, tmp_path: Path) -> None:
    text = (DATA / "cover-alone-has-the-version.mbox").read_text()
    older = text.replace("v3 ", "v2 ").replace("@x.org", "@older.org").replace("/* one", "/* 1")
    file = tmp_path / "both.mbox"
    file.write_text(older + "\n" + text)
    series = read(file)
    assert (series.version, series.message_id) == (3, "c@x.org")
    assert read(f"{file}#v2").message_id == "c@older.org"


def test_one_patch_of_a_series_is_taken_when_asked_for(read: Read) -> None:
    message = refusal(read, DATA / "one-of-seven.patch")
    assert "misses 6 patches of 7: 1, 3 to 7" in message
    assert "--partial" in message
    series = read(DATA / "one-of-seven.patch", partial=True)
    assert [patch.title for patch in series.patches] == ["net: a refreshed backport"]
    assert series.notes[0] == "is not whole: patch 2 of 7, as asked for (--partial)"


def test_a_subject_without_end_is_refused_at_once(read: Read, tmp_path: Path) -> None:
    subject = b"[PATCH] " + b"[" * 2_500_000 + b" " * 2_500_000
    message = refusal(read, mail(tmp_path / "m.mbox", subject=subject))
    assert "The headers of this mail are too long." in message
    assert len(message) < 5000
    longest = b"x" * MAX_SUBJECT
    assert read(mail(tmp_path / "m.mbox", subject=longest)).patches[0].title == longest.decode()


def test_any_number_of_addresses_and_references_is_taken(read: Read, tmp_path: Path) -> None:
    to = b"To: " + b",\n ".join(b"A%d <a%d@example.org>" % (n, n) for n in range(9000)) + b"\n"
    asked = b"References: " + b"\n ".join(b"<%d@x>" % n for n in range(9000)) + b"\n"
    series = read(mail(tmp_path / "m.mbox", more=to + asked))
    assert committed(series, tmp_path)[:2] == ["A Tester", "net: change a comment"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("step", [1, -1])
def test_mails_that_answer_each_other_in_a_ring_are_a_thread_at_once(step: int) -> None:
    count = 30_000
    mails = [
        Mail(Path(f"{n}"), "", "", Label(""), f"{n}@x", (f"{(n + step) % count}@x",))
        for n in range(count)
    ]
    assert set(threads_of(mails).values()) == {0}


# ---------------------------------------------------------------- folders


def test_a_version_among_patches_of_others_replaces_none(read: Read) -> None:
    series = read(DATA / "mixed-versions-folder")
    titles = ["alpha: first change", "beta: second change", "gamma: third change"]
    assert [patch.title for patch in series.patches] == titles
    assert "all are taken" in series.notes[0]


def test_what_a_folder_holds_beside_its_patches_is_told(read: Read, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "old").mkdir(parents=True)
    for name in ("a.patch", "b.txt", "old/c.patch"):
        (folder / name).write_text(DIFF)
    (folder / "README").write_text("No patch.\n")
    assert [patch.title for patch in read(folder).patches] == ["a"]
    (note,) = read(folder).notes
    assert note.endswith("b.txt, old/ (1)")


def test_a_link_to_nothing_is_no_patch_that_is_passed_over(read: Read, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.patch").write_text(DIFF)
    (folder / "b.patch").symlink_to("gone")
    assert "is not a regular file" in refusal(read, folder)


# ---------------------------------------------------------------- quilt


@pytest.fixture
def quilt(tmp_path: Path) -> Path:
    folder = tmp_path / "quilt"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.patch", "b.patch", "sub/c"):
        (folder / name).write_text(DIFF)
    (folder / "p0.patch").write_text(DIFF.replace("a/net", "net").replace("b/net", "net"))
    (folder / "p2.patch").write_text(DIFF.replace("a/net", "x/y/net").replace("b/net", "x/z/net"))
    return folder


def test_quilts_series_says_which_patches_and_in_which_order(read: Read) -> None:
    series = read(DATA / "quilt")
    assert [patch.title for patch in series.patches] == ["b", "a"]
    assert series.notes == ("left out of the folder, being not in its series file: c.patch",)


def test_quilts_series_has_comments_options_and_folders(
    read: Read, quilt: Path, tmp_path: Path
) -> None:
    (quilt / "series").write_text(
        "# what we have\n\nsub/c  # the first\n  b.patch -p1\np0.patch -p0\n\tp2.patch -p2 # last\n"
    )
    series = read(quilt)
    assert [patch.title for patch in series.patches] == ["c", "b", "p0", "p2"]
    for patch in series.patches:
        assert b"\n--- a/net/socket.c\n+++ b/net/socket.c\n" in patch.file.read_bytes()
    assert series.notes[0] == "left out of the folder, being not in its series file: a.patch"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a.patch\n+mine b.patch\n", "has guards"),
        ("a.patch\nb.patch -R\n", "has an option that is not known here: -R"),
        ("a.patch\ngone.patch\n", "names a patch that is not there"),
        ("a.patch\n../quilt/b.patch\n", "names a file outside of its folder"),
        ("a.patch\nout.patch\n", "names a link that leads out of its folder"),
        ("a.patch\n/etc/passwd\n", "names a file outside of its folder"),
        ("b.patch\nb.patch\n", "names a patch twice"),
        ("a.patch\nsub\n", "names what is not a regular file"),
    ],
)
def test_mistakes_of_quilts_series_have_lines(
    read: Read, quilt: Path, text: str, told: str
) -> None:
    (quilt.parent / "out.patch").write_text(DIFF)
    (quilt / "out.patch").symlink_to("../out.patch")
    (quilt / "series").write_text(text)
    message = refusal(read, quilt)
    assert told in message
    assert f"{quilt}/series:2" in message


def test_quilts_series_without_a_patch_is_refused(read: Read, quilt: Path) -> None:
    (quilt / "series").write_text("# nothing\n")
    assert "names no patch" in refusal(read, quilt)


# ---------------------------------------------------------------- bases


def test_a_collection_has_no_base_of_one_of_its_patches(read: Read, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    base = b"A change.\n\nbase-commit: 0123456789abcdef\n"
    mail(folder / "1.patch", subject=b"[PATCH 3/4] net: one", text=base)
    assert read(folder, partial=True).base_commit == ""
    mail(folder / "2.patch", subject=b"[PATCH] net: two")
    assert read(folder).base_commit == ""
    mail(folder / "1.patch", text=base)
    assert read(folder).base_commit == "0123456789abcdef"
