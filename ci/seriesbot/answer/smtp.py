# SPDX-License-Identifier: GPL-2.0
"""One mail to a mail server, and what became of it.

A mail goes to all who get it in one transaction, or not at all: where the server wants one of them
later, it is not sent to the others either, so that nobody gets it twice. What cannot be known is
told as such: a connection that breaks after the mail was handed over may have carried it.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kseries.report.words import plain
from seriesbot import tls
from seriesbot.answer.settings import Login, SmtpFile
from seriesbot.delivery import Fate, Sent

_LINE_END = re.compile(rb"\r?\n")

MAX_NOTE = 300  # characters of a server's words


class _Ended(Exception):
    """A transaction that ended before the mail was sent."""

    def __init__(self, fate: Fate, note: str) -> None:
        super().__init__(note)
        self.sent = Sent(fate, note)


def send(
    raw: bytes,
    sender: str,
    receivers: Sequence[str],
    smtp: SmtpFile,
    login: Login | None,
    home: Path,
) -> Sent:
    """Send a mail. home: what a relative name of a file of certificates starts from."""
    handed_over = False
    try:
        with _connected(smtp, home, sender.rpartition("@")[2]) as server:
            _introduced(server, smtp, login, home)
            refused = _envelope(server, sender, receivers)
            handed_over = True
            code, words = server.data(_LINE_END.sub(b"\r\n", raw))
            if code < 0:
                return Sent(Fate.UNCERTAIN, _words(code, words))
            if code != 250:
                return _answered(code, words)
    except _Ended as ended:
        return ended.sent
    except (smtplib.SMTPException, OSError, ValueError) as error:
        if isinstance(error, smtplib.SMTPResponseException):
            return _answered(error.smtp_code, error.smtp_error)
        fate = Fate.UNCERTAIN if handed_over else Fate.LATER
        return Sent(fate, _note(f"{type(error).__name__}: {error}"))
    return Sent(Fate.SENT, f"refused for {', '.join(refused)}" if refused else "")


@contextmanager
def _connected(smtp: SmtpFile, home: Path, name: str) -> Iterator[smtplib.SMTP]:
    """Connect; name: what we call ourselves. What goes wrong at the end undoes nothing."""
    timeout = smtp.timeout_seconds
    server: smtplib.SMTP
    if smtp.tls == "implicit":
        context = tls.context(smtp.ca, home)
        server = smtplib.SMTP_SSL(smtp.host, smtp.port, name, timeout=timeout, context=context)
    else:
        server = smtplib.SMTP(smtp.host, smtp.port, name, timeout)
    try:
        yield server
    finally:
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
        server.close()


def _introduced(server: smtplib.SMTP, smtp: SmtpFile, login: Login | None, home: Path) -> None:
    server.ehlo_or_helo_if_needed()
    if smtp.tls == "starttls":
        # Raises where the server offers none: nothing is sent in the clear then.
        server.starttls(context=tls.context(smtp.ca, home))
        server.ehlo()
    if login is None:
        return
    try:
        server.login(login.user, login.password)
    except smtplib.SMTPAuthenticationError as error:
        # The operator's fault, or the server's, and not the mail's.
        words = _words(error.smtp_code, error.smtp_error)
        raise _Ended(Fate.LATER, f"login refused: {words}") from error


def _envelope(server: smtplib.SMTP, sender: str, receivers: Sequence[str]) -> list[str]:
    """Tell the server from whom to whom; give those whom it refuses for good, never all of them."""
    code, words = server.mail(sender)
    if code != 250:
        raise _Ended(_fate(code), _words(code, words))
    refused = []
    said = ""
    for receiver in receivers:
        code, words = server.rcpt(receiver)
        if code in (250, 251):
            continue
        said = _words(code, words)
        if _fate(code) is Fate.LATER:
            raise _Ended(Fate.LATER, f"{receiver}: {said}")
        refused.append(receiver)
    if len(refused) == len(receivers):
        raise _Ended(Fate.REFUSED, said or "nobody to send it to")
    return refused


def _answered(code: int, words: bytes | str) -> Sent:
    return Sent(_fate(code), _words(code, words))


def _fate(code: int) -> Fate:
    return Fate.REFUSED if 500 <= code < 600 else Fate.LATER


def _words(code: int, words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
    return _note(f"{code} {text}")


def _note(text: str) -> str:
    return plain(text, MAX_NOTE)
