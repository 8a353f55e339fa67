# SPDX-License-Identifier: GPL-2.0
"""Which of many mails make one series: pure, on headers and contents that were read before.

A mailbox holds a thread or more: replies, several versions, copies that came by two lists,
patches that somebody put into an answer. Mails belong together when one answers the other or
when they have the same title. Of the series in it the one asked for is taken, else the highest
version; what was left out is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from kseries.lib.errors import UserError
from kseries.series.mailbox import Mail
from kseries.series.patchmail import PatchMail
from kseries.series.threads import is_cover, threads_of, versions_by_cover

MAX_PATCHES = 5000  # of one series
MAX_LISTED = 30  # series in a message or in notes
PARTIAL = "To test what is there alone, say --partial (in a stack's file: `partial = true`)"


@dataclass(frozen=True)
class Choice:
    """Which series of a mailbox is wanted; both empty: the highest version."""

    version: int = 0
    message_id: str = ""  # of any of its mails, or of an answer to one
    partial: bool = False  # it may lack patches


@dataclass(frozen=True)
class Assembled:
    """A whole series, in order."""

    patches: tuple[PatchMail, ...]
    cover: Mail | None
    version: int
    notes: tuple[str, ...] = ()  # what was left out


@dataclass(frozen=True)
class Candidate:
    """Mails that carry the same version and total in the same thread.

    patches: may be none, where only a cover letter is there.
    """

    thread: int
    version: int
    total: int  # 0: not numbered
    patches: tuple[Mail, ...]  # as they came, copies included
    covers: tuple[Mail, ...]

    @property
    def whole(self) -> bool:
        """Whether it is more than one lone patch."""
        return self.total > 1 or bool(self.covers) or len(self.patches) > 1

    @property
    def message_ids(self) -> set[str]:
        """Those of its mails."""
        return {mail.message_id for mail in (*self.covers, *self.patches) if mail.message_id}

    @property
    def title(self) -> str:
        """Name it for people: "v2, 7 patches: net: x"."""
        first = (self.covers or self.patches)[0].label.title
        count = f", {self.total} patches" if self.total else ""
        return f"v{self.version}{count}: {first}"


def assemble(
    mails: Sequence[Mail],
    carriers: Collection[Mail],
    take: Callable[[Mail], PatchMail | None],
    choice: Choice,
    origin: str,
) -> Assembled:
    """Pick a series out of `mails` and put it in order.

    carriers: those of the mails that carry a patch. take: gives it, None when there is none after
    all; only the mails of the chosen series are taken. origin: the mailbox, for messages.
    Raises UserError when there is none, when it is ambiguous, when a patch is missing, and when
    two different mails claim one place.
    """
    candidates = [one for one in candidates_of(mails, carriers) if one.patches]
    if not candidates:
        raise _no_patch(mails, origin)
    chosen = _choose(candidates, mails, choice, origin)
    found = put_in_order(chosen, mails, take, choice, origin)
    return replace(found, notes=(*found.notes, *_left_out(chosen, candidates)))


def put_in_order(
    chosen: Candidate,
    mails: Sequence[Mail],
    take: Callable[[Mail], PatchMail | None],
    choice: Choice,
    origin: str,
) -> Assembled:
    """Put the patches of a series in order. Arguments and errors as of `assemble`."""
    if len(chosen.patches) > MAX_PATCHES:
        raise UserError(
            f"The series has {len(chosen.patches)} patches; at most {MAX_PATCHES} are taken.",
            where=origin,
            do="cut it into series of their own",
        )
    patches = [patch for mail in chosen.patches if (patch := take(mail)) is not None]
    notes: list[str] = []
    if chosen.total == 0:
        ordered = _unnumbered(patches)
        if not ordered:
            raise _no_patch(mails, origin)
    else:
        ordered, notes = _by_number(chosen, patches, mails, choice, origin)
    cover = chosen.covers[0] if chosen.covers else None
    return Assembled(ordered, cover, chosen.version, tuple(notes))


def _no_patch(mails: Sequence[Mail], origin: str) -> UserError:
    return UserError(
        "There is no patch in this mailbox.",
        where=f"{origin}, {len(mails)} {'mail' if len(mails) == 1 else 'mails'}",
        do="save the thread that holds the patches",
    )


def candidates_of(mails: Sequence[Mail], carriers: Collection[Mail]) -> list[Candidate]:
    """Find the series that there are in mails. carriers: those that carry a patch."""
    threads = threads_of(mails)
    versions = versions_by_cover(mails, threads)
    groups: dict[tuple[int, int, int, str], list[Mail]] = defaultdict(list)
    for mail in mails:
        label = mail.label
        if mail in carriers or is_cover(mail):
            # Mails of their own that have no number are each a series; a stream of
            # format-patch output, which has no message ids, is one.
            alone = mail.label.title if not label.total and mail.message_id else ""
            version = versions.get(mail, label.version)
            groups[threads[mail], version, label.total, alone].append(mail)
    return [
        Candidate(
            thread=thread,
            version=version,
            total=total,
            patches=tuple(mail for mail in group if mail in carriers),
            covers=tuple(mail for mail in group if mail not in carriers),
        )
        for (thread, version, total, _), group in groups.items()
    ]


def _choose(
    candidates: Sequence[Candidate], mails: Sequence[Mail], choice: Choice, origin: str
) -> Candidate:
    left = list(candidates)
    if choice.message_id:
        named = _named(candidates, mails, choice.message_id)
        if named is None:
            raise UserError(
                f"No patch of this mailbox belongs to the message id {choice.message_id}.",
                where=_listing(origin, candidates),
                do="name the cover letter or a patch of the series",
            )
        if not choice.version:
            return named
        left = [one for one in left if one.thread == named.thread]
    if choice.version:
        left = [one for one in left if one.version == choice.version]
        if not left:
            raise UserError(
                f"There is no version {choice.version} of a series in this mailbox.",
                where=_listing(origin, candidates),
                do="take one of the versions above, `#v1` for the first",
            )
    # Lone patches of other threads are strangers beside a series, not versions of it.
    threads = {one.thread for one in left if one.whole} or {one.thread for one in left}
    left = [one for one in left if one.thread in threads]
    if len(threads) > 1:
        raise _ambiguous(origin, left)
    highest = max(one.version for one in left)
    left = [one for one in left if one.version == highest]
    left = [one for one in left if one.whole] or left
    if len(left) > 1:
        raise _ambiguous(origin, left)
    return left[0]


def _named(
    candidates: Sequence[Candidate], mails: Sequence[Mail], message_id: str
) -> Candidate | None:
    """Find the series a message id belongs to: its own, else that of what it answers."""
    by_id = {mail.message_id: mail for mail in mails}
    owners: dict[str, Candidate] = {}
    for candidate in candidates:
        for name in candidate.message_ids:
            owners.setdefault(name, candidate)
    asked = by_id.get(message_id)
    names = [message_id, *reversed(asked.references if asked else ())]
    return next((owners[name] for name in names if name in owners), None)


def _by_number(
    chosen: Candidate,
    patches: Sequence[PatchMail],
    mails: Sequence[Mail],
    choice: Choice,
    origin: str,
) -> tuple[tuple[PatchMail, ...], list[str]]:
    """Put numbered patches in order; the second value tells of those that may be missing."""
    places: dict[int, PatchMail] = {}
    notes = []
    # What was sent again comes last: it takes the place of what it differs from.
    for patch in sorted(patches, key=lambda patch: patch.mail.label.resent):
        number = patch.mail.label.number or 0
        held = places.setdefault(number, patch)
        if held is patch or held.same == patch.same:
            continue
        if held.mail.label.resent == patch.mail.label.resent:
            raise _collision(f"{number}/{chosen.total}", held.mail, patch.mail)
        places[number] = patch
        notes.append(f"patch {number} was sent again: {patch.mail.named} is taken")
    outside = sorted(set(places) - set(range(1, chosen.total + 1)))
    if outside:
        raise UserError(
            f"There is a patch {outside[0]} of {chosen.total}.",
            where=places[outside[0]].mail.named,
            do="fix the number in its subject",
        )
    missing = [number for number in range(1, chosen.total + 1) if number not in places]
    if missing and not (choice.partial and places):
        without = [
            f"{mail.named}: carries no diff"
            for mail in mails
            if not mail.label.reply
            and (mail.label.version, mail.label.total) == (chosen.version, chosen.total)
            and mail.label.number in missing
        ]
        raise missing_patches(missing, chosen.total, "\n".join([origin, *without[:MAX_LISTED]]))
    ordered = tuple(places[number] for number in sorted(places))
    return ordered, [*notes, *([partial_note(sorted(places), chosen.total)] if missing else [])]


def partial_note(there: Sequence[int], total: int) -> str:
    """Say which patches of a posted series there are."""
    what = "patch" if len(there) == 1 else "patches"
    return f"is not whole: {what} {ranges(there)} of {total}, as asked for (--partial)"


def missing_patches(missing: Sequence[int], total: int, where: str) -> UserError:
    """Make the error for a series that is not whole."""
    count = "1 patch" if len(missing) == 1 else f"{len(missing)} patches"
    return UserError(
        f"The series misses {count} of {total}: {ranges(missing)}.",
        where=where,
        do=f"save the whole thread again, or wait until the missing mails have arrived. {PARTIAL}",
    )


def ranges(numbers: Iterable[int]) -> str:
    """Write rising numbers shortly: 2, 4 to 15."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], number]
        else:
            runs.append([number])
    return ", ".join(" to ".join(str(number) for number in run) for run in runs)


def _unnumbered(patches: Sequence[PatchMail]) -> tuple[PatchMail, ...]:
    seen: dict[tuple[object, ...], PatchMail] = {}
    for patch in patches:
        seen.setdefault(patch.same, patch)
    left = tuple(seen.values())
    if len(left) > 1 and all(patch.mail.message_id for patch in left):
        raise _collision(f"'{left[0].title}'", left[0].mail, left[1].mail)
    return left


def _collision(place: str, first: Mail, second: Mail) -> UserError:
    return UserError(
        f"Two different mails are patch {place} of the same version.",
        where=f"{first.named}\n{second.named}",
        do="remove the wrong one from the mailbox",
    )


def _ambiguous(origin: str, candidates: Sequence[Candidate]) -> UserError:
    return UserError(
        "The mailbox holds several series.",
        where=_listing(origin, candidates),
        do="name one by the message id of one of its mails: `FILE#MESSAGE-ID`",
    )


def _listing(origin: str, candidates: Collection[Candidate]) -> str:
    lines = [
        f"{one.title} {f'<{min(one.message_ids)}>' if one.message_ids else ''}".rstrip()
        for one in sorted(candidates, key=lambda one: (one.version, one.title))
    ]
    return "\n".join([origin, *_shortened(lines)])


def _left_out(chosen: Candidate, candidates: Sequence[Candidate]) -> list[str]:
    others = [one for one in candidates if one is not chosen]
    notes = []
    for one in sorted(others, key=lambda one: (one.version, one.title)):
        newer = one.thread == chosen.thread and one.whole and one.version > chosen.version
        notes.append(f"left out {'the newer ' if newer else ''}{one.title}")
    return _shortened(notes)


def _shortened(lines: list[str]) -> list[str]:
    """Cut a list for people: an archive of a list holds thousands of series."""
    if len(lines) <= MAX_LISTED:
        return lines
    return [*lines[:MAX_LISTED], f"and {len(lines) - MAX_LISTED} more"]
