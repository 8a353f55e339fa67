# SPDX-License-Identifier: GPL-2.0
"""Archives in small: as public-inbox lays them out, written by git alone, which is quick."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path

from kseries.lib import proc
from kseries.lib.deadline import Deadline

ADDRESS = "test@example.org"
SENDER = "Zoë Ängström <zoe@example.org>"


def git(*words: str | Path, stdin: bytes = b"") -> str:
    done = subprocess.run(
        ["git", *words], input=stdin, check=True, capture_output=True, env=_environment()
    )
    return done.stdout.decode().strip()


def _environment() -> dict[str, str]:
    return {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


def mail(
    subject: str,
    message_id: str,
    body: str = "Hello.\n",
    *,
    answers: str | Sequence[str] = (),
    sender: str = SENDER,
    headers: Sequence[tuple[str, str]] = (),
) -> bytes:
    letter = EmailMessage()
    for name, value in headers:
        letter[name] = value
    letter["From"] = sender
    letter["To"] = ADDRESS
    letter["Date"] = "Tue, 29 Oct 2024 16:05:03 -0700"
    letter["Subject"] = subject
    letter["Message-ID"] = f"<{message_id}>"
    answered = [answers] if isinstance(answers, str) else list(answers)
    if answered:
        letter["In-Reply-To"] = f"<{answered[-1]}>"
        letter["References"] = " ".join(f"<{name}>" for name in answered)
    letter.set_content(body, cte="8bit")
    return bytes(letter)


def diff(name: str, line: str = "a = 1;") -> str:
    return (
        f"diff --git a/{name} b/{name}\nnew file mode 100644\nindex 0000000..7898192\n"
        f"--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+{line}\n-- \n2.39\n"
    )


def patch_body(name: str, line: str = "a = 1;") -> str:
    return f"Add {name}.\n\nSigned-off-by: Zoë <zoe@example.org>\n---\n {name} | 1 +\n\n" + diff(
        name, line
    )


def thread(
    tag: str,
    count: int,
    *,
    prefix: str = "PATCH",
    title: str = "",
    folder: str = "net",
    answers: str = "",
    sender: str = SENDER,
    headers: Sequence[tuple[str, str]] = (),
    ids: str = "",
    line: str = "a = 1;",
) -> list[bytes]:
    """Make a cover letter and its patches; message ids are tag-0@x, tag-1@x, …"""
    ids = ids or tag
    top = f"{ids}-0@x"
    width = len(str(count))
    cover = mail(
        f"[{prefix} {0:0{width}}/{count}] {title or f'{tag} things'}",
        top,
        answers=answers,
        sender=sender,
        headers=headers,
    )
    return [cover] + [
        mail(
            f"[{prefix} {n:0{width}}/{count}] {tag} {n}",
            f"{ids}-{n}@x",
            patch_body(f"{folder}/{tag}{n}.c", line),
            answers=top,
            sender=sender,
            headers=headers,
        )
        for n in range(1, count + 1)
    ]


class Archive:
    """A public-inbox of version 2 in a folder; each mail is a commit with the file "m"."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not (path / "git").is_dir():
            self.roll_over()

    @property
    def epoch(self) -> Path:
        return max((self.path / "git").glob("*.git"), key=lambda place: int(place.stem))

    def roll_over(self) -> None:
        count = len(list((self.path / "git").glob("*.git")))
        place = self.path / "git" / f"{count}.git"
        git("init", "--quiet", "--bare", "--initial-branch=master", place)

    def add(self, mails: Sequence[bytes], *, at: int = 1_730_000_000) -> None:
        """Add mails, a commit each. at: time of the commits, Unix seconds."""
        place = self.epoch
        has = (place / "refs/heads/master").exists() or (place / "packed-refs").exists()
        begin = b"from refs/heads/master^0\n" if has else b""
        stream = b""
        for one in mails:
            stream += (
                b"commit refs/heads/master\ncommitter A <a@x> %d +0000\ndata 1\nm\n" % at
                + begin
                + b"M 100644 inline m\ndata %d\n%b\n" % (len(one), one)
            )
            begin = b""
        git(f"--git-dir={place}", "fast-import", "--quiet", stdin=stream)

    def rewrite(self, mails: Sequence[bytes | None]) -> None:
        """Write the last epoch anew; None is what a purge leaves. What was there is gone."""
        place = self.epoch
        git(f"--git-dir={place}", "update-ref", "-d", "refs/heads/master")
        self.add([one or b"" for one in mails])
        git(f"--git-dir={place}", "reflog", "expire", "--expire=now", "--all")
        git(f"--git-dir={place}", "prune", "--expire=now")


class FirstArchive:
    """A public-inbox of version 1: a bare repository with a file for each mail."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._count = 0
        git("init", "--quiet", "--bare", "--initial-branch=master", path)

    def add(self, mails: Sequence[bytes]) -> None:
        for one in mails:
            name = f"{self._count:040x}"
            begin = b"from refs/heads/master^0\n" if self._count else b""
            stream = (
                b"commit refs/heads/master\ncommitter A <a@x> 1730000000 +0000\ndata 1\nm\n"
                + begin
                + b"M 100644 inline %b/%b\n" % (name[:2].encode(), name[2:].encode())
                + b"data %d\n%b\n" % (len(one), one)
            )
            git(f"--git-dir={self.path}", "fast-import", "--quiet", stdin=stream)
            self._count += 1


class PublicInbox:
    """An archive that public-inbox itself keeps."""

    def __init__(self, folder: Path, version: int = 2) -> None:
        folder.mkdir(parents=True)
        self.path = folder / "inbox"
        self._folder = folder
        (folder / "home").mkdir()
        self._env = {
            "HOME": str(folder / "home"),
            "PI_CONFIG": str(folder / "config"),
            "ORIGINAL_RECIPIENT": ADDRESS,
        }
        place = (self.path, "http://127.0.0.1/test", ADDRESS)
        self._run("public-inbox-init", f"-V{version}", "-L", "basic", "test", *place)
        self._run("git", "config", "-f", folder / "config", "publicinboxmda.spamcheck", "none")

    def add(self, mails: Sequence[bytes]) -> None:
        for one in mails:
            self._run("public-inbox-mda", "--no-precheck", stdin=one)

    def purge(self, one: bytes) -> None:
        self._run("public-inbox-purge", self.path, stdin=one)

    def _run(self, *argv: str | Path, stdin: bytes = b"") -> None:
        (self._folder / "stdin").write_bytes(stdin)
        with (self._folder / "stdin").open("rb") as source:
            proc.run(
                argv,
                cwd=self._folder,
                deadline=Deadline.after(60),
                env=self._env,
                stdin=source,
            )
