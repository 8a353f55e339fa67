# SPDX-License-Identifier: GPL-2.0
"""An answer as a mail, of the result document and what is known of the thread. Pure.

The facts are those of the toolkit's own report (`kseries report --format mail`), in its words. What
stands around them is made here: what became of the last version, links, and how to ask for more.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate

from kseries.model import RunResult
from kseries.report import mail
from kseries.report.mailtext import few_listed, folded, listed, paragraphs, quoted
from kseries.report.printable import printable, printable_lines
from kseries.report.words import plain
from kseries.verdict.scope import heading
from seriesbot.answer import headers
from seriesbot.answer.deciding import Recipients
from seriesbot.answer.since import Since, compare
from seriesbot.answer.thread import Thread

MAX_LISTED = 6  # findings of each sort
MAX_ERROR = 30  # lines
_URL = re.compile(r"https?://[!-~]{1,500}")
SIGNATURE = "\n\n-- \n"


@dataclass(frozen=True)
class Bot:
    """Who answers."""

    name: str
    address: str
    about: str = ""  # address of a page that says what it is, "" for none
    takes_commands: bool = True


@dataclass(frozen=True)
class Links:
    """Addresses of what there is to a result, "" for what there is not."""

    report: str = ""
    log: str = ""
    config: str = ""
    posted: str = ""  # the series, in an archive


@dataclass(frozen=True)
class Earlier:
    """The version before: what it is called, and its result."""

    name: str  # "v1"
    result: RunResult
    link: str = ""


@dataclass(frozen=True)
class Answer:
    """All that a mail is made of. result: the document, or why there is none, in lines.

    run: tells one run of a series from another, and is the same however often it is tried.
    fix: the mail whose patch was put on top, for people; "" for none.
    """

    thread: Thread
    result: RunResult | str
    run: str
    at: float  # Unix seconds
    bot: Bot
    recipients: Recipients
    links: Links = Links()
    earlier: Earlier | None = None
    fix: str = ""


def message_id(thread: Thread, run: str, address: str) -> str:
    """Give the message id of an answer, without <>: the same for the same series and run."""
    key = f"{thread.message_id}\0{run}"
    digest = hashlib.sha256(key.encode(errors="replace")).hexdigest()[:32]
    return f"seriesbot-{digest}@{address.rpartition('@')[2]}"


def compose(answer: Answer) -> EmailMessage:
    """Write the mail."""
    thread, bot, to = answer.thread, answer.bot, answer.recipients
    subject = thread.subject
    replies = subject[:3].lower() == "re:"
    verdict = answer.result.verdict.value if isinstance(answer.result, RunResult) else "none"
    values = (
        ("From", headers.address(bot.name, bot.address)),
        ("To", headers.address(to.to.name, to.to.address)),
        ("Cc", headers.addresses([(one.name, one.address) for one in to.copies])),
        ("Subject", headers.text(subject if replies else f"Re: {subject}")),
        ("Date", formatdate(answer.at)),
        ("Message-ID", headers.message_ids([message_id(thread, answer.run, bot.address)])),
        ("In-Reply-To", headers.message_ids([thread.message_id])),
        ("References", headers.message_ids([*thread.references, thread.message_id])),
        ("Auto-Submitted", "auto-generated"),
        ("X-Kseries-Verdict", verdict),
    )
    return headers.mail(values, text(answer))


def text(answer: Answer) -> str:
    """Give what the mail says."""
    result = answer.result
    fix = _one(f"With the patch of {plain(answer.fix)} on top:") if answer.fix else ()
    if isinstance(result, str):
        parts = (*fix, *_unjudged(result), *_links(answer.links), *_ways(answer.bot))
        return "\n\n".join(parts) + SIGNATURE + _signature(answer.bot)
    outline = mail.outline(result, message_id=answer.thread.message_id, config=answer.links.config)
    parts = (
        *fix,
        *outline.head,
        *_since(answer.earlier, result),
        *outline.evidence,
        *outline.beside,
        *_links(answer.links),
        *outline.again,
        *_ways(answer.bot),
    )
    return "\n\n".join(parts) + SIGNATURE + _signature(answer.bot)


def _unjudged(error: str) -> list[str]:
    """Say why a series was not judged: it applies nowhere, or its mails make no series."""
    lines = printable_lines(error).splitlines()
    said = [*quoted(lines, MAX_ERROR)] or ["    nothing is known"]
    return paragraphs([folded("The series could not be tested:"), said])


def _since(earlier: Earlier | None, result: RunResult) -> list[str]:
    """Say what became of the findings of the version before."""
    if earlier is None:
        return []
    name, before = plain(earlier.name), printable(earlier.result)
    found = compare(before, printable(result))
    if found.nothing:
        return _one(f"Since {name}: nothing was found in it, and nothing is now.")
    head = f"Since {name} (which was {heading(before)}):"
    return paragraphs([folded(head), *_changes(found)])


def _changes(found: Since) -> Iterator[Iterable[str]]:
    sorts = (
        ("Gone", found.gone),
        ("Still there", found.stay),
        ("New", found.new),
        ("Not looked for this time", found.unknown),
    )
    for title, told in sorts:
        if told:
            yield [f"{title}:", "", *few_listed(told, MAX_LISTED)]


def _links(links: Links) -> list[str]:
    pairs = (
        ("report", links.report),
        ("log", links.log),
        ("config", links.config),
        ("series", links.posted),
    )
    lines = [f"  {what:<8} {link}" for what, link in pairs if _URL.fullmatch(link)]
    return paragraphs([["More:", "", *lines]]) if lines else []


def _ways(bot: Bot) -> list[str]:
    """Say how to ask for more, or for less."""
    written = "A program wrote this; no person has read it."
    if not bot.takes_commands:
        return _one(written)
    ways = (
        '"#kseries again" runs the series once more',
        '"#kseries test", with a patch below it, runs it with that patch on top',
        '"#kseries off" ends such mails to you',
    )
    told = f"{written} Known senders can reply with a line of its own:"
    return paragraphs([folded(told), listed(ways)])


def _signature(bot: Bot) -> str:
    return "\n".join(filter(None, (plain(bot.name), plain(bot.about)))) + "\n"


def _one(sentence: str) -> list[str]:
    return paragraphs([folded(sentence)])
