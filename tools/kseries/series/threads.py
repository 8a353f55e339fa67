# SPDX-License-Identifier: GPL-2.0
"""Which mails belong together: those that answer each other, and versions of the same patches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from kseries.series.mailbox import Mail

# What git format-patch puts into a cover letter that nobody filled in.
NO_TITLE = "*** subject here ***"


class _Unions:
    """Sets of keys that grow together (disjoint sets), in nearly linear time."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}
        self._size: dict[str, int] = {}

    def top(self, key: str) -> str:
        parent = self._parent
        while (above := parent.setdefault(key, key)) != key:
            parent[key] = parent[above]
            key = parent[key]
        return key

    def join(self, first: str, second: str) -> None:
        one, other = self.top(first), self.top(second)
        if one == other:
            return
        sizes = self._size.get(one, 1), self._size.get(other, 1)
        if sizes[0] < sizes[1]:
            one, other = other, one
        self._parent[other] = one
        self._size[one] = sum(sizes)


def threads_of(mails: Sequence[Mail]) -> dict[Mail, int]:
    """Give each mail the number of its thread, from 0 in the order of the mails.

    A mail that names nothing (git format-patch --stdout writes no message ids) belongs with the
    others that name nothing. Versions posted as threads of their own are joined by their titles.
    """
    unions = _Unions()
    for mail in mails:
        first, *others = _keys(mail)
        for other in others:
            unions.join(first, other)
    for group in _unthreaded(mails):
        for mail in group[1:]:
            unions.join(_keys(group[0])[0], _keys(mail)[0])
    numbers: dict[str, int] = {}
    return {mail: numbers.setdefault(unions.top(_keys(mail)[0]), len(numbers)) for mail in mails}


def is_cover(mail: Mail) -> bool:
    """Whether a mail is the cover letter of a series."""
    return mail.label.number == 0 and not mail.label.reply


def versions_by_cover(mails: Sequence[Mail], threads: Mapping[Mail, int]) -> dict[Mail, int]:
    """Give the version of patches that name none themselves, while their cover letter does.

    That is the cover letter they answer; for patches that answer none, the only one of that length
    in the thread, if no patches name its version.
    """
    named: set[tuple[int, int, int]] = set()
    covers: dict[tuple[int, int], dict[str, Mail]] = defaultdict(dict)
    for place, mail in enumerate(mails):
        label = mail.label
        if is_cover(mail):
            covers[threads[mail], label.total][mail.message_id or f"mail {place}"] = mail
        elif label.number and not label.reply:
            named.add((threads[mail], label.version, label.total))
    found = {}
    for mail in mails:
        label = mail.label
        near = covers.get((threads[mail], label.total), {})
        if label.reply or label.version != 1 or not label.number or not near:
            continue
        cover = next((near[name] for name in reversed(mail.references) if name in near), None)
        if cover is None and len(near) == 1:
            cover = next(iter(near.values()))
            if (threads[mail], cover.label.version, label.total) in named:
                continue
        if cover is not None:
            found[mail] = cover.label.version
    return found


def _keys(mail: Mail) -> list[str]:
    keys = [f"<{name}>" for name in (mail.message_id, *mail.references) if name] or ["nameless"]
    title = mail.label.title.casefold()
    if mail.label.tagged and not mail.label.reply and title not in ("", NO_TITLE):
        keys.append(f"title {title}")
    return keys


def _unthreaded(mails: Sequence[Mail]) -> list[list[Mail]]:
    """Find series whose mails were sent without a thread: same version, total and number once."""
    answered = {name for mail in mails for name in mail.references}
    groups: dict[tuple[int, int], dict[int, list[Mail]]] = defaultdict(lambda: defaultdict(list))
    for mail in mails:
        label = mail.label
        alone = mail.message_id and not mail.references and mail.message_id not in answered
        if alone and label.number is not None and label.total > 1 and not label.reply:
            groups[label.version, label.total][label.number].append(mail)
    return [
        [mail for place in group.values() for mail in place]
        for group in groups.values()
        if all(len(place) == 1 for place in group.values())
    ]
