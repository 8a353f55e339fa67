# SPDX-License-Identifier: GPL-2.0
"""The web page: what it shows, that nothing of a mail runs in it, that it writes nothing.

The tests in Chromium are run by `nox -s tests_browser`.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml
from kcidb_io.schema import V5_3
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import Message, Receive, Scope, Send

from kseries.model import RunResult
from seriesbot import config
from seriesbot.config import Config, Home
from seriesbot.store import Store, pack
from seriesbot.web import app, charts, render, shown
from tests import browser, sitestore
from tests.sitestore import NOW
from tests.webserver import Served, served

PAGES = ("/", "/series", "/versions/12", "/versions/39", "/work", "/flakes", "/results/12")
VOID = {"meta", "link", "br", "input", "rect"}
HOSTILE = (
    '<script>window.ran=1</script><img src=x onerror="ran=1">\'"&{{7*7}}{% raw %}'
    "\x1b]0;x\x07\u202egnp.exe\u2066\x00</title></pre><style>*{display:none}</style>"
)


class Read(HTMLParser):
    """Elements, attributes and text of a page, whose elements must all be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `bot` copies, made when it is needed first."""
    return tmp_path_factory.mktemp("site") / "bot"


@pytest.fixture
def bot(made: Path, tmp_path: Path, passing_run: RunResult, failing_run: RunResult) -> Config:
    if not made.exists():
        sitestore.make(made, [passing_run, failing_run])
    shutil.copytree(made, tmp_path / "bot")
    return config.read(Home(tmp_path / "bot"))


@pytest.fixture
def site(bot: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(render, "now", lambda: NOW)
    with served(app.make(bot, ["ci.example.org"])) as site:
        yield site


def text_of(site: Served, path: str) -> str:
    answer = site.get(path)
    assert answer.status == 200, answer.text
    return " ".join(Read(answer.text).text.split())


# ---- what it shows


def test_the_first_page(site: Served) -> None:
    text = text_of(site, "/")
    for told in (
        "2 running 3 waiting 1 held for the operator 2 parts under way 40 judged",
        "Waiting in the order in which they came state series since queued",
        "Verdicts of 30 days",
        "selftests/net: test-what-has-a-very-long-name",
        "reads netdev last mail",
    ):
        assert told in text


def test_a_series(site: Served) -> None:
    text = text_of(site, "/versions/20")
    for told in (
        "mm: swap: read ahead less v3 pass li@example.net 2 patches 2 days ago",
        "message id 20261122.20-0@example.org",
        "changes net/core/dev.c",
        "Runs verdict asked for took ended",
        "The series zcrx-v7 was applied, configured, built and tested",
        "How it came here",
        "cover [PATCH v3 0/2] mm: swap: read ahead less",
    ):
        assert told in text
    link = "https://lore.example.org/netdev/20261122.12-0@example.org/"
    assert ("href", link) in Read(site.get("/versions/12").text).attributes


def test_series_by_state_and_by_text(site: Served) -> None:
    assert text_of(site, "/series?state=given+up").count("page_pool") == 1
    found = text_of(site, "/series?q=SWAP")
    assert "mm: swap" in found
    assert "io_uring" not in found
    assert "None that has “100%” in it." in text_of(site, "/series?q=100%25")
    assert "io_uring" in text_of(site, "/series?q=20261122.12-0")
    assert "None" in text_of(site, "/series?q=%27%20OR%201%3D1")
    # What is no state, or no number, is not looked for.
    assert "io_uring" in text_of(site, "/series?state=nonsense&before=x")


def test_older_series_are_on_further_pages(site: Served) -> None:
    first = site.get("/series").text
    assert 'rel="next"' in first
    link = next(value for value in _links(first) if "before=" in value)
    second = site.get(link).text
    assert 'rel="next"' not in second
    assert not {one for one in _links(first) if "/versions/" in one} & {*_links(second)}


def _links(text: str) -> list[str]:
    return [value for name, value in Read(text).attributes if name == "href"]


def test_the_report_is_the_toolkits_own_with_its_own_policy(site: Served) -> None:
    answer = site.get("/results/13")
    assert "FAIL" in answer.text
    assert "Where the time went" in answer.text or "Stages" in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "script" not in policy
    # Its commands name the series, and no place of this machine.
    assert "--series 20261122.13-0@example.org --config debug" in answer.text
    assert "/nowhere/bot" not in answer.text


def test_a_result_without_a_document(site: Served) -> None:
    assert "It applies to no tree." in text_of(site, "/results/11")


def test_results_for_programs(site: Served, bot: Config) -> None:
    links = _links(site.get("/versions/12").text)
    for name, kind in (("junit.xml", "application/xml"), ("kcidb.json", "application/json")):
        path = f"/results/12/{name}"
        assert path in links
        answer = site.get(path)
        assert answer.status == 200
        assert answer.headers["content-type"].partition(";")[0] == kind
        # It is kept, and not shown: nothing in it is run here.
        assert answer.headers["content-disposition"] == f'attachment; filename="result-12-{name}"'
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "/nowhere/bot" not in answer.text
    read = JUnitXml.fromstring(site.get("/results/13/junit.xml").text.encode())
    assert read.tests > 5
    assert read.failures + read.errors > 0
    V5_3.validate(json.loads(site.get("/results/13/kcidb.json").text))
    for path in ("/results/11/junit.xml", "/results/12/x", "/results/999/junit.xml"):
        assert site.get(path).status == 404
    assert "/results/11/junit.xml" not in _links(site.get("/versions/11").text)


def test_work_and_answers(site: Served) -> None:
    text = text_of(site, "/work")
    assert "Engine local, 1 job at a time" in text
    assert "550 5.7.1 no such user" in text
    assert "delivered" in text
    assert "written Patchwork later: 503 Service Unavailable" in text
    assert "failed KCIDB 400 not a report" in text


def test_the_page_of_the_engine_is_linked(bot: Config) -> None:
    page = "https://ci.example.org/buildbot/"
    with bot.home.settings.open("a") as settings:
        settings.write(f'[engine]\nkind = "buildbot"\npage = "{page}"\n')
    with served(app.make(config.read(bot.home), [])) as site:
        assert ("href", page) in Read(site.get("/work").text).attributes


def test_flakes_over_time(site: Served) -> None:
    answer = site.get("/flakes")
    assert "kselftest/timers/nanosleep: timing.is_close" in answer.text
    assert 'class="fail"' in answer.text


def test_every_link_leads_somewhere(site: Served) -> None:
    seen = {"/"}
    waiting = ["/"]
    while waiting:
        answer = site.get(waiting.pop())
        assert answer.status == 200
        for link in _links(answer.text) if "html" in answer.headers["content-type"] else ():
            if link.startswith("/") and link not in seen:
                seen.add(link)
                waiting.append(link)
    assert len(seen) > 60


# ---- what machines ask


def test_metrics(site: Served) -> None:
    answer = site.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    for line in (
        "seriesbot_store_up 1.0",
        'seriesbot_versions{state="judged"} 40.0',
        'seriesbot_jobs{state="waiting"} 3.0',
        'seriesbot_results{verdict=""} 3.0',
        'seriesbot_answers{state="failed"} 1.0',
        'seriesbot_submissions{state="written"} 1.0',
        "seriesbot_oldest_submission_timestamp_seconds 1.79534238e+09",
    ):
        assert line in answer.text.splitlines()
    assert "example" not in answer.text


def test_health_and_readiness(site: Served, bot: Config) -> None:
    assert site.get("/healthz").text == "ok\n"
    assert site.get("/readyz").text == "ready\n"
    bot.home.store.rename(bot.home.store.with_name("away"))
    assert site.get("/healthz").status == 200
    for path in ("/readyz", *PAGES):
        answer = site.get(path)
        assert answer.status == 503
        assert "There is no store." in answer.text
        assert str(bot.home.path) not in answer.text
    assert "seriesbot_store_up 0.0" in site.get("/metrics").text


# ---- what must not happen


def test_each_answer_tells_the_browser_to_run_nothing(site: Served) -> None:
    for path in (*PAGES, "/style.css", "/metrics", "/healthz", "/nope", "/results/0"):
        answer = site.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers
        if "html" in answer.headers["content-type"] and not path.startswith("/results/1"):
            read = Read(answer.text)
            assert not read.tags & {"script", "style", "iframe", "object", "base", "img"}
            names = [name for name, _ in read.attributes]
            assert not [name for name in names if name == "style" or name.startswith("on")]


def test_nothing_can_be_changed(site: Served) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        for path in ("/", "/series", "/versions/1"):
            assert site.get(path, method=method).status in (404, 405)
    assert site.get("/", method="HEAD").status == 200


def test_it_answers_to_its_own_names_alone(site: Served) -> None:
    for host in ("127.0.0.1", "localhost:8411", "ci.example.org"):
        assert site.get("/", host=host).status == 200
    answer = site.get("/", host="evil.example.com")
    assert answer.status == 400
    assert "frame-ancestors" in answer.headers["content-security-policy"]


def test_what_is_not_there(site: Served) -> None:
    for number in ("999999", "x", "9" * 18, "9" * 40, "-1", "%00", "1/"):
        for path in (f"/versions/{number}", f"/results/{number}", f"/../{number}"):
            answer = site.get(path)
            assert answer.status in (404, 307), path
            assert answer.status == 307 or "There is no such page." in answer.text


def test_the_store_is_only_read(site: Served, bot: Config) -> None:
    def state() -> str:
        found = hashlib.sha256(bot.home.store.read_bytes())
        return found.hexdigest()

    before = state()
    for path in (*PAGES, "/metrics", "/series?q=x"):
        site.get(path)
    assert state() == before
    # While somebody writes, pages are as the store was.
    with Store.opened(bot.home.store) as store, store.transaction() as write:
        write.execute("DELETE FROM answer")
        assert site.get("/versions/12").status == 200


def test_a_store_of_another_version_is_told(site: Served, bot: Config) -> None:
    with Store.opened(bot.home.store) as store, store.transaction() as write:
        write.execute("PRAGMA user_version = 999")
    answer = site.get("/")
    assert answer.status == 503
    assert "of version 999" in answer.text


def spoil(bot: Config) -> None:
    """Put hostile text wherever a mail, a run or a server can put text."""
    columns = {
        "version": ("title", "sender", "message_id", "reason", "rule"),
        "message": ("subject", "sender"),
        "decision": ("reason", "outcome"),
        "job": ("note",),
        "result": ("error",),
        "answer": ("note",),
        "submission": ("note", "target"),
    }
    with Store.opened(bot.home.store) as store, store.transaction() as write:
        for table, names in columns.items():
            for name in names:
                write.execute(f"UPDATE {table} SET {name} = ?", [HOSTILE])
        write.execute("UPDATE version SET paths = ?", [json.dumps([HOSTILE])])
        raw = b"Subject: x\n\n" + HOSTILE.encode()
        write.execute("UPDATE answer SET raw = ? WHERE raw IS NOT NULL", [pack(raw)])


def test_hostile_text_is_only_text(site: Served, bot: Config) -> None:
    spoil(bot)
    for path in (*PAGES[:-1], "/results/11", "/series?q=%3Cscript%3E%7B%7B7*7%7D%7D"):
        answer = site.get(path)
        assert answer.status == 200
        read = Read(answer.text)
        assert not read.tags & {"script", "style", "img"}
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", answer.text)
        assert "49" not in answer.text or "{{7*7}}" in unescape(answer.text)
        assert not [name for name, _ in read.attributes if name.startswith("on")]
        if path in ("/", "/versions/12"):
            assert "<script>window.ran=1</script>" in unescape(answer.text)


def test_a_hostile_document_is_told(site: Served, bot: Config) -> None:
    with Store.opened(bot.home.store) as store, store.transaction() as write:
        write.execute("UPDATE result SET document = ?", [pack(b'{"schema_version": 3}')])
    assert site.get("/results/12").status == 503
    assert "None. Each test" in text_of(site, "/flakes")


# ---- pictures and words


def test_bars_fill_the_picture() -> None:
    day = NOW // 86_400
    rows: Any = [
        {"day": day, "verdict": "pass", "n": 3},
        {"day": day, "verdict": "fail", "n": 1},
        {"day": day - 1, "verdict": "incomplete", "n": 2},
        {"day": day - 400, "verdict": "pass", "n": 9},
    ]
    chart = charts.days(rows, NOW)
    assert chart.most == 4
    assert len(chart.bars) == charts.DAYS
    last = chart.bars[-1]
    assert [(part.kind, part.y, part.height) for part in last.parts] == [
        ("pass", 25.0, 75.0),
        ("fail", 0.0, 25.0),
    ]
    assert last.told == "Nov 22: 3 pass, 1 fail"
    assert chart.bars[-2].parts[0].kind == "none"
    assert last.x + last.width <= 100


@pytest.mark.parametrize(
    ("passed", "told"),
    [(-5, "now"), (3, "now"), (59, "59 s ago"), (60, "1 min ago"), (7200, "2 h ago"),
     (86_400, "1 day ago"), (3 * 86_400, "3 days ago")],
)  # fmt: skip
def test_how_long_ago(passed: int, told: str) -> None:
    assert shown.ago(NOW)(NOW - passed) == told


# ---- in Chromium

FRAME = """<!DOCTYPE html><title></title><script>
function look(frame) {
  const page = frame.contentDocument.documentElement;
  const body = frame.contentWindow.getComputedStyle(frame.contentDocument.body);
  const wide = [...page.querySelectorAll("body *")].filter(
    (one) => one.getBoundingClientRect().right > page.clientWidth + 1
      && !one.closest("pre, .scroll, .skip, svg"));
  document.title = JSON.stringify({
    overflow: page.scrollWidth - page.clientWidth,
    wide: wide.map((one) => one.outerHTML.slice(0, 120)),
    ran: "ran" in frame.contentWindow,
    ground: body.backgroundColor,
    font: parseFloat(body.fontSize),
  });
}
</script><iframe style="width:%dpx;height:900px;border:0" onload="look(this)" src="%s"></iframe>
"""


class Framed:
    """The page without what keeps it out of a frame, and a frame that looks at it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/frame":
            wanted = Request(scope).query_params
            made = HTMLResponse(FRAME % (int(wanted["width"]), wanted["path"]))
            await made(scope, receive, send)
            return

        async def bare(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = (b"content-type", b"content-length")
                message["headers"] = [one for one in message["headers"] if one[0].lower() in kept]
            await send(message)

        await self._inner(scope, receive, bare)


@pytest.fixture(scope="module")
def chromium() -> str:
    found = browser.find()
    if found is None:
        pytest.skip(f"chromium is not installed: {browser.INSTALL}")
    return found


def looked(chromium: str, url: str, folder: Path, scheme: int) -> dict[str, Any]:
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--dump-dom")
    colours = f"--blink-settings=preferredColorScheme={scheme}"
    argv = [chromium, *options, colours, f"--user-data-dir={folder / 'profile'}", url]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=90, check=True)
    title = re.search(r"<title>(\{.*?\})</title>", done.stdout, re.DOTALL)
    assert title is not None, done.stdout[:500]
    told: dict[str, Any] = json.loads(unescape(title[1]))
    return told


@pytest.mark.browser
@pytest.mark.parametrize("hostile", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_fit_the_screen(
    width: int,
    hostile: bool,
    chromium: str,
    bot: Config,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(render, "now", lambda: NOW)
    if hostile:
        spoil(bot)
    with served(Framed(app.make(config.read(bot.home)))) as site:
        for path in ("/", "/series", "/versions/12", "/work", "/flakes", "/nope"):
            url = f"http://127.0.0.1:{site.port}/frame?width={width}&path={path}"
            told = looked(chromium, url, tmp_path, 1)
            assert told["overflow"] <= 0, path
            assert told["wide"] == [], path
            assert told["ran"] is False
            assert told["font"] >= 14


@pytest.mark.browser
def test_light_and_dark(chromium: str, bot: Config, tmp_path: Path) -> None:
    with served(Framed(app.make(bot))) as site:
        url = f"http://127.0.0.1:{site.port}/frame?width=390&path=/"
        grounds = [looked(chromium, url, tmp_path, scheme)["ground"] for scheme in (1, 0)]
    assert grounds == ["rgb(255, 255, 255)", "rgb(16, 20, 24)"]
