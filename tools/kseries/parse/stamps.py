# SPDX-License-Identifier: GPL-2.0
"""What stands before the text of a line of a log: when, who wrote it, which caller. Pure.

Two sorts. A relay's stamp (of a CI, of conserver, of `ts`, of a program that reads a serial line)
stands before any line and says nothing of who wrote it. A stamp of the kernel's (of printk, of
dmesg, of a log daemon that names the kernel, of netconsole) says that the kernel did.
docs/parse.md has an example of each.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from kseries.parse.ktapline import plain

_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_TIME = r"\d\d:\d\d:\d\d(?:[.,:]\d{1,9})?+"
_ZONE = (
    r"(?:Z| ?[+-]\d\d(?::?\d\d)?+"
    r"| (?:UTC|GMT|[CEW]E?S?T|[ECMPA][SD]T|AE[SD]T|BST|IST|JST|KST|MSK|SGT|NZ[SD]T)(?![\w:-]))"
)
# dmesg -T, and conserver: "Tue Nov  5 12:00:01 2024"
_CTIME = rf"{_DAY} {_MONTH} [ \d]?\d {_TIME}(?: [A-Z]{{3,4}})?+ \d{{4}}"

# dmesg --time-format=iso
_DMESG_ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,\d{6}[+-]\d\d:?\d\d"

_RELAYS = (
    # CI, LAVA, journalctl -o short-iso; GitLab puts the stream behind it
    rf"(?!{_DMESG_ISO})(?:{_DAY} )?+\d{{4}}[-/]\d\d[-/]\d\d[T ]{_TIME}{_ZONE}?+"
    r"(?: \d\d[OE]\+?(?= |$))?+",
    _CTIME,  # conserver, OpenWrt
    rf"{_MONTH} [ \d]?\d (?:\d{{4}} )?+{_TIME}",  # syslog, ts
    rf"\d\d-\d\d {_TIME}(?: +\d++){{0,2}}+(?: [VDIWEF])?+",  # logcat
    _TIME,  # KernelCI, tio
    r"\d{10}\.\d{3,9}",  # journalctl -o short-unix
    r"\d{13}",  # milliseconds: CloudWatch
    r"\d++\.\d{6} \d++\.\d{6}",  # grabserial
)
# Each as it is or in brackets, with what stands behind it.
_ANY_RELAY = "|".join(_RELAYS)
RELAY = rf"(?=[\[\dA-W])(?:\[(?:{_ANY_RELAY})\]|(?:{_ANY_RELAY})(?=[ \t|:]|$)):?+[ \t]?+(?:\| ?+)?+"
"""The stamp of who relays a console."""

LEVEL = r"(?:<\d{1,2}>)?+"
CALLER = r"\[ *+[TC]\d++\]"
PRINTK = r"\[ *+\d++\.\d{6} ?\]"
"""printk's own time stamp; it may stand behind what a program wrote without a newline."""

STAMP = rf"{PRINTK}(?: ?{CALLER})?+[ \t]?+"
SIMPLE = rf"{LEVEL}{STAMP}"
"""As nearly all lines of the kernel's begin. More may stand before the message where MORE follows,
and where the style of the log is `named`."""
MORE = r"\[(?:pid|\d)|\(\d\)\[|<\d|c\d{1,2}(?: |$)"
_NAMED_BEHIND = r"(?:[\w.-]++:? )?kernel:"
NO_MORE = rf"{SIMPLE}(?!{MORE}|\s|{_NAMED_BEHIND})"
"""What is at the beginning of a line of which nothing else stands before the message."""

# What vendors put behind printk's stamp, and journalctl -o short-monotonic: processor and process.
_BEHIND = (
    r"(?:\[\d: *+[^]\n]{1,40}+\] ?+| ?+\(\d\)\[\d++:[^]\n]{1,40}+\]|\[pid:[^]\n]{1,60}+\] ?+"
    r"|(?:[\w.-]{1,64}+ )?+kernel:(?: |$)|<[0-7]>|c\d{1,2}(?: ++\d{1,7}+(?= |$))?+(?: |$))?+"
)
_PRINTK_WHOLE = rf"{STAMP}{_BEHIND}"
_DELTA = (
    r"\[(?: *+\d++\.\d{6} ?+)?+<[ +]*+\d++\.\d{6}>\]|\[ *+\+\d++\.\d{6}\]"
    r"|\[[A-Z][a-z]{2} {0,2}\d{1,2} \d\d:\d\d\]"
)
_TAG = r"(?:[\w.:@-]{1,64}+ ++(?<!kernel: )){0,2}?kernel *+(?:\[\d++\])?:(?: |$)"
_RECORD = r"(?:[\w.+~-]{1,64},)?\d{1,5},\d{1,20},\d{1,20},[^;\n]{0,200}+;"
_DECODED = r"kern ++:[a-z]{3,8} *+:(?: |$)"  # dmesg -x

_STAMPED = (
    rf"{LEVEL}{_PRINTK_WHOLE}",
    rf"{_DECODED}(?:{_PRINTK_WHOLE}|(?:{_DELTA}) ?+|\[{_CTIME}\] ?+)?+",
    rf"{LEVEL}(?:{_DELTA}) ?+",
    rf"{LEVEL}{CALLER} ?+",
    rf"{_DMESG_ISO} ?+(?:{CALLER} ?+)?+",
    _RECORD,
    rf"<[0-7]>(?!<)(?![^\n]*{PRINTK})",
    rf"kernel:(?: |$)(?![^\n]*{PRINTK})",
)
# A log daemon names the kernel behind the time.
_NAMED = rf"{_TAG}(?:{LEVEL}{_PRINTK_WHOLE}|{CALLER} ?+)?+"

PREFIX = (
    rf"(?:{_STAMPED[0]}"
    rf"|(?:{RELAY}){{1,3}}+ *+(?:{'|'.join(_STAMPED)}|{_NAMED})"
    rf"|{'|'.join(_STAMPED[1:])})"
)
"""All that stands before a message of which is sure that it is the kernel's."""

BEGINS = rf"(?:(?=[\[<\dA-Wk]){RELAY}|(?=[\[<\dk])(?:{'|'.join(_STAMPED)}))"
"""How a line begins that has any stamp."""

_PREFIX = re.compile(PREFIX)
# Nearly all lines: nothing else stands before the message.
_USUAL = re.compile(rf"{PRINTK}(?: ?{CALLER})?+ (?!{MORE}|\s|{_NAMED_BEHIND})")
# syslogd and journald name host and program: "host runner[123]: "
_OF_PROGRAM = r"[\w.-]{1,64}+ [\w./@-]{1,64}+\[\d++\]: "
_PROGRAM = re.compile(_OF_PROGRAM)
RELAYED = rf"(?:(?!\[{_DAY} ){RELAY}){{1,3}}+(?!{_OF_PROGRAM}|{_TAG})"
"""Stamps of relays behind which nobody is named; a date in brackets may be the kernel's."""
_COLUMNS = re.compile(
    r"^[^\t\n]{1,200}+\t[^\t\n]{1,200}+\t\ufeff?(?=\d{4}-\d\d-\d\dT\d\d:)", re.MULTILINE
)
# The month of journalctl's and syslog's dates is in the language of who wrote them.
_FOREIGN_DATE = re.compile(
    rf"^(?!{_MONTH} |{_DAY} )(?:[^\W\d_]{{3,5}}\.?|\d{{1,2}}\w) [ \d]?\d "
    rf"(?={_TIME} [\w.-]{{1,64}}+ [\w./@-]{{1,64}}+(?:\[\d++\])?: )",
    re.MULTILINE,
)
_RELAY = re.compile(rf"(?:{RELAY}){{1,3}}+")
_DATED = re.compile(rf"(?:{RELAY}){{0,2}}\[{_CTIME}\]$")
_STAMP = re.compile(STAMP + _BEHIND)
_BEHIND_DATE = re.compile(rf"(?:{CALLER} ?+)?+")
_MONOTONIC = re.compile(rf"{STAMP}(?:[\w.-]{{1,64}}+ )?+kernel: ")
_LEVEL = re.compile(LEVEL)
# What stands before the kernel's stamp and is nobody's: the second of what syslogd tells users.
_NOTHING = re.compile(rf"{LEVEL}| *kernel: *")
# Whatever stands before it, it is not left out.
_BAD_RESULT = re.compile(r"[# \t]*+(?:not ok\b|Bail out!)")
_CALLER = re.compile(r"\[ *+([TC]\d++)\]|[,;]caller=([TC]\d++)")
_PRIORITY = re.compile(r"(?:[^,;]*,)??(\d{1,5}),\d{1,20},\d{1,20},")
_KERNEL_S = 8  # priorities from here on are of programs
FIRST = frozenset("[<0123456789JFMASONDTWk")
"""What a line begins with that begins with a stamp."""


class Line(NamedTuple):
    """A line taken apart.

    program: what a program wrote. message: what the kernel did, None where it did not. caller:
    "T321" for a task, "C1" for a processor, "" where it is not told (CONFIG_PRINTK_CALLER).
    """

    program: str
    message: str | None
    caller: str = ""


@dataclass(frozen=True)
class Style:
    """How the lines of a log begin.

    bare: none of them says that it is the kernel's. relayed: (nearly) all have a relay's stamp.
    dated: dates in brackets, as of `dmesg -T`, are a relay's. named: "host kernel: " may stand
    behind printk's stamp. mixed: few say that they are the kernel's, so that others may be.
    """

    bare: bool = False
    relayed: bool = False
    dated: bool = False
    named: bool = False
    mixed: bool = False


CONSOLE = Style()
_MOST = 0.8  # of the lines of a log that is relayed
_HALF = 0.5  # of the lines of a log that has all that the kernel wrote behind stamps
MAX_LOOK = 1000  # lines that tell how all begin, unless none is the kernel's


def split(line: str, style: Style = CONSOLE) -> Line:
    """Give what a program wrote of a line, and what the kernel did.

    Both write to the console, also into each other's lines. A line with a `#` before the kernel's
    stamp is a program that shows a part of the kernel log.
    """
    text = plain(line)
    if text[:1] in FIRST:
        found = _PREFIX.match(text)
        if found:
            return _of_kernel(text, found.end())
        relay = _RELAY.match(text)
        if relay:
            return _relayed(text, relay.end(), style)
    return _printed(text)


def message(line: str) -> str:
    """Give what a line says, without what stands before it, whoever wrote it."""
    text = plain(line)
    found = _USUAL.match(text)
    return text[found.end() if found else _end(text) :]


def usual_message(line: str) -> str:
    """Give the same of a line that has nothing in it that a terminal obeys."""
    found = _USUAL.match(line)
    return line[found.end() :].rstrip() if found else message(line)


def read(line: str) -> Line:
    """Take a line of a log that is the kernel's alone: `message` is what it says."""
    text = plain(line)
    end = _end(text)
    return Line("", text[end:], _caller(text[:end]))


def unrelayed(line: str) -> str:
    """Give a line without the stamps of who relayed it, as `split` does in a relayed log."""
    found = _RELAY.match(line) if line[:1] in FIRST else None
    return line[found.end() :] if found else line


def without_columns(blocks: Iterable[str]) -> Iterator[str]:
    """Give lines without what stands before the time: job and step, or a month of any language.

    `gh run view --log` puts job and step before each line.
    """
    rest = iter(blocks)
    first = next(rest, "")
    dated = bool(_FOREIGN_DATE.search(first))
    columns = _FOREIGN_DATE if dated else _COLUMNS if _COLUMNS.match(first) else None
    for block in itertools.chain([first] if first else [], rest):
        yield columns.sub("", block) if columns else block


def look(text: str) -> Style:
    """Tell from the beginning of a log, without what terminals obey, how its lines begin."""
    lines = [line for line in text.split("\n") if line]
    some = lines[:MAX_LOOK]
    relayed = sum(bool(_RELAY.match(line)) for line in some)
    dated = any(map(_is_inside_date, some))
    named = any("kernel: " in line and _MONOTONIC.match(line) for line in some)
    style = Style(False, bool(some) and relayed >= _MOST * len(some), dated, named)
    # Any other line is a program's.
    maybe = (line for line in lines if line[0] in FIRST or "[" in line)
    stamped = (line for line in maybe if split(line, style).message is not None)
    if next(stamped, None) is None:
        return replace(style, bare=True)
    few = sum(split(line, style).message is not None for line in some) < _HALF * len(some)
    return replace(style, mixed=few)


def _is_inside_date(line: str) -> bool:
    """Whether printk's stamp stands behind a date in brackets."""
    relay = _RELAY.match(line)
    return bool(relay and _DATED.match(relay[0].rstrip()) and _STAMP.match(line, relay.end()))


def _end(text: str) -> int:
    """Give how many characters stand before what a line says."""
    found = None
    if text[:1] in FIRST:
        found = _PREFIX.match(text) or _RELAY.match(text) or _LEVEL.match(text)
    if not (found and found.end()) and "[" in text:
        found = _STAMP.search(text)
    return found.end() if found else 0


def _of_kernel(text: str, end: int) -> Line:
    before = text[:end]
    priority = _PRIORITY.match(text) if ";" in before else None
    if priority and int(priority[1]) >= _KERNEL_S:
        return Line(text[end:], None)
    return Line("", text[end:], _caller(before))


def _relayed(text: str, end: int, style: Style) -> Line:
    """Take a line with a relay's stamp before its first `end` characters apart."""
    rest = text[end:]
    if not style.dated and _DATED.match(text[:end].rstrip()):
        found = _BEHIND_DATE.match(rest)
        assert found is not None  # it matches the empty string
        return Line("", rest[found.end() :], _caller(found[0]))
    program = _PROGRAM.match(rest)
    if program and style.relayed:
        return Line(rest[program.end() :], None)
    inner = _printed(rest)
    if inner.message is not None or style.relayed or _BAD_RESULT.match(rest):
        return inner
    return Line(text, None)


def _printed(text: str) -> Line:
    """Take a line apart that does not begin with a stamp."""
    if "[" not in text:
        return Line(text, None)
    stamp = _STAMP.search(text)
    if stamp is None:
        return Line(text, None)
    before = text[: stamp.start()]
    if before.lstrip().startswith("#"):
        return Line(text, None)
    program = "" if _NOTHING.fullmatch(before) else before
    return Line(program, text[stamp.end() :], _caller(stamp[0]))


def _caller(prefix: str) -> str:
    found = _CALLER.search(prefix) if "T" in prefix or "C" in prefix else None
    return (found[1] or found[2]) if found else ""
