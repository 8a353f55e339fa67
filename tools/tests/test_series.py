# SPDX-License-Identifier: GPL-2.0
"""Series from folders and mailboxes, made by a real git and by the mailers of this world."""

from __future__ import annotations

import gzip
import mailbox as stdlib_mailbox
import re
from collections.abc import Sequence
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.lib.paths import Project
from kseries.lib.progress import Silent
from kseries.model import Prerequisite, Series
from kseries.series.archive import ArchiveConfig
from kseries.series.mailbox import Label, parse_subject
from kseries.series.read import read_series

TITLES = ("net: add one", "naïve: añade dos", "io: change three")
WITHOUT_GIT_CONFIG = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_COMMITTER_NAME": "Zoë Ängström",
    "GIT_COMMITTER_EMAIL": "zoe@example.org",
    "GIT_AUTHOR_NAME": "Zoë Ängström",
    "GIT_AUTHOR_EMAIL": "zoe@example.org",
    "GIT_AUTHOR_DATE": "2024-10-29T23:05:04+0200",
}


def git(folder: Path, *words: str | Path) -> str:
    done = proc.run(
        ["git", *words], cwd=folder, deadline=Deadline.after(60), env=WITHOUT_GIT_CONFIG
    )
    return done.output


class Author:
    """Somebody with a repository of four commits, who mails the last three."""

    def __init__(self, folder: Path) -> None:
        self.repo = folder
        folder.mkdir()
        git(folder, "init", "-q", "-b", "main")
        (folder / "file").write_text("".join(f"line {n}\n" for n in range(30)))
        self.commit("base: begin")
        self.base = git(folder, "rev-parse", "HEAD").strip()
        (folder / "one.c").write_text("int one;\nFrom here on nothing.\n")
        self.commit(f"{TITLES[0]}\n\nFrom this day on there is one.\n>From quoted.\n\nMore — text.")
        (folder / "dos.c").write_text("/* ñandú */\n")
        self.commit(f"{TITLES[1]}\n\nCuerpo del mensaje.\n\nSigned-off-by: Zoë <zoe@example.org>")
        text = (folder / "file").read_text()
        (folder / "file").write_text(text.replace("line 3\n", "line three\n\tdone = 1;  \n"))
        self.commit(TITLES[2])

    def commit(self, message: str) -> None:
        git(self.repo, "add", "-A")
        git(self.repo, "commit", "-q", "-m", message)

    def mails(self, *options: str, revisions: str = "") -> list[bytes]:
        """Give what `git format-patch` makes of the last three commits, one mail each."""
        out = self.repo.parent / "formatted"
        git(self.repo, "format-patch", "-o", out, *options, revisions or f"{self.base}..main")
        files = sorted(out.iterdir())
        mails = [file.read_bytes() for file in files]
        for file in files:
            file.unlink()
        return mails

    def threaded(self, *options: str, revisions: str = "") -> list[bytes]:
        """Give mails as git send-email sends them: with message ids, in a thread."""
        return self.mails("--thread=shallow", *options, revisions=revisions)

    def check_applies(self, series: Series) -> None:
        """Hold what `git am` makes of the series against the commits it was made of."""
        tree = self.repo.parent / "applied"
        git(self.repo.parent, "clone", "-q", self.repo, tree)
        git(tree, "checkout", "-q", self.base)
        for patch in series.patches:
            git(tree, "am", "-q", patch.file)
        log = "--format=%an|%ae|%ai|%B|%T"
        assert git(tree, "log", log, f"{self.base}..HEAD") == git(
            self.repo, "log", log, f"{self.base}..main"
        )


class Reader:
    """Reads series as a run does; remembers what was said."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "run"
        self.project = Project(folder / "project")
        self.project.patches.mkdir(parents=True)

    def __call__(self, spec: Path | str) -> Series:
        return read_series(
            str(spec),
            project=self.project,
            workdir=self.work,
            archive=ArchiveConfig.at("http://127.0.0.1:1/nobody"),
            progress=Silent(),
        )

    def refusal(self, spec: Path | str) -> str:
        """Give the message of a refusal, which leaves nothing behind."""
        with pytest.raises(UserError) as caught:
            self(spec)
        assert not self.work.exists() or list(self.work.iterdir()) == []
        return str(caught.value)


@pytest.fixture(scope="session")
def session_author(tmp_path_factory: pytest.TempPathFactory) -> Author:
    return Author(tmp_path_factory.mktemp("author") / "repo")


@pytest.fixture
def author(session_author: Author, tmp_path: Path) -> Author:
    copy = object.__new__(Author)
    copy.base = session_author.base
    copy.repo = tmp_path / "repo"
    git(tmp_path, "clone", "-q", session_author.repo, copy.repo)
    return copy


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def mbox(file: Path, mails: Sequence[bytes], *, dialect: str = "mboxrd") -> Path:
    """Save mails as mailers do: a "From " line before each, such lines in the text quoted."""
    quoted = rb"^(>*From )" if dialect == "mboxrd" else rb"^(From )"
    data = b""
    for mail in mails:
        text = mail.partition(b"\n")[2] if mail.startswith(b"From ") else mail
        text = re.sub(quoted, rb">\1", text, flags=re.MULTILINE)
        data += b"From zoe@example.org Tue Oct 29 23:05:04 2024\n" + text + b"\n"
    file.write_bytes(data)
    return file


def folder(path: Path, mails: Sequence[bytes], names: Sequence[str] = ()) -> Path:
    path.mkdir()
    for place, mail in enumerate(mails, start=1):
        name = names[place - 1] if names else f"{place:04d}-x.patch"
        (path / name).write_bytes(mail)
    return path


def header(mail: bytes, name: str) -> str:
    return str(BytesParser().parsebytes(mail.partition(b"\n")[2]).get(name, ""))


def answer(mail: bytes, text: str) -> bytes:
    """Make a reply that quotes the mail whole, its diff included."""
    reply = EmailMessage()
    reply["From"] = "Rob <rob@example.org>"
    reply["Subject"] = f"Re: {header(mail, 'Subject')}"
    reply["Message-ID"] = f"<re-{header(mail, 'Message-ID').strip('<>')}>"
    reply["In-Reply-To"] = header(mail, "Message-ID")
    quoted = "".join(f"> {line}\n" for line in mail.decode().splitlines())
    reply.set_content(f"{quoted}{text}\n")
    return bytes(reply)


def letter(subject: str, body: str, message_id: str, **headers: str) -> bytes:
    mail = EmailMessage()
    mail["From"] = "Rob <rob@example.org>"
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{message_id}>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(body)
    return bytes(mail)


DIFF = """---
diff --git a/a b/a
new file mode 100644
--- /dev/null
+++ b/a
@@ -0,0 +1 @@
+a
"""


def recoded(mail: bytes, encoding: str, *, newline: str = "\n") -> bytes:
    """Send the mail through a mailer that wraps its body in another transfer encoding."""
    old = BytesParser(policy=policy.default).parsebytes(mail.partition(b"\n")[2])
    new = EmailMessage(policy=policy.SMTP if newline == "\r\n" else policy.default)
    for name in ("From", "Subject", "Date", "Message-ID", "In-Reply-To", "References"):
        if old[name]:
            new[name] = old[name]
    body = old.get_payload(decode=True)
    assert isinstance(body, bytes)
    new.set_content(body.decode(), cte=encoding)
    return bytes(new)


# ---------------------------------------------------------------- subjects


@pytest.mark.parametrize(
    ("subject", "label"),
    [
        ("[PATCH] x: y", Label("x: y", 1, None, 0, True)),
        ("[PATCH net-next v7 03/15] net: a", Label("net: a", 7, 3, 15, True)),
        ("[PATCHv2 1/2]  two   spaces", Label("two spaces", 2, 1, 2, True)),
        ("[RFC PATCH v10 00/15] cover", Label("cover", 10, 0, 15, True)),
        ("[PATCH 1/3 v4] late version", Label("late version", 4, 1, 3, True)),
        ("[net-next,v7,03/15] as a tracker writes", Label("as a tracker writes", 7, 3, 15, True)),
        ("[linux] [PATCH v2 2/2] by a list", Label("by a list", 2, 2, 2, True)),
        ("[PATCH ipv6 1/2] no version", Label("no version", 1, 1, 2, True)),
        ("[PATCH 6.12.y 1/2] stable", Label("stable", 1, 1, 2, True)),
        ("[RESEND PATCH 1/2] z", Label("z", 1, 1, 2, True, resent=True)),
        ("[PATCH v2 re-post] z", Label("z", 2, None, 0, True, resent=True)),
        ("[PATCH] resend: z", Label("resend: z", 1, None, 0, True)),
        ("Re: [PATCH v2 1/2] z", Label("Re: [PATCH v2 1/2] z", 1, None, 0, False, True)),
        ("plain", Label("plain", 1, None, 0, False)),
    ],
)
def test_a_subject_tells_version_and_place(subject: str, label: Label) -> None:
    assert parse_subject(subject) == label


# ---------------------------------------------------------------- mailboxes


def test_the_stream_of_format_patch_is_a_series(author: Author, reader: Reader) -> None:
    file = author.repo.parent / "out.mbox"
    git(author.repo, "format-patch", "--cover-letter", f"--output={file}", f"{author.base}..main")
    series = reader(file)
    assert [patch.title for patch in series.patches] == list(TITLES)
    assert [patch.index for patch in series.patches] == [1, 2, 3]
    assert {patch.author for patch in series.patches} == {"Zoë Ängström <zoe@example.org>"}
    assert (series.name, series.version, series.posted) == ("out", 1, 3)
    # The cover letter's title was left as git writes it.
    assert series.title == TITLES[0]
    assert series.author == series.patches[0].author
    assert series.link == ""  # git made message ids, and nobody knows whether it was sent
    assert [patch.file.name for patch in series.patches] == [
        "0001-net-add-one.patch",
        "0002-na-ve-a-ade-dos.patch",
        "0003-io-change-three.patch",
    ]
    author.check_applies(series)


def test_unnumbered_patches_keep_their_order(author: Author, reader: Reader) -> None:
    series = reader(mbox(author.repo.parent / "n.mbox", author.mails("-N")))
    assert [patch.title for patch in series.patches] == list(TITLES)
    author.check_applies(series)


@pytest.mark.parametrize("dialect", ["mboxrd", "mboxo"])
def test_a_thread_out_of_order_with_answers_is_a_series(
    author: Author, reader: Reader, dialect: str
) -> None:
    cover, one, two, three = author.threaded("--cover-letter")
    cover = cover.replace(b"*** SUBJECT HERE ***", b"Three things")
    mails = [three, answer(one, "Why?"), two, letter("lunch", "at noon?", "l@x"), cover, one]
    if dialect == "mboxo":
        # That dialect cannot tell a quoted ">From " from a "From ".
        mails = [mail.replace(b">From quoted.", b"No quote.") for mail in mails]
    series = reader(mbox(author.repo.parent / "t.mbox", mails, dialect=dialect))
    assert [patch.title for patch in series.patches] == list(TITLES)
    assert series.title == "Three things"
    assert f"<{series.message_id}>" == header(cover, "Message-ID")
    assert series.notes == ()
    if dialect == "mboxrd":
        author.check_applies(series)


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_transfer_encodings_change_nothing(
    author: Author, reader: Reader, encoding: str, newline: str
) -> None:
    mails = [recoded(mail, encoding, newline=newline) for mail in author.threaded()]
    author.check_applies(reader(mbox(author.repo.parent / "t.mbox", mails)))


def test_a_patch_may_be_attached(author: Author, reader: Reader) -> None:
    mails = []
    for mail in author.threaded():
        old = BytesParser(policy=policy.default).parsebytes(mail.partition(b"\n")[2])
        payload = old.get_payload(decode=True)
        assert isinstance(payload, bytes)
        message, _, diff = payload.decode().partition("---\n")
        new = EmailMessage()
        for name in ("From", "Subject", "Date", "Message-ID", "References"):
            if old[name]:
                new[name] = old[name]
        new.set_content(message)
        new.add_attachment("---\n" + diff, subtype="x-patch", filename="a.patch")
        mails.append(bytes(new))
    series = reader(mbox(author.repo.parent / "t.mbox", mails))
    tree = git(author.repo, "rev-parse", "main^{tree}")
    applied = author.repo.parent / "applied"
    git(author.repo.parent, "clone", "-q", author.repo, applied)
    git(applied, "checkout", "-q", author.base)
    for patch in series.patches:
        git(applied, "am", "-q", patch.file)
    assert git(applied, "rev-parse", "HEAD^{tree}") == tree


def test_gzip_maildir_and_single_mail(author: Author, reader: Reader) -> None:
    mails = author.threaded()
    plain = mbox(author.repo.parent / "plain.mbox", mails)
    packed = author.repo.parent / "packed.mbox.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    maildir = author.repo.parent / "dir"
    box = stdlib_mailbox.Maildir(maildir)
    for mail in mails:
        box.add(mail.partition(b"\n")[2])
    sums = [[patch.sha256 for patch in reader(f).patches] for f in (plain, packed, maildir)]
    assert sums[0] == sums[1] == sums[2]
    assert reader(packed).name == "packed"
    (alone,) = author.mails(revisions="main~1..main")
    single = author.repo.parent / "single.eml"
    single.write_bytes(alone.partition(b"\n")[2])
    assert [patch.title for patch in reader(single).patches] == [TITLES[2]]


def test_mails_sent_without_a_thread_belong_together(author: Author, reader: Reader) -> None:
    mails = [
        re.sub(rb"(?m)^(In-Reply-To|References): .*\n(\s.*\n)*", b"", mail)
        for mail in author.threaded("--cover-letter")
    ]
    assert b"In-Reply-To" not in b"".join(mails)
    author.check_applies(reader(mbox(author.repo.parent / "t.mbox", mails)))


def test_the_highest_version_is_taken_and_told(author: Author, reader: Reader) -> None:
    first = author.threaded()
    # Made within a second, both would get the same message ids.
    first_id = header(first[0], "Message-ID").encode()
    second = [
        mail.replace(b".git.", b".v2.git.").replace(b"<top@x>", first_id)
        for mail in author.threaded("-v2", "--in-reply-to=<top@x>")
    ]
    file = mbox(author.repo.parent / "t.mbox", [*second, *first])
    series = reader(file)
    assert series.version == 2
    assert series.notes == (f"left out v1, 3 patches: {TITLES[0]}",)
    earlier = reader(f"{file}#v1")
    assert earlier.version == 1
    assert earlier.notes == (f"left out the newer v2, 3 patches: {TITLES[0]}",)
    named = reader(f"{file}#{header(first[1], 'Message-ID')}")
    assert named.version == 1
    assert "There is no version 3 of a series in this mailbox." in _message(reader, f"{file}#v3")


def test_versions_in_threads_of_their_own_are_one_series(author: Author, reader: Reader) -> None:
    second = [mail.replace(b".git.", b".v2.git.") for mail in author.threaded("-v2")]
    mails = [*author.threaded(), *second]
    assert reader(mbox(author.repo.parent / "t.mbox", mails)).version == 2


def test_an_aside_in_an_answer_is_no_part_of_the_series(author: Author, reader: Reader) -> None:
    mails = author.threaded()
    aside = letter(
        "[PATCH] better", f"Try\n{DIFF}", "a@x", In_Reply_To=header(mails[0], "Message-ID")
    )
    stranger = letter("[PATCH v9] other thing", f"It\n{DIFF}", "s@x")
    series = reader(mbox(author.repo.parent / "t.mbox", [aside, *mails, stranger]))
    assert [patch.title for patch in series.patches] == list(TITLES)
    assert series.notes == ("left out v1: better", "left out v9: other thing")


def test_two_series_are_told_apart_by_a_message_id(author: Author, reader: Reader) -> None:
    other = [
        letter("[PATCH 0/2] other", "Cover", "o0@x"),
        letter("[PATCH 1/2] o1", f"x\n{DIFF}", "o1@x", In_Reply_To="<o0@x>"),
        letter("[PATCH 2/2] o2", f"x\n{DIFF}", "o2@x", In_Reply_To="<o0@x>"),
    ]
    file = mbox(author.repo.parent / "t.mbox", [*author.threaded(), *other])
    message = reader.refusal(file)
    assert "The mailbox holds several series." in message
    assert "v1, 2 patches: other <o0@x>" in message
    assert [patch.title for patch in reader(f"{file}#o1@x").patches] == ["o1", "o2"]
    assert reader(f"{file}#o0@x").title == "other"


@pytest.mark.parametrize(
    ("left", "told"),
    [
        ([0, 1, 3], "misses 1 patch of 3: 2."),
        ([0, 1, 2], "misses 1 patch of 3: 3."),
        ([0, 2], "misses 2 patches of 3: 1, 3."),
        ([1], "misses 2 patches of 3: 2 to 3."),
    ],
)
def test_a_missing_patch_is_named(
    author: Author, reader: Reader, left: list[int], told: str
) -> None:
    mails = author.threaded("--cover-letter")
    file = mbox(author.repo.parent / "t.mbox", [mails[place] for place in left])
    message = reader.refusal(file)
    assert told in message
    assert str(file) in message


def test_a_numbered_mail_without_a_diff_is_told(author: Author, reader: Reader) -> None:
    one, two, three = author.threaded()
    two = two.partition(b"\n---\n")[0] + b"\n"
    message = reader.refusal(mbox(author.repo.parent / "t.mbox", [one, two, three]))
    assert "misses 1 patch of 3: 2." in message
    assert f"{header(two, 'Message-ID')} (t.mbox, mail 2): carries no diff" in message


def test_copies_are_one_and_differing_mails_are_refused(author: Author, reader: Reader) -> None:
    one, two, three = author.threaded()
    footer = two.replace(b"-- \n", b"-- \n_____\nsome list <list@example.org>\n\n", 1)
    author.check_applies(reader(mbox(author.repo.parent / "t.mbox", [one, two, footer, three])))
    own = header(two, "Message-ID").encode()
    changed = two.replace(own, b"<changed@x>").replace("ñandú".encode(), b"emu")
    message = Reader(author.repo.parent / "second").refusal(
        mbox(author.repo.parent / "u.mbox", [one, two, changed, three])
    )
    assert "Two different mails are patch 2/3" in message
    assert own.decode() in message
    assert "<changed@x>" in message


def test_what_was_sent_again_takes_the_place_of_what_it_differs_from(
    author: Author, reader: Reader
) -> None:
    one, two, three = author.threaded()
    own = header(two, "Message-ID").encode()
    again = two.replace(own, b"<again@x>").replace("ñandú".encode(), b"emu")
    again = again.replace(b"[PATCH 2/3]", b"[PATCH RESEND 2/3]")
    series = reader(mbox(author.repo.parent / "t.mbox", [again, one, two, three]))
    assert series.patches[1].message_id == "again@x"
    assert series.notes == ("patch 2 was sent again: <again@x> (t.mbox, mail 1) is taken",)
    same = again.replace(b"emu", "ñandú".encode())
    series = Reader(author.repo.parent / "second")(
        mbox(author.repo.parent / "u.mbox", [same, one, two, three])
    )
    assert series.patches[1].message_id == own.decode().strip("<>")
    assert series.notes == ()


def test_what_git_says_of_the_base_is_kept(author: Author, reader: Reader) -> None:
    git(author.repo, "branch", "--set-upstream-to=origin/main", "main")
    mails = author.mails(
        "--thread=shallow", f"--base={author.base}", "--cover-letter", revisions="main~2..main"
    )
    mails[0] += b"prerequisite-change-id: 20241029-thing-0123456789ab:v2\n"
    series = reader(mbox(author.repo.parent / "t.mbox", mails))
    assert series.base_commit == author.base
    assert series.base == f"commit {author.base}"
    patch_id = proc.run(
        ["sh", "-c", f"git show {author.base}..main~2 | git patch-id --stable"],
        cwd=author.repo,
        deadline=Deadline.after(60),
    ).output.split()[0]
    assert series.prerequisites == (
        Prerequisite("patch-id", patch_id),
        Prerequisite("change-id", "20241029-thing-0123456789ab:v2"),
    )


def test_a_removed_line_is_no_signature(author: Author, reader: Reader) -> None:
    (author.repo / "list").write_text("- \nx\nz\n")
    author.commit("list: begin")
    (author.repo / "list").write_text("y\nz\n")
    author.commit("list: change")
    first, second = author.threaded(revisions="main~2..main")
    changed = second.replace(b"\n+y\n", b"\n+w\n").replace(b".git.", b".other.git.")
    message = reader.refusal(mbox(author.repo.parent / "t.mbox", [first, second, changed]))
    assert "Two different mails are patch 2/2" in message


def test_a_date_that_git_cannot_read_is_replaced(author: Author, reader: Reader) -> None:
    (mail,) = author.mails(revisions="main~1..main")
    mail = mail.replace(b"\nDate: ", b"\nDate: the day after ")
    series = reader(mbox(author.repo.parent / "t.mbox", [mail]))
    git(author.repo, "checkout", "-q", "main~1")
    git(author.repo, "am", "-q", series.patches[0].file)
    assert git(author.repo, "log", "-1", "--format=%at").strip() == "946684800"


def test_a_mailbox_cut_off_anywhere_is_no_other_series(author: Author, reader: Reader) -> None:
    (author.repo / "a").write_text("a\n" * 5)
    (author.repo / "z").write_text("z\n" * 5)
    author.commit("two files\n\nThis one comes last.")
    whole = mbox(author.repo.parent / "t.mbox", author.threaded(revisions="main~2..main"))
    data = whole.read_bytes()
    # The blank line between mails and the signature may go.
    end = data.rindex(b"\n+z\n-- \n") + len(b"\n+z\n")
    for length in range(0, end - 4, 97):
        cut = author.repo.parent / "cut.mbox"
        cut.write_bytes(data[:length])
        try:
            message = reader(cut).notes[0]
        except UserError as error:
            message = str(error)
        # As git takes what ends with a hunk, it may as well have been changed by hand.
        assert re.search("is empty|no patch|misses|is damaged|or its end is missing", message)
    (author.repo.parent / "cut.mbox").write_bytes(data[: end - 7])
    message = _message(reader, author.repo.parent / "cut.mbox")
    assert "The patch 'two files' is damaged: its diff is cut off or mangled." in message
    assert "its last hunk lacks 2 lines" in message
    boundary = data.rindex(b"diff --git a/z b/z")
    (author.repo.parent / "cut.mbox").write_bytes(data[:boundary])
    (note,) = reader(author.repo.parent / "cut.mbox").notes
    assert "'two files': is not as its diffstat says (files: 1, not 2; insertions: 5, not" in note
    assert note.endswith("or its end is missing")
    assert len(reader(whole).patches) == 2


def test_a_diff_whose_lines_were_wrapped_is_refused(author: Author, reader: Reader) -> None:
    (mail,) = author.mails(revisions="main~1..main")
    mail = mail.replace(b" line 4\n", b" line\n4\n")
    message = reader.refusal(mbox(author.repo.parent / "t.mbox", [mail]))
    assert f"The patch '{TITLES[2]}' is damaged" in message
    assert "corrupt patch at line" in message


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "The mailbox is empty."),
        (b"<html><body>Not found</body></html>\n", "There is no patch in this mailbox."),
        (letter("hello", "you", "h@x"), "There is no patch in this mailbox."),
        (gzip.compress(b"From x" * 1000)[:-20], "The mailbox is a damaged gzip file"),
    ],
    ids=["empty", "a web page", "a letter", "cut gzip"],
)
def test_a_file_without_patches_is_refused(reader: Reader, data: bytes, told: str) -> None:
    file = reader.project.root / "x.mbox"
    file.write_bytes(data)
    assert told in reader.refusal(file)


def test_a_line_that_git_would_cut_at_stays_in_the_message(author: Author, reader: Reader) -> None:
    (author.repo / "x").write_text("x\n")
    author.commit(f"quote\n\nfoo\n\nFrom {author.base} Mon Sep 17 00:00:00 2001\nbar")
    (mail,) = author.mails(revisions="main~1..main")
    series = reader(mbox(author.repo.parent / "t.mbox", [mail]))
    git(author.repo, "reset", "-q", "--hard", "main~1")
    git(author.repo, "am", "-q", series.patches[0].file)
    body = git(author.repo, "log", "-1", "--format=%B")
    assert body.splitlines()[4:] == [f">From {author.base} Mon Sep 17 00:00:00 2001", "bar", ""]


# ---------------------------------------------------------------- folders


def test_a_folder_of_the_project_with_its_series_file(author: Author, reader: Reader) -> None:
    path = folder(reader.project.patches / "thing", author.mails("--cover-letter"))
    (path / "series.toml").write_text(
        'title = "A thing"\nmessage_id = "c@x"\nversion = 7\nposted = 3\nbase = "v6.12"\n'
        'requires = ["prep"]\nneeds = ["NET"]\nfor_sources = ["debian-*"]\n'
    )
    series = reader("thing")
    assert (series.name, series.title, series.message_id) == ("thing", "A thing", "c@x")
    assert series.link == "https://lore.kernel.org/r/c@x"
    assert (series.version, series.posted, series.base) == (7, 3, "v6.12")
    assert (series.requires, series.needs) == (("prep",), ("NET",))
    assert series.for_sources == ("debian-*",)
    assert series.origin == str(path)
    author.check_applies(series)


def test_a_series_file_says_what_each_run_is_to_say(author: Author, reader: Reader) -> None:
    path = folder(reader.project.patches / "thing", author.mails())
    file = path / "series.toml"
    file.write_text('notes = ["never run: there was no card"]\n')
    (path / "old.orig").write_text("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    told, passed_over = reader("thing").notes
    assert told == "never run: there was no card"
    assert "old.orig" in passed_over
    file.write_text('notes = [\n  "fine",\n  "two\\nlines",\n]\n')
    assert f"{file}:3: notes.1: String should match" in _message(reader, path)


def test_a_folder_without_a_series_file_goes_by_file_names(author: Author, reader: Reader) -> None:
    names = ["2-a.patch", "10-b.patch", "11-c.patch"]
    series = reader(folder(author.repo.parent / "f", author.mails("-N"), names))
    author.check_applies(series)


def test_a_folder_with_two_versions_gives_the_highest(author: Author, reader: Reader) -> None:
    mails = [*author.mails(), *author.mails("-v2")]
    names = [f"{v}000{n}-x.patch" for v in ("", "v2-") for n in (1, 2, 3)]
    series = reader(folder(author.repo.parent / "f", mails, names))
    assert series.version == 2
    assert series.notes[0] == "left out 0001-x.patch: v1, v2 takes its place"
    author.check_applies(series)


def test_order_that_contradicts_itself_is_refused(author: Author, reader: Reader) -> None:
    names = ["0002-x.patch", "0001-y.patch", "0003-z.patch"]
    message = reader.refusal(folder(author.repo.parent / "f", author.mails(), names))
    assert "Subjects and file names disagree about the order" in message
    assert "0002-x.patch: [PATCH 1/3] net: add one" in message
    assert "0001-y.patch: [PATCH 2/3] naïve: añade dos" in message


def test_files_without_numbers_go_by_their_subjects(author: Author, reader: Reader) -> None:
    names = ["c.patch", "b.patch", "a.patch"]
    author.check_applies(reader(folder(author.repo.parent / "f", author.mails(), names)))


def test_a_folder_may_hold_the_first_patches_only(author: Author, reader: Reader) -> None:
    path = folder(author.repo.parent / "f", author.mails()[:2])
    message = reader.refusal(path)
    assert "The series misses 1 patch of 3: 3." in message
    assert "`posted = 3` and `upto`" in message
    (path / "series.toml").write_text("posted = 3\nupto = 2\n")
    series = reader(path)
    assert (len(series.patches), series.posted) == (2, 3)
    (path / "series.toml").write_text("posted = 3\nupto = 1\n")
    assert "holds patch 2 of a series that ends at 1" in _message(reader, path)


def test_a_file_that_is_no_patch_is_named(author: Author, reader: Reader) -> None:
    path = folder(author.repo.parent / "f", author.mails())
    (path / "0004-notes.patch").write_text("Subject: notes\n\nremember the milk\n")
    message = reader.refusal(path)
    assert "The file is not a patch: there is no diff in it." in message
    assert str(path / "0004-notes.patch") in message


def test_a_file_with_several_mails_is_refused(author: Author, reader: Reader) -> None:
    path = folder(author.repo.parent / "f", [b"\n".join(author.mails())])
    assert "The file holds 3 mails." in reader.refusal(path)


def test_plain_diffs_get_title_and_a_fixed_author(author: Author, reader: Reader) -> None:
    diff = "Why it is so.\n\n" + git(author.repo, "diff", author.base, "main")
    path = folder(author.repo.parent / "f", [diff.encode()], ["0001-all-of-it.patch"])
    series = reader(path)
    assert [patch.title for patch in series.patches] == ["all of it"]
    assert series.patches[0].author == "unknown <unknown@localhost>"
    git(author.repo, "checkout", "-q", author.base)
    git(author.repo, "am", "-q", series.patches[0].file)
    assert git(author.repo, "diff", "HEAD", "main") == ""
    when = git(author.repo, "log", "-1", "--format=%an|%ad|%s|%b", "--date=iso").strip()
    assert when == "unknown|2000-01-01 00:00:00 +0000|all of it|Why it is so."


def test_mistakes_of_a_series_file_have_lines(author: Author, reader: Reader) -> None:
    path = folder(reader.project.patches / "thing", author.mails())
    file = path / "series.toml"
    file.write_text('version = "7"\n\nneeds = [\n  "NET",\n  "CONFIG_INET",\n]\nposded = 3\n')
    message = reader.refusal("thing")
    assert "The series file has 3 mistakes." in message
    assert f"{file}:1: version: Input should be a valid integer" in message
    assert f"{file}:5: needs.1: Value error, write INET, without CONFIG_" in message
    assert f"{file}:7: posded: Unexpected keyword argument" in message
    file.write_text("posted = 3\nupto = 4\n")
    assert f"{file}:2: upto: is 4, but posted is 3" in reader.refusal("thing")
    file.write_text("version = 1\nposted = 5\n")
    told = f"{file}:2: posted: is 5, but the subjects count 3 patches"
    assert told in reader.refusal("thing")


def test_what_is_no_series_gets_the_forms_and_close_names(reader: Reader) -> None:
    (reader.project.patches / "zcrx-v7").mkdir()
    (reader.project.root / "empty").mkdir()
    message = reader.refusal("zcrx-v8")
    assert "There is no series 'zcrx-v8'." in message
    assert "did you mean zcrx-v7? A series is one of:" in message
    assert "- a message id, or a link to a mail in an archive" in message
    assert "There is no series" in reader.refusal(reader.project.root / "empty")
    assert "There is no series" in reader.refusal("https://example.org/no/mail/here")
    assert "There is no patch in this folder." in reader.refusal("zcrx-v7")


def _message(reader: Reader, spec: Path | str) -> str:
    with pytest.raises(UserError) as caught:
        reader(spec)
    return str(caught.value)


def test_what_is_odd_about_many_patches_is_told_once(author: Author, reader: Reader) -> None:
    for number in range(5):
        (author.repo / f"f{number}").write_text("x\n")
        author.commit(f"file {number}")
    mails = author.threaded(revisions="main~5..main")
    stale = [mail.replace(b" 1 insertion(+)", b" 7 insertions(+)") for mail in mails]
    file = mbox(author.repo.parent / "t.mbox", [*stale[:2], mails[2], *stale[3:]])
    assert reader(file).notes == (
        "patches 1 to 2, 4 to 5: each is not as its diffstat says: it was changed by hand,"
        " or its end is missing",
    )
