# SPDX-License-Identifier: GPL-2.0
"""A BMC on loopback that speaks Redfish: the emulator of sushy-tools, with its fake machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt

SYSTEM = "/redfish/v1/Systems/27946b59-9e44-4fa7-8e91-f3527a1ef094"
USER, PASSWORD = "operator", "correct horse"
LIMIT_S = 30.0

# Its machine takes by chance up to 11 s to go on or off: here as little as it can.
_EMULATOR = (
    "import random; random.randint = min; from sushy_tools.emulator.main import main; main()"
)
_CONFIG = """\
SUSHY_EMULATOR_LISTEN_IP = "127.0.0.1"
SUSHY_EMULATOR_LISTEN_PORT = {port}
SUSHY_EMULATOR_SSL_CERT = "{folder}/bmc.pem"
SUSHY_EMULATOR_SSL_KEY = "{folder}/bmc.key"
SUSHY_EMULATOR_AUTH_FILE = "{folder}/users"
SUSHY_EMULATOR_STATE_DIR = "{folder}/state"
SUSHY_EMULATOR_FAKE_SYSTEMS = [
    {{
        "uuid": "{uuid}",
        "name": "fake",
        "power_state": "On",
        "nics": [{{"mac": "00:5c:52:31:3a:9c", "ip": "172.22.0.100"}}],
    }}
]
"""


@dataclass(frozen=True)
class Bmc:
    """A BMC that runs. ca_file: has its certificate; log: what it was asked, and answered."""

    url: str
    ca_file: Path
    password_file: Path
    log: Path

    def table(self, **changes: object) -> str:
        """Give the `[power]` table of a target's file."""
        told = {
            "kind": "redfish", "url": self.url, "system": SYSTEM, "user": USER,
            "password_file": str(self.password_file), "ca_file": str(self.ca_file),
        } | changes  # fmt: skip
        lines = (
            f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}"
            for key, value in told.items()
            if value is not None
        )
        return "\n".join(["[power]", *lines, ""])


@contextmanager
def running(folder: Path) -> Iterator[Bmc]:
    """Run a BMC; it is gone at the end."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=bmc", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(folder / "bmc.key"), "-out", str(folder / "bmc.pem")),
        ],
        check=True,
        capture_output=True,
    )
    (folder / "state").mkdir()
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (folder / "users").write_text(f"{USER}:{hashed}\n")
    secret = folder / "password"
    secret.write_text(f"{PASSWORD}\n")
    secret.chmod(0o600)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "emulator.conf"
    config.write_text(_CONFIG.format(port=port, folder=folder, uuid=SYSTEM.rpartition("/")[2]))
    log = folder / "emulator.log"
    with log.open("wb") as sink:
        child = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-c", _EMULATOR),
                *("--fake", "--config", str(config)),
            ],
            stdout=sink,
            stderr=sink,
            cwd=folder,
        )
    try:
        _wait(child, port, log)
        yield Bmc(f"https://127.0.0.1:{port}", folder / "bmc.pem", secret, log)
    finally:
        child.kill()
        child.wait()


def _wait(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + LIMIT_S
    while True:
        assert child.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        with socket.socket() as ask:
            if ask.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
