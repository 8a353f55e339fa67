# SPDX-License-Identifier: GPL-2.0
"""Whether a result is answered, and to whom. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from seriesbot.answer.thread import Thread
from seriesbot.people import Person


class Channel(StrEnum):
    """Where answers go; the operator chooses."""

    INBOX = "inbox"  # a public-inbox of the bot's own, and to nobody
    AUTHOR = "author"
    THREAD = "thread"  # to all who got what is answered


@dataclass(frozen=True)
class Known:
    """What is known of a result and of what was said before.

    verdict: as in results.json; "" where there is no document. said: the verdicts of the answers
    that were written for this version, oldest first. with_fix: a known sender asked for this run,
    with a patch of his on top: it is another question.
    """

    verdict: str
    said: tuple[str, ...] = ()
    with_fix: bool = False


def silence(known: Known) -> str:
    """Say why a result is not answered, in words that follow "because"; "" where it is."""
    if known.verdict == "incomplete":
        return "the run did not complete, so there is nothing to say of the series"
    if known.said and known.said[-1] == known.verdict and not known.with_fix:
        return "the verdict is the one that was answered before"
    return ""


@dataclass(frozen=True)
class Recipients:
    """Who an answer names, and who it is sent to. why_not: why it is not sent at all, "" else."""

    to: Person
    copies: tuple[Person, ...] = ()
    envelope: tuple[str, ...] = ()
    why_not: str = ""


def recipients(
    thread: Thread, channel: Channel, opted_out: Collection[str], own: Collection[str]
) -> Recipients:
    """Choose who gets an answer: nobody who was not in the thread, nobody who opted out.

    opted_out, own: addresses in lower case; own are the bot's.
    """
    author = thread.author
    if author.address in opted_out:
        return Recipients(author, why_not=f"{author.address} wants no answers")
    if author.address in own or thread.automatic:
        return Recipients(author, why_not="a program wrote what it would answer")
    if channel is Channel.INBOX:
        return Recipients(author)
    if channel is Channel.AUTHOR:
        return Recipients(author, envelope=(author.address,))
    silent = {*opted_out, *own}
    copies = tuple(one for one in thread.others if one.address not in silent)
    return Recipients(author, copies, (author.address, *(one.address for one in copies)))
