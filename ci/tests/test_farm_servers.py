# SPDX-License-Identifier: GPL-2.0
"""A master with its database in PostgreSQL, and one that is reached through TLS: real servers."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kseries.lib.errors import InfraError
from seriesbot import tls
from seriesbot.engine import buildbot
from seriesbot.engine.base import Found, Outcome
from seriesbot.engine.buildbot import BuildbotEngine
from seriesbot.engine.rest import Rest
from seriesbot.farm import setting_up
from tests import postgres
from tests.farms import TOY, Farm, ended, free_port, order, wait_for
from tests.postgres import Postgres
from tests.smtpserver import certificate

pytestmark = [pytest.mark.farm, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look as often as it is asked."""
    for name in ("LOOK_S", "COUNT_S", "CANCEL_S"):
        monkeypatch.setattr(buildbot, name, 0.1)


@contextmanager
def running(farm: Farm) -> Iterator[Farm]:
    try:
        farm.start_all()
        yield farm
    finally:
        farm.end()


# ---- PostgreSQL


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    programs = postgres.find()
    if programs is None:
        pytest.skip(f"PostgreSQL is not installed: {postgres.INSTALL}")
    with postgres.serving(programs) as found:
        yield found


@pytest.fixture(scope="module")
def stored(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    farm = Farm(tmp_path_factory.mktemp("stored"), more={"db": server.url})
    with running(farm):
        yield farm


def test_a_master_keeps_what_it_has_in_postgresql(stored: Farm, server: Postgres, key: str) -> None:
    engine = stored.engine()
    engine.submit(order(key, "TOY-FAIL"))
    over = ended(engine, key)
    assert isinstance(over, Outcome)
    assert over.exit_code == 1
    kept = "SELECT external_idstring, complete FROM buildsets"
    wait_for(lambda: server.ask(kept) == [(key, 1)])
    assert not list(stored.master.glob("*.sqlite"))
    # It is killed, and finds all of it.
    engine.submit(order(f"{key}-on", "TOY-SLEEP"))
    wait_for(lambda: f"{key}-on" in stored.calls())
    stored.kill("master")
    stored.start_all()
    again = stored.engine()
    assert again.look(key) == over
    again.submit(order(key, "TOY-FAIL"))
    wait_for(lambda: stored.calls().count(f"{key}-on") == 2)
    assert stored.calls().count(key) == 1
    wait_for(lambda: again.forget(f"{key}-on"))


def test_a_database_that_dies_costs_nothing_but_time(
    stored: Farm, server: Postgres, key: str
) -> None:
    engine = stored.engine()
    engine.submit(order(f"{key}-on", "TOY-SLEEP"))
    wait_for(lambda: f"{key}-on" in stored.calls())
    server.kill()
    with pytest.raises(InfraError, match="The Buildbot master"):
        engine.look(f"{key}-on")
    with pytest.raises(InfraError, match="The Buildbot master"):
        stored.engine().submit(order(key))
    server.start()
    # Nobody starts the master anew.
    wait_for(lambda: stored.slots() == 2)
    again = stored.engine()
    assert again.look(f"{key}-on") is Found.RUNNING
    again.submit(order(key))
    assert isinstance(ended(again, key), Outcome)
    wait_for(lambda: again.forget(f"{key}-on"))
    assert stored.calls().count(key) == 1


def test_the_password_of_the_database_is_shown_nowhere(stored: Farm) -> None:
    for word in (postgres.PASSWORD, postgres.CLEAR):
        for file in [*stored.folder.glob("*.log"), *stored.master.glob("*.log")]:
            assert word not in file.read_text(errors="replace"), file
        command = Path("/proc", str(stored.running["master"].pid), "cmdline").read_bytes()
        assert word.encode() not in command


def test_a_database_that_is_not_there_is_told(server: Postgres, tmp_path: Path) -> None:
    wrong = server.url.replace(f"/{postgres.USER}", "/another")
    farm = Farm(tmp_path / "farm", more={"db": wrong})
    farm.start("master")
    assert farm.running.pop("master").wait(timeout=120) == 3
    told = (farm.folder / "master.log").read_text()
    assert "The master's database cannot be made" in told
    assert postgres.PASSWORD not in told


# ---- TLS


@contextmanager
def terminating(context: ssl.SSLContext, port: int) -> Iterator[int]:
    """Be a proxy with TLS before a server on loopback; give its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def pump(one: socket.socket, other: socket.socket) -> None:
            with suppress(OSError):
                while data := one.recv(1 << 16):
                    other.sendall(data)
            with suppress(OSError):
                other.shutdown(socket.SHUT_RDWR)

        def serve(one: socket.socket) -> None:
            with (
                suppress(OSError),
                one,
                socket.create_connection(("127.0.0.1", port)) as behind,
                context.wrap_socket(one, server_side=True) as there,
            ):
                back = threading.Thread(target=pump, args=[behind, there])
                back.start()
                pump(there, behind)
                back.join()

        def accept() -> None:
            with suppress(OSError):
                while True:
                    one, _ = server.accept()
                    threading.Thread(target=serve, args=[one], daemon=True).start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give the folder of a certificate, by its name."""

    def made(name: str) -> Path:
        folder = tmp_path_factory.getbasetemp() / f"pem-{name}"
        if not folder.exists():
            (folder / "roots").mkdir(parents=True)
            _, trusted = certificate(folder)
            (folder / "roots/ca.pem").write_bytes(trusted.read_bytes())
        return folder

    return made


@pytest.fixture(scope="module")
def secured(pem: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """A farm whose workers come through TLS, as docs/bot.md has it."""
    port, own = free_port(), pem("own")
    listen = f"ssl:{port}:interface=127.0.0.1:privateKey={own}/key.pem:certKey={own}/cert.pem"
    farm = Farm(
        tmp_path_factory.mktemp("secured"),
        port=port,
        more={"listen": listen},
        address=f"tls:127.0.0.1:{port}:trustRoots={own}/roots",
    )
    with running(farm):
        yield farm


def test_workers_come_through_tls(
    secured: Farm, pem: Callable[[str], Path], key: str, tmp_path: Path
) -> None:
    engine = secured.engine()
    engine.submit(order(key))
    found = ended(engine, key)
    assert isinstance(found, Outcome)
    assert found.exit_code == 0
    # It is TLS, by that certificate, and nothing is said in the clear.
    trusting = tls.context(str(pem("own") / "cert.pem"), tmp_path)
    with (
        socket.create_connection(("127.0.0.1", secured.port), timeout=30) as one,
        trusting.wrap_socket(one, server_hostname="127.0.0.1") as there,
    ):
        assert there.version() in ("TLSv1.2", "TLSv1.3")
    with socket.create_connection(("127.0.0.1", secured.port), timeout=30) as one:
        one.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert one.recv(100)[:1] in (b"", b"\x15")  # an alert of TLS, at most


def connected(port: int) -> bool:
    """Tell whether more than the two workers have come to a port."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    told = [line.split()[1:4] for line in lines]
    return sum(here.endswith(f":{port:04X}") and state == "01" for here, _, state in told) > 2


@pytest.mark.parametrize("how", ["plain", "untrusted", "another name"])
def test_a_worker_that_does_not_know_the_master_does_not_come(
    secured: Farm, pem: Callable[[str], Path], tmp_path: Path, how: str
) -> None:
    address = {
        "plain": f"127.0.0.1:{secured.port}",
        "untrusted": f"tls:127.0.0.1:{secured.port}:trustRoots={pem('other')}/roots",
        "another name": f"tls:localhost:{secured.port}:trustRoots={pem('own')}/roots",
    }[how]
    name = how.replace(" ", "-")
    list(setting_up.master(secured.master, {}, [name]))
    login = secured.master / f"logins/{name}.toml"
    list(setting_up.worker(secured.folder / name, address, login, TOY))
    wait_for(lambda: name in str(secured.rest().get("workers")))
    secured.start(name)
    log = secured.folder / f"{name}.log"
    try:
        # It goes on trying; who expects no TLS waits for the master's first word.
        came = secured.port if how == "plain" else 0
        wait_for(
            lambda: connected(came) or log.read_text(errors="replace").count("Scheduling retry") > 1
        )
        assert secured.slots() == 2
    finally:
        secured.kill(name)
    assert login.read_text().split('"')[3] not in log.read_text(errors="replace")


def test_the_engine_asks_through_tls(
    secured: Farm, pem: Callable[[str], Path], key: str, tmp_path: Path
) -> None:
    own = pem("own")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own / "cert.pem", own / "key.pem")
    trusting = tls.context(str(own / "cert.pem"), tmp_path)
    known = secured.rest()
    with terminating(context, secured.www) as port:
        url = f"https://127.0.0.1:{port}"
        engine = BuildbotEngine(Rest(url, known.user, known.password, trusting))
        engine.submit(order(key))
        assert isinstance(ended(engine, key), Outcome)
        # Nobody vouches for it: not a word is said, and no password.
        with pytest.raises(InfraError, match="certificate"):
            BuildbotEngine(Rest(url, known.user, known.password)).submit(order(key))
