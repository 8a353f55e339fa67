# SPDX-License-Identifier: GPL-2.0
"""The bot as a whole: from a mail to its answer, to what a reply to that asks for, to the page."""

from __future__ import annotations

import email
import os
import signal
import subprocess
import sys
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from b4 import LoreMessage

from kseries.lib.deadline import Deadline
from seriesbot import config
from seriesbot.config import Home
from seriesbot.demo import answer
from seriesbot.web import app
from tests.archives import Archive, diff, mail, thread
from tests.killing import CI, TOOLS
from tests.publicinbox import free_port, listens
from tests.signing import Signer
from tests.test_bot import Commands, archive, bot  # noqa: F401 - fixtures
from tests.test_ownlist import mails
from tests.webserver import Served, served

pytestmark = pytest.mark.slow


def answers(home: Path) -> list[EmailMessage]:
    folder = home / "answers"
    found = mails(folder) if folder.exists() else []
    return [email.message_from_bytes(one, policy=policy.default) for one in found]


def signed(*raws: bytes) -> list[bytes]:
    return [*map(Signer(1).sign, raws)]


def test_from_a_mail_to_its_answer_and_back(
    bot: Commands,  # noqa: F811
    archive: Archive,  # noqa: F811
) -> None:
    archive.add(signed(*thread("good", 2)))
    archive.add(thread("stranger", 1, sender="eve@example.org"))
    archive.add([mail("hello", "text@x")])
    bot("run", "--once")
    (first,) = answers(bot.home)
    assert first["In-Reply-To"] == "<good-0@x>"
    assert first["To"] == "Zoë Ängström <zoe@example.org>"
    assert "The series toy was read" in first.get_content()
    assert LoreMessage(first).trailers == []
    # Nothing happens a second time.
    bot("run", "--once")
    assert len(answers(bot.home)) == 1
    told = bot("why", "good-0@x")
    assert f"answer: written: {first['Message-ID']}" in told
    read = "\n".join(answer.read_back(Home(bot.home)))
    assert "The series toy was read" in read
    with served(app.make(config.read(Home(bot.home)))) as site:
        page = site.get("/versions/1").text
    assert "The series toy was read" in page
    assert "delivered" in page


def test_what_a_reply_to_an_answer_asks_for(
    bot: Commands,  # noqa: F811
    archive: Archive,  # noqa: F811
) -> None:
    archive.add(signed(*thread("good", 1)))
    bot("run", "--once")
    (first,) = answers(bot.home)
    ours = first["Message-ID"].strip("<>")

    def ask(*texts: str) -> None:
        for text in texts:
            name = f"ask-{len(asked)}@x"
            asked.append(name)
            raw = mail("Re: [PATCH 0/1] x", name, text, answers=["good-0@x", ours])
            archive.add(signed(raw))
        bot("run", "--once")

    asked: list[str] = []
    ask("> #kseries off\n\nThanks.\n", "#kseries again\n")
    assert "the verdict is the one that was answered before" in bot("why", "good-0@x")
    assert len(answers(bot.home)) == 1
    ask(f"TOY-FAIL\n\n#kseries test\n{diff('net/fix.c', 'TOY-FAIL')}")
    (_, second) = answers(bot.home)
    assert second["In-Reply-To"] == f"<{asked[-1]}>"
    assert "It does not pass" in second.get_content()
    ask("#kseries off\n", f"#kseries test\n{diff('net/fix.c')}")
    assert len(answers(bot.home)) == 2
    assert "zoe@example.org  since" in bot("optouts")
    assert "answered again" in bot("optouts", "--remove", "ZOE@example.org")
    assert "did not opt out" in bot("optouts", "--remove", "zoe@example.org", code=2)
    assert bot("optouts") == "nobody opted out\n"


def test_the_page_is_a_process_of_its_own(bot: Commands) -> None:  # noqa: F811
    port = free_port()
    argv = [sys.executable, "-P", "-m", "seriesbot", "--home", str(bot.home), "web"]
    env = {**os.environ, "PYTHONPATH": f"{TOOLS}:{CI}"}
    with subprocess.Popen([*argv, "--port", str(port)], env=env, stderr=subprocess.PIPE) as page:
        deadline = Deadline.after(60)
        while not listens(port):
            assert page.poll() is None
            assert not deadline.expired
        assert Served(port).get("/readyz").text == "ready\n"
        # While the bot works.
        bot("run", "--once")
        assert Served(port).get("/").status == 200
        page.send_signal(signal.SIGTERM)
        assert page.wait(timeout=30) == 3
        assert page.stderr is not None
        assert b"Traceback" not in page.stderr.read()
