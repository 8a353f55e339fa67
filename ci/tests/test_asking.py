# SPDX-License-Identifier: GPL-2.0
"""Commands in replies: what is one, and all that is not."""

from __future__ import annotations

import subprocess
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seriesbot import asking
from seriesbot.answer import compose, thread
from seriesbot.asking import Asked, Wish
from tests.archives import mail
from tests.test_answer import answer

DIFF = """\
diff --git a/net/core/dev.c b/net/core/dev.c
index 1111111..2222222 100644
--- a/net/core/dev.c
+++ b/net/core/dev.c
@@ -1,2 +1,2 @@ int f(void)
-a
+b é
 c
"""


def asked(text: str, **headers: str) -> Asked | None:
    given_headers = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return asking.parse(
        mail("Re: [PATCH 0/2] x", "r@x", text, answers="a@x", headers=given_headers)
    )


@pytest.mark.parametrize("wish", [Wish.AGAIN, Wish.OFF])
@pytest.mark.parametrize(
    "text",
    [
        "{}\n",
        "{}",
        "Hello,\n\n{}\n\nThanks",
        "{}  \t\n",
        "> quoted\n> #kseries test\n\n{}\n-- \nme\n",
        "{0}\n\n{0}\n",
    ],
)
def test_a_line_of_its_own_is_a_command(wish: Wish, text: str) -> None:
    assert asked(text.format(f"#kseries {wish}")) == Asked(wish)


@pytest.mark.parametrize(
    "text",
    [
        "> #kseries off",
        ">#kseries off",
        ">> #kseries off",
        "| #kseries off",
        " #kseries off",
        "\t#kseries off",
        "zoe> #kseries off",
        "#kseries off please",
        "say #kseries off",
        '"#kseries off"',
        "#kseriesoff",
        "#kseries",
        "#kseries stop",
        "#kseries OFF",
        "# kseries off",
        "#kseries\noff",
        "#kseries: off",
        "\u200b#kseries off",
        "#kseries \u202eoff",
        "-----Original Message-----\n#kseries off",
        "________________________________\nFrom: bot\nSent: today\n\n#kseries off",
        "From: bot <bot@x.org>\nSent: today\n\n#kseries off",
        "On Tue, 3 Nov 2026, bot wrote:\n#kseries off",
        "Am 3.11.26 um 10:00 schrieb bot:\n\n#kseries off",
        "thanks\n-- \n#kseries off",
        "thanks\n--\n#kseries off",
        f"{DIFF}\n#kseries off\n",
        "x" * (asking.MAX_TEXT + 1) + "\n#kseries off",
    ],
)
def test_anything_else_is_text(text: str) -> None:
    assert asked(text) is None


def test_our_own_answer_asks_for_nothing_however_it_is_quoted() -> None:
    made = compose.compose(answer("No tree.\n#kseries off\n#kseries test"))
    text = made.get_content()
    assert asking.parse(bytes(made)) is None
    for sent in (text, "\n".join(f"> {line}" for line in text.splitlines()), f"hello\n\n{text}"):
        assert asked(sent) is None


def test_a_program_asks_for_nothing() -> None:
    assert asked("#kseries off\n", Auto_Submitted="auto-replied") is None
    assert asked("#kseries off\n", Auto_Submitted="no") == Asked(Wish.OFF)


def test_different_commands_are_told() -> None:
    found = asked("#kseries again\n#kseries off\n")
    assert found is not None
    assert "different things" in found.wrong


# ---- with a patch


@pytest.mark.parametrize(
    "text",
    [
        f"#kseries test\n{DIFF}",
        f"Try this:\n\n#kseries test\n\nA fix.\n---\n{DIFF}-- \n2.39\n",
        f"#kseries test\n{DIFF}--\nme\n",
    ],
)
def test_a_patch_below_the_command(text: str) -> None:
    assert asked(text) == Asked(Wish.TEST, DIFF)


def test_a_plain_diff() -> None:
    plain = "".join(DIFF.splitlines(keepends=True)[2:])
    assert asked(f"#kseries test\n{plain}") == Asked(Wish.TEST, plain)


def test_a_patch_in_a_part_of_its_own() -> None:
    made = EmailMessage()
    made["From"] = "a@x.org"
    made["Subject"] = "Re: x"
    made.set_content("#kseries test\n")
    made.add_attachment(DIFF, subtype="x-patch", filename="fix.patch")
    assert asking.parse(bytes(made)) == Asked(Wish.TEST, DIFF)


def test_html_and_what_is_forwarded_ask_for_nothing() -> None:
    made = EmailMessage()
    made["Subject"] = "Re: x"
    made.set_content("<pre>\n#kseries off\n</pre>", subtype="html")
    assert asking.parse(bytes(made)) is None
    inner = EmailMessage()
    inner["Subject"] = "x"
    inner.set_content("#kseries off\n")
    outer = EmailMessage()
    outer["Subject"] = "Fwd: x"
    outer.add_attachment(inner)
    assert b"\n#kseries off\n" in bytes(outer)
    assert asking.parse(bytes(outer)) is None


def test_a_command_is_read_however_the_mail_is_encoded() -> None:
    raw = mail("Re: x", "r@x", "BODY", answers="a@x")
    for encoding, body in (
        (b"quoted-printable", b"=23kseries off"),
        (b"base64", b"I2tzZXJpZXMgb2Zm"),
    ):
        encoded = raw.replace(b"8bit", encoding).replace(b"BODY", body)
        assert asking.parse(encoded) == Asked(Wish.OFF)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("#kseries test\n", "no patch below"),
        (f"{DIFF}\n#kseries test\n", ""),
        ("#kseries test\ndiff --git a/x b/x\n", "no patch below"),
        ("#kseries test\n> diff --git a/x b/x\n> @@ -1 +1 @@\n", "no patch below"),
        (f"#kseries test\n{DIFF}" + "+x\n" * 600_000, "more than 1024 KiB"),
    ],
)
def test_a_test_without_a_patch(text: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MAX_TEXT", 4 << 20)
    found = asked(text)
    if not wrong:
        assert found is None
        return
    assert found is not None
    assert wrong in found.wrong


def test_a_patch_whose_lines_are_flowed_is_told() -> None:
    raw = mail("Re: x", "r@x", f"#kseries test\n{DIFF}", answers="a@x")
    flowed = raw.replace(b'charset="utf-8"', b'charset="utf-8"; format=flowed', 1)
    assert flowed != raw
    found = asking.parse(flowed)
    assert found is not None
    assert "format=flowed" in found.wrong


def test_git_am_takes_the_patch_as_a_mail(tmp_path: Path) -> None:
    raw = mail("Re: x", "r@x", f"#kseries test\n{DIFF}", answers="a@x")
    read, found = thread.read(raw), asking.parse(raw)
    assert read is not None
    assert found is not None
    letter = asking.fix_mail(found, read)

    def git(*words: str, stdin: bytes = b"") -> str:
        who = ("-c", "user.name=x", "-c", "user.email=x@x")
        argv = ["git", *who, *words]
        done = subprocess.run(argv, cwd=tmp_path, input=stdin, capture_output=True, check=True)
        return done.stdout.decode()

    git("init", "--quiet")
    (tmp_path / "net/core").mkdir(parents=True)
    (tmp_path / "net/core/dev.c").write_text("a\nc\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "base")
    git("am", "--quiet", stdin=letter)
    assert (tmp_path / "net/core/dev.c").read_text() == "b é\nc\n"
    assert git("log", "-1", "--format=%an <%ae> %s").strip() == (
        "Zoë Ängström <zoe@example.org> a fix to try"
    )


def test_parts_in_parts_in_parts_are_read_or_not() -> None:
    raw = b"From: a@x\n"
    for number in range(3000):
        raw += b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (number, number)
    asking.parse(raw + b"Content-Type: text/plain\n\n#kseries off\n")


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_mail_is_read(head: bytes, text: bytes) -> None:
    asking.parse(head + b"\n\n#kseries test\n" + text)
    asking.parse(b"Content-Type: " + head + b"\n\n#kseries off\n" + text)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "head",
    [
        b'Content-Type: text/plain; x="' + b";" * (1 << 20),
        b"X: y\rContent-Type: text/plain" + b';\r x="' + b";" * (1 << 20),
        b"Content-Type: text/plain" + b";\n charset*1=x" * (1 << 16),
        b"Content-Type: multipart/mixed; boundary=b\n\n"
        + b'--b\nContent-Type: text/html; x="' * 30
        + b";" * (1 << 20),
    ],
)
def test_headers_that_a_library_reads_slowly_cost_a_moment(head: bytes) -> None:
    asking.parse(b"From: a@b.c\nSubject: Re: x\n" + head + b"\n\n#kseries again\n")
