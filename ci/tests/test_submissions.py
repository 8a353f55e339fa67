# SPDX-License-Identifier: GPL-2.0
"""From a result in the store to checks in Patchwork and reports to KCIDB, once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kseries.model import RunResult
from kseries.verdict import document
from seriesbot import delivery, operating
from seriesbot.bot import Bot
from seriesbot.config import Config
from seriesbot.engine.base import Order, Outcome
from seriesbot.submit import patchwork
from seriesbot.submit import server as servers
from seriesbot.submit.outbox import Outbox
from seriesbot.submit.settings import PATCHWORK_TOKEN
from seriesbot.submit.writing import Writer
from tests import patchworkserver
from tests.archives import thread
from tests.desk import START, Desk, make_home
from tests.patchworkserver import BREAK, TOKEN, Server
from tests.signing import Signer
from tests.test_work import Forgetful
from tests.test_writing import put

SETTINGS = """
[[inbox]]
name = "list"
path = "inbox"
history_days = -1
[answer]
site = "https://ci.example.org/"
"""
NAMES = ("good-1@x", "good-2@x")
NOW = START
ALL = {
    (NAMES[0], "kseries-apply"): "success",
    (NAMES[1], "kseries-apply"): "success",
    (NAMES[1], "kseries-build"): "success",
    (NAMES[0], "kseries-tests"): "success",
    (NAMES[1], "kseries-tests"): "success",
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again at once what may be asked again: there is nobody to be spared."""
    monkeypatch.setattr(servers, "BACKOFF_S", 0)
    monkeypatch.delenv(PATCHWORK_TOKEN, raising=False)


@pytest.fixture(scope="module")
def new_server() -> Iterator[Callable[[], Server]]:
    with patchworkserver.serving() as new:
        yield new


@pytest.fixture
def server(new_server: Callable[[], Server]) -> Iterator[Server]:
    server = new_server()
    server.add(*NAMES)
    yield server
    assert server.wrong == []


def configured(desk: Desk, more: str) -> Config:
    return make_home(desk.config.home.path, SETTINGS + more)


def secret(desk: Desk, name: str = "token.toml", token: str = TOKEN) -> Path:
    file = desk.config.home.path / name
    file.write_text(f'token = "{token}"\n')
    file.chmod(0o600)
    return file


def to_patchwork(desk: Desk, server: Server, more: str = "") -> Config:
    secret(desk)
    told = f'[patchwork]\nurl = "{server.url}"\ncredentials = "token.toml"\n{more}'
    return configured(desk, told)


def begun(desk: Desk, config: Config) -> Writer:
    writer = Writer(desk.store, config)
    writer.begin()
    return writer


def judged(
    desk: Desk, config: Config, result: RunResult | str, ids: str = "good", **told: Any
) -> Writer:
    """Have a series of two patches come and be judged when the sinks are known already."""
    writer = begun(desk, config)
    desk.post(*thread("good", 2, ids=ids))
    desk.wait(2)
    desk.admit()
    put(desk.store, result, **told)
    return writer


def rows(desk: Desk) -> list[tuple[str, int, str]]:
    query = "SELECT state, tries, note FROM submission ORDER BY id"
    return [(row["state"], row["tries"], row["note"]) for row in desk.store.rows(query)]


def test_checks_stand_in_patchwork_once(desk: Desk, server: Server, passing_run: RunResult) -> None:
    config = to_patchwork(desk, server)
    writer = judged(desk, config, passing_run)
    assert writer.step(NOW)
    assert not writer.step(NOW)
    box = Outbox(desk.store, config)
    assert [box.step(NOW), box.step(NOW)] == [5, 0]
    assert server.stands() == ALL
    assert len(server.checks) == 5
    assert {check["target_url"] for check in server.checks} == {"https://ci.example.org/results/1"}
    assert server.checks[0]["description"].startswith("applies to debian-6.12")
    assert "submit: written: 5 for Patchwork" in "\n".join(operating.why(desk.store, NAMES[1]))
    assert "  5 for Patchwork: delivered " in list(
        operating.show(desk.store, config.told.engine, NAMES[1])
    )


def test_it_is_off_by_default(desk: Desk, server: Server, passing_run: RunResult) -> None:
    config = configured(desk, "")
    judged(desk, config, passing_run).step(NOW)
    assert Outbox(desk.store, config).step(NOW) == 0
    assert rows(desk) == []
    assert server.asked == []


def test_what_was_judged_before_is_left_alone(
    desk: Desk, server: Server, passing_run: RunResult
) -> None:
    judged(desk, configured(desk, ""), passing_run).step(NOW)
    writer = begun(desk, to_patchwork(desk, server))
    assert not writer.step(NOW)
    put(desk.store, passing_run, cause="again")
    assert writer.step(NOW)
    assert len(rows(desk)) == 5
    # Who takes it out and puts it in again begins anew.
    begun(desk, configured(desk, ""))
    put(desk.store, passing_run, cause="again")
    assert not begun(desk, to_patchwork(desk, server)).step(NOW)


class _Fatal(Forgetful):
    """An engine over which the bot dies once it handed over an order."""

    def submit(self, order: Order) -> None:
        super().submit(order)
        raise SystemExit


def test_a_bot_that_dies_in_its_first_step_knew_whom_to_tell(
    desk: Desk, passing_run: RunResult
) -> None:
    config = configured(desk, '[kcidb]\nfolder = "kcidb"\n')
    Signer(1).join(config.keyring)
    config.home.rules.write_text('[[rule]]\nname = "all"\n')
    desk.post(*map(Signer(1).sign, thread("good", 2)))
    desk.wait(20)
    dying = _Fatal()
    with pytest.raises(SystemExit):
        Bot(desk.store, config, print, dying).step()
    ended = Outcome(0, document.to_json(passing_run).encode(), "")
    Bot(desk.store, config, print, Forgetful(fates={"job-1-1": ended})).drain()
    assert rows(desk) == [("delivered", 1, "")]


def test_what_says_nothing_of_the_series_is_no_check(
    desk: Desk, server: Server, passing_run: RunResult
) -> None:
    writer = judged(desk, to_patchwork(desk, server), passing_run, exit_code=3)
    put(desk.store, passing_run, cause="test")
    put(desk.store, "it applies to no tree")
    assert writer.step(NOW)
    assert rows(desk) == []


def test_a_series_that_applies_nowhere_is_told(desk: Desk, server: Server) -> None:
    config = to_patchwork(desk, server)
    writer = judged(desk, config, "it applies to no tree")
    base = {"fits": False, "chosen": "", "why": "", "candidates": [{"source": "linus"}]}
    with desk.store.transaction() as write:
        write.execute("UPDATE version SET base = ?", (json.dumps(base),))
    writer.step(NOW)
    Outbox(desk.store, config).step(NOW)
    assert server.stands() == {(name, "kseries-apply"): "fail" for name in NAMES}


def test_only_our_project_where_one_is_named(
    desk: Desk, server: Server, passing_run: RunResult
) -> None:
    server.add(*NAMES, project="linux-mm")
    config = to_patchwork(desk, server, 'project = "linux-mm"\ncontext = "ci_x"\n')
    judged(desk, config, passing_run).step(NOW)
    Outbox(desk.store, config).step(NOW)
    assert {check["patch"] for check in server.checks} == {3, 4}
    assert {check["context"] for check in server.checks} == {
        "ci_x-apply",
        "ci_x-build",
        "ci_x-tests",
    }
    everywhere = to_patchwork(desk, server)
    put(desk.store, passing_run, cause="again")
    Writer(desk.store, everywhere).step(NOW)
    Outbox(desk.store, everywhere).step(NOW)
    assert {check["patch"] for check in server.checks} == {1, 2, 3, 4}


def test_all_pages_are_read(desk: Desk, server: Server, passing_run: RunResult) -> None:
    # What stands on the last page decides; links name an address that leads nowhere.
    server.page, server.link = 2, "http://pw.invalid"
    server.patches[:0] = [(9, "other@x", "netdev"), (8, "another@x", "netdev")]
    server.filters = False
    old = {"context": "kseries-apply", "state": "fail", "description": "old", "target_url": None}
    server.checks += [{**old, "patch": 1, "id": n, "user": {"id": 1}} for n in range(1, 6)]
    config = to_patchwork(desk, server)
    judged(desk, config, passing_run).step(NOW)
    box = Outbox(desk.store, config)
    assert box.step(NOW) == 5
    with desk.store.transaction() as write:
        write.execute("UPDATE submission SET state = 'written'")
    assert box.step(NOW) == 5
    assert len(server.checks) == 5 + 5
    assert {note for _, _, note in rows(desk)} == {"it was there already"}
    assert {one["patch"] for one in server.checks} == {1, 2}


def test_a_message_id_is_one_value_whatever_is_in_it(
    desk: Desk, server: Server, passing_run: RunResult
) -> None:
    odd = "a&msgid=x#b%3F+c/../?d=e"
    server.add(f"{odd}-1@x", f"{odd}-2@x", "x")
    config = to_patchwork(desk, server)
    judged(desk, config, passing_run, ids=odd).step(NOW)
    assert Outbox(desk.store, config).step(NOW) == 5
    assert {check["patch"] for check in server.checks} == {3, 4}


def test_pages_that_do_not_end(desk: Desk, server: Server, passing_run: RunResult) -> None:
    config = to_patchwork(desk, server)
    judged(desk, config, passing_run).step(NOW)
    server.page = 1
    server.filters = False
    server.patches += [(n, f"m{n}@x", "netdev") for n in range(3, patchwork.MAX_PAGES + 9)]
    assert Outbox(desk.store, config).step(NOW) == 0
    assert rows(desk)[0] == ("written", 1, "later: its pages do not end")
    assert server.checks == []


def test_a_check_that_says_something_else_by_now_is_posted_again(
    desk: Desk, server: Server, passing_run: RunResult, failing_run: RunResult
) -> None:
    config = to_patchwork(desk, server)
    writer, box = judged(desk, config, passing_run), Outbox(desk.store, config)
    for result in (passing_run, failing_run, passing_run):  # the first of them says the same
        put(desk.store, result, cause="again")
        writer.step(NOW)
        while box.step(NOW):
            pass
    assert server.stands()[NAMES[0], "kseries-tests"] == "success"
    told = [one["state"] for one in server.checks if one["context"] == "kseries-tests"]
    assert told == ["success"] * 2 + ["fail"] * 2 + ["success"] * 2


def test_who_else_posts_there_is_another(
    desk: Desk, server: Server, passing_run: RunResult
) -> None:
    config = to_patchwork(desk, server)
    judged(desk, config, passing_run).step(NOW)
    box = Outbox(desk.store, config)
    box.step(NOW)
    others = [{**one, "state": "fail", "user": {"id": 2}} for one in server.checks]
    server.checks += [{**one, "id": 100 + place} for place, one in enumerate(others)]
    with desk.store.transaction() as write:
        write.execute("UPDATE submission SET state = 'written'")
    box.step(NOW)
    assert len(server.checks) == 10


@pytest.mark.parametrize(
    ("said", "state", "note"),
    [
        (400, "failed", "400 no"),
        (404, "failed", "404 no"),
        (403, "written", "later: the token is not enough: 403 no"),
        (500, "written", "later: 500 no"),
        (302, "written", "later: 302: it is at another place; set url"),
        (BREAK, "written", "uncertain: "),
    ],
)
def test_what_a_server_says(
    said: int | str, state: str, note: str, desk: Desk, server: Server, passing_run: RunResult
) -> None:
    config = to_patchwork(desk, server)
    judged(desk, config, passing_run).step(NOW)
    server.say = [said]
    box = Outbox(desk.store, config)
    box.step(NOW)
    assert rows(desk)[0][:2] == (state, 1)
    assert rows(desk)[0][2].startswith(note)
    if state == "written":
        # A server in need is left alone for a minute; then nothing is missing and nothing double.
        assert box.step(NOW + delivery.FIRST_WAIT_S - 1) == 0
        assert box.step(NOW + delivery.FIRST_WAIT_S) == 5
        assert server.stands() == ALL
        assert len(server.checks) == 5
    else:
        assert len(server.checks) == 4


def test_what_may_be_asked_twice_is_asked_again_at_once(
    desk: Desk, server: Server, passing_run: RunResult
) -> None:
    config = to_patchwork(desk, server)
    judged(desk, config, passing_run).step(NOW)
    # However long it wants us to wait: the bot has other things to do.
    server.busy, server.headers = [503, 502, 429], {"Retry-After": "3600"}
    box = Outbox(desk.store, config)
    assert box.step(NOW) == 5
    server.busy = [503] * servers.TRIES
    with desk.store.transaction() as write:
        write.execute("UPDATE submission SET state = 'written'")
    assert [box.step(NOW), box.step(NOW + 3599)] == [0, 0]
    assert server.busy == []
    assert box.step(NOW + 3600) == 5
    assert len(server.checks) == 5


def test_who_is_asked_too_often_says_when(
    desk: Desk, server: Server, passing_run: RunResult
) -> None:
    config = to_patchwork(desk, server)
    judged(desk, config, passing_run).step(NOW)
    server.say, server.headers = [429], {"Retry-After": "600"}
    box = Outbox(desk.store, config)
    assert [box.step(NOW), box.step(NOW + 599), box.step(NOW + 600)] == [0, 0, 5]


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("", 0), ("30", 30), ("999999999", delivery.LONGEST_WAIT_S), ("-1", 0), ("soon", 0),
     ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Wed, 21 Oct 2099 07:28:00 GMT", 6 * 3600),
     ("9" * 40, 0), ("Wed, 99 Oct 9999999 07:28:00 GMT", 0)],
)  # fmt: skip
def test_retry_after(told: str, seconds: float) -> None:
    assert servers._wait_s(told) == seconds


def test_a_patch_that_patchwork_does_not_know_yet(
    desk: Desk, server: Server, passing_run: RunResult
) -> None:
    (server.patches, late) = server.patches[:1], server.patches[1:]
    config = to_patchwork(desk, server)
    judged(desk, config, passing_run).step(NOW)
    box = Outbox(desk.store, config)
    # The other one's checks are not held up.
    assert box.step(NOW) == 2
    assert "absent: Patchwork does not know this mail" in {note for _, _, note in rows(desk)}
    server.patches += late
    assert box.step(NOW + 60) == 3
    assert server.stands() == ALL


def test_a_server_that_is_down_is_asked_once_a_minute(
    desk: Desk, server: Server, passing_run: RunResult
) -> None:
    config = to_patchwork(desk, server)
    told = config.told.patchwork
    assert told is not None
    down = replace(
        config, told=replace(config.told, patchwork=replace(told, url="http://127.0.0.1:1"))
    )
    judged(desk, config, passing_run).step(NOW)
    box = Outbox(desk.store, down)
    assert [box.step(NOW), box.step(NOW + 59)] == [0, 0]
    assert [tries for _, tries, _ in rows(desk)] == [1, 0, 0, 0, 0]
    box.step(NOW + delivery.GIVE_UP_S + 1)
    assert rows(desk)[1][0] == "failed"
    assert "given up after" in rows(desk)[1][2]


def test_a_later_result_is_never_followed_by_an_earlier_one(
    desk: Desk, server: Server, passing_run: RunResult, failing_run: RunResult
) -> None:
    config = to_patchwork(desk, server)
    writer, box = judged(desk, config, failing_run), Outbox(desk.store, config)
    writer.step(NOW)
    server.say = [500]
    box.step(NOW)
    put(desk.store, passing_run, cause="again")
    writer.step(NOW)
    while box.step(NOW + 61):
        pass
    assert server.stands() == ALL
    assert {state for state, _, _ in rows(desk)} == {"withheld", "delivered"}


# ---- secrets


def test_the_token_of_the_environment(
    desk: Desk, server: Server, passing_run: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(desk, f'[patchwork]\nurl = "{server.url}"\n')
    judged(desk, config, passing_run).step(NOW)
    box = Outbox(desk.store, config)
    assert box.step(NOW) == 0
    assert "There is no token" in rows(desk)[0][2]
    monkeypatch.setenv(PATCHWORK_TOKEN, TOKEN)
    assert box.step(NOW + 61) == 5


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_token_that_others_may_read_is_not_used(
    mode: int, desk: Desk, server: Server, passing_run: RunResult
) -> None:
    config = to_patchwork(desk, server)
    secret(desk).chmod(mode)
    judged(desk, config, passing_run).step(NOW)
    assert Outbox(desk.store, config).step(NOW) == 0
    assert "Others may read" in rows(desk)[0][2]
    assert server.asked == []


@pytest.mark.parametrize("told", ["", "token = 3", 'token = "a b"', 'token = "a\\nX-Y: z"', "{"])
def test_a_file_that_is_none_with_a_token_is_not_quoted(
    told: str, desk: Desk, server: Server, passing_run: RunResult
) -> None:
    config = to_patchwork(desk, server)
    secret(desk).write_text(told)
    judged(desk, config, passing_run).step(NOW)
    assert Outbox(desk.store, config).step(NOW) == 0
    assert rows(desk)[0][2] == "later: This is no file with the server's token."


def test_a_token_is_not_sent_in_the_clear(desk: Desk, passing_run: RunResult) -> None:
    secret(desk)
    told = '[patchwork]\nurl = "http://pw.example.org"\ncredentials = "token.toml"\n'
    config = configured(desk, told)
    judged(desk, config, passing_run).step(NOW)
    Outbox(desk.store, config).step(NOW)
    assert "in the clear" in rows(desk)[0][2]


def test_a_wrong_token_is_told(desk: Desk, server: Server, passing_run: RunResult) -> None:
    config = to_patchwork(desk, server)
    secret(desk, token="wrong")
    judged(desk, config, passing_run).step(NOW)
    box = Outbox(desk.store, config)
    box.step(NOW)
    assert "the token is not enough: 401" in rows(desk)[0][2]
    # It is mended without starting anew.
    secret(desk)
    assert box.step(NOW + 61) == 5


# ---- kills: real ones are in test_kill.py


class Killed(BaseException):
    """Ends whatever goes on, as a kill does."""


@pytest.mark.parametrize("moment", ["begin", "settle"])
def test_who_is_killed_before_he_notes_it_doubles_nothing(
    moment: str, desk: Desk, server: Server, passing_run: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = to_patchwork(desk, server)
    judged(desk, config, passing_run).step(NOW)
    carry_out = getattr(delivery.Ledger, moment)
    for survived in range(5):
        calls = iter(range(survived + 1))

        def once_too_often(*words: Any, calls: Iterator[int] = calls) -> None:
            if next(calls, None) is None:
                raise Killed
            carry_out(*words)

        with monkeypatch.context() as patch, suppress(Killed):
            patch.setattr(delivery.Ledger, moment, once_too_often)
            Outbox(desk.store, config).step(NOW)
        if survived < 2:  # the recovery is killed, too, from the beginning
            with desk.store.transaction() as write:
                write.execute("UPDATE submission SET state = 'written'")
    while Outbox(desk.store, config).step(NOW):
        pass
    assert {state for state, _, _ in rows(desk)} == {"delivered"}
    assert server.stands() == ALL
    assert len(server.checks) == 5
