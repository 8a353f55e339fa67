# SPDX-License-Identifier: GPL-2.0
"""A real mail server that fails now and then, and the file with its password."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Literal

import pytest

from kseries.lib.errors import UserError
from seriesbot.answer import settings, smtp
from seriesbot.answer.settings import Login, SmtpFile
from seriesbot.delivery import Fate, Sent
from tests import smtpserver
from tests.smtpserver import DROP, GARBAGE, OK, Server

RAW = b"From: a@x.org\nTo: b@x.org\nSubject: x\n\n.hidden\nline\n"
TO = ("b@x.org", "c@x.org")


def send(
    server: Server,
    folder: Path,
    *,
    login: Login | None = None,
    tls: Literal["starttls", "implicit", "none"] = "none",
    ca: str | None = None,
) -> Sent:
    told = SmtpFile("127.0.0.1", server.port, tls=tls, ca=ca, timeout_seconds=10)
    return smtp.send(RAW, "bot@x.org", TO, told, login, folder)


def test_a_mail_arrives_as_it_is(tmp_path: Path) -> None:
    with smtpserver.served() as server:
        assert send(server, tmp_path) == Sent(Fate.SENT)
    (taken,) = server.taken
    assert server.mails == [RAW]
    assert (taken.mail_from, tuple(taken.rcpt_tos)) == ("bot@x.org", TO)


@pytest.mark.parametrize(
    ("to_rcpt", "to_data", "fate", "note"),
    [
        ([OK, "451 try later"], [], Fate.LATER, "c@x.org: 451 try later"),
        (["550 who?"], [], Fate.SENT, "refused for b@x.org"),
        (["550 who?", "550 who?"], [], Fate.REFUSED, "550 who?"),
        (["550 who?", "451 later"], [], Fate.LATER, "c@x.org: 451 later"),
        ([], ["451 greylisted"], Fate.LATER, "451 greylisted"),
        ([], ["550 spam"], Fate.REFUSED, "550 spam"),
        ([], [DROP], Fate.UNCERTAIN, "SMTPServerDisconnected: "),
        ([], [GARBAGE], Fate.UNCERTAIN, "-1"),
        ([], ["250 \x1b]0;x\x07done"], Fate.SENT, ""),
        ([], ["550 \x1b]0;x\x07no"], Fate.REFUSED, "550 "),
    ],
)
def test_what_became_of_it(
    to_rcpt: list[str], to_data: list[str], fate: Fate, note: str, tmp_path: Path
) -> None:
    with smtpserver.served() as server:
        server.to_rcpt, server.to_data = list(to_rcpt), list(to_data)
        sent = send(server, tmp_path)
    assert sent.fate is fate
    assert sent.note.startswith(note)
    assert sent.note.isprintable()
    assert len(server.taken) == (fate is Fate.SENT or to_data == [DROP])


def test_nobody_gets_it_where_one_is_to_get_it_later(tmp_path: Path) -> None:
    with smtpserver.served() as server:
        server.to_rcpt = [OK, "451 later"]
        assert send(server, tmp_path).fate is Fate.LATER
        assert server.taken == []
        assert send(server, tmp_path).fate is Fate.SENT
    assert [tuple(one.rcpt_tos) for one in server.taken] == [TO]


def test_no_server_is_there(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        sent = send(Server(port=taken.getsockname()[1]), tmp_path)
    assert sent.fate is Fate.LATER
    assert "refused" in sent.note.lower()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_encrypted(tls: Literal["starttls", "implicit"], tmp_path: Path) -> None:
    context, trusted = smtpserver.certificate(tmp_path)
    with smtpserver.served(context=context, implicit=tls == "implicit", auth=True) as server:
        right, wrong = Login("bot", "right"), Login("bot", "wrong")
        name = trusted.name
        assert send(server, tmp_path, login=right, tls=tls, ca=name) == Sent(Fate.SENT)
        assert server.logins == [("bot", "right")]
        assert server.encrypted == [True]
        refused = send(server, tmp_path, login=wrong, tls=tls, ca=name)
        assert refused.fate is Fate.LATER
        assert refused.note.startswith("login refused: 535")
        # A certificate that nobody vouches for: no word of the mail, and no password.
        tried = len(server.logins)
        untrusted = send(server, tmp_path, login=right, tls=tls)
        assert untrusted.fate is Fate.LATER
        assert "certificate" in untrusted.note.lower()
        assert len(server.logins) == tried
    assert len(server.taken) == 1


def test_a_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    context, trusted = smtpserver.certificate(tmp_path, "mail.example.org")
    with smtpserver.served(context=context) as server:
        sent = send(server, tmp_path, tls="starttls", ca=trusted.name)
    assert sent.fate is Fate.LATER
    assert server.taken == []


def test_a_server_without_encryption_gets_nothing_where_that_is_wanted(tmp_path: Path) -> None:
    with smtpserver.served() as server:
        assert send(server, tmp_path, tls="starttls").fate is Fate.LATER
    assert server.taken == []


# ---- the password


SMTP = SmtpFile("mail.example.org", credentials="secret.toml")


def secret(
    folder: Path, text: str = 'user = "bot"\npassword = "right"\n', mode: int = 0o600
) -> Path:
    file = folder / "secret.toml"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_password_of_a_file_or_of_the_environment(tmp_path: Path) -> None:
    secret(tmp_path)
    assert settings.login(SMTP, tmp_path, {}) == Login("bot", "right")
    environment = {settings.USER: "me", settings.PASSWORD: "x"}
    plain = SmtpFile("mail.example.org")
    assert settings.login(plain, tmp_path, environment) == Login("me", "x")
    assert settings.login(plain, tmp_path, {}) is None
    assert "right" not in repr(settings.login(SMTP, tmp_path, {}))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o601, 0o644])
def test_a_file_that_others_may_read_is_refused(mode: int, tmp_path: Path) -> None:
    secret(tmp_path, mode=mode)
    with pytest.raises(UserError, match="Others may read") as told:
        settings.login(SMTP, tmp_path, {})
    assert "chmod 0600" in told.value.do


def test_what_is_no_file_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        settings.login(SMTP, tmp_path, {})
    file = secret(tmp_path)
    file.rename(tmp_path / "other")
    file.symlink_to("other")
    with pytest.raises(UserError, match="cannot be read"):
        settings.login(SMTP, tmp_path, {})
    file.unlink()
    os.mkfifo(file, 0o600)
    with pytest.raises(UserError, match="Others may read"):
        settings.login(SMTP, tmp_path, {})
    file.unlink()
    for text in ("user", 'user = "hunter2"\n', "\udcff", 'user = 3\npassword = "hunter2"\n'):
        secret(tmp_path, text.encode(errors="replace").decode())
        with pytest.raises(UserError, match="no file with") as told:
            settings.login(SMTP, tmp_path, {})
        assert "hunter2" not in str(told.value)


def test_a_password_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    environment = {settings.USER: "me", settings.PASSWORD: "x"}
    with pytest.raises(UserError, match="in the clear"):
        settings.login(SmtpFile("mail.example.org", tls="none"), tmp_path, environment)
    assert settings.login(SmtpFile("127.0.0.1", tls="none"), tmp_path, environment)
