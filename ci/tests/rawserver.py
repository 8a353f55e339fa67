# SPDX-License-Identifier: GPL-2.0
"""A server that says the bytes that it is told to, and stays silent where it is told to."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answer = bytes | None | Callable[[socket.socket], None]

BEGINNING = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Give a whole answer, behind which the connection ends."""
    told = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers)
    return "\r\n".join((*told, "", "")).encode() + body


@contextmanager
def saying(
    *answers: Answer, context: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """Serve each connection with one of some answers; give the port, and what was asked.

    An answer of None is no more than its beginning; a function says it itself, until it raises.
    """
    asked: list[bytes] = []
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answer in answers:
                try:
                    one, _ = server.accept()
                    if context is not None:
                        one = context.wrap_socket(one, server_side=True)
                except OSError:
                    return
                asked.append(one.recv(1 << 16))
                held.append(one)
                with suppress(OSError):
                    if answer is None:
                        one.sendall(BEGINNING)
                        continue
                    if callable(answer):
                        answer(one)
                    else:
                        one.sendall(answer)
                one.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], asked
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for one in held:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            thread.join()
            for one in held:
                one.close()
