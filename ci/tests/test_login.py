# SPDX-License-Identifier: GPL-2.0
"""Operators on the web page: who may, and what nobody else can do, over real HTTP."""

from __future__ import annotations

import base64
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from kseries.lib.errors import UserError
from seriesbot import config, operating, operators
from seriesbot.config import Config, Home
from seriesbot.store import Store
from seriesbot.web import app, limits, render, sessions
from tests.archives import Archive, thread
from tests.browser import INSTALL, find
from tests.chromium import Page
from tests.chromium import page as opened
from tests.desk import START, Desk, make_home
from tests.webserver import Answer, Served, served

PASSWORD = "correct horse battery"
HELD = "held-0@x"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords that cost nothing: how much they do is tested once."""
    monkeypatch.setattr(operators, "COST", 16)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bot with two series by a stranger; `bot` copies it."""
    home = make_home(tmp_path_factory.mktemp("login") / "bot").home
    with Store.opened(home.store, create=True) as store:
        desk = Desk(store, Archive(home.path / "inbox"), config.read(home))
        for tag in ("held", "other"):
            desk.post(*thread(tag, 1, sender="eve@example.org"))
        desk.wait(2)
        desk.admit()
        assert desk.states() == ["held", "held"]
    return home.path


@pytest.fixture
def bot(made: Path, tmp_path: Path) -> Config:
    """The same, with an operator."""
    home = Home(tmp_path / "bot")
    shutil.copytree(made, home.path)
    operators.put(home.operators, "alice", PASSWORD)
    return config.read(home)


@pytest.fixture
def site(bot: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(render, "now", lambda: START + 3600)
    with served(app.make(bot, ["ci.example.org"])) as site:
        yield site


@dataclass
class Browser:
    """Keeps cookies and sends forms, as browsers do."""

    site: Served
    host: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    given: str = ""  # the last Set-Cookie

    def __post_init__(self) -> None:
        self.host = self.host or f"127.0.0.1:{self.site.port}"

    def ask(self, method: str, path: str, body: bytes | None = None, **more: str) -> Answer:
        headers = {"Host": self.host, **self.headers}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        answer = self.site.ask(method, path, headers, body)
        if told := answer.headers.get("set-cookie"):
            self.given = told
            name, _, value = told.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return answer

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, fields: Mapping[str, str], **more: str) -> Answer:
        told = {
            "Content_Type": "application/x-www-form-urlencoded",
            "Origin": f"http://{self.host}",
            "Sec_Fetch_Site": "same-origin",
            **more,
        }
        return self.ask("POST", path, urlencode(fields).encode(), **told)

    def log_in(self, name: str = "alice", password: str = PASSWORD) -> Answer:
        token = token_of(self.get("/login"))
        return self.post("/login", {"token": token, "name": name, "password": password})


def token_of(answer: Answer) -> str:
    found = re.search(r'name="token" value="([^"]+)"', answer.text)
    assert found is not None, answer.text
    return unescape(found[1])


def states(bot: Config) -> list[str]:
    with Store.opened(bot.home.store) as store:
        return [row["state"] for row in store.rows("SELECT state FROM version ORDER BY id")]


# ---- what operators do


def test_an_operator_releases_and_refuses_what_is_held(site: Served, bot: Config) -> None:
    browser = Browser(site)
    assert browser.get("/held").headers["location"] == "/login"
    assert browser.log_in().headers["location"] == "/held"
    held = browser.get("/held")
    assert "held things" in held.text
    assert "other things" in held.text
    released = browser.post("/versions/1/release", {"token": token_of(held), "back": "held"})
    assert (released.status, released.headers["location"]) == (303, "/held")
    page = browser.get("/versions/2")
    refused = browser.post("/versions/2/refuse", {"token": token_of(page), "back": ""})
    assert refused.headers["location"] == "/versions/2"
    assert states(bot) == ["queued", "refused"]
    assert "None." in browser.get("/held").text
    assert "released: an operator (alice, on the web page) released it" in why(bot, HELD)
    assert "refused: an operator (alice, on the web page) refused it" in why(bot, "other-1@x")
    with Store.opened(bot.home.store) as store:
        assert store.value("SELECT count(*) FROM job WHERE version = 1 AND state = 'waiting'") == 1


def why(bot: Config, name: str) -> str:
    with Store.opened(bot.home.store) as store:
        return "\n".join(operating.why(store, name))


def test_it_is_decided_as_on_the_command_line(bot: Config) -> None:
    with Store.opened(bot.home.store) as store:
        assert ": queued: " in "".join(operating.release(store, HELD, START))
        assert ": refused" in "".join(operating.refuse(store, "other-0@x", START))
        for decide in (operating.release, operating.refuse):
            with pytest.raises(UserError, match="not held: it is refused"):
                list(decide(store, "other-0@x", START))
    assert "trust: refused: an operator (" in why(bot, "other-0@x")


def test_what_was_decided_meanwhile_is_told(site: Served, bot: Config) -> None:
    browser = Browser(site)
    browser.log_in()
    token = token_of(browser.get("/held"))
    with Store.opened(bot.home.store) as store:
        list(operating.refuse(store, HELD, START))
    answer = browser.post("/versions/1/release", {"token": token})
    assert answer.status == 409
    assert "This series is not held: it is refused." in answer.text
    for number in ("3", "0", "9" * 18, "9" * 40):
        assert browser.post(f"/versions/{number}/release", {"token": token}).status == 409
    assert browser.post("/versions/1/again", {"token": token}).status == 404
    assert states(bot) == ["refused", "held"]


def test_everybody_else_reads_as_before(site: Served, bot: Config) -> None:
    anybody = Browser(site)
    for path in ("/", "/series", "/versions/1", "/work"):
        answer = anybody.get(path)
        assert answer.status == 200
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "no-cache"
        assert "post" not in answer.text
        assert 'href="/login"' in answer.text
    browser = Browser(site)
    browser.log_in()
    page = browser.get("/versions/1")
    assert page.headers["cache-control"] == "no-store"
    assert "/versions/1/release" in page.text
    assert "/versions/1/release" not in anybody.get("/versions/1").text


def test_where_nobody_is_an_operator_there_is_no_login(site: Served, bot: Config) -> None:
    bot.home.operators.unlink()
    browser = Browser(site)
    assert browser.get("/login").status == 404
    assert browser.get("/held").status == 404
    assert browser.post("/login", {"name": "admin", "password": "admin"}).status == 404
    assert "/login" not in browser.get("/").text


# ---- what nobody else does


def test_a_wrong_name_or_password(site: Served, bot: Config) -> None:
    for name, password in (("alice", "wrong"), ("alice", ""), ("bob", PASSWORD), ("", "")):
        browser = Browser(site)
        answer = browser.log_in(name, password)
        assert answer.status == 403
        assert "No operator has this name and this password." in answer.text
        assert browser.get("/held").status == 303


def test_tries_are_limited(site: Served, bot: Config) -> None:
    browser = Browser(site)
    for _ in range(limits.OF_ONE):
        assert browser.log_in("alice", "wrong").status == 403
    answer = browser.log_in()  # even with the right one
    assert answer.status == 429
    assert 890 < int(answer.headers["retry-after"]) <= 901
    assert browser.get("/held").status == 303


@pytest.mark.parametrize(
    "more",
    [{"Origin": "https://evil.example.com"}, {"Origin": "null"}, {"Origin": "http://[::1"},
     {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"},
     {"Sec_Fetch_Site": "none"}],
)  # fmt: skip
def test_a_form_from_another_site_does_nothing(
    more: dict[str, str], site: Served, bot: Config
) -> None:
    browser = Browser(site)
    browser.log_in()
    fields = {"token": token_of(browser.get("/held"))}
    assert browser.post("/versions/1/release", fields, **more).status == 403
    assert states(bot) == ["held", "held"]


def test_a_form_without_the_token_of_this_visitor_does_nothing(site: Served, bot: Config) -> None:
    browser, other = Browser(site), Browser(site)
    browser.log_in()
    other.log_in()
    mine, others = (token_of(one.get("/held")) for one in (browser, other))
    assert mine != others
    for token in ("", "x", others, mine + "x", mine[:-1], "ü", browser.cookies["seriesbot"]):
        assert browser.post("/versions/1/release", {"token": token}).status == 403
    assert browser.post("/versions/1/release", {}).status == 403
    assert Browser(site).post("/versions/1/release", {"token": mine}).status == 403
    assert states(bot) == ["held", "held"]
    # Logging in is a form like any other: nobody is logged in by somebody else's page.
    anybody = Browser(site)
    told = {"name": "alice", "password": PASSWORD}
    assert anybody.post("/login", told).status == 403
    assert anybody.post("/login", {**told, "token": mine}).status == 403


def test_a_visitor_who_did_not_log_in_does_nothing(site: Served, bot: Config) -> None:
    browser = Browser(site)
    token = token_of(browser.get("/login"))
    answer = browser.post("/versions/1/release", {"token": token})
    assert answer.status == 403
    assert "Log in first." in answer.text
    assert states(bot) == ["held", "held"]


def test_a_get_changes_nothing(site: Served, bot: Config) -> None:
    browser = Browser(site)
    browser.log_in()
    for path in ("/versions/1/release", "/versions/1/refuse", "/logout"):
        assert browser.get(path).status == 404
    assert browser.get("/held").status == 200
    assert states(bot) == ["held", "held"]


def test_a_cookie_is_for_us_alone_and_new_with_each_login(site: Served) -> None:
    browser = Browser(site)
    browser.get("/login")
    before = browser.cookies["seriesbot"]
    browser.log_in()
    assert browser.cookies["seriesbot"] != before
    told = browser.given.lower()
    for word in ("httponly", "samesite=strict", "path=/", f"max-age={sessions.LASTS_S}"):
        assert word in told
    assert "secure" not in told  # on this machine, without TLS
    assert "domain" not in told


def test_a_forged_or_stolen_cookie(site: Served, bot: Config) -> None:
    browser = Browser(site)
    browser.log_in()
    real = browser.cookies["seriesbot"]
    name, _, signature = real.rpartition(".")
    for forged in (name, f"{name}.", f"{name}x.{signature}", f"x.{signature}", "é", "." * 300):
        one = Browser(site, cookies={"seriesbot": forged})
        assert one.get("/held").headers.get("location") == "/login"
        assert one.get("/").status == 200
    with Store.opened(bot.home.store) as store:
        (row,) = store.rows("SELECT * FROM session")
    # What a backup has of it logs nobody in.
    for told in (row["id"], f"{row['id']}.{signature}"):
        assert Browser(site, cookies={"seriesbot": told}).get("/held").status == 303


def test_logging_out_ends_it_wherever_the_cookie_is(site: Served) -> None:
    browser = Browser(site)
    browser.log_in()
    stolen = dict(browser.cookies)
    token = token_of(browser.get("/held"))
    assert browser.post("/logout", {"token": token}).headers["location"] == "/"
    assert "max-age=0" in browser.given.lower()
    assert Browser(site, cookies=stolen).get("/held").status == 303


def test_it_ends_by_itself(site: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(site)
    browser.log_in()
    later = START + 3600 + sessions.LASTS_S
    monkeypatch.setattr(render, "now", lambda: later - 1)
    assert browser.get("/held").status == 200
    monkeypatch.setattr(render, "now", lambda: later)
    assert browser.get("/held").status == 303


def test_who_is_taken_out_is_out(site: Served, bot: Config) -> None:
    operators.put(bot.home.operators, "bob", PASSWORD)
    browser = Browser(site)
    browser.log_in("bob")
    assert browser.get("/held").status == 200
    operators.remove(bot.home.operators, "bob")
    assert browser.get("/held").status == 303


def test_from_afar_by_tls_alone(bot: Config) -> None:
    for url, good in (("https://ci.example.org", True), ("http://ci.example.org", False)):
        text = f'[answer]\nsite = "{url}"\n'
        told = make_home(bot.home.path, text)
        with served(app.make(told, ["ci.example.org"])) as site:
            browser = Browser(site, host="ci.example.org")
            answer = browser.get("/login")
            assert (answer.status == 200) is good
            if good:
                # A server that knows TLS stands before it, and browsers name its scheme.
                assert browser.given.startswith("__Host-seriesbot=")
                assert "secure" in browser.given.lower()
                fields = {"token": token_of(answer), "name": "alice", "password": PASSWORD}
                done = browser.post("/login", fields, Origin="https://ci.example.org")
                assert done.headers["location"] == "/held"
                assert browser.get("/held").status == 200


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"token=" + b"x" * 20_000, "application/x-www-form-urlencoded", 413),
        (b"&".join(b"a%d=1" % n for n in range(50)), "application/x-www-form-urlencoded", 400),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b'{"token": "x"}', "application/json", 415),
        (b"x", "text/plain", 415),
        (b"", "application/x-www-form-urlencoded", 403),
    ],
)
def test_what_is_no_form(body: bytes, kind: str, status: int, site: Served, bot: Config) -> None:
    browser = Browser(site)
    browser.log_in()
    answer = browser.ask("POST", "/versions/1/release", body, Content_Type=kind)
    assert answer.status == status
    assert "content-security-policy" in answer.headers
    assert states(bot) == ["held", "held"]


def test_a_file_that_others_may_read_lets_nobody_in(site: Served, bot: Config) -> None:
    browser = Browser(site)
    browser.log_in()
    bot.home.operators.chmod(0o640)
    answer = browser.get("/login")
    assert answer.status == 503
    assert "Others may read" in answer.text
    assert str(bot.home.path) not in answer.text
    assert browser.get("/held").status == 503
    # All else is shown as before, to nobody in particular.
    assert "/versions/1/release" not in browser.get("/versions/1").text


def test_hostile_text_in_what_is_held_is_only_text(site: Served, bot: Config) -> None:
    hostile = "\"'><script>ran=1</script>\x1b[2J\u202e" + "w" * 300
    with Store.opened(bot.home.store) as store, store.transaction() as write:
        write.execute("UPDATE version SET title = ?, sender = ?, reason = ?", [hostile] * 3)
    browser = Browser(site)
    browser.log_in()
    text = browser.get("/held").text
    assert "<script" not in text
    assert not re.search("[\x00-\x08\x1b\u202e]", text)
    assert "/versions/1/release" in text


# ---- in Chromium

LONG = "net: a-very-long-word-" + "w" * 200 + " <script>ran=1</script>"
GROUNDS = {False: "rgb(255, 255, 255)", True: "rgb(16, 20, 24)"}


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_a_person_logs_in_releases_refuses_and_logs_out(
    width: int, bot: Config, site: Served, tmp_path: Path
) -> None:
    chromium = find()
    if chromium is None:
        pytest.skip(f"chromium is not installed: {INSTALL}")
    with Store.opened(bot.home.store) as store, store.transaction() as write:
        write.execute("UPDATE version SET title = ? WHERE id = 2", [LONG])

    def seen(page: Page, path: str, *texts: str) -> None:
        for dark in (False, True):
            told = page.look(width, dark=dark)
            assert told["url"] == path
            assert [text for text in texts if text not in told["text"]] == []
            assert told["overflow"] <= 0
            assert (told["wide"], told["small"]) == ([], [])
            assert told["ran"] is False
            assert told["ground"] == GROUNDS[dark]
            if folder := os.environ.get("PICTURES"):
                name = f"{path.strip('/').replace('/', '-')}-{width}-{'dark' if dark else 'light'}"
                Path(folder, f"{name}.png").write_bytes(base64.b64decode(page.picture()))

    with opened(chromium, tmp_path) as page:
        page.open(f"http://127.0.0.1:{site.port}/held")
        seen(page, "/login", "Log in", "Password")
        page.type("[name=name]", "alice")
        page.type("[name=password]", "a wrong password")
        page.click("form.login button")
        seen(page, "/login", "No operator has this name and this password.")
        page.type("[name=name]", "alice")
        page.type("[name=password]", PASSWORD)
        page.click("form.login button")
        seen(page, "/held", "held things", "Release", "Refuse", "alice")
        page.click("form[action='/versions/2/refuse'] button")
        seen(page, "/held", "held things")
        page.open(f"http://127.0.0.1:{site.port}/versions/1")
        seen(page, "/versions/1", "Release")
        page.click("form[action='/versions/1/release'] button")
        seen(page, "/versions/1", "queued", "an operator (alice, on the web page) released it")
        page.click("form.out button")
        seen(page, "/", "Log in")
    assert states(bot) == ["queued", "refused"]
