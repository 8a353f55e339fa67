# SPDX-License-Identifier: GPL-2.0
from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kseries.fetch.download import download, has_sha256, require_sha256
from kseries.lib.errors import InfraError, UserError
from kseries.lib.progress import Silent

CONTENT = b"kernel" * 100_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves the content whole, cut off, or not at all, by the name asked for."""

    def do_GET(self) -> None:
        if self.path in ("/404", "/500"):
            self.send_error(int(self.path[1:]))
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // (2 if self.path == "/cut" else 1)])

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[str]:
    with serving() as url:
        yield url


def test_a_file_comes_whole(server: str, tmp_path: Path) -> None:
    final = tmp_path / "downloads" / "file"
    download(f"{server}/whole", SHA256, final, Silent())
    assert final.read_bytes() == CONTENT
    assert [entry.name for entry in final.parent.iterdir()] == ["file"]


def test_a_cut_off_download_leaves_nothing_and_the_next_works(server: str, tmp_path: Path) -> None:
    final = tmp_path / "file"
    with pytest.raises(InfraError) as caught:
        download(f"{server}/cut", SHA256, final, Silent())
    assert caught.value.what == "The download broke off: 300,000 of 600,000 bytes came."
    assert list(tmp_path.iterdir()) == []
    download(f"{server}/whole", SHA256, final, Silent())
    assert has_sha256(final, SHA256)


def test_another_content_is_shown_with_both_hashes(server: str, tmp_path: Path) -> None:
    wanted = "0" * 64
    with pytest.raises(InfraError) as caught:
        download(f"{server}/whole", wanted, tmp_path / "file", Silent())
    assert SHA256 in caught.value.where
    assert wanted in caught.value.where
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "kind", "what"),
    [
        ("404", UserError, "The server answered 404 Not Found."),
        ("500", InfraError, "The server answered 500 Internal Server Error."),
    ],
)
def test_a_servers_refusal_is_told(
    server: str, tmp_path: Path, path: str, kind: type[Exception], what: str
) -> None:
    with pytest.raises(kind) as caught:
        download(f"{server}/{path}", SHA256, tmp_path / "file", Silent())
    assert str(caught.value).startswith(what)
    assert f"{server}/{path}" in str(caught.value)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/file"
        with pytest.raises(InfraError, match=r"The download failed: .*refused"):
            download(url, SHA256, tmp_path / "file", Silent())


def test_only_http_is_downloaded(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        download("ftp://localhost/file", SHA256, tmp_path / "file", Silent())


def test_a_local_file_of_another_content_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"other")
    with pytest.raises(UserError) as caught:
        require_sha256(file, SHA256)
    assert f"expected: {SHA256}" in caught.value.where
    assert not has_sha256(tmp_path / "none", SHA256)
