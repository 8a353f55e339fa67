# SPDX-License-Identifier: GPL-2.0
"""A real SSH server on loopback with throwaway keys, for tests of whoever logs in there.

What is run there runs on this host, as this user.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

CUT = "please cut the connection"
"""A server that is told this in a script ends the connection."""


@dataclass(frozen=True)
class Server:
    """A server that runs, and a folder with what ssh needs to reach it as "dut" and "peer"."""

    port: int
    folder: Path
    cuts: list[int] = field(default_factory=list)
    """Of a longer input so many bytes come to the next commands; the connection is cut then."""
    received: list[int] = field(default_factory=list)
    """How many bytes came to each command."""

    def trust(self, key: str) -> None:
        """Have ssh know a host key, "host" (the server's), "other", or none ("")."""
        known = ""
        if key:
            public = (self.folder / f"{key}.pub").read_text()
            known = f"lab {public}"
        (self.folder / "known_hosts").write_text(known)

    def configure(self, *lines: str, user: str = "user") -> None:
        """Write ssh's config. user: the key that logs in."""
        text = [
            "Host dut peer",
            "  HostName 127.0.0.1",
            f"  Port {self.port}",
            f"  IdentityFile {self.folder}/{user}",
            "  IdentitiesOnly yes",
            f"  UserKnownHostsFile {self.folder}/known_hosts",
            "  HostKeyAlias lab",
            *lines,
        ]
        (self.folder / "config").write_text("\n".join([*text, ""]))

    def ssh(self, folder: Path) -> Path:
        """Make a folder for PATH, with an ssh that has this config."""
        return ssh_of(folder, self.folder / "config")


def ssh_of(folder: Path, config: Path) -> Path:
    """Make a folder for PATH, with an ssh whose user has that config."""
    place = folder / "bin"
    place.mkdir()
    program = place / "ssh"
    program.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {config} "$@"\n')
    program.chmod(0o755)
    return place


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Run a server, with keys and config in the folder."""
    for name in ("host", "other", "user", "stranger"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / name)]
        subprocess.run(argv, check=True)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        cuts: list[int] = []
        received: list[int] = []
        begun = asyncio.run_coroutine_threadsafe(_listen(folder, cuts, received), loop)
        listener = begun.result(timeout=20)
        server = Server(listener.get_port(), folder, cuts, received)
        server.trust("host")
        server.configure()
        yield server
        asyncio.run_coroutine_threadsafe(_end(listener), loop).result(timeout=20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _listen(folder: Path, cuts: list[int], received: list[int]) -> asyncssh.SSHAcceptor:
    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        await _run(process, cuts, received)

    return await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[str(folder / "host")],
        authorized_client_keys=str(folder / "user.pub"),
        process_factory=run,
        encoding=None,
    )


async def _end(listener: asyncssh.SSHAcceptor) -> None:
    listener.close()
    await listener.wait_closed()


async def _run(
    process: asyncssh.SSHServerProcess[bytes], cuts: list[int], received: list[int]
) -> None:
    """Carry out a command, with all of its input at once."""
    given = await process.stdin.read()
    is_cut = CUT.encode() in given
    if not is_cut and cuts and len(given) > cuts[0]:
        given, is_cut = given[: cuts.pop(0)], True
    received.append(len(given))
    output = b""
    if CUT.encode() not in given:
        child = await asyncio.create_subprocess_exec(
            *("sh", "-c", process.command or ""),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await child.communicate(given)
    if is_cut:
        process.channel.get_connection().abort()
        return
    process.stdout.write(output)
    process.exit(child.returncode or 0)
