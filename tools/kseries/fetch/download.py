# SPDX-License-Identifier: GPL-2.0
"""Fetch a file whose sha256 is known; it exists afterwards whole and right, or not at all."""

from __future__ import annotations

import hashlib
import http.client
import ssl
import urllib.error
import urllib.parse
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import IO

from kseries.lib import atomicfile
from kseries.lib.errors import InfraError, KseriesError, UserError
from kseries.lib.progress import Progress, Ticker

STALL_TIMEOUT_S = 60.0
CHUNK = 1 << 18

_NETWORK_ERRORS = (
    urllib.error.URLError,
    http.client.HTTPException,
    ssl.SSLError,
    TimeoutError,
    ConnectionError,
)


def has_sha256(file: Path, sha256: str) -> bool:
    """Whether the file is there and has that content."""
    return file.is_file() and _sha256(file) == sha256


def require_sha256(file: Path, sha256: str) -> None:
    """Raise UserError when the file has another content."""
    found = _sha256(file)
    if found != sha256:
        raise UserError(
            "The file is not the one that is pinned: its sha256 differs.",
            where=f"{file}\nfound:    {found}\nexpected: {sha256}",
            do="if the file is right, fix sha256 in the source's pin; else get it again",
        )


def download(url: str, sha256: str, final: Path, progress: Progress) -> None:
    """Fetch `url` (http or https) to `final`.

    The caller holds the lock of `final`. Raises UserError when the address is wrong, InfraError
    when the server or the way to it failed, or when something else came than was pinned.
    """
    try:
        with atomicfile.new_file(final) as partial, partial.open("wb") as sink:
            found = _stream(url, sink, progress)
            if found != sha256:
                raise InfraError(
                    "What came is not the file that is pinned: its sha256 differs.",
                    where=f"{url}\nfound:    {found}\nexpected: {sha256}",
                    do="try again; if it stays like this, fix url or sha256 in the source's pin",
                )
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(url, error) from error
    except _NETWORK_ERRORS as error:
        reason = getattr(error, "reason", error)
        raise InfraError(
            f"The download failed: {reason}.",
            where=url,
            do="check the network and the address, then try again",
        ) from error


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _stream(url: str, sink: IO[bytes], progress: Progress) -> str:
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise UserError("The address of a download is http or https.", where=url)
    digest = hashlib.sha256()
    ticker = Ticker()
    done = 0
    request = urllib.request.Request(url, headers={"User-Agent": "kseries"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=STALL_TIMEOUT_S) as answer:  # noqa: S310
        length = answer.headers.get("Content-Length")
        total = int(length) if length and length.isdigit() else None
        while data := answer.read(CHUNK):
            digest.update(data)
            sink.write(data)
            done += len(data)
            if ticker.due():
                progress.update("downloading", done=done, total=total)
    if total is not None and done != total:
        raise InfraError(
            f"The download broke off: {done:,} of {total:,} bytes came.",
            where=url,
            do="try again",
        )
    return digest.hexdigest()


def _refused(url: str, error: urllib.error.HTTPError) -> KseriesError:
    what = f"The server answered {error.code} {error.reason}."
    if error.code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return UserError(what, where=url, do="fix the url in the source's pin")
    return InfraError(what, where=url, do="try again later, or name another mirror")
