# SPDX-License-Identifier: GPL-2.0
"""A real PostgreSQL server on loopback, of an ordinary user, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from tests.farms import free_port, wait_for

INSTALL = "apt-get install postgresql"
NOBODY = 65534  # root may not be who it runs as

USER, PASSWORD = "seriesbot", "p%40ss"  # as it stands in an address
CLEAR = "p@ss"


def find() -> Path | None:
    """Give the folder of its programs, None where it is not installed."""
    there = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_version)
    found = str(there[-1]) if there else shutil.which("postgres")
    return Path(found).parent if found else None


def _version(program: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in program.parts[-3].split(".") if part.isdecimal())


@dataclass
class Postgres:
    """A server with a database, and a user who owns that and nothing else."""

    programs: Path
    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        words = ("--no-sync", "--username=postgres", "--auth=trust", "--locale=C", "-E", "UTF8")
        self._run("initdb", "-D", str(self.folder / "data"), *words)
        hba = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (self.folder / "data/pg_hba.conf").write_text(hba)
        self.start()
        with closing(psycopg2.connect(self._address("postgres", "", "postgres"))) as there:
            there.autocommit = True
            with there.cursor() as cursor:
                cursor.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{CLEAR}'")
                cursor.execute(f"CREATE DATABASE {USER} OWNER {USER}")

    @property
    def url(self) -> str:
        """As the master's settings have it."""
        return f"postgresql+psycopg2://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{USER}"

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Ask the database of the user."""
        address = self._address(USER, PASSWORD, USER)
        with closing(psycopg2.connect(address)) as there, there.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def start(self) -> None:
        """Be up."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "off",  # it may be killed here; the machine does not fail
        }
        told = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        argv = self._argv("postgres", "-D", str(self.folder / "data"), *told)
        with (self.folder / "log").open("ab") as log:
            # It must not outlive tests that are ended.
            argv = ["setpriv", "--pdeathsig", "INT", "--", *argv]
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=self.folder)
        wait_for(self._is_up)

    def kill(self) -> None:
        """Kill it; what it has begun for others ends with it."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it."""
        self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=60)
            self.process = None

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            psycopg2.connect(self._address("postgres", "", "postgres")).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _address(self, user: str, password: str, base: str) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{base}"

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(self._argv(program, *words), check=True, capture_output=True, cwd="/")

    def _argv(self, program: str, *words: str) -> list[str]:
        argv = [str(self.programs / program), *words]
        return [*_as_nobody(), *argv]


def _as_nobody() -> Sequence[str]:
    if os.getuid():
        return ()
    return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--")


@contextmanager
def serving(programs: Path) -> Iterator[Postgres]:
    """Have a server. programs: the folder of its programs."""
    # Not below a folder that only root may enter.
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        if not os.getuid():
            os.chown(name, NOBODY, NOBODY)
        server = Postgres(programs, Path(name))
        try:
            yield server
        finally:
            server.stop()
