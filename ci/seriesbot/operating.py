# SPDX-License-Identifier: GPL-2.0
"""What an operator asks and orders from the command line, while the bot works or not.

Each function gives lines for people, in which nothing that came in a mail is obeyed by a terminal.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator

from kseries.lib.errors import UserError
from kseries.report import mail
from kseries.report.words import duration, plain
from kseries.verdict import document
from seriesbot import holding, work
from seriesbot.config import EngineFile
from seriesbot.states import Kind, State
from seriesbot.store import Row, Store, unpack
from seriesbot.submit.sinks import NAMES

LISTED = 50  # of each sort
DECISIONS = 100  # that are told of a mail

_KINDS = {
    Kind.PATCH: "it carries a patch, and is to be looked at yet",
    Kind.COVER: "it is a cover letter, and is to be looked at yet",
    Kind.REPLY: "it answers something: replies are left alone, but for what they ask of the bot",
    Kind.OTHER: "it is no patch: pull requests, automatic mails and other text are left alone",
}


def why(store: Store, message_id: str) -> Iterator[str]:
    """Tell what became of a mail, and by which decisions. Raises UserError for an unknown one."""
    name = _bare(message_id)
    row = store.row("SELECT * FROM message WHERE message_id = ?", name)
    found = _decisions(store, name)
    if row is None and not found:
        raise _unknown(name)
    if row is not None:
        inboxes = store.rows(
            "SELECT name FROM seen JOIN inbox ON inbox.id = seen.inbox WHERE message = ?", row["id"]
        )
        came = ", ".join(inbox["name"] for inbox in inboxes)
        yield plain(f"{row['subject']}")
        yield plain(f"  from {row['sender'] or 'nobody'}, by {came}, {_time(row['arrived'])}")
    for version in _versions(store, name):
        yield plain(
            f"v{version['number']} of '{version['title']}': {version['state']}"
            f" since {_time(version['since'])}"
        )
    if not found and row is not None:
        yield _KINDS[Kind(row["kind"])]
    if len(found) > DECISIONS:
        yield f"… {len(found) - DECISIONS} earlier decisions"
    for one in found[-DECISIONS:]:
        yield plain(f"{_time(one['at'])}  {one['what']}: {one['outcome']}: {one['reason']}")


def _decisions(store: Store, name: str) -> list[Row]:
    return store.rows(
        "SELECT * FROM decision WHERE message_id = ? OR version IN (SELECT version FROM part"
        " JOIN message ON message.id = part.message WHERE message_id = ?) ORDER BY id",
        *(name, name),
    )


def release(store: Store, message_id: str, now: int) -> Iterator[str]:
    """Let a series that is held be worked on. Raises UserError when it is not held."""
    version = _version(store, message_id)
    holding.release(store, version["id"], getpass.getuser(), now)
    again = _version(store, message_id)
    yield plain(f"v{again['number']} of '{again['title']}': {again['state']}: {again['reason']}")


def refuse(store: Store, message_id: str, now: int) -> Iterator[str]:
    """Refuse a series that is held. Raises UserError when it is not held."""
    version = _version(store, message_id)
    holding.refuse(store, version["id"], getpass.getuser(), now)
    yield plain(f"v{version['number']} of '{version['title']}': {State.REFUSED}")


def again(store: Store, message_id: str, now: int) -> Iterator[str]:
    """Want another run of a series that was worked on. Raises UserError for any other."""
    version = _version(store, message_id)
    with store.transaction() as write:
        able = version["state"] in (State.JUDGED, State.GIVEN_UP)
        if not able or not work.enqueue(write, version["id"], now, cause="again"):
            raise UserError(
                f"This series cannot be run again now: it is {version['state']}.",
                where=plain(f"v{version['number']} of '{version['title']}'"),
                do="wait until it is judged; `seriesbot release` lets one go that is held",
            )
    yield plain(f"v{version['number']} of '{version['title']}': waits for its turn")


def queue(store: Store, now: int) -> Iterator[str]:
    """List what is worked on, what waits, what is held and what misses parts."""
    jobs = store.rows(
        "SELECT job.*, title, number, message_id FROM job JOIN version ON version.id = job.version"
        " WHERE job.state IN ('waiting', 'submitting', 'submitted')"
        " ORDER BY job.state = 'waiting', job.id LIMIT ?",
        LISTED,
    )
    for job in jobs:
        runs = job["state"] != "waiting"
        since = job["started"] if runs else job["wanted"]
        what = "runs" if runs else "waits"
        yield _line(f"{what} {duration(max(0, now - since))}", job)
    waiting = store.value("SELECT count(*) FROM job WHERE state = 'waiting'")
    shown = sum(job["state"] == "waiting" for job in jobs)
    if waiting > shown:
        yield f"… {waiting - shown} more wait"
    for state in (State.HELD, State.GATHERING, State.INCOMPLETE):
        rows = store.rows(
            "SELECT * FROM version WHERE state = ? ORDER BY id DESC LIMIT ?", *(state, LISTED)
        )
        for row in rows:
            yield _line(state.value, row)
            yield plain(f"    {row['reason']}")
        more = store.value("SELECT count(*) FROM version WHERE state = ?", state) - len(rows)
        if more:
            yield f"… {more} more are {state.value}"
    if not store.value(
        "SELECT count(*) FROM version WHERE state IN ('held', 'gathering', 'incomplete', 'queued',"
        " 'running')"
    ):
        yield "nothing is queued"


def show(store: Store, engine: EngineFile, message_id: str) -> Iterator[str]:
    """Show a version of a series, and the last result of it."""
    version = _version(store, message_id)
    yield _line(version["state"], version)
    yield plain(f"    {version['reason']}")
    for part in store.rows(
        "SELECT number, message_id, subject FROM part JOIN message ON message.id = part.message"
        " WHERE version = ? ORDER BY number, message.id",
        version["id"],
    ):
        yield plain(f"    {part['number']:>4}  {part['subject']}  <{part['message_id']}>")
    for job in store.rows("SELECT * FROM job WHERE version = ? ORDER BY id", version["id"]):
        tries = f"attempt {job['attempt']}" if job["attempt"] else "not begun"
        yield plain(f"  job {job['id']} ({job['cause']}): {job['state']}, {tries} {job['note']}")
        if page := engine.shown(job["page"]):
            yield plain(f"    {page}")
    for told in store.rows(
        "SELECT sink, state, count(*) AS n, max(note) AS note FROM submission WHERE version = ?"
        " GROUP BY sink, state ORDER BY sink, state",
        version["id"],
    ):
        yield plain(f"  {told['n']} for {NAMES[told['sink']]}: {told['state']} {told['note']}")
    row = store.row("SELECT * FROM result WHERE version = ? ORDER BY id DESC", version["id"])
    if row is not None and row["document"] is not None:
        yield ""
        yield from mail.render(document.parse(unpack(row["document"]), "the store")).splitlines()
    elif row is not None:
        yield from map(plain, row["error"].splitlines())


def optouts(store: Store, remove: str | None) -> Iterator[str]:
    """List who wants no answers. remove: an address that is answered again.

    Raises UserError for one that did not opt out.
    """
    if remove is not None:
        with store.transaction() as write:
            done = write.execute("DELETE FROM optout WHERE address = ?", [remove.lower()])
        if not done.rowcount:
            raise UserError(
                f"{plain(remove)} did not opt out.", do="`seriesbot optouts` lists who did"
            )
        yield plain(f"{remove} is answered again")
        return
    rows = store.rows("SELECT * FROM optout ORDER BY address")
    for row in rows:
        yield plain(f"{row['address']}  since {_time(row['at'])}, by <{row['message_id']}>")
    if not rows:
        yield "nobody opted out"


def log_out(store: Store, name: str) -> None:
    """End what an operator does on the web page."""
    with store.transaction() as write:
        write.execute("DELETE FROM session WHERE operator = ?", [name])


def _line(what: str, row: Row) -> str:
    return plain(
        f"{what:<14} v{row['number']} {row['title']}  <{row['message_id']}>  {row['sender']}"
    )


def _bare(message_id: str) -> str:
    return message_id.strip().removeprefix("<").removesuffix(">")


def _versions(store: Store, name: str) -> list[Row]:
    return store.rows(
        "SELECT DISTINCT version.* FROM version JOIN part ON part.version = version.id"
        " JOIN message ON message.id = part.message WHERE message.message_id = ?"
        " ORDER BY version.id",
        name,
    )


def _version(store: Store, message_id: str) -> Row:
    found = _versions(store, _bare(message_id))
    if not found:
        raise _unknown(_bare(message_id))
    return found[-1]


def _unknown(name: str) -> UserError:
    return UserError(
        f"No mail <{name[:200]}> belongs to a series that is known here.",
        do="check the message id; what came before the bot began, or by another archive, is not"
        " taken in. `seriesbot why MSGID` tells of any mail that is",
    )


def _time(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
