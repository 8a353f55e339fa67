# SPDX-License-Identifier: GPL-2.0
"""Programs and shells on a built kernel: in a real guest."""

from __future__ import annotations

import os
import pty
import sys
import threading
from pathlib import Path

import pytest

from kseries.lib.errors import UserError
from kseries.lib.paths import Cache, Project
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import InstalledSuites, Request
from kseries.run import loop
from kseries.run.context import RunContext
from kseries.run.loop import Tried, Wanted
from kseries.stacks.stack import plan
from tests.test_vm import kernel

pytestmark = [pytest.mark.vm, pytest.mark.timeout(300)]


@pytest.fixture
def work(tmp_path: Path) -> RunContext:
    """Give a run with a kernel and one installed test."""
    project = Project.find()
    request = Request(append=("loglevel=7",))
    run = RunFolder(tmp_path / "run")
    (run.path / "installed/demo").mkdir(parents=True)
    (run.path / "installed/demo/hello").write_text("hello\n")
    (run.path / "install.json").write_text("{}")
    planned = plan(request, project=project)
    work = RunContext(request, planned, project, Cache.find(), run, Silent())
    installed = InstalledSuites(run.path / "installed", ())
    work.outcomes |= {"build": kernel(), "install": installed}
    return work


def tried(
    work: RunContext, *command: str, wanted: Wanted | None = None, timeout_s: float = 60
) -> Tried:
    return loop.execute(work, command, wanted or Wanted(), timeout_s=timeout_s)


def test_a_program_of_the_guest(work: RunContext, capfd: pytest.CaptureFixture[str]) -> None:
    found = tried(work, "sh", "-c", "cat demo/hello /proc/cmdline; exit 3")
    assert (found.status, found.events, found.exit_code) == (3, (), 3)
    shown = capfd.readouterr().out
    assert shown.startswith("hello\n")
    assert "loglevel=7" in shown


def test_a_program_of_the_host_and_its_files(
    work: RunContext, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "look"
    program.write_text("#!/bin/sh\ncat /put/data/word; cat /shared/in; echo out >/shared/out\n")
    program.chmod(0o755)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/word").write_text("word\n")
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "in").write_text("in\n")
    wanted = Wanted(put=(str(tmp_path / "data"),), share=str(shared))
    assert tried(work, str(program), wanted=wanted).exit_code == 0
    assert capfd.readouterr().out == "word\nin\n"
    assert (shared / "out").read_text() == "out\n"


def test_a_program_that_does_not_end(work: RunContext) -> None:
    found = tried(work, "sleep", "1000", timeout_s=2)
    assert (found.status, found.exit_code) == (None, loop.TIMED_OUT)


def test_a_kernel_that_dies(work: RunContext) -> None:
    found = tried(work, "sh", "-c", "echo c >/proc/sysrq-trigger")
    assert "sysrq triggered crash" in found.death
    assert found.exit_code == 1
    assert (work.run.path / loop.FOLDER / "console.log").is_file()


def test_two_linked_interfaces(work: RunContext, capfd: pytest.CaptureFixture[str]) -> None:
    ping = ("ip", "netns", "exec", "peer", "ping", "-q", "-c", "1", "192.0.2.1")
    assert tried(work, *ping, wanted=Wanted(nics=True)).exit_code == 0
    assert "1 received" in capfd.readouterr().out


def test_a_file_that_is_not_there(work: RunContext) -> None:
    with pytest.raises(UserError, match="There is no gone"):
        tried(work, "true", wanted=Wanted(put=("gone",)))
    # Nothing was begun.
    assert not (work.run.path / loop.FOLDER).exists()


def test_a_shell(work: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    typist, end = pty.openpty()
    shown = bytearray()

    def type_() -> None:
        # What is typed before there is a shell is thrown away.
        while b"kseries:" not in shown:
            shown.extend(os.read(typist, 1 << 16))
        os.write(typist, b"cat demo/hello; tty\rexit\r")
        while b"/dev/pts/0" not in shown:
            shown.extend(os.read(typist, 1 << 16))

    typing = threading.Thread(target=type_, daemon=True)
    typing.start()
    with os.fdopen(end, "rb", buffering=0, closefd=False) as typed:
        monkeypatch.setattr(sys, "stdin", typed)
        monkeypatch.setattr(sys, "stdout", typed)
        loop.shell(work, Wanted())
    typing.join(10)
    assert b"\r\nhello\r\n" in shown
    os.close(typist)
    os.close(end)
