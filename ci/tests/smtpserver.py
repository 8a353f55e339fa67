# SPDX-License-Identifier: GPL-2.0
"""A real SMTP server on loopback that does what it is told to each mail in turn."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

OK = "250 OK"
DROP = "drop"  # takes the mail, and breaks the connection without a word
GARBAGE = "garbage"


@dataclass
class Server:
    """What it does next, and what it took. Each list is used up; then all is well."""

    port: int = 0
    to_rcpt: list[str] = field(default_factory=list)
    to_data: list[str] = field(default_factory=list)
    taken: list[Envelope] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)

    @property
    def mails(self) -> list[bytes]:
        found = [one.content for one in self.taken]
        return [one.replace(b"\r\n", b"\n") for one in found if isinstance(one, bytes)]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        told = self.to_rcpt.pop(0) if self.to_rcpt else OK
        if told == OK:
            envelope.rcpt_tos.append(address)
        return told

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        told = self.to_data.pop(0) if self.to_data else OK
        if told == DROP or told.startswith("250"):
            self.taken.append(envelope)
            assert isinstance(server.transport, asyncio.Transport)
            self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        if told == DROP:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            await asyncio.sleep(0)
        return "what is this" if told == GARBAGE else told

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"right", handled=False)


class _AnyPort(Controller):
    """Takes the port that the system gives."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def served(
    *, context: ssl.SSLContext | None = None, implicit: bool = False, auth: bool = False
) -> Iterator[Server]:
    server = Server()
    controller = _AnyPort(
        server,
        hostname="127.0.0.1",
        port=0,
        ssl_context=context if implicit else None,
        tls_context=None if implicit else context,
        authenticator=server.authenticate if auth else None,
        # It does not see that it is encrypted from the beginning.
        auth_required=auth and not implicit,
        auth_require_tls=not implicit,
        ready_timeout=30,
    )
    controller.start()
    try:
        server.port = controller.port
        yield server
    finally:
        controller.stop()


def certificate(folder: Path, host: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """Make a certificate; give what a server wants, and the file that a client may trust."""
    kind = "IP" if host[0].isdigit() else "DNS"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=test", "-addext", f"subjectAltName={kind}:{host}",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context, folder / "cert.pem"
