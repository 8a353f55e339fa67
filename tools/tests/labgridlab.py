# SPDX-License-Identifier: GPL-2.0
"""A lab that labgrid manages: its own coordinator and exporter on loopback.

The place has a power switch that is worked by HTTP, and a console that is a TCP port.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

LIMIT_S = 60.0
PLACE = "lab3"

_PLACES = """\
{place}:
  aliases: [third]
  comment: ''
  tags: {{}}
  matches:
  - {{exporter: exporter, group: lab, cls: '*', name: null, rename: null}}
  created: 1.0
  changed: 1.0
"""
_EXPORTS = """\
lab:
  power:
    cls: NetworkPowerPort
    model: simplerest
    host: 'http://127.0.0.1:{power}/{{index}}/{{value}}'
    index: '7'
  console:
    cls: NetworkSerialPort
    host: 127.0.0.1
    port: {console}
    speed: 115200
    protocol: raw
"""
# In place of the program that shows a console to labgrid's client, where that is a TCP port.
_MICROCOM = """\
#!{python}
import socket, sys
host, _, port = sys.argv[sys.argv.index("-t") + 1].rpartition(":")
with socket.create_connection((host, int(port))) as console:
    while data := console.recv(4096):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
"""


@dataclass
class Lab:
    """labgrid as it runs. worked: what the power switch was told, "0" or "1" each.

    when_worked: is called with that. shown: what the console shows to whoever connects.
    """

    folder: Path
    coordinator: str
    exporter: subprocess.Popen[bytes]
    worked: list[str] = field(default_factory=list)
    when_worked: Callable[[str], None] = lambda _: None
    is_on: bool = True
    shown: Callable[[], Iterator[bytes]] = lambda: iter(())

    @property
    def table(self) -> str:
        """The table of a target's file."""
        return f'[labgrid]\nplace = "{PLACE}"\ncoordinator = "{self.coordinator}"\n'

    def client(self, *words: str, user: str = "", place: str = PLACE) -> str:
        """Do something by hand. user: who, "HOST/USER"."""
        host, _, name = user.partition("/")
        env = {**os.environ, **({"LG_HOSTNAME": host, "LG_USERNAME": name} if user else {})}
        argv = [program("labgrid-client"), "-x", self.coordinator, "-p", place, *words]
        done = subprocess.run(
            argv, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def owner(self) -> str:
        """Give who has the place, "None" for nobody."""
        (line,) = (line for line in self.client("show").splitlines() if "  acquired: " in line)
        return line.partition(": ")[2]


def program(name: str) -> str:
    """Find a program of labgrid, which is in the environment that tests run in."""
    folder = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    found = shutil.which(name, path=folder)
    assert found is not None, name
    return found


def on_path(folder: Path) -> Path:
    """Make a folder for PATH with labgrid's client, and what shows it a console."""
    place = folder / "labgrid-bin"
    place.mkdir()
    (place / "labgrid-client").symlink_to(program("labgrid-client"))
    terminal = place / "microcom"
    terminal.write_text(_MICROCOM.format(python=sys.executable))
    terminal.chmod(0o755)
    return place


def following(file: Path) -> Iterator[bytes]:
    """Give what comes to a file from now on, as a console shows it."""
    with file.open("rb") as opened:
        opened.seek(0, os.SEEK_END)
        while True:
            data = opened.read(1 << 16)
            if data:
                yield data
            else:
                time.sleep(0.1)


@contextmanager
def running(folder: Path) -> Iterator[Lab]:
    """Run coordinator, exporter, switch and console; they are gone at the end."""
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        lab = Lab(folder, "", None)  # type: ignore[arg-type]
        power, console = _serve_power(stack, lab), _serve_console(stack, lab)
        (folder / "places.yaml").write_text(_PLACES.format(place=PLACE))
        exports = folder / "exports.yaml"
        exports.write_text(_EXPORTS.format(power=power, console=console))
        log = _start(stack, folder, "labgrid-coordinator", "-l", "127.0.0.1:0")[1]
        lab.coordinator = _wait(log, "listening on ").split()[0]
        words = ("-c", lab.coordinator, "-n", "exporter", str(exports))
        lab.exporter, log = _start(stack, folder, "labgrid-exporter", *words)
        _wait(log, "queued update for resource lab/console")
        _wait(log, "queued update for resource lab/power")
        while lab.client("resources").count("exporter/lab/") < 2:
            time.sleep(0.05)
        yield lab


def _start(
    stack: ExitStack, folder: Path, name: str, *words: str
) -> tuple[subprocess.Popen[bytes], Path]:
    log = folder / f"{name}.log"
    sink = stack.enter_context(log.open("wb"))
    argv = ["setpriv", "--pdeathsig", "KILL", "--", program(name), *words]
    child = subprocess.Popen(argv, cwd=folder, stdout=sink, stderr=sink)

    def end() -> None:
        child.kill()
        child.wait()

    stack.callback(end)
    return child, log


def _wait(log: Path, text: str) -> str:
    """Wait for a text in a log; give what comes behind it."""
    end = time.monotonic() + LIMIT_S
    while text not in (told := log.read_text()) or not told.partition(text)[2].partition("\n")[1]:
        assert time.monotonic() < end, told
        time.sleep(0.02)
    return told.partition(text)[2]


def _serve_power(stack: ExitStack, lab: Lab) -> int:
    class Switch(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            value = self.path.rpartition("/")[2]
            if self.path.startswith("/7/"):
                lab.worked.append(value)
                lab.is_on = value == "1"
                lab.when_worked(value)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"1" if lab.is_on else b"0")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return _served(stack, ThreadingHTTPServer(("127.0.0.1", 0), Switch))


def _serve_console(stack: ExitStack, lab: Lab) -> int:
    class Console(BaseRequestHandler):
        def handle(self) -> None:
            try:
                for data in lab.shown():
                    self.request.sendall(data)
            except OSError:
                pass  # nobody looks any more

    return _served(stack, ThreadingTCPServer(("127.0.0.1", 0), Console))


def _served(stack: ExitStack, server: ThreadingTCPServer | ThreadingHTTPServer) -> int:
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    port: int = server.server_address[1]
    return port
