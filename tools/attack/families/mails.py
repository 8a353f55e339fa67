# SPDX-License-Identifier: GPL-2.0
"""Hostile patches, mails, and folders of them."""

from __future__ import annotations

import base64
import os
import socket
import zlib
from collections.abc import Callable
from pathlib import Path

from attack import hostile
from attack.hostile import Change, new_file
from attack.scene import Scene
from attack.table import Attack, Kind

FORMATS = ("mail", "html", "kcidb", "junit")


def _diff(diff: str | Callable[[Scene], str], **words: str) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        text = diff if isinstance(diff, str) else diff(scene)
        folder = hostile.mail(scene, "mail", text, **words)
        scene.mark(scene.run_series(folder, until="config"))
        for name in FORMATS if words else ("mail",):
            scene.kseries("report", "--format", name)

    return act


def _up(scene: Scene) -> str:
    return new_file("../" * 12 + str(scene.executed).lstrip("/"))


def _through_link(scene: Scene) -> None:
    """Make a link to a folder of the host, then a file behind it."""
    first = (
        f"diff --git a/sub b/sub\nnew file mode 120000\nindex 0000000..1111111\n--- /dev/null\n"
        f"+++ b/sub\n@@ -0,0 +1 @@\n+{scene.host}\n\\ No newline at end of file\n"
    )
    folder = hostile.mail(scene, "link", first)
    second = hostile.mail(scene, "file", new_file("sub/executed"))
    (second / "0001-x.patch").rename(folder / "0002-y.patch")
    scene.mark(scene.run_series(folder), scene.run_series(folder))
    both = hostile.mail(scene, "both", first + new_file("sub/executed"))
    scene.mark(scene.run_series(both))


def _folder(fill: Callable[[Scene, Path], None]) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        folder = hostile.series(scene, "odd", Change(files={"new.c": "int x;\n"}))
        fill(scene, folder)
        scene.mark(scene.run_series(folder, until="config"))

    return act


def _links(scene: Scene, folder: Path) -> None:
    (folder / "0002-secret.patch").symlink_to(scene.host / "secret")
    (folder / "0003-zeros.patch").symlink_to("/dev/zero")
    (folder / "series.toml").symlink_to(scene.host / "secret")


def _fifo(scene: Scene, folder: Path) -> None:
    os.mkfifo(folder / "0002-fifo.patch")
    os.mkfifo(folder / "series.toml")
    (folder / "0003-fifo.patch").symlink_to(scene.host / "fifo")
    os.mkfifo(folder / "series")


def _odd(_: Scene, folder: Path) -> None:
    (folder / "0002-folder.patch").mkdir()
    with socket.socket(socket.AF_UNIX) as one:
        here = os.open(folder, os.O_RDONLY)
        one.bind(f"/proc/self/fd/{here}/0003-socket.patch")
        os.close(here)
    with (folder / "0004-sparse.patch").open("wb") as file:
        file.truncate(1 << 40)
    if os.geteuid() == 0:
        os.mknod(folder / "0005-null.patch", 0o020666, os.makedev(1, 5))


def _odd_and_gone(scene: Scene) -> None:
    _folder(_odd)(scene)
    (scene.folder / "series/odd/0005-null.patch").unlink(missing_ok=True)


def _names(_: Scene, folder: Path) -> None:
    (mail,) = folder.iterdir()
    for number, name in enumerate(NAMES, 2):
        copy = folder / f"{number:04}-{name}.patch"
        copy.write_bytes(mail.read_bytes().replace(b"new.c", f"new{number}.c".encode()))


NAMES = (
    "a\nb",
    "$(touch executed)",
    "`touch executed`",
    "';touch executed;'",
    "--help",
    "\x1b]0;x\x07",
    "-rf",
)


def _mbox(data: Callable[[Scene], bytes], limit_s: float = 60) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        file = scene.folder / "hostile.mbox"
        file.write_bytes(data(scene))
        scene.mark(
            scene.kseries("run", "--series", str(file), "--until", "config", limit_s=limit_s)
        )

    return act


def _mbox_place(target: str) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        file = scene.folder / "hostile.mbox"
        file.symlink_to(scene.fill(target))
        scene.mark(scene.kseries("run", "--series", str(file), "--until", "config", limit_s=45))

    return act


HEAD = b"From x Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nDate: Mon, 2 Nov 2026 10:00:00 +0000\n"
DIFF = new_file("net/new.c").encode()


def _one(subject: bytes, body: bytes = b"", more: bytes = b"") -> bytes:
    return (
        HEAD
        + more
        + b"Subject: "
        + subject
        + b"\n\n"
        + (body or b"Why.\n---\n\n" + DIFF)
        + b"--\n2.39\n\n"
    )


MBOXES: dict[str, tuple[str, Callable[[Scene], bytes]]] = {
    "mbox-spaces": ("has bodies of spaces that make regular expressions slow",
        lambda _: _one(b"[PATCH] x", (b" " * 200_000 + b"\n") * 5 + b"-- \n" + b"\n " * 100_000 + DIFF)),
    "mbox-subject": ("has a subject of 5 MB", lambda _: _one(b"[PATCH] " + b"[" * 2_500_000 + b" " * 2_500_000)),
    "mbox-parts": ("has 2,000 parts in each other", lambda _: HEAD + b"Subject: [PATCH] x\nMIME-Version: 1.0\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(2000))),
    "mbox-references": ("has a million references", lambda _: _one(b"[PATCH] x", more=b"References: " + b"<a@b>\n " * 300_000 + b"<c@d>\n")),
    "mbox-mails": ("has 20,000 mails that answer each other in a ring", lambda _: b"".join(
        _one(b"[PATCH %d/20000] x" % n, b"x\n", b"Message-Id: <%d@x>\nIn-Reply-To: <%d@x>\n" % (n, (n + 1) % 20000)) for n in range(20000))),
    "mbox-numbers": ("counts patches with absurd numbers", lambda _: _one(b"[PATCH v99999999999999999999 1/99999999999999999999] x") + _one(
        b"[PATCH v1 " + b"9" * 10_000 + b"/1] x")),
    "mbox-dates": ("has dates out of all bounds", lambda _: _one(b"[PATCH] x").replace(b"2 Nov 2026 10:00:00 +0000", b"99 Foo 99999999999 99:99:99 +99999999")),
    "mbox-charsets": ("names charsets and encodings that do not exist or run code", lambda _: _one(
        b"=?rot13?q?x?= =?zlib_codec?b?eJwDAAAAAAE=?= =?idna?q?x?= =?unicode_escape?q?=5Cx1b?= [PATCH] x",
        more=b"MIME-Version: 1.0\nContent-Type: text/plain; charset=\"bz2_codec\"\nContent-Transfer-Encoding: uuencode\n")),
    "mbox-nul": ("holds NULs and bytes that are no text", lambda _: _one(b"[PATCH] \x00\xff\xfe x", b"\x00" * 1000 + b"\xff" * 1000 + DIFF)),
    "mbox-identity": ("has a sender that breaks git's identity and the headers of mails", lambda _: _one(
        b"[PATCH] x", more=b"").replace(b"A <a@example.org>", b"=?utf-8?q?A=0ABcc:_evil=40x=0A=0A<>=00?= <\"a\nb\"@x>, <>")),
    "mbox-huge-diff": ("has a diff of a million hunks", lambda _: _one(b"[PATCH] x", b"---\n\ndiff --git a/net/core.c b/net/core.c\n--- a/net/core.c\n+++ b/net/core.c\n"
        + b"@@ -1 +1 @@\n-x\n+y\n" * 300_000)),
    "mbox-empty": ("is empty but for a line", lambda _: b"From "),
    "mbox-binary": ("has a binary patch that unpacks to much", lambda _: _one(b"[PATCH] x", b"---\n\n" + _bomb())),
}  # fmt: skip


def _bomb() -> bytes:
    """Make a binary patch in git's own form whose 300 MB are all zero."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(300)) + packer.flush()
    lines = []
    for at in range(0, len(packed), 52):
        part = packed[at : at + 52]
        length = chr(ord("A") + len(part) - 1 if len(part) <= 26 else ord("a") + len(part) - 27)
        lines.append(length.encode() + base64.b85encode(part, pad=True))
    head = "diff --git a/big b/big\nnew file mode 100644\n"
    head += f"index {'0' * 40}..{'1' * 40}\nGIT binary patch\nliteral {300 << 20}\n"
    return head.encode() + b"\n".join(lines) + b"\n\nliteral 0\nHcmV?d00001\n\n"


DIFFS: dict[str, tuple[str, str | Callable[[Scene], str]]] = {
    "path-absolute": ("makes a file with an absolute path", lambda scene: new_file(str(scene.executed))),
    "path-up": ("makes a file above the tree", _up),
    "path-rename": ("renames a file to above the tree", lambda scene: (
        "diff --git a/net/core.c b/../../../x\nsimilarity index 100%\nrename from net/core.c\n"
        f"rename to ../../../../../../../../..{scene.executed}\n")),
    "path-copy": ("copies a private file into the tree", lambda scene: (
        f"diff --git a/../../../../../../../..{scene.host}/secret b/got\nsimilarity index 100%\n"
        f"copy from ../../../../../../../..{scene.host}/secret\ncopy to got\n")),
    "path-quoted": ("makes a file whose name has newlines, escapes and quotes",
        new_file(r'net/\n\033]0;evil\007\"\\..\\x', quoted=True)),
    "path-option": ("makes files named like options", new_file("--upload-pack=touch x") + new_file("-c")),
    "path-long": ("makes files with names of 4,000 characters", new_file("/".join(["d" * 200] * 20)) + new_file("x" * 4000)),
    "path-dots": ("makes files in folders named . and ..", new_file("./net/./x.c") + new_file("net/../../x")),
    "mode-setuid": ("makes a setuid program", new_file("evil", "#!/bin/sh\nid", "104755")),
    "mode-odd": ("makes files of modes that do not exist", new_file("a", mode="060000") + new_file("b", mode="777777")),
    "crlf": ("has line ends of DOS in paths", new_file("net/new.c\r").replace("\n", "\r\n")),
    "no-name": ("has a diff of a file without a name", new_file("")),
}  # fmt: skip

ATTACKS = (
    *(Attack(name, Kind.MAILS, tries, _diff(diff)) for name, (tries, diff) in DIFFS.items()),
    Attack("through-link", Kind.MAILS, "makes a link to a folder of the host, then a file behind it", _through_link),
    Attack(
        "subject-injection", Kind.MAILS, "has a subject that breaks into headers, pages and terminals",
        _diff(
            new_file("net/new.c"),
            subject="=?utf-8?q?[PATCH]_x=0ABcc:_evil=40example.org=0A=0A<script>=1B]0;x=07?=",
            sender="=?utf-8?q?A=0ABcc:_evil=40example.org?= <a@example.org>",
        ),
    ),
    Attack("folder-links", Kind.MAILS, "comes in a folder with links to private and endless files", _folder(_links)),
    Attack("folder-fifos", Kind.MAILS, "comes in a folder with FIFOs", _folder(_fifo)),
    Attack("folder-odd-files", Kind.MAILS, "comes in a folder with devices, sockets, sparse files, folders", _odd_and_gone),
    Attack("folder-names", Kind.MAILS, "comes in a folder whose file names are commands and escapes", _folder(_names)),
    *(Attack(name, Kind.MAILS, f"is an mbox that {tries}", _mbox(data)) for name, (tries, data) in MBOXES.items()),
    Attack("mbox-zeros", Kind.MAILS, "is an mbox that is /dev/zero", _mbox_place("/dev/zero")),
    Attack("mbox-fifo", Kind.MAILS, "is an mbox that is a FIFO nobody writes to", _mbox_place("@HOST@/fifo")),
)  # fmt: skip
