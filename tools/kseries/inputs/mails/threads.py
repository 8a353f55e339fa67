# SPDX-License-Identifier: GPL-2.0
"""Which mails belong together: those that answer each other, and versions of the same patches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from kseries.inputs.mails.mailbox import Mail

# What git format-patch puts into a cover letter that nobody filled in.
NO_TITLE = "*** subject here ***"


class _Unions:
    """Sets of keys that grow together (disjoint sets)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def top(self, key: str) -> str:
        while self._parent.setdefault(key, key) != key:
            key = self._parent[key]
        return key

    def join(self, first: str, second: str) -> None:
        self._parent[self.top(second)] = self.top(first)


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
