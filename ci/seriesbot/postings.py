# SPDX-License-Identifier: GPL-2.0
"""Which mails of one sender are one posting of a series. Pure.

Mails come in any order: late, twice, again with a part put right, as new versions, in a thread or
not. The toolkit says which belong to the same thread and carry the same version and total
(`kseries.series.assemble`); here these are told apart where somebody posted the same twice. Only
mails of one sender are looked at, so nobody can put a patch into another's series by an answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property

from kseries.series.assemble import Candidate, candidates_of
from kseries.series.mailbox import Mail
from kseries.series.threads import is_cover

RECENT = 50  # postings that a part is held against: who sends thousands must not cost the square

TOGETHER = "sent-together-"  # of a made-up message id that unthreaded mails answer


@dataclass(frozen=True)
class Known:
    """A mail that carries a patch or is a cover letter, and when it came (Unix seconds)."""

    mail: Mail
    arrived: int


@dataclass(frozen=True)
class Posting:
    """Mails that are one posting of a series, in the order in which they came."""

    thread: int
    version: int
    total: int  # 0: one patch without a number
    mails: tuple[Mail, ...]

    @property
    def patches(self) -> tuple[Mail, ...]:
        """Those that carry patches."""
        return tuple(mail for mail in self.mails if not is_cover(mail))

    @property
    def cover(self) -> Mail | None:
        """Its cover letter, the first that came."""
        return next((mail for mail in self.mails if is_cover(mail)), None)

    @cached_property
    def numbers(self) -> frozenset[int]:
        """The places in the series that its mails have; 0 is the cover letter's."""
        there = {mail.label.number or 0 for mail in self.patches}
        return frozenset(there | {0} if self.cover is not None else there - {0})

    @cached_property
    def resent(self) -> bool:
        """Whether all of it was sent again."""
        return all(mail.label.resent for mail in self.mails)

    @property
    def is_whole(self) -> bool:
        """Whether no patch is missing."""
        return sum(1 <= number <= self.total for number in self.numbers) == self.total

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of patches that are not there. There can be thousands."""
        return tuple(number for number in range(1, self.total + 1) if number not in self.numbers)

    @property
    def top(self) -> Mail:
        """The mail that stands for it: the cover letter, else the first patch."""
        return self.cover or min(self.mails, key=lambda mail: mail.label.number or 0)

    @property
    def unknown_cover(self) -> str:
        """The message id that its patches answer, where it is none of its mails; "" for none."""
        if self.cover is not None or not self.total:
            return ""
        own = {mail.message_id for mail in self.mails}
        answered = [mail.references[-1] for mail in self.mails if mail.references]
        outside = [name for name in answered if name not in own and not name.startswith(TOGETHER)]
        return outside[0] if outside else ""

    def candidate(self) -> Candidate:
        """Give it as the toolkit has it."""
        covers = tuple(mail for mail in self.mails if is_cover(mail))
        return Candidate(self.thread, self.version, self.total, self.patches, covers)


def postings(known: Sequence[Known], gap_s: float) -> list[Posting]:
    """Find the postings in the mails of one sender, in the order in which they came.

    gap_s: how far apart mails may come that are sent together without a thread.
    """
    mails = [one.mail for one in _joined(known, gap_s)]
    order = {mail: place for place, mail in enumerate(mails)}
    found = []
    for group in candidates_of(mails, {mail for mail in mails if not is_cover(mail)}):
        pieces = [
            Posting(group.thread, group.version, group.total, tuple(piece))
            for piece in _pieces(sorted((*group.patches, *group.covers), key=order.__getitem__))
        ]
        found += _merged(pieces)
    return sorted(_adopted(found), key=lambda posting: order[posting.mails[0]])


def _joined(known: Sequence[Known], gap_s: float) -> list[Known]:
    """Let mails that were sent together without a thread answer the same, made-up mail.

    That is: numbered ones that answer nothing and that none answers, one after the other, until a
    number comes again.
    """
    answered = {name for one in known for name in one.mail.references}
    open_groups: dict[tuple[int, int], tuple[str, int, set[int]]] = {}
    found = []
    for one in known:
        label = one.mail.label
        if one.mail.references or one.mail.message_id in answered or label.total < 2:
            found.append(one)
            continue
        kind, number = (label.version, label.total), label.number or 0
        name, last, numbers = open_groups.get(kind, ("", 0, set()))
        if not name or number in numbers or one.arrived - last > gap_s:
            name, numbers = f"{TOGETHER}{one.mail.message_id}", set()
        open_groups[kind] = name, one.arrived, numbers | {number}
        found.append(replace(one, mail=replace(one.mail, references=(name,))))
    return found


def _pieces(mails: Sequence[Mail]) -> list[list[Mail]]:
    """Cut mails of the same version and total into those that hang together."""
    own = {mail.message_id for mail in mails}
    groups: dict[str, str] = {}

    def top(name: str) -> str:
        while (above := groups.setdefault(name, name)) != name:
            groups[name] = groups[above]
            name = above
        return name

    for mail in mails:
        inside = [name for name in mail.references if name in own]
        last = mail.references[-1:] if not is_cover(mail) or _is_made_up(mail) else ()
        for name in inside or last:
            groups[top(name)] = top(mail.message_id)
    found: dict[str, list[Mail]] = defaultdict(list)
    for mail in mails:
        found[top(mail.message_id)].append(mail)
    return list(found.values())


def _is_made_up(mail: Mail) -> bool:
    return bool(mail.references) and mail.references[-1].startswith(TOGETHER)


def _merged(pieces: Iterable[Posting]) -> list[Posting]:
    """Put parts that were sent later into the posting before them."""
    found: list[tuple[Posting, list[Mail], set[int]]] = []  # with its mails and numbers by now
    for piece in pieces:
        for _, mails, numbers in reversed(found[-RECENT:]):
            if _belongs_to(piece, numbers):
                mails += piece.mails
                numbers |= piece.numbers
                break
        else:
            found.append((piece, [*piece.mails], {*piece.numbers}))
    return [replace(one, mails=tuple(mails)) for one, mails, _ in found]


def _adopted(found: Sequence[Posting]) -> list[Posting]:
    """Put parts that answer nothing into the one recent posting that lacks just these."""
    kept = list(found)
    lacking: dict[tuple[int, int], list[int]] = defaultdict(list)
    strays = []
    for at, one in enumerate(found):
        if not one.is_whole and all(map(_is_made_up, one.mails)):
            strays.append(at)
        else:
            lacking[one.version, one.total].append(at)
    for stray in strays:
        one = found[stray]
        recent = lacking[one.version, one.total][-RECENT:]
        fitting = [at for at in recent if _belongs_to(one, kept[at].numbers)]
        if len(fitting) == 1:
            whole = kept[fitting[0]]
            kept[fitting[0]] = replace(whole, mails=(*whole.mails, *one.mails))
            kept[stray] = replace(one, mails=())
    return [one for one in kept if one.mails]


def _belongs_to(piece: Posting, there: Set[int]) -> bool:
    """Whether a piece completes a posting of the same total, or puts it right.

    there: the numbers that this has.
    """
    if piece.is_whole:
        return False
    places = range(piece.total + 1)
    return piece.resent or all(one in places and one not in there for one in piece.numbers)
