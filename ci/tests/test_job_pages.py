# SPDX-License-Identifier: GPL-2.0
"""Who looks at a job gets to its own page at the engine, with the log as it comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.model import RunResult
from seriesbot import bot, operating
from seriesbot.config import Config, EngineFile
from seriesbot.engine.base import Found, Outcome
from seriesbot.engine.buildbot import BuildbotEngine
from seriesbot.engine.local import LocalEngine
from seriesbot.web import app
from tests.archives import thread
from tests.browser import INSTALL, find
from tests.chromium import page as opened
from tests.desk import Desk, make_home
from tests.farms import Farm, order, wait_for
from tests.signing import Signer
from tests.test_work import Forgetful, results
from tests.test_writing import written
from tests.webserver import served

SETTINGS = """
[[inbox]]
name = "list"
path = "inbox"
history_days = -1
[engine]
kind = "buildbot"
master = "http://127.0.0.1:8010/"
{page}
"""
ELSEWHERE = 'page = "https://ci.example.org/buildbot/"'
NAME = "a-1@x"


def configured(desk: Desk, page: str = "") -> Config:
    return make_home(desk.config.home.path, SETTINGS.format(page=page))


def at_work(desk: Desk, config: Config, engine: Forgetful) -> bot.Bot:
    """Have a series be worked on."""
    Signer(1).join(config.keyring)
    config.home.rules.write_text('[[rule]]\nname = "all"\n')
    desk.post(*map(Signer(1).sign, thread("a", 1)))
    made = bot.Bot(desk.store, config, print, engine)
    for _ in range(3):
        made.step()
    assert desk.jobs() == [(1, "submitted")]
    return made


def links(config: Config, *paths: str) -> list[bool]:
    """Tell on which pages the log of the job is linked."""
    with served(app.make(config)) as site:
        texts = [site.get(path).text for path in paths]
    return ['rel="noreferrer">log</a>' in text for text in texts]


def test_a_job_is_linked_from_its_first_moment_on(desk: Desk) -> None:
    engine = Forgetful(pages={"job-1-1": "#/x/1"})
    config = configured(desk)
    made = at_work(desk, config, engine)
    told = "\n".join(operating.show(desk.store, config.told.engine, NAME))
    assert "\n    http://127.0.0.1:8010/#/x/1\n" in f"{told}\n"
    assert links(config, "/", "/work", "/versions/1") == [True] * 3
    engine.fates["job-1-1"] = Outcome(0, results(), "")
    engine.pages["job-1-1"] = "#/x/2"  # begun anew
    made.step()
    assert desk.store.value("SELECT page FROM job") == "#/x/2"
    # There is nothing to be seen of it on the first page, for it is over.
    assert links(config, "/", "/work", "/versions/1") == [False, True, True]
    # Who works on this machine now has no such pages.
    assert links(make_home(config.home.path, ""), "/work", "/versions/1") == [False, False]


def test_another_attempt_has_another_page(desk: Desk) -> None:
    engine = Forgetful(pages={"job-1-1": "#/x/1"}, fates={"job-1-1": Found.GONE})
    at_work(desk, configured(desk), engine)
    assert list(engine.orders) == ["job-1-1", "job-1-2"]
    assert desk.store.value("SELECT page FROM job") == ""
    engine.pages["job-1-2"] = "#/x/2"
    bot.Bot(desk.store, configured(desk), print, engine).step()  # one that comes back knows it
    assert desk.store.value("SELECT page FROM job") == "#/x/2"


@pytest.mark.parametrize("page", ["", ELSEWHERE])
def test_an_answer_links_the_log_where_its_readers_get_there(
    desk: Desk, page: str, passing_run: RunResult
) -> None:
    engine = Forgetful(pages={"job-1-1": "#/x/1"})
    made = at_work(desk, configured(desk, page), engine)
    engine.fates["job-1-1"] = Outcome(0, results(), "")
    made.step()
    (mail,) = written(desk.store)
    told = "  log      https://ci.example.org/buildbot/#/x/1\n"
    assert (told in mail.get_content()) == bool(page)
    assert "127.0.0.1" not in mail.get_content()


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_the_page_of_a_job_shows_its_log(
    farm: Farm, engine: BuildbotEngine, key: str, tmp_path: Path
) -> None:
    chromium = find()
    if chromium is None:
        pytest.skip(f"chromium is not installed: {INSTALL}")
    engine.submit(order(key, "TOY-SLEEP"))
    wait_for(lambda: key in farm.calls())
    wait_for(lambda: engine.look(key) is Found.RUNNING and "builds" in engine.page(key))
    told = EngineFile("buildbot", master=farm.url).shown(engine.page(key))
    with opened(chromium, tmp_path, scripts=True) as page:
        page.open(told)

        def seen() -> bool:
            text = page.look(1280, dark=False)["text"]
            return "kseries run" in text and "toy-v1" in text

        wait_for(seen)
    wait_for(lambda: engine.forget(key))


def test_an_engine_without_pages_has_none(tmp_path: Path) -> None:
    assert LocalEngine(tmp_path).page("job-1-1") == ""
    assert EngineFile().shown("#/x/1") == ""
    assert EngineFile("buildbot").shown("") == ""
