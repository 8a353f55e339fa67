# SPDX-License-Identifier: GPL-2.0
"""What each page shows, worked out of the store; the templates write it down."""

from __future__ import annotations

import email
from collections.abc import Callable, Mapping
from email import policy
from typing import Any
from urllib.parse import quote

from starlette.requests import Request

from seriesbot.config import Config
from seriesbot.states import State
from seriesbot.store import Row, unpack
from seriesbot.submit.sinks import NAMES
from seriesbot.web import charts, flakes, shown
from seriesbot.web.charts import DAYS
from seriesbot.web.reading import PAGE, Asked, Reader, paths
from seriesbot.web.shown import DAY_S

Context = dict[str, Any]

MAX_TEXT = 200  # characters that are looked for
MAX_PATHS = 30

# In the order in which a series comes through them, those that a reader looks for first.
FILTERS = (
    State.QUEUED,
    State.RUNNING,
    State.JUDGED,
    State.HELD,
    State.GATHERING,
    State.INCOMPLETE,
    State.IGNORED,
    State.REPLACED,
    State.REPEATED,
    State.REFUSED,
    State.BROKEN,
    State.GIVEN_UP,
)


def overview(reader: Reader, config: Config, now: float) -> Context:
    """Show what is done now, what waits, and what came of the last ones."""
    return {
        "counts": reader.counts(),
        "running": reader.running(),
        "log_at": config.told.engine.shown,
        "waiting": reader.waiting(),
        "latest": reader.latest(),
        "chart": charts.days(reader.verdicts(int(now) - DAYS * DAY_S), now),
        "inboxes": tuple(inbox.name for inbox in config.told.inbox),
        "last_mail": reader.value("SELECT arrived FROM message ORDER BY id DESC LIMIT 1"),
    }


def listed(reader: Reader, wanted: Mapping[str, str]) -> Context:
    """Show all series, or those of a state, or those that a text is in."""
    state = wanted.get("state", "")
    before = wanted.get("before", "")
    asked = Asked(
        state if state in [*State] else "",
        wanted.get("q", "").strip()[:MAX_TEXT],
        int(before) if before.isdecimal() and len(before) < 16 else 0,
    )
    rows = reader.listed(asked)
    return {
        "rows": rows[:PAGE],
        "asked": asked,
        "counts": reader.counts(),
        "filters": FILTERS,
        "more": _more(asked, rows[PAGE - 1]["id"]) if len(rows) > PAGE else "",
    }


def version(reader: Reader, config: Config, number: int) -> Context | None:
    """Show a posting of a series: why it is where it is, and all that came of it."""
    row = reader.version(number)
    if row is None:
        return None
    changed = paths(row)
    return {
        "row": row,
        "others": [one for one in reader.others(row["series"]) if one["id"] != number],
        "mails": [(mail, _link(config, mail)) for mail in reader.mails(number)],
        "decisions": reader.decisions(number),
        "jobs": reader.jobs(number),
        "log_at": config.told.engine.shown,
        "answers": [(one, _body(one)) for one in reader.answers(number)],
        "paths": changed[:MAX_PATHS],
        "more_paths": max(0, len(changed) - MAX_PATHS),
    }


def held(reader: Reader) -> Context:
    """Show what waits for an operator, what came last first."""
    rows = reader.listed(Asked(State.HELD))
    count = reader.counts().get(State.HELD, 0)
    return {"rows": rows[:PAGE], "more": max(0, count - PAGE)}


def number(request: Request) -> int:
    """Give the number that an address has, 0 for one that nothing can have."""
    found: int = request.path_params["number"]
    return found if found < 1 << 62 else 0


def work(reader: Reader, config: Config, now: float) -> Context:
    """Show what the engine does, what ended in the last days, and answers on their way."""
    ended = reader.work(int(now) - 7 * DAY_S)
    day = [row for row in ended if row["ended"] > now - DAY_S]
    took = sorted(row["ended"] - row["started"] for row in day if row["started"])
    return {
        "engine": config.told.engine,
        "running": reader.running(),
        "log_at": config.told.engine.shown,
        "waiting": len(reader.waiting(1000)),
        "ended": ended[:PAGE],
        "day": len(day),
        "median": took[len(took) // 2] if took else 0,
        "lost": sum(row["state"] == "lost" or row["attempt"] > 1 for row in day),
        "answers": reader.sent(),
        "channel": config.told.answer.channel,
        "submitted": reader.submitted(),
        "sinks": NAMES,
    }


def flaky(reader: Reader, seen: Callable[[int], flakes.Seen]) -> Context:
    """Show tests that change their mind."""
    rows = reader.documents(flakes.RESULTS)
    return {
        "tests": flakes.flakes(rows, seen),
        "results": len(rows),
        "since": rows[-1]["at"] if rows else 0,
    }


def _more(asked: Asked, before: int) -> str:
    values = {"state": asked.state, "q": asked.text, "before": str(before)}
    return "?" + "&".join(
        f"{key}={quote(value, safe='')}" for key, value in values.items() if value
    )


def _link(config: Config, mail: Row) -> str:
    """Give the address of a mail in the archive that it came by; "" where that has none."""
    inbox = config.inboxes.get(mail["inbox"])
    url = (inbox.url or "") if inbox else ""
    if not url.startswith(("https://", "http://")):
        return ""
    return f"{url.rstrip('/')}/{quote(mail['message_id'], safe='@')}/"


def _body(answer: Row) -> shown.Lines:
    """Give the text of an answer, as it was sent."""
    if answer["raw"] is None:
        return shown.Lines("")
    mail = email.message_from_bytes(unpack(answer["raw"]), policy=policy.default)
    content = mail.get_content()
    return shown.lines(content if isinstance(content, str) else "")
