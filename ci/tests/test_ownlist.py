# SPDX-License-Identifier: GPL-2.0
"""The bot's own list: read back by b4 and by public-inbox itself, each mail in it once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.model import RunResult
from seriesbot.answer import compose, deciding, ownlist
from seriesbot.answer.deciding import Channel
from seriesbot.answer.ownlist import OwnList
from tests.archives import git
from tests.test_answer import BOT, THREAD, answer

ADDRESS = "answers@ci.example.org"


def letter(number: int, text: str = "Hello.\n") -> bytes:
    made = EmailMessage()
    made["From"] = "bot <bot@ci.example.org>"
    made["Subject"] = f"Re: [PATCH {number}/9] é"
    made["Date"] = "Tue, 29 Oct 2024 16:05:03 -0700"
    made["Message-ID"] = f"<{number}@ci.example.org>"
    made.set_content(text)
    return bytes(made)


def mails(folder: Path) -> list[bytes]:
    """Give the mails of all epochs as they are, oldest first."""
    found = []
    for epoch in sorted((folder / "git").glob("*.git"), key=lambda place: int(place.stem)):
        commits = git("-C", epoch, "rev-list", "--reverse", "--all").split()
        for commit in commits:
            argv = ["git", "-C", str(epoch), "show", f"{commit}:m"]
            found.append(subprocess.run(argv, check=True, capture_output=True).stdout)
    return found


def test_a_mail_is_there_as_it_was_written_and_once(tmp_path: Path) -> None:
    own = OwnList(tmp_path / "list")
    assert not own.has("1@ci.example.org")
    assert own.deliver(letter(1)) is True
    assert own.deliver(letter(2)) is True
    assert own.deliver(letter(1)) is False
    # The message id tells, not the text.
    assert own.deliver(letter(1, "Other.\n")) is False
    assert own.has("1@ci.example.org")
    assert not own.has("@ci.example.org")
    assert mails(tmp_path / "list") == [letter(1), letter(2)]
    git("-C", tmp_path / "list/git/0.git", "fsck", "--strict")
    assert git("-C", tmp_path / "list/git/0.git", "rev-parse", "HEAD")


def test_a_new_epoch_begins_when_one_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = OwnList(tmp_path / "list")
    own.deliver(letter(1))
    monkeypatch.setattr("ezpi.V2_SIZE_THRESHOLD", 1)
    own.deliver(letter(2))
    assert own.deliver(letter(1)) is False
    assert len(list((tmp_path / "list/git").iterdir())) == 2
    assert mails(tmp_path / "list") == [letter(1), letter(2)]


def test_files_are_packed_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownlist, "MANY", -1)
    own = OwnList(tmp_path / "list")
    for number in range(3):
        own.deliver(letter(number))
    objects = tmp_path / "list/git/0.git/objects"
    assert len(list(objects.glob("pack/*.pack"))) >= 1
    assert mails(tmp_path / "list") == [letter(number) for number in range(3)]
    assert own.deliver(letter(1)) is False


def test_two_writers_at_once(tmp_path: Path) -> None:
    numbers = [*range(12), *range(12)]
    told: list[bool] = []
    own = OwnList(tmp_path / "list")

    def write(part: list[int]) -> None:
        told.extend([own.deliver(letter(number)) for number in part])

    threads = [threading.Thread(target=write, args=(numbers[at::3],)) for at in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False] * 12 + [True] * 12
    assert sorted(mails(tmp_path / "list")) == sorted(letter(number) for number in range(12))


WRITER = """
import sys
from pathlib import Path
from seriesbot.answer.ownlist import OwnList
from tests.test_ownlist import letter
print("ready", flush=True)
for number in range(40):
    OwnList(Path(sys.argv[1])).deliver(letter(number))
    print(number, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 6])
def test_a_writer_that_is_killed_has_written_it_or_not(lines: int, tmp_path: Path) -> None:
    place = tmp_path / "list"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(place)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as child:
        assert child.stdout is not None
        for _ in range(lines):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)
    own = OwnList(place)
    for number in range(12):
        own.deliver(letter(number))
    assert sorted(mails(place)) == sorted(letter(number) for number in range(12))
    git("-C", place / "git/0.git", "fsck", "--strict")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InfraError):
        OwnList(tmp_path / "file" / "list").deliver(letter(1))
    place = tmp_path / "list"
    OwnList(place).deliver(letter(1))
    for epoch in (place / "git").iterdir():
        (epoch / "HEAD").unlink()
    with pytest.raises(InfraError, match="cannot be written"):
        OwnList(place).deliver(letter(2))


@pytest.fixture
def delivered(tmp_path: Path, failing_run: RunResult) -> Path:
    """A list with one answer, and one that answers another version."""
    own = OwnList(tmp_path / "list")
    to = deciding.recipients(THREAD, Channel.INBOX, (), ())
    for run in ("job-7", "job-8"):
        own.deliver(bytes(compose.compose(answer(failing_run, run=run, recipients=to))))
    return tmp_path / "list"


def test_b4_reads_an_answer(delivered: Path, tmp_path: Path, failing_run: RunResult) -> None:
    """Through public-inbox's own server, from the list as it lies there."""
    wanted = compose.message_id(THREAD, "job-7", BOT.address)
    env = {"HOME": str(tmp_path), "PI_CONFIG": str(tmp_path / "pi.config")}

    def run(*argv: str | Path) -> str:
        done = proc.run(list(argv), cwd=tmp_path, deadline=Deadline.after(60), env=env)
        return done.output

    from tests.publicinbox import free_port, listens  # of the toolkit, which need no copy

    (tmp_path / "out").mkdir()
    url = "http://127.0.0.1/answers"
    run("public-inbox-init", "-V2", "-L", "full", "answers", delivered, url, ADDRESS)
    run("public-inbox-index", delivered)
    port = free_port()
    with (
        (tmp_path / "httpd.log").open("ab") as log,
        proc.start(
            ["public-inbox-httpd", "-W0", "-l", f"http://127.0.0.1:{port}"],
            cwd=tmp_path,
            env=env,
            stdout=log,
        ),
    ):
        deadline = Deadline.after(30)
        while not listens(port):
            assert not deadline.expired
        mask = f"http://127.0.0.1:{port}/answers/%s"
        b4 = (sys.executable, "-m", "b4.command", "-n", "-c", f"b4.midmask={mask}")
        linked = ("-c", f"b4.linkmask={mask}")
        run(*b4, *linked, "mbox", "-o", tmp_path / "out", wanted)
    (box,) = (tmp_path / "out").iterdir()
    text = box.read_bytes()
    assert f"Message-ID: <{wanted}>".encode() in text or f"Message-Id: <{wanted}>".encode() in text
    read = BytesParser(policy=policy.default).parsebytes(text.partition(b"\n")[2])
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["In-Reply-To"] == f"<{THREAD.message_id}>"
    assert "It does not pass:" in text.decode()
