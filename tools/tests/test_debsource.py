# SPDX-License-Identifier: GPL-2.0
from __future__ import annotations

import hashlib
import http.server
import platform
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kseries.fetch import debsource, devpackage
from kseries.fetch.stage import fetch
from kseries.lib.errors import InfraError, UserError
from kseries.lib.paths import Cache
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import BaseTree, DebianSource, NamedSource

PACKAGE = "linux-source-toy"

pytestmark = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("apt-get", "dpkg-deb")), reason="no apt here"
)


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        """Say nothing."""


def make_deb(folder: Path, version: str, *, with_tarball: bool = True) -> Path:
    root = folder / "root"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(
        f"Package: {PACKAGE}\nVersion: {version}\nArchitecture: all\n"
        "Maintainer: T <t@example.org>\nDescription: toy\n"
    )
    (root / "usr/src").mkdir(parents=True)
    sources = folder / PACKAGE
    sources.mkdir()
    (sources / "Makefile").write_text(f"VERSION = 6\nPATCHLEVEL = {version.partition('-')[0]}\n")
    (sources / "Kconfig").touch()
    if with_tarball:
        with tarfile.open(root / f"usr/src/{PACKAGE}.tar.xz", "w:xz") as tar:
            tar.add(sources, arcname=PACKAGE)
    deb = folder / f"{PACKAGE}_{version}_all.deb"
    argv = ["dpkg-deb", "--root-owner-group", "-b", str(root), str(deb)]
    subprocess.run(argv, check=True, capture_output=True)
    shutil.rmtree(root)
    shutil.rmtree(sources)
    return deb


class Mirror:
    """A Debian mirror on loopback, and an apt that knows nothing else."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "mirror"
        self.lists = folder / "lists"
        (self.lists / "partial").mkdir(parents=True)
        self.folder.mkdir()
        handler = partial(Handler, directory=str(self.folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.running = True
        codename = platform.freedesktop_os_release()["VERSION_CODENAME"]
        entry = f"deb http://127.0.0.1:{self._server.server_port}/ {codename} main\n"
        (folder / "sources.list").write_text(entry)
        (folder / "status").touch()
        settings = {
            "Dir::Etc::SourceList": folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": self.lists,
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "aptcache",
            "APT::Sandbox::User": "root",
            "Acquire::AllowInsecureRepositories": "true",
            "APT::Get::AllowUnauthenticated": "true",
            "Acquire::Retries": "0",
            "Acquire::http::Proxy::127.0.0.1": "DIRECT",
        }
        config = "".join(f'{name} "{value}";\n' for name, value in settings.items())
        (folder / "apt.conf").write_text(config)
        monkeypatch.setenv("APT_CONFIG", str(folder / "apt.conf"))
        self.codename = codename

    def offer(self, version: str, suite: str = "") -> None:
        """Offer this version, and no other any more."""
        for old in self.folder.glob("*.deb"):
            old.unlink()
        deb = make_deb(self.folder, version)
        architecture = subprocess.run(
            ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
        ).stdout.strip()
        index = self.folder / f"dists/{suite or self.codename}/main/binary-{architecture}"
        index.mkdir(parents=True, exist_ok=True)
        (index / "Packages").write_text(
            f"Package: {PACKAGE}\nVersion: {version}\nArchitecture: all\nFilename: {deb.name}\n"
            f"Size: {deb.stat().st_size}\n"
            f"SHA256: {hashlib.sha256(deb.read_bytes()).hexdigest()}\nDescription: toy\n\n"
        )

    def stop(self) -> None:
        if self.running:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self.running = False


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    mirror = Mirror(tmp_path, monkeypatch)
    yield mirror
    mirror.stop()


class Lab:
    def __init__(self, folder: Path) -> None:
        self.cache = Cache(folder / "cache")
        self.run = RunFolder(folder / "run")
        self.run.path.mkdir()
        self.out = folder / "out"
        self.progress = Notes()

    def fetch(self, suite: str = "", package: str = PACKAGE) -> BaseTree:
        source = NamedSource("toy", DebianSource("debian", package, suite))
        return fetch(source, self.cache, self.out, self.run, self.progress)

    def unpacked(self) -> Path:
        log = self.run.log("install")
        return devpackage.unpacked(PACKAGE, "toy-testing", self.cache, log, self.progress)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_a_host_without_lists_and_then_without_network(mirror: Mirror, lab: Lab) -> None:
    mirror.offer("12-1")
    base = lab.fetch()
    assert (base.version, base.origin) == ("6.12", f"{PACKAGE} 12-1")
    assert [path.name for path in mirror.lists.iterdir()] == ["partial"]
    assert [path.name for path in lab.cache.downloads.glob("*.deb")] == [f"{PACKAGE}_12-1.deb"]
    mirror.stop()
    assert lab.fetch() == base
    shutil.rmtree(lab.cache.downloads)
    assert lab.fetch() == base
    assert "apt's lists do not name it; taking" in lab.progress.notes[-1]


def test_the_package_in_the_cache_is_used(mirror: Mirror, lab: Lab) -> None:
    mirror.offer("12-1")
    base = lab.fetch()
    mirror.stop()
    shutil.rmtree(lab.cache.git)
    assert lab.fetch() == base
    assert lab.progress.notes == []


def test_stale_lists_are_renewed(mirror: Mirror, lab: Lab) -> None:
    mirror.offer("12-1")
    subprocess.run(["apt-get", "-q", "update"], check=True, capture_output=True)
    mirror.offer("13-1")
    assert lab.fetch().version == "6.13"
    assert "older than the mirror" in lab.progress.notes[0]
    lab.progress.notes.clear()
    assert lab.fetch().version == "6.13"
    assert lab.progress.notes == []


def test_without_network_an_older_import_serves(mirror: Mirror, lab: Lab) -> None:
    mirror.offer("12-1")
    base = lab.fetch()
    mirror.offer("13-1")
    subprocess.run(["apt-get", "-q", "update"], check=True, capture_output=True)
    mirror.stop()
    assert lab.fetch() == base
    assert "13-1 cannot be had now: apt could not download" in lab.progress.notes[0]
    shutil.rmtree(lab.cache.root)
    with pytest.raises(InfraError, match="apt could not download") as caught:
        lab.fetch()
    assert "| E: Failed to fetch" in caught.value.where
    assert not list(lab.cache.root.rglob(".part-*"))
    shutil.rmtree(mirror.lists)
    with pytest.raises(InfraError, match="could not get its package lists"):
        lab.fetch()


def test_a_suite_beyond_the_hosts(mirror: Mirror, lab: Lab) -> None:
    mirror.offer("14-1~bpo1", suite="toy-backports")
    assert lab.fetch("toy-backports").version == "6.14"
    assert [path.name for path in mirror.lists.iterdir()] == ["partial"]
    entry = (lab.cache.downloads / "apt-toy-backports/sources.list").read_text()
    assert entry.endswith("/ toy-backports main\n")


def test_a_package_is_unpacked_once(mirror: Mirror, lab: Lab) -> None:
    mirror.offer("15-1", suite="toy-testing")
    folder = lab.unpacked()
    assert folder == lab.cache.libraries / f"{PACKAGE}_15-1"
    assert (folder / f"usr/src/{PACKAGE}.tar.xz").is_file()
    mirror.stop()
    assert lab.unpacked() == folder
    shutil.rmtree(lab.cache.libraries)
    shutil.rmtree(lab.cache.downloads)
    with pytest.raises(InfraError, match="could not get its package lists"):
        lab.unpacked()
    assert not list(lab.cache.libraries.glob("[!.]*")) + list(lab.cache.libraries.glob(".part*"))


def test_a_package_that_cannot_be_unpacked(mirror: Mirror, lab: Lab) -> None:
    mirror.offer("15-1", suite="toy-testing")
    lab.unpacked()
    shutil.rmtree(lab.cache.libraries)
    (deb,) = lab.cache.downloads.glob("*.deb")
    deb.write_bytes(b"garbage")
    with pytest.raises(InfraError, match="cannot be unpacked") as caught:
        lab.unpacked()
    assert caught.value.do == f"remove {deb} and try again"
    assert not list(lab.cache.libraries.glob("[!.]*")) + list(lab.cache.libraries.glob(".part*"))


def test_a_package_that_nobody_knows(mirror: Mirror, lab: Lab) -> None:
    mirror.offer("12-1")
    with pytest.raises(UserError, match="knows no package linux-source-none"):
        lab.fetch(package="linux-source-none")


def test_an_installed_package_is_found(tmp_path: Path) -> None:
    assert debsource.installed("dpkg", tmp_path) is None
    (tmp_path / "dpkg.tar.xz").touch()
    found = debsource.installed("dpkg", tmp_path)
    assert found is not None
    assert found.version
    assert debsource.installed("linux-source-none", tmp_path) is None


def test_a_package_without_its_tarball(tmp_path: Path) -> None:
    deb = make_deb(tmp_path, "12-1", with_tarball=False)
    with pytest.raises(InfraError, match=r"holds no usr/src/linux-source-toy.tar.xz"):
        debsource.unpack_tarball(deb, PACKAGE, tmp_path / "t")
    deb.write_bytes(b"garbage")
    with pytest.raises(InfraError, match="holds no") as caught:
        debsource.unpack_tarball(deb, PACKAGE, tmp_path / "t")
    assert f"remove {deb}" in caught.value.do
