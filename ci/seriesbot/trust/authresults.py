# SPDX-License-Identifier: GPL-2.0
"""Read Authentication-Results headers (RFC 8601). Pure, in one pass, whatever they hold.

Anybody can write such a header into a mail. It means something only where the server that it names
removes those that came with the mail, which is the operator's to know (docs/bot.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

# A word, a quoted word, one of ; and =, a comment's beginning; whatever else is malformed.
_TOKEN = re.compile(
    r"\s*+(?:(?P<word>[^\s;=\"()\\]++)|\"(?P<quoted>(?:[^\"\\]|\\.)*+)\"|(?P<sign>[;=(]))"
)
_COMMENT = re.compile(r"[^()\\]*+(?:\\.|(?P<sign>[()]))", re.DOTALL)
_VERSION = re.compile(r"\d+")


@dataclass(frozen=True)
class Result:
    """One result: "dkim", "pass", {"header.d": "example.org"}. All in lower case."""

    method: str
    result: str
    properties: Mapping[str, str]


@dataclass(frozen=True)
class AuthResults:
    """A header: which server says what."""

    authserv: str
    results: tuple[Result, ...]


def parse(value: str) -> AuthResults | None:
    """Read a header; None for one that is malformed, of which nothing is believed then."""
    tokens = _tokens(value)
    if not tokens or tokens[-1] is None:
        return None
    parts: list[list[str]] = [[]]
    for token in tokens:
        if token == ";":
            parts.append([])
        else:
            parts[-1].append(token or "")
    head = parts[0]
    if not (len(head) == 1 or (len(head) == 2 and _VERSION.fullmatch(head[1]))):
        return None
    results = []
    for part in parts[1:]:
        if part in ([], ["none"]):
            continue
        pairs = list(_pairs(part))
        if not pairs:
            return None
        (method, result), *others = pairs
        properties: dict[str, str] = {}
        for name, told in others:
            if properties.setdefault(name, told) != told:
                return None
        results.append(Result(method.partition("/")[0], result, properties))
    return AuthResults(head[0], tuple(results))


def vouches(values: Iterable[str], authserv: str, domain: str) -> str:
    """Tell why a server does not vouch for a mail's being from a domain; "" where it does.

    values: of all Authentication-Results headers of the mail.
    """
    found = [told for value in values if (told := parse(value)) and told.authserv == authserv]
    results = [result for told in found for result in told.results]
    if not found:
        return f"there is no result of {authserv}"
    if any(one.method == "dmarc" and one.result == "fail" for one in results):
        return f"{authserv} says dmarc=fail"
    aligned = [one for one in results if one.method == "dkim" and _is_of(one, domain)]
    if any(one.result == "pass" for one in aligned):
        bad = [one.result for one in aligned if one.result not in ("pass", "none", "neutral")]
        return f"{authserv} says dkim={bad[0]}, too" if bad else ""
    if aligned:
        return f"{authserv} says dkim={aligned[0].result}"
    return f"{authserv} says of no DKIM signature of {domain} that it is good"


def _is_of(result: Result, domain: str) -> bool:
    signer = result.properties.get("header.d", "")
    identity = result.properties.get("header.i", "").rpartition("@")[2]
    named = {name for name in (signer, identity) if name}
    # An identity lies below its domain; both have to be fit for the address.
    return bool(named) and all(f".{domain}".endswith(f".{name}") for name in named)


def _tokens(value: str) -> list[str | None]:
    """Cut a header into words and signs, in lower case; None at the end of a malformed one."""
    found: list[str | None] = []
    at = 0
    while match := _TOKEN.match(value, at):
        at = match.end()
        if match["sign"] == "(":
            end = _comment_end(value, at)
            if end is None:
                return [None]
            at = end
        elif match["quoted"] is not None:
            # What is quoted is a value, never a sign.
            found.append(f" {match['quoted']}".lower())
        else:
            found.append((match["word"] or match["sign"]).lower())
    return found if not value[at:].strip() else [None]


def _comment_end(value: str, at: int) -> int | None:
    depth = 1
    while depth:
        match = _COMMENT.match(value, at)
        if match is None:
            return None
        at = match.end()
        depth += {"(": 1, ")": -1}.get(match["sign"] or "", 0)
    return at


def _pairs(part: list[str]) -> Iterator[tuple[str, str]]:
    """Read name = value, …; nothing of a part that is otherwise."""
    if len(part) % 3 or any(sign != "=" for sign in part[1::3]) or "=" in part[0::3] + part[2::3]:
        return
    yield from ((name, told.strip()) for name, told in zip(part[0::3], part[2::3], strict=True))
