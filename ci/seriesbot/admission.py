# SPDX-License-Identifier: GPL-2.0
"""Decide about versions that are whole: is it a series, does a rule take it, who caused it.

In this order, and each answer is kept: it can be put together, it is no repeat, it is not too
large, a rule takes it, its sender stands well enough.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.lib.errors import KseriesError
from kseries.series import headers
from seriesbot import decisions, mails, work
from seriesbot.assembling import Made, NoSeriesError, Part, make, parts_of
from seriesbot.config import Config
from seriesbot.rules import Facts, Rule, decide, prefixes_of
from seriesbot.states import State
from seriesbot.store import Connection, Row, Store
from seriesbot.trust.standing import Letter, Level, Standing, stand

RETRY_S = 300  # until what could not be looked at is looked at again
A_PASS = 10  # versions that are decided about before the bot looks at other things

# What the author has, or will get, an answer about.
_COUNTED = (State.HELD, State.QUEUED, State.RUNNING, State.JUDGED, State.GIVEN_UP)


@dataclass(frozen=True)
class Outcome:
    """What was decided. what: by which question."""

    state: State
    what: str
    reason: str
    rule: str = ""
    digest: str = ""
    paths: tuple[str, ...] = ()


def admit(store: Store, config: Config, rules: Sequence[Rule], now: int) -> int:
    """Decide about some versions that are due, each sender's in turn; give their number."""
    rows = store.rows(
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY sender ORDER BY id) AS turn"
        " FROM version WHERE state = ? AND due > 0 AND due <= ?) ORDER BY turn, id LIMIT ?",
        *(State.GATHERING, now, A_PASS),
    )
    lost: KseriesError | None = None
    for row in rows:
        try:
            outcome = _decide(store, config, rules, row)
        except KseriesError as error:
            # Of the machine, not of the mails: this one waits, the others go on.
            lost = error
            with store.transaction() as write:
                reason = f"it could not be looked at: {error.what}"
                decisions.move(
                    write, now, row["id"], State.GATHERING, "series", reason, due=now + RETRY_S
                )
            continue
        except Exception as error:  # one series must not stop all others
            outcome = Outcome(State.BROKEN, "series", f"a fault of the bot ({error!r})")
        with store.transaction() as write:
            _carry_out(write, row, outcome, now)
    if lost is not None:
        raise lost
    return len(rows)


def _decide(store: Store, config: Config, rules: Sequence[Rule], row: Row) -> Outcome:
    limits = config.told.limits
    if row["total"] > limits.patches:
        told = f"has {row['total']} patches; at most {limits.patches} are taken"
        return Outcome(State.REFUSED, "limits", told)
    parts = _proved(config, row["sender"], parts_of(store, row["id"]))
    large = _too_large(parts, limits.mail_kib, limits.series_kib)
    if large:
        return Outcome(State.REFUSED, "limits", large)
    with tempfile.TemporaryDirectory(prefix="seriesbot-") as name:
        try:
            made = make(row, parts, Path(name))
        except NoSeriesError as error:
            state = State.IGNORED if error.empty else State.BROKEN
            return Outcome(state, "series", error.why)
    outcome = _of_made(config, rules, row, parts, made)
    same = _same(store, row, made.digest)
    # What is held may have been sent by anybody: it keeps nobody from proving that it is his.
    if same is not None and (same["state"] != State.HELD or outcome.state is State.HELD):
        told = f"the same patches as <{same['message_id']}>, which is {same['state']}"
        return Outcome(State.REPEATED, "series", told, digest=made.digest)
    return outcome


def _of_made(
    config: Config, rules: Sequence[Rule], row: Row, parts: Sequence[Part], made: Made
) -> Outcome:
    ruling = decide(rules, _facts(row["sender"], parts, made))
    rule = ruling.rule.name if ruling.rule else ""
    if not ruling.take:
        return Outcome(State.IGNORED, "rules", ruling.reason, rule, made.digest, made.paths)
    trust = config.told.trust
    standing = _standing(config, row["sender"], _used(parts, made))
    state = State.QUEUED
    if standing.level is Level.REFUSED:
        state = State.REFUSED
    elif standing.level is Level.STRANGER:
        state = State.HELD if trust.strangers == "hold" else State.REFUSED
    reason = f"{ruling.reason}; {standing.level.value}: {standing.reason}"
    return Outcome(state, "trust", reason, rule, made.digest, made.paths)


def _carry_out(write: Connection, row: Row, outcome: Outcome, now: int) -> None:
    write.execute(
        "UPDATE version SET rule = ?, digest = ?, paths = ? WHERE id = ?",
        [outcome.rule, outcome.digest, json.dumps(outcome.paths), row["id"]],
    )
    decisions.move(write, now, row["id"], outcome.state, outcome.what, outcome.reason)
    if outcome.state is State.QUEUED:
        work.enqueue(write, row["id"], now)


def _standing(config: Config, sender: str, parts: Sequence[Part]) -> Standing:
    letters = [Letter(part.named, part.raw, _authserv(config, part)) for part in parts]
    return stand(sender, letters, config.told.trust, config.keyring)


def _proved(config: Config, sender: str, parts: Sequence[Part]) -> list[Part]:
    """Leave out mails that claim the place of one that is proved to be the sender's."""
    claims: dict[int, list[Part]] = defaultdict(list)
    for part in parts:
        claims[part.number].append(part)
    left_out = set()
    for claimed in claims.values():
        if len(claimed) > 1:
            known = [_standing(config, sender, [one]).level is Level.KNOWN for one in claimed]
            if any(known):
                pairs = zip(claimed, known, strict=True)
                left_out |= {one.message_id for one, good in pairs if not good}
    return [part for part in parts if part.message_id not in left_out]


def _too_large(parts: Sequence[Part], mail_kib: int, series_kib: int) -> str:
    """Say what of a version is too large. Copies of its parts count, too."""
    for part in parts:
        if not part.raw or part.size > mail_kib << 10:
            return f"{part.named} has {part.size >> 10} KiB; at most {mail_kib} are taken"
    total = sum(part.size for part in parts) >> 10
    return f"has {total} KiB; at most {series_kib} are taken" if total > series_kib else ""


def _same(store: Store, row: Row, digest: str) -> Row | None:
    """Find a version of the same sender with the same patches that counts already."""
    return store.row(
        "SELECT * FROM version WHERE sender = ? AND digest = ? AND id != ?"
        " AND state IN (SELECT value FROM json_each(?)) ORDER BY state = ?, id DESC",
        *(row["sender"], digest, row["id"], json.dumps(_COUNTED), State.HELD),
    )


def _facts(sender: str, parts: Sequence[Part], made: Made) -> Facts:
    lists = [part.inbox.casefold() for part in parts]
    for part in parts:
        values = [*headers.all_values(part.raw, "To"), *headers.all_values(part.raw, "Cc")]
        lists += [address for value in values for address in mails.addresses(value)]
    subjects = [part.subject for part in parts]
    return Facts(
        paths=made.paths,
        lists=tuple(dict.fromkeys(lists)),
        prefixes=prefixes_of(subjects),
        texts=made.texts,
        sender=sender,
    )


def _used(parts: Sequence[Part], made: Made) -> list[Part]:
    """Give the mails that the series was made of: what was left out needs no trust."""
    taken = {patch.mail.message_id for patch in made.series.patches}
    if made.series.cover is not None:
        taken.add(made.series.cover.message_id)
    return [part for part in parts if part.message_id in taken]


def _authserv(config: Config, part: Part) -> str:
    inbox = config.inboxes.get(part.inbox)
    return (inbox.authserv or "") if inbox else ""
