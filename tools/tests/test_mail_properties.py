# SPDX-License-Identifier: GPL-2.0
"""What holds for any mail: it is read or refused in words, and not for ever.

Mails are made of pieces that readers stumble over, some of them repeated very often. The default
run takes the same examples each time; `nox -s fuzz` takes new ones for as long as it is told.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kseries.lib.errors import UserError
from kseries.lib.paths import Project
from kseries.lib.progress import Silent
from kseries.series import charsets, diffpaths, diffs, headers
from kseries.series.archive import ArchiveConfig
from kseries.series.mailbox import MAX_SUBJECT, parse_subject
from kseries.series.read import read_series

# For what takes seconds, most of them git's own.
pytestmark = pytest.mark.timeout(110)

DIFF = (
    b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n a\n+b\n c\n",
    b"--- x\n+++ x\n@@ -1 +1 @@\n-a\n+b\n",
    b"diff --git a/y b/z\nsimilarity index 100%\nrename from y\nrename to z\n",
    b"diff --git a/b b/b\nindex 1..2 100644\nGIT binary patch\nliteral 3\nKcmXx\n\n",
    b"--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n",
)
PIECES = (
    b"\n", b" ", b"\t", b"\r\n", b"a", b"-- \n", b"--\n", b"---\n", b"-", b"+", b"@@ -1 +1 @@\n",
    b"@", b"\n\n", b" a\n", b"+a\n", b"-a\n", b"From ", b"From x Mon Sep 17 00:00:00 2001\n",
    b">From ", b"=?utf-8?q?=C3=BC?=", b"=?iso-8859-1?Q?=FC?=", b"=?x?b?", b"=?", b"?=", b"[", b"]",
    b"[PATCH] ", b"[PATCH v2 1/2] ", b"[RFC 0/1] ", b"Re: ", b"\xff", b"\xfc", b"\x00", b"\x1b$B",
    b"<a@b>", b"<", b">", b"--b\n", b"--b--\n", b"1 file changed, 1 insertion(+)\n",
    b" 1 file changed, 9 insertions(+)\n", b"base-commit: 0123456789\n", b"base-commit:",
    b"Index: x\n", b"\xe2\x80\xa8", b"\\ No\n", b"literal 9\n", *DIFF,
)  # fmt: skip
NAMES = (
    b"From", b"Subject", b"Date", b"Message-ID", b"In-Reply-To", b"References", b"To", b"X",
    b"Content-Type", b"Content-Transfer-Encoding", b"MIME-Version",
)  # fmt: skip
VALUES = (
    b"A <a@example.org>", b"[PATCH] x", b"[PATCH 1/1] x", b"Fri, 20 Sep 2024 10:00:00 +0000",
    b"<1@x>", b"text/plain; charset=iso-8859-1", b"text/plain; charset=nothing",
    b"multipart/mixed; boundary=b", b"text/plain; charset=iso-2022-jp; format=flowed; delsp=yes",
    b"base64", b"quoted-printable", b"8bit", b"x-uuencode", b"message/rfc822",
    b"99 Foo 99999999999 99:99:99 +99999999", b"Wed, 4 Jun 20777777777 17:50:46 +0000", b"1.0",
)  # fmt: skip

piece = st.sampled_from(PIECES)
often = st.builds(lambda one, times: one * (times // len(one)), piece, st.sampled_from([0, 40_000]))
text = st.lists(st.one_of(piece, piece, piece, often, st.binary(max_size=9)), max_size=12).map(
    b"".join
)
value = st.one_of(st.sampled_from(VALUES), st.sampled_from(VALUES), text)
header = st.builds(lambda name, of: name + b": " + of + b"\n", st.sampled_from(NAMES), value)
mail = st.builds(
    lambda envelope, head, body, end: envelope + b"".join(head) + b"\n" + body + b"---\n" + end,
    st.sampled_from(
        [b"", b"From x Mon Sep 17 00:00:00 2001\n", b"From a Thu Jan  1 00:00:00 1970\n"]
    ),
    st.lists(header, max_size=8),
    text,
    st.one_of(text, st.sampled_from(DIFF), st.builds(bytes.__add__, st.sampled_from(DIFF), text)),
)
mails = st.lists(mail, min_size=1, max_size=4).map(b"\n".join)


def taken(data: bytes, name: str) -> None:
    """Read a file as a series: it is one, or refused in words that people can read."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / name).write_bytes(data)
        try:
            series = read_series(
                str(folder / name if "." in name else folder),
                project=Project(folder / "project"),
                workdir=folder / "run",
                archive=ArchiveConfig.at("http://127.0.0.1:1/nobody"),
                progress=Silent(),
                partial=True,
            )
        except UserError as error:
            message = str(error)
        else:
            message = "".join(series.notes)
            assert series.patches
            assert all(len(patch.title) <= MAX_SUBJECT for patch in series.patches)
        assert len(message) < 20_000


@given(mails)
@settings(max_examples=25)
def test_any_mail_is_read_or_refused(data: bytes) -> None:
    taken(data, "any.mbox")


@given(mail)
@settings(max_examples=15)
def test_any_file_of_a_folder_is_read_or_refused(data: bytes) -> None:
    taken(data, "0001-any.patch")


@given(text)
def test_any_series_file_of_quilt_is_read_or_refused(data: bytes) -> None:
    taken(data, "series")


@given(text)
def test_any_headers_are_read(data: bytes) -> None:
    found = headers.read_headers(b"From: a\n" + data)
    for name in found.values:
        found.text(name)
        found.raw(name)
    value, _ = charsets.decode_header(data)
    assert "\n" not in value
    label = parse_subject(value)
    assert label.total >= 0
    plain, _ = headers.with_plain_headers(b"Subject: " + data, ("Subject",))
    headers.without_charsets(plain)


@given(st.builds(lambda parts: b"".join(parts), st.lists(st.one_of(text, st.sampled_from(DIFF)))))
def test_any_diff_is_read(data: bytes) -> None:
    found = diffs.scan(data)
    assert 0 <= found.end <= len(data)
    again = diffs.scan(data[: found.end])
    assert (again.added, again.removed, again.end) == (found.added, found.removed, found.end)
    rooted, _ = diffpaths.rooted(data, found)
    assert diffs.scan(rooted).added == found.added


@given(text, st.sampled_from(["", "utf-8", "gb2312", "iso-2022-jp", "utf-7", "x", "rot13", "hz"]))
def test_any_text_is_decoded(data: bytes, charset: str) -> None:
    for mixed in (True, False):
        recoded, _ = charsets.recoded(data, charset, mixed=mixed)
        recoded.decode()
