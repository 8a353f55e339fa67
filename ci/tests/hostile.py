# SPDX-License-Identifier: GPL-2.0
"""Mails as a busy list has them, and as somebody writes them who means no good.

The same seed makes the same mails. Each series is told, with what has to become of it. Headers and
bodies are written byte by byte: libraries refuse to write most of this.
"""

from __future__ import annotations

import base64
import quopri
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

WHOLE = "whole"  # can be put together
MISSING = "missing"  # a part never comes
NOTHING = "nothing"  # no series at all
ANY = "any"  # whatever becomes of it, nothing breaks

SENDERS = [f"dev{n}@example.org" for n in range(12)]


@dataclass
class Made:
    """What was made. fates: of series, by the message id of their cover letter or first patch."""

    mails: list[bytes] = field(default_factory=list)
    fates: dict[str, str] = field(default_factory=dict)


def generate(seed: int, count: int) -> Made:
    """Make at least `count` mails, in the order in which they come."""
    chance = random.Random(seed)
    made = Made()
    waiting: list[bytes] = []
    number = 0
    while len(made.mails) + len(waiting) < count:
        number += 1
        kind = chance.choice(KINDS)
        raws, fate, top = kind(chance, number)
        made.fates[top] = fate
        # Threads of others come between.
        waiting += raws
        chance.shuffle(waiting)
        cut = chance.randint(0, len(waiting))
        made.mails += waiting[:cut]
        waiting = waiting[cut:]
    made.mails += waiting
    return made


# ---------------------------------------------------------------- what is meant well


def _series(
    chance: random.Random,
    number: int,
    *,
    count: int = 0,
    prefix: str = "PATCH",
    encode: Callable[[bytes], tuple[bytes, bytes]] | None = None,
    headers: bytes = b"",
) -> tuple[list[bytes], str]:
    count = count or chance.choice((1, 1, 2, 2, 3, 5, 8, 13))
    sender = chance.choice(SENDERS)
    tag = f"s{number}"
    top = f"{tag}-0@list" if count > 1 else f"{tag}-1@list"
    raws = []
    if count > 1:
        subject = f"[{prefix} 0/{count}] {tag}: a series"
        raws.append(_mail(sender, subject, top, b"What it is for.\n", headers=headers))
    for at in range(1, count + 1):
        counter = f" {at}/{count}" if count > 1 else ""
        raws.append(
            _mail(
                sender,
                f"[{prefix}{counter}] {tag}: step {at}",
                f"{tag}-{at}@list",
                _patch(f"net/{tag}/{at}.c"),
                answers=top if count > 1 else "",
                encode=encode,
                headers=headers,
            )
        )
    return raws, top


def _plain(chance: random.Random, number: int) -> tuple[list[bytes], str, str]:
    raws, top = _series(chance, number)
    chance.shuffle(raws)
    return raws, WHOLE, top


def _long(chance: random.Random, number: int) -> tuple[list[bytes], str, str]:
    raws, top = _series(chance, number, count=chance.randint(14, 60))
    chance.shuffle(raws)
    return raws, WHOLE, top


def _again(chance: random.Random, number: int) -> tuple[list[bytes], str, str]:
    """Parts come twice, with the same message id or another."""
    raws, top = _series(chance, number, count=3)
    other = raws[2].replace(f"s{number}-2@list>".encode(), f"s{number}-2b@list>".encode(), 1)
    return [*raws, raws[1], other], WHOLE, top


def _lost(chance: random.Random, number: int) -> tuple[list[bytes], str, str]:
    raws, top = _series(chance, number, count=chance.randint(3, 6))
    del raws[chance.randint(1, len(raws) - 1)]
    return raws, MISSING, top


def _encoded(chance: random.Random, number: int) -> tuple[list[bytes], str, str]:
    raws, top = _series(chance, number, encode=chance.choice(ENCODINGS))
    return raws, WHOLE, top


def _talk(chance: random.Random, number: int) -> tuple[list[bytes], str, str]:
    name = f"talk{number}@list"
    subject = chance.choice(
        ("Re: [PATCH 1/2] s1: step 1", "hello", "[GIT PULL] net for 7.3", "[PULL 0/3] queue", "")
    )
    answers = chance.choice(("", "s1-1@list", "nobody@list"))
    body = b"> diff --git a/x b/x\n> --- a/x\n\nNo.\n" + _patch("net/x.c")
    if "PULL" not in subject and not subject.startswith("Re"):
        body = b"Is there anybody?\n"
    return [_mail("reader@example.org", subject, name, body, answers=answers)], NOTHING, name


# ---------------------------------------------------------------- what is not


def _charset(chance: random.Random, number: int) -> tuple[list[bytes], str, str]:
    """Charsets that are wrong, unknown, or no text at all."""
    charset = chance.choice((b"x-none", b"utf-7", b"utf-16", b"idna", b"hz", b"rot13", b"\xff"))
    text = chance.choice((b"\xff\xfe\x00d", b"+2AA-", b"~{", "größe".encode("latin-1")))
    sender = chance.choice(SENDERS)
    name = f"c{number}@list"
    subject = b"[PATCH] c%d: =?%b?q?=FF=D8=2B2AA-?= =?utf-7?q?+2AA-?= " % (number, charset) + text
    head = b"Content-Type: text/plain; charset=" + charset + b"\nContent-Transfer-Encoding: 8bit\n"
    raw = _mail(sender, "@@", name, text + b"\n" + _patch(f"net/c{number}.c"), headers=head)
    return [raw.replace(b"Subject: @@", b"Subject: " + subject)], ANY, name


def _mime(chance: random.Random, number: int) -> tuple[list[bytes], str, str]:
    """Parts without end, within themselves, of types that are none."""
    name = f"m{number}@list"
    depth = chance.choice((1, 3, 200))
    body = b""
    for level in range(depth):
        body += b"--b%d\nContent-Type: multipart/%b; boundary=b%d\n\n" % (
            level,
            chance.choice((b"mixed", b"signed", b"x/y;", b"")),
            level + 1,
        )
    body += b"--b%d\nContent-Type: text/plain\nContent-Transfer-Encoding: %b\n\n" % (
        depth,
        chance.choice((b"base64", b"quoted-printable", b"uuencode", b"x")),
    )
    body += chance.choice((b"====", b"=ZZ=\n", base64.encodebytes(_patch("net/m.c"))))
    head = b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b0\n"
    return (
        [_mail(chance.choice(SENDERS), f"[PATCH] m{number}", name, body, headers=head)],
        ANY,
        name,
    )


def _attachment(chance: random.Random, number: int) -> tuple[list[bytes], str, str]:
    name = f"a{number}@list"
    size = chance.choice((3 << 20, 300_000))
    body = _patch("net/a.c") + b"\n" + base64.encodebytes(bytes([number % 256]) * size)
    return [_mail(chance.choice(SENDERS), f"[PATCH] a{number}", name, body)], ANY, name


def _headers(chance: random.Random, number: int) -> tuple[list[bytes], str, str]:
    """Headers that are endless, doubled, folded, forged, or made to be obeyed."""
    name = f"h{number}@list"
    head = chance.choice(
        (
            b"References: " + b" ".join(b"<r%d@x>" % n for n in range(5000)) + b"\n",
            b"Subject: " + b"[" * 70_000 + b"\n",
            b"X: y\n\tz\n" * 2000,
            b"From: root@localhost\nFrom: dev0@example.org\n",
            b"Message-ID: <s1-1@list>\n",
            b"In-Reply-To: <\x1b]0;x\x07@x>\n",
            b"Bcc: victim@example.org\r\nRCPT TO:<victim@example.org>\r\n",
            b"X-Developer-Signature: v=1; a=ed25519-sha256; i=../../../etc; s=passwd; b=AAAA\n",
            b"Authentication-Results: mx.example.net; dkim=pass header.d=example.org\n",
            b"Message-ID: <" + b"x" * 70_000 + b"@x>\n",
            b"Date: Thu, 99 Foo 99999 99:99:99 +9999\n",
        )
    )
    subject = chance.choice(
        (
            "[PATCH] \x1b[2J\u202eexe.cod",
            "[PATCH 99999/1]",
            "[PATCH 7/3] beyond",
            "[PATCH v999 0/9999] many",
            "[PATCH $(reboot) `id`] ../../../../etc/passwd",
            "[PATCH] '; DROP TABLE message; --",
            "[PATCH] =?utf-8?q?=0D=0ABcc:_victim=40example.org?=",
        )
    )
    sender = chance.choice((*SENDERS, "$(id)@x", "a@b@c", "", "x" * 5000 + "@y", "\u202e@x.org"))
    raw = _mail(sender, subject, name, _patch("../../etc/passwd"))
    return (
        [head + raw if chance.random() < 0.5 else raw.replace(b"\nTo:", b"\n" + head + b"To:")],
        (ANY),
        name,
    )


def _diff(chance: random.Random, number: int) -> tuple[list[bytes], str, str]:
    """Diffs that are cut off, binary, of paths outside, of a million hunks, or none."""
    name = f"d{number}@list"
    body = chance.choice(
        (
            _patch("net/d.c")[:-40],
            b"diff --git a/.git/hooks/x b/.git/hooks/x\nnew file mode 120000\n--- /dev/null\n"
            b"+++ b/.git/hooks/x\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n",
            b"--- a/x\n+++ b/x\n" + b"@@ -1 +1 @@\n-a\n+b\n" * 20_000,
            b"GIT binary patch\nliteral 9999999999\nzcmV\n",
            b"diff --git " + b"a/" * 30_000 + b"\n",
            b"From 0000 Mon Sep 17 00:00:00 2001\nFrom: x@y\nSubject: second\n\n" + _patch("y"),
            b"\0" * 1000,
            b"",
        )
    )
    return [_mail(chance.choice(SENDERS), f"[PATCH] d{number}", name, body)], ANY, name


def _garbage(chance: random.Random, number: int) -> tuple[list[bytes], str, str]:
    raw = chance.choice((b"", b"\n\n", b"\xff" * 500, b"From nobody\n", b"Subject:\n" * 100))
    return [raw + b"%d" % number], ANY, f"g{number}"


KINDS: Sequence[Callable[[random.Random, int], tuple[list[bytes], str, str]]] = (
    *(_plain, _plain, _plain, _plain, _again, _lost, _encoded, _encoded, _talk, _talk, _talk),
    *(_long, _charset, _mime, _attachment, _headers, _headers, _headers, _diff, _diff, _garbage),
)


def _base64(body: bytes) -> tuple[bytes, bytes]:
    return base64.encodebytes(body), b"Content-Transfer-Encoding: base64\n"


def _quoted(body: bytes) -> tuple[bytes, bytes]:
    return quopri.encodestring(body), b"Content-Transfer-Encoding: quoted-printable\n"


def _crlf(body: bytes) -> tuple[bytes, bytes]:
    return body.replace(b"\n", b"\r\n"), b""


ENCODINGS = (_base64, _quoted, _crlf)


def _mail(
    sender: str,
    subject: str,
    message_id: str,
    body: bytes,
    *,
    answers: str = "",
    encode: Callable[[bytes], tuple[bytes, bytes]] | None = None,
    headers: bytes = b"",
) -> bytes:
    body, more = encode(body) if encode is not None else (body, b"")
    answered = f"In-Reply-To: <{answers}>\nReferences: <{answers}>\n" if answers else ""
    lines = (
        f"From: Some Body <{sender}>\nTo: list@example.org\nDate: Tue, 29 Oct 2024 16:05:03 -0700\n"
        f"Subject: {subject}\nMessage-ID: <{message_id}>\n{answered}"
    )
    return lines.encode(errors="surrogateescape") + headers + more + b"\n" + body


def _patch(path: str) -> bytes:
    return (
        f"Do it.\n\nSigned-off-by: Some Body <x@example.org>\n---\n {path} | 1 +\n\n"
        f"diff --git a/{path} b/{path}\nnew file mode 100644\nindex 0000000..7898192\n"
        f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+int x; /* {path} */\n-- \n2.39\n"
    ).encode()
