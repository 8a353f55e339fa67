# SPDX-License-Identifier: GPL-2.0
"""A terminal's bytes on their way to a guest and back: with a real terminal and a real shell."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import termios
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from kseries.machines import terminal

TIMEOUT_S = 20


@dataclass
class Ends:
    """typist: our end of the terminal that somebody types on; far: the guest's end."""

    typist: int
    terminal: int
    near: socket.socket
    far: socket.socket
    ended: threading.Event


@pytest.fixture
def ends() -> Iterator[Ends]:
    typist, end = pty.openpty()
    near, far = socket.socketpair()
    yield Ends(typist, end, near, far, threading.Event())
    near.close()
    far.close()
    os.close(typist)
    os.close(end)


def start(ends: Ends, typed: int, shown: int) -> threading.Thread:
    pump = (typed, shown, ends.near, ends.ended.is_set)
    thread = threading.Thread(target=terminal.pump, args=pump, daemon=True)
    thread.start()
    return thread


def test_each_key_goes_there_as_it_is(ends: Ends) -> None:
    before = termios.tcgetattr(ends.terminal)
    thread = start(ends, ends.terminal, ends.terminal)
    # What is shown comes back to who types; Ctrl-C is a key like others, and no line is awaited.
    ends.far.sendall(b"ready")
    assert os.read(ends.typist, 100) == b"ready"
    os.write(ends.typist, b"a\x03\r")
    received = b""
    while len(received) < 3:
        received += ends.far.recv(100)
    assert received == b"a\x03\r"
    ends.ended.set()
    thread.join(TIMEOUT_S)
    assert termios.tcgetattr(ends.terminal) == before


def test_it_ends_with_the_guest(ends: Ends) -> None:
    thread = start(ends, ends.terminal, ends.terminal)
    ends.far.sendall(b"last words")
    ends.far.close()
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()
    assert os.read(ends.typist, 100) == b"last words"


def test_the_end_of_a_file_ends_the_shell(ends: Ends) -> None:
    read, write = os.pipe()
    os.write(write, b"echo $((6*7))\n")
    os.close(write)
    shown, out = os.pipe()
    with subprocess.Popen(["sh"], stdin=ends.far.fileno(), stdout=ends.far.fileno()) as shell:
        ends.far.close()
        start(ends, read, out).join(TIMEOUT_S)
        assert shell.wait(TIMEOUT_S) == 0
    assert os.read(shown, 100) == b"42\n"
    for end in (read, shown, out):
        os.close(end)


@pytest.mark.parametrize(
    ("term", "told"), [("xterm-256color", "xterm-256color"), ("x; reboot", "dumb"), ("", "dumb")]
)
def test_the_guest_is_told_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch, term: str, told: str
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", "91")
    monkeypatch.setenv("LINES", "37")
    rc = terminal.shell("/kselftest")[4]
    assert f"export TERM={told}\n" in rc
    assert "stty rows 37 cols 91\n" in rc
    assert "cd /kselftest\n" in rc
