# SPDX-License-Identifier: GPL-2.0
"""A store with something of everything, for the web page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kseries.model import Case, ProgramResult, RunResult, Status
from kseries.verdict import document
from kseries.verdict.verdict import decided
from seriesbot import config
from seriesbot.answer.writing import Writer
from seriesbot.config import Config, Home
from seriesbot.states import State
from seriesbot.store import Connection, Store, pack
from tests.archives import mail

NOW = 1_795_342_500
DAY_S = 86_400

SETTINGS = """
[[inbox]]
name = "netdev"
url = "https://lore.example.org/netdev"
[answer]
address = "bot@ci.example.org"
"""

TITLES = (
    "io_uring: zero copy receive",
    "net: page_pool: do not count pages that a provider of memory keeps for itself",
    "mm: swap: read ahead less",
    "[RFC] sched/fair: let tasks that sleep for less than a tick keep the slice they had",
    "selftests/net: test-what-has-a-very-long-name-without-any-space-in-it-and-goes-on-and-on.sh",
    "drm/amdgpu: fix a typo",
)
PEOPLE = ("zoe@example.org", "j.r.doe+kernel@subdomain.of.a.long.example.com", "li@example.net")


def make(folder: Path, results: Sequence[RunResult]) -> Config:
    """Make the bot's folder with a store; results are taken in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    home = Home(folder)
    home.settings.write_text(SETTINGS)
    with Store.opened(home.store, create=True) as store:
        with store.transaction() as write:
            write.execute("INSERT INTO inbox VALUES (1, 'netdev')")
        for number, state in enumerate(_states(), start=1):
            with store.transaction() as write:
                _version(write, number, state, results)
        Writer(store, config.read(home).told.answer).step(NOW - 100)
        with store.transaction() as write:
            write.execute(
                "UPDATE answer SET state = 'delivered', delivered = ?, tries = 1"
                " WHERE state = 'written' AND id % 4",
                (NOW - 50,),
            )
            write.execute(
                "UPDATE answer SET state = 'failed', note = '550 5.7.1 no such user' WHERE id = 3"
            )
            _submissions(write)
    return config.read(home)


def _submissions(write: Connection) -> None:
    rows = (
        ("patchwork", "delivered", ""),
        ("patchwork", "written", "later: 503 Service Unavailable " + "x" * 60),
        ("kcidb", "failed", "400 not a report"),
    )
    for number, (sink, state, note) in enumerate(rows, start=1):
        write.execute(
            "INSERT INTO submission (key, sink, result, version, target, body, state, at, note)"
            " VALUES (?, ?, 1, 1, 'a@x', '{}', ?, ?, ?)",
            (str(number), sink, state, NOW - 60 * number, note),
        )


def _states() -> list[State]:
    judged = [State.JUDGED] * 40
    rest = [state for state in State if state is not State.JUDGED]
    return [*judged, *rest, State.QUEUED, State.QUEUED, State.RUNNING]


def _version(write: Connection, number: int, state: State, results: Sequence[RunResult]) -> None:
    title, sender = TITLES[number % len(TITLES)], PEOPLE[number % len(PEOPLE)]
    at = NOW - 60 * DAY_S // (number + 1) if number <= 40 else NOW - 3600 + 150 * (number - 40)
    name, version = f"20261122.{number}-0@example.org", 1 + number % 3
    write.execute("INSERT INTO series VALUES (?, ?, ?, ?)", (number, sender, title, at))
    raw = mail(f"[PATCH v{version} 0/2] {title}", name, sender=f"Zoë <{sender}>")
    write.execute(
        "INSERT INTO message (id, message_id, inbox, arrived, kind, sender, subject, refs, size,"
        " raw, handled) VALUES (?, ?, 1, ?, 'cover', ?, ?, '[]', 1, ?, 1)",
        (number, name, at, sender, f"[PATCH v{version} 0/2] {title}", pack(raw)),
    )
    reason = f"rule net takes it; stranger: nothing proves that it is {sender}'s"
    write.execute(
        "INSERT INTO version (id, series, number, total, message_id, sender, title, state, reason,"
        " since, due, rule, paths) VALUES (?, ?, ?, 2, ?, ?, ?, ?, ?, ?, 0, 'net', ?)",
        (number, number, version, name, sender, title, state, reason, at, '["net/core/dev.c"]'),
    )
    write.execute("INSERT INTO part VALUES (?, ?, 0)", (number, number))
    for what, outcome in (("series", "gathering"), ("trust", "queued"), ("work", state)):
        write.execute(
            "INSERT INTO decision (at, message_id, version, what, outcome, reason)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (at, name, number, what, outcome, reason),
        )
    _job(write, number, state, at, results)


def _job(
    write: Connection, number: int, state: State, at: int, results: Sequence[RunResult]
) -> None:
    jobs = {
        State.JUDGED: "ended",
        State.QUEUED: "waiting",
        State.RUNNING: "submitted",
        State.GIVEN_UP: "lost",
    }
    if state not in jobs:
        return
    over = state in (State.JUDGED, State.GIVEN_UP)
    times = (at, at + 30 if state is not State.QUEUED else 0, at + 460 + number if over else 0)
    write.execute(
        "INSERT INTO job (id, version, sender, cause, state, attempt, wanted, started, ended)"
        " VALUES (?, ?, 'x', 'posted', ?, ?, ?, ?, ?)",
        (number, number, jobs[state], 1 + (number % 7 == 0), *times),
    )
    if state is not State.JUDGED:
        return
    result = _flaky(results[number % len(results)], number)
    options = ("--series", "/nowhere/bot/jobs/series", "--config", "debug")
    result = replace(result, provenance=replace(result.provenance, options=options))
    nothing = number % 11 == 0
    document_ = None if nothing else pack(document.to_json(result).encode())
    verdict, code = ("", 2) if nothing else (result.verdict.value, result.exit_code)
    write.execute(
        "INSERT INTO result (job, version, at, verdict, exit_code, error, document)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            number,
            times[2],
            verdict,
            code,
            "It applies to no tree." if nothing else "",
            document_,
        ),
    )


def _flaky(result: RunResult, number: int) -> RunResult:
    if number % 3:
        return result
    moody = Case("timing.is_close", Status.FAIL, "too late", reruns=(Status.PASS,))
    program = ProgramResult("kselftest/timers", "nanosleep", Status.FAIL, 1, 2.0, (moody,))
    return decided(replace(result, programs=(*result.programs, program)))
