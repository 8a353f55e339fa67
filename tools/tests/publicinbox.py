# SPDX-License-Identifier: GPL-2.0
"""A real public-inbox on loopback, and mails to fill it with."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.series.archive import ArchiveConfig

ADDRESS = "test@example.org"
SERVER_START_LIMIT_S = 30.0


class Inbox:
    """A public-inbox in a folder, filled by mail and served over HTTP."""

    def __init__(self, folder: Path) -> None:
        for program in ("public-inbox-init", "public-inbox-mda", "public-inbox-httpd"):
            assert proc.which(program), f"{program} is missing: install the package public-inbox"
        self._folder = folder
        config = folder / "pi.config"
        (folder / "home").mkdir()
        self._env = {
            "HOME": str(folder / "home"),
            "PI_CONFIG": str(config),
            "ORIGINAL_RECIPIENT": ADDRESS,
        }
        place = (folder / "inbox", "http://127.0.0.1/test", ADDRESS)
        self._run(["public-inbox-init", "-V2", "-L", "full", "test", *place])
        self._run(["git", "config", "-f", config, "publicinboxmda.spamcheck", "none"])

    def deliver(self, mails: Sequence[bytes]) -> None:
        mail_file = self._folder / "mail"
        for mail in mails:
            mail_file.write_bytes(mail)
            with mail_file.open("rb") as stdin:
                proc.run(
                    ["public-inbox-mda", "--no-precheck"],
                    cwd=self._folder,
                    deadline=Deadline.after(60),
                    env=self._env,
                    stdin=stdin,
                )

    @contextmanager
    def served(self) -> Iterator[ArchiveConfig]:
        port = free_port()
        with (
            (self._folder / "httpd.log").open("ab") as log,
            proc.start(
                ["public-inbox-httpd", "-W0", "-l", f"http://127.0.0.1:{port}"],
                cwd=self._folder,
                env=self._env,
                stdout=log,
            ) as server,
        ):
            deadline = Deadline.after(SERVER_START_LIMIT_S)
            while not listens(port):
                assert server.poll() is None, (self._folder / "httpd.log").read_text()
                assert not deadline.expired, "public-inbox-httpd does not listen"
                time.sleep(0.05)
            yield ArchiveConfig.at(f"http://127.0.0.1:{port}/test")

    def _run(self, argv: Sequence[str | Path]) -> None:
        proc.run(argv, cwd=self._folder, deadline=Deadline.after(60), env=self._env)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def mail(subject: str, message_id: str, body: str, answers: str = "") -> bytes:
    letter = EmailMessage()
    letter["From"] = "Zoë Ängström <zoe@example.org>"
    letter["To"] = ADDRESS
    letter["Date"] = "Tue, 29 Oct 2024 16:05:03 -0700"
    letter["Subject"] = subject
    letter["Message-ID"] = f"<{message_id}>"
    if answers:
        letter["In-Reply-To"] = f"<{answers}>"
        letter["References"] = f"<{answers}>"
    letter.set_content(body, cte="quoted-printable")
    return bytes(letter)


def patch_text(name: str) -> str:
    return (
        f"Añade {name}.\n\nFrom now on it is there.\n\nSigned-off-by: Zoë <zoe@example.org>\n---\n"
        f" {name} | 1 +\n\ndiff --git a/{name} b/{name}\nnew file mode 100644\n"
        f"index 0000000..7898192\n--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+a = 1; ñ\n"
        "-- \n2.39\n"
    )
