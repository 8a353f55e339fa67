# SPDX-License-Identifier: GPL-2.0
"""Checks in Patchwork, by its REST API: a patch is found by its message id.

Patchwork keeps whatever is posted, and shows the last check of each context. So what is there is
looked at first, and a check that says the same is not posted again: who was killed before he could
note that he had posted it finds it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from seriesbot.delivery import Fate, Sent
from seriesbot.submit.server import Failed, Server

API = "/api/1.3"
PAGE = 100  # what is asked for at a time
MAX_PAGES = 200  # a server can say of each page that there is another


@dataclass(frozen=True)
class Patchwork:
    """A Patchwork. project: its link name there, "" for all that have a patch."""

    server: Server
    project: str = ""

    def post(self, message_id: str, check: Mapping[str, str]) -> Sent:
        """Have a check stand at a patch. check: as Patchwork takes it."""
        try:
            patches = list(self._patches(message_id))
            posted = [self._ensure(patch, check) for patch in patches]
        except Failed as failed:
            return failed.sent
        if not patches:
            return Sent(Fate.ABSENT, "Patchwork does not know this mail")
        return Sent(Fate.SENT, "" if any(posted) else "it was there already")

    def _patches(self, message_id: str) -> Iterator[int]:
        """Give the ids of a patch: it has one in each project whose list got it."""
        query = {"msgid": message_id, **({"project": self.project} if self.project else {})}
        for found in self._all("/patches/", query):
            # One that does not know the filter gives all patches that there are.
            if found.get("msgid") == f"<{message_id}>" and isinstance(found.get("id"), int):
                yield found["id"]

    def _ensure(self, patch: int, check: Mapping[str, str]) -> bool:
        """Post a check unless it stands there; tell whether it was posted."""
        last: dict[Any, tuple[int, dict[str, Any]]] = {}
        for found in self._all(f"/patches/{patch}/checks/", {"context": check["context"]}):
            user, number = found.get("user"), found.get("id")
            who = user.get("id") if isinstance(user, dict) else None
            if found.get("context") != check["context"] or not isinstance(number, int):
                continue
            if who not in last or last[who][0] < number:
                last[who] = (number, found)
        if any(_same(found, check) for _, found in last.values()):
            return False
        self.server.post(f"{API}/patches/{patch}/checks/", json.dumps(dict(check)).encode())
        return True

    def _all(self, path: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Give what is on all pages. Raises Failed."""
        asked = {**query, "per_page": str(PAGE)}
        seen: set[str] = set()
        while True:
            answer = self.server.get(API + path, asked)
            if not isinstance(answer.data, list):
                raise Failed(Sent(Fate.LATER, "it answers what is no list"))
            yield from (one for one in answer.data if isinstance(one, dict))
            if not answer.following:
                return
            # The next page is asked for where this one was: the token goes nowhere else, and a
            # server behind another one may not know its own name.
            try:
                page = dict(parse_qsl(urlsplit(answer.following).query)).get("page", "")
            except ValueError:
                page = ""
            if not page or page in seen or len(seen) >= MAX_PAGES:
                raise Failed(Sent(Fate.LATER, "its pages do not end"))
            seen.add(page)
            asked["page"] = page


def _same(found: Mapping[str, Any], check: Mapping[str, str]) -> bool:
    """Whether a check says what we would say; that it leads to an earlier run is no news."""
    return all((found.get(name) or "") == check[name] for name in ("state", "description"))
