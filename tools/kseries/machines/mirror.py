# SPDX-License-Identifier: GPL-2.0
"""Find the Debian mirror that this machine's own apt uses. Both forms of apt's lists are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

APT = Path("/etc/apt")
KNOWN = "http://deb.debian.org/debian"
"""What mmdebstrap takes without being told."""

ONE_LINE = re.compile(r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)")


@dataclass(frozen=True)
class Archive:
    """An archive that apt reads."""

    uri: str
    suites: tuple[str, ...]
    signed_by: str = ""  # a keyring's path; "": apt's own


def archives(apt: Path = APT) -> tuple[Archive, ...]:
    """Read all lists of apt. Unreadable ones and those that apt passes over are passed over."""
    found: list[Archive] = []
    for file in _lists(apt):
        try:
            text = file.read_text()
        except (OSError, UnicodeDecodeError):
            continue
        found += parse_deb822(text) if file.suffix == ".sources" else parse_one_line(text)
    return tuple(found)


def choose(found: Iterable[Archive], codename: str) -> Archive | None:
    """Choose Debian's main archive: the one that this release of Debian came from.

    codename: of the release that runs here, "bookworm". Security and backports suites live at
    other places or have suffixes. None when no list names it (another distribution, say).
    """
    for archive in found:
        if codename in archive.suites and re.match(
            r"(?:https?|file|ftp)://|copy:|file:", archive.uri
        ):
            return archive
    return None


def debian_codename(os_release: str) -> str:
    """Give the codename of a Debian's os-release; "" for another distribution."""
    values = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    if values.get("ID", "").strip('"') != "debian":
        return ""
    return values.get("VERSION_CODENAME", "").strip('"')


def parse_one_line(text: str) -> list[Archive]:
    """Parse the form `deb [options] uri suite components…`."""
    found = []
    for line in text.splitlines():
        match = ONE_LINE.match(line.strip())
        if match:
            options = dict(
                option.split("=", 1) for option in (match["options"] or "").split() if "=" in option
            )
            found.append(Archive(match["uri"], (match["suite"],), options.get("signed-by", "")))
    return found


def parse_deb822(text: str) -> list[Archive]:
    """Parse the form of stanzas with `Types:`, `URIs:`, `Suites:`."""
    found = []
    for stanza in _stanzas(text):
        if "deb" not in stanza.get("types", "").split():
            continue
        if stanza.get("enabled", "yes").lower() in ("no", "false", "without", "off", "disable"):
            continue
        suites = tuple(stanza.get("suites", "").split())
        signed_by = stanza.get("signed-by", "")
        # A key can stand in the stanza itself; then apt's other keyrings must do.
        keyring = signed_by if signed_by.startswith("/") else ""
        found += [Archive(uri, suites, keyring) for uri in stanza.get("uris", "").split()]
    return found


def _lists(apt: Path) -> Iterator[Path]:
    yield apt / "sources.list"
    folder = apt / "sources.list.d"
    if folder.is_dir():
        yield from sorted(file for file in folder.iterdir() if file.suffix in (".list", ".sources"))


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    stanza: dict[str, str] = {}
    key = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if stanza:
                yield stanza
            stanza, key = {}, ""
        elif line[0] in " \t":
            stanza[key] = f"{stanza.get(key, '')} {line.strip()}".strip()
        else:
            key, _, value = line.partition(":")
            key = key.strip().lower()
            stanza[key] = value.strip()
