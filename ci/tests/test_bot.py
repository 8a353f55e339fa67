# SPDX-License-Identifier: GPL-2.0
"""The bot as a whole, by its command line: from a mail to a result, in processes of its own."""

from __future__ import annotations

import getpass
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kseries.lib.deadline import Deadline
from seriesbot import operators
from seriesbot.cli import SIGNALS, main
from seriesbot.store import Store
from tests.archives import Archive, mail, patch_body, thread
from tests.killing import CI, TOOLS, TOY, Victim
from tests.signing import Signer

INBOXES = """
[[inbox]]
name = "list"
path = "inbox"
history_days = -1
"""


@dataclass
class Commands:
    """The command line on a bot's folder."""

    home: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str, code: int = 0) -> str:
        """Carry out a command; give all that it prints."""
        self.capsys.readouterr()
        try:
            found = main(["--home", str(self.home), *words])
        except SystemExit as end:  # of argparse
            found = int(end.code or 0)
        told = "".join(self.capsys.readouterr())
        assert found == code, told
        return told


@pytest.fixture
def bot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    """A bot as `init` makes it, filled in by an operator."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    bot = Commands(tmp_path / "bot", capsys)
    bot("init")
    settings = bot.home / "bot.toml"
    command = f"[engine]\ncommand = {json.dumps(TOY)}\n"
    settings.write_text(settings.read_text().replace("[engine]\n", command) + INBOXES)
    (bot.home / "rules.toml").write_text('[[rule]]\nname = "net"\npaths = ["net/*"]\n')
    Signer(1).join(bot.home / "keyring")
    yield bot
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def archive(bot: Commands) -> Archive:
    return Archive(bot.home / "inbox")


def test_from_nothing_to_results(bot: Commands, archive: Archive) -> None:
    assert bot("queue") == "nothing is queued\n"
    archive.add([*map(Signer(1).sign, thread("good", 2))])
    archive.add([*map(Signer(1).sign, thread("bad", 1, title="x"))])
    archive.add([Signer(1).sign(mail("[PATCH] TOY-FAIL", "fail@x", patch_body("net/f.c")))])
    archive.add(thread("held", 1, sender="eve@example.org"))
    archive.add(thread("mm", 1, folder="mm"))
    told = bot("run", "--once")
    assert "list: 10 new mails" in told
    why = bot("why", "<good-1@x>")
    assert "judged since" in why
    assert "base: toy: there is no other" in why
    assert "fail: it is a toy" in bot("why", "fail@x")
    assert "no rule takes it (net: none of its paths fits)" in bot("why", "mm-0@x")
    assert "The series toy was read" in bot("show", "good-2@x")
    listed = bot("queue")
    assert "held           v1 held things  <held-0@x>  eve@example.org" in listed
    assert "queued: known" not in listed
    assert ": queued: " in bot("release", "held-1@x")
    assert "waits" in bot("queue")
    bot("run", "--once")
    why = bot("why", "held-1@x")
    assert f"trust: released: an operator ({getpass.getuser()}) released it" in why
    assert "judged" in why
    bot("again", "held-1@x")
    bot("run", "--once")
    assert bot("show", "held-1@x").count("ended, attempt 1") == 2


def test_it_is_a_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "seriesbot", "--home", str(tmp_path), "queue"],
        env={**os.environ, "PYTHONPATH": f"{TOOLS}:{CI}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("seriesbot: There is no bot in this folder.")


def test_what_cannot_be_done_is_told(bot: Commands, archive: Archive) -> None:
    archive.add([mail("hello", "text@x"), *thread("mm", 1, folder="mm")])
    bot("run", "--once")
    assert "it is no patch" in bot("why", "text@x")
    for word in ("why", "show", "release", "again"):
        assert "No mail <nobody@x>" in bot(word, "nobody@x", code=2)
    assert "not held: it is ignored" in bot("release", "mm-0@x", code=2)
    assert "cannot be run again now" in bot("again", "mm-0@x", code=2)
    assert "There is a bot in this folder already" in bot("init", code=2)
    assert "no command 'relase'; did you mean release" in bot("relase", code=2)


def test_an_archive_that_is_broken_keeps_no_other_from_its_work(
    bot: Commands, archive: Archive
) -> None:
    with (bot.home / "bot.toml").open("a") as settings:
        settings.write('[[inbox]]\nname = "gone"\npath = "nowhere"\n')
    archive.add([*map(Signer(1).sign, thread("a", 1))])
    told = bot("run", "--once")
    assert told.count("inbox gone: There is no public-inbox.") == 1
    assert "judged" in bot("why", "a-1@x")


def test_an_archive_that_is_far_away_is_fetched_from(bot: Commands, archive: Archive) -> None:
    with (bot.home / "bot.toml").open("a") as settings:
        settings.write(f'[[inbox]]\nname = "far"\nurl = "file://{bot.home}/served"\n')
        settings.write("history_days = -1\n")
    far = Archive(bot.home / "far")
    far.add([*map(Signer(1).sign, thread("far", 1))])
    (bot.home / "served").mkdir()
    told = bot("run", "--once")
    assert "mirror far: An archive cannot be fetched." in told
    (bot.home / "served/0").symlink_to(far.epoch)
    told = bot("run", "--once")
    assert "far: 2 new mails" in told
    assert "judged" in bot("why", "far-1@x")


def test_rules_that_are_broken_later_stop_nothing(bot: Commands, archive: Archive) -> None:
    archive.add([*map(Signer(1).sign, thread("a", 1))])
    (bot.home / "rules.toml").write_text("[[rule]\n")
    assert "rules.toml:1: not valid TOML" in bot("run", "--once", code=2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[inbox]]\nname = "a"\n', "an inbox has a path, a url, or both"),
        (INBOXES + INBOXES, "there are two inboxes 'list'"),
        ('[trust]\nstrangers = "welcome"\n', "trust.strangers"),
        ("[limits]\npatches = 0\n", "limits.patches"),
        ('[engine]\nkind = "magic"\n', "engine.kind"),
    ],
)
def test_mistakes_in_settings_have_their_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    (tmp_path / "bot.toml").write_text(text)
    assert main(["--home", str(tmp_path), "queue"]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "bot.toml:" in error


def test_without_a_bot_the_way_to_one_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(tmp_path), "run"]) == 2
    assert "`seriesbot init` makes one" in capsys.readouterr().err


def test_nothing_of_a_mail_reaches_a_terminal_as_it_is(bot: Commands, archive: Archive) -> None:
    evil = "=?utf-8?q?=5BPATCH=5D_=1B=5B2J=07_=E2=80=AE_net?="
    archive.add(
        [mail("x", "evil@x", patch_body("net/f.c")).replace(b": x\n", f": {evil}\n".encode())]
    )
    bot("run", "--once")
    for words in (("why", "evil@x"), ("show", "evil@x"), ("queue",), ("release", "evil@x")):
        told = bot(*words)
        assert "net" in told
        assert not set("\x1b\x07\u202e") & set(told)


def test_a_second_bot_on_the_same_store_does_nothing_and_says_why(tmp_path: Path) -> None:
    victim = Victim(tmp_path / "bot", seed=3)
    victim.post(1)
    first = victim.start()
    try:
        owner = victim.config.home.store.with_name("store.sqlite.owner")
        deadline = Deadline.after(60)
        while not owner.exists():
            assert not deadline.expired
            assert first.poll() is None
            time.sleep(0.02)
        second = victim.start()
        assert second.wait(timeout=60) == 2
        told = (victim.folder / "bot.log").read_text()
        assert f"Another seriesbot works on this store: process {first.pid} on " in told
        # The first goes on; the work is done once.
        with Store.opened(victim.config.home.store) as store:
            while not store.value("SELECT count(*) FROM answer WHERE state = 'delivered'"):
                assert not deadline.expired
                assert first.poll() is None
                time.sleep(0.02)
        assert len(victim.log.read_text().split()) == 1
    finally:
        first.terminate()
        first.wait()


def test_operators_of_the_web_page(bot: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "COST", 16)
    file = bot.home / "operators.toml"
    assert bot("operator") == "nobody can log in\n"
    for password, code in (("short\n", 2), ("", 2), ("a long password\n", 0)):
        monkeypatch.setattr("sys.stdin", io.StringIO(password))
        assert ("12 characters or more" in bot("operator", "alice", code=code)) is (code == 2)
        assert file.exists() is (code == 0)
    assert bot("operator") == "alice\n"
    found = operators.read(file)
    assert found is not None
    assert operators.is_password(found, "alice", "a long password")
    with Store.opened(bot.home / "store.sqlite") as store:
        with store.transaction() as write:
            write.execute("INSERT INTO session VALUES ('x', 'alice', 0, 1), ('y', 'bob', 0, 1)")
        bot("operator", "alice", "--remove")
        # Who is out is out at once, and nobody else.
        assert [row["id"] for row in store.rows("SELECT id FROM session")] == ["y"]
    assert bot("operator") == "nobody can log in\n"
    assert "no such operator" in bot("operator", "alice", "--remove", code=2)
    file.chmod(0o644)
    assert "Others may read" in bot("operator", code=2)


def test_a_held_series_is_refused(bot: Commands, archive: Archive) -> None:
    archive.add(thread("held", 1, sender="eve@example.org"))
    bot("run", "--once")
    assert ": refused" in bot("refuse", "held-1@x")
    assert "not held: it is refused" in bot("release", "held-1@x", code=2)
    told = f"trust: refused: an operator ({getpass.getuser()}) refused it"
    assert told in bot("why", "held-0@x")
    assert bot("queue") == "nothing is queued\n"
