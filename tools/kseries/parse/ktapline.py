# SPDX-License-Identifier: GPL-2.0
"""The grammar of one KTAP line (Documentation/dev-tools/ktap.rst, and what programs print).

A line is a prefix and a body. The prefix is what nests: two spaces a level in KTAP, four or a tab
in KUnit, `# ` for what kselftest's runner passes through, or any mixture. Only the caller knows
which prefixes are open, so `read` says what a line would be, and the caller decides whether it is
that.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

from kseries.model import Status
from kseries.parse.ktaptoken import (
    Announced,
    Bail,
    Counts,
    Plan,
    Result,
    Subtest,
    Text,
    Token,
    Totals,
    Version,
)

MAX_DIGITS = 18
HUGE = 10**MAX_DIGITS  # what a number of more digits is taken for
MAX_LINE = 2000  # characters that are kept of a line, or of a part of one

# What terminals obey (ECMA-48), and the mark that some editors put before a file.
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles, links: a string with an end
    r"|\x1b[ -/]+[0-~]"  # character sets, as `tput sgr0` writes
    r"|\x1b[78=>cDEHMZ]"  # cursor kept and put back, reset
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]"
)
_PREFIX = re.compile(r"(?:#(?=[ \t])|[ \t]){0,200}+")
# What is more than text begins so, or has a result behind other text.
TELLING = (
    r"(?:[# \t]*+(?=[BKPSTbkno1t])"
    r"(?:(?:not )?ok|1\.\.|(?i:K?TAP version|Bail out!)|Totals:|Subtest: |Pass \d)"
    r"|selftests: )"
)
_OF_RUNNER = "selftests: "
_ORDINARY = re.compile(rf"(?!{TELLING})[# \t]*+[!-~][\t -~]*+\n?$")
_VERSION = re.compile(r"K?TAP version \d+$", re.IGNORECASE)
_PLAN = re.compile(r"1\.\.(\d++)(?:\s+#\s*(.*))?$")
_RESULT = re.compile(
    # Before 5.2 the runner wrote the plan so far in place of a number.
    r"(not ok|ok)(?=\s|$)(?:\s+(?:1\.\.(?=\d++\s++selftests:))?(\d++)(?=\s|$))?"
    r"(\s+-(?=\s|$))?\s*(.*)$"
)
_HIDDEN = re.compile(r"not ok \d++(?: |$)")
_GLUED = re.compile(r"(?:not )?ok \d++(?: |$)")
_SUBTEST = re.compile(r"Subtest:\s+(\S.*)")
# What the runner of kselftest wrote up to 5.1: "selftests: net: a.sh [PASS]", with or without a
# result before it, and "selftests: net: a.sh" before the program ran.
_MARKS = {"[PASS]": Status.PASS, "[FAIL]": Status.FAIL, "[SKIP]": Status.SKIP}
_BEFORE_RUNNER = re.compile(r"(?:not )?ok (?:1\.\.)?\d{1,9} $")
_ANNOUNCED = re.compile(r"selftests:\s+(?!Warning: )(\S.*)")
_BAIL = re.compile(r"Bail out!\s*(.*)", re.IGNORECASE)
_TOTALS = re.compile(r"Totals:((?: \w{1,8}:\d{1,9})+)\s*$")
_COUNTS = re.compile(
    r"Pass (\d{1,9}) Fail (\d{1,9}) Xfail (\d{1,9}) Xpass (\d{1,9}) Skip (\d{1,9}) Error (\d{1,9})$"
)
_DIRECTIVE = re.compile(
    # TAP lets SKIP and TODO come in any case; XFAIL was written by hand, too. The others are words
    # that a remark may begin with, and capitals where the runner writes them.
    r"(?:^|\s)#\s*((?i:SKIP|TODO|XFAIL|XPASS)|TIMEOUT|ERROR)(?i:PED)?(?:[\s:]+(.*))?$"
)
_COMMENT = re.compile(r"(?:^|\s)#(?:\s+|(?=\w+=))(.*)$")
_SKIP_WORD = re.compile(r"SKIP(?:PED)?\b[\s:]*", re.IGNORECASE)

# What a directive makes of a result, by the word before it.
_OUTCOMES = {
    "SKIP": (Status.SKIP, Status.SKIP),
    "XFAIL": (Status.XFAIL, Status.XFAIL),  # kselftest prints "ok", KTAP allows "not ok"
    "XPASS": (Status.PASS, Status.FAIL),
    "TODO": (Status.PASS, Status.XFAIL),
    "TIMEOUT": (Status.TIMEOUT, Status.TIMEOUT),
    "ERROR": (Status.ERROR, Status.ERROR),
    "": (Status.PASS, Status.FAIL),
}


def is_ordinary(line: str) -> bool:
    """Whether a line is text and nothing else, as a look at its beginning tells for nearly all."""
    return bool(_ORDINARY.match(line)) and "ok " not in line and _OF_RUNNER not in line


def has_more(lines: str) -> bool:
    """Whether any other line may have a result behind its text, as kselftest's runner writes it."""
    return lines.count(_OF_RUNNER) != lines.count(f"# {_OF_RUNNER}")


def clean(line: str) -> str:
    """Drop what a terminal would obey, and cut a line to a sane length."""
    return plain(line)[:MAX_LINE]


def plain(line: str) -> str:
    """Drop what a terminal would obey, and the line's end."""
    text = line.rstrip()
    if text.isprintable():
        return text  # nearly all lines: nothing to drop
    return _CONTROL.sub("", text).rstrip()


def without_blank(text: str) -> str:
    """Drop a single blank: nobody nests by one; some put two of them behind a time stamp."""
    return text[1:] if text[:1] == " " and text[1:2] not in _BLANK else text


def read(line: str) -> Token:
    """Say what a line would be. Never raises.

    It is read to its end, since a directive may stand there, so no pattern here may take more
    than linear time.
    """
    text = without_blank(plain(line))
    prefix, body = "", text
    if text[:1] not in _FIRST_LETTERS:
        found = _PREFIX.match(text)
        assert found is not None  # it matches the empty string
        prefix, body = found[0].replace("\t", "  "), text[found.end() :]
    reader = _READERS.get(body[:1])
    return (reader and reader(prefix, body)) or _text(prefix, text, body)


def _text(prefix: str, text: str, body: str) -> Token:
    diagnostic = text.lstrip().startswith("#")
    if _OF_RUNNER in body and (found := _runner_behind(body, diagnostic)):
        return found
    return Text(prefix, text[:MAX_LINE], diagnostic, _glued(prefix, body))


def _read_result(prefix: str, body: str) -> Token | None:
    found = _RESULT.match(body)
    return _result(prefix, found) if found else None


def _read_plan(prefix: str, body: str) -> Token | None:
    found = _PLAN.match(body)
    if found is None:
        return None
    count, comment = _number(found[1]), found[2] or ""
    skip = _SKIP_WORD.match(comment)
    if count == 0 and skip:
        return Plan(prefix, 0, comment[skip.end() :][:MAX_LINE] or "no reason given")
    return Plan(prefix, count)


def _read_version(prefix: str, body: str) -> Token | None:
    return Version(prefix) if _VERSION.match(body) else None


def _read_version_or_totals(prefix: str, body: str) -> Token | None:
    found = _TOTALS.match(body) if prefix.endswith("# ") else None
    if found is None:
        return _read_version(prefix, body)
    pairs = tuple(pair.split(":") for pair in found[1].split())
    # KUnit's has a total, and counts what is two levels below the line.
    if pairs[-1][0] == "total":
        return None
    return Totals(prefix[:-2], tuple((key, int(count)) for key, count in pairs))


def _read_counts(prefix: str, body: str) -> Token | None:
    found = _COUNTS.match(body)
    if found is None:
        return None
    _, failed, _, _, _, errors = counts = [int(count) for count in found.groups()]
    return Counts(prefix, sum(counts), failed + errors)


def _read_subtest(prefix: str, body: str) -> Token | None:
    if prefix.endswith("# ") and (found := _SUBTEST.match(body)):
        return Subtest(prefix[:-2], found[1][:MAX_LINE])
    return None


def _read_old_runner(prefix: str, body: str) -> Token | None:
    """Read what the runner of kselftest wrote before 5.2."""
    if (marked := _marked(prefix, body)) is not None:
        return marked
    found = _ANNOUNCED.match(body) if not prefix else None
    return Announced(prefix, f"{_OF_RUNNER}{found[1]}"[:MAX_LINE]) if found else None


def _read_bail(prefix: str, body: str) -> Token | None:
    found = _BAIL.match(body)
    return Bail(prefix, found[1][:MAX_LINE]) if found else None


# What a body that is more than text begins with.
_READERS: dict[str, Callable[[str, str], Token | None]] = {
    "o": _read_result,
    "n": _read_result,
    "1": _read_plan,
    "K": _read_version,
    "k": _read_version,
    "T": _read_version_or_totals,
    "t": _read_version,
    "B": _read_bail,
    "b": _read_bail,
    "P": _read_counts,
    "S": _read_subtest,
    "s": _read_old_runner,
}
_FIRST_LETTERS = frozenset(_READERS)
_BLANK = frozenset(" \t")


def _result(prefix: str, found: re.Match[str]) -> Result:
    word, number, dash, rest = found.groups()
    directive, text, name = "", "", rest
    if "#" not in rest:
        pass  # as in most
    elif known := _DIRECTIVE.search(rest):
        directive, text = known[1].upper(), (known[2] or "").strip()
        name = rest[: known.start()]
    elif comment := _COMMENT.search(rest):
        text, name = comment[1].strip(), rest[: comment.start()]
    if name.startswith(_OF_RUNNER) and (marked := _marked(prefix, name)):
        bad = word == "not ok" and marked.status is Status.PASS
        return marked._replace(
            number=_number(number) if number else None,
            status=Status.FAIL if bad else marked.status,
            text=text[:MAX_LINE],
        )
    return Result(
        prefix,
        _number(number) if number else None,
        name.strip()[:MAX_LINE],
        _OUTCOMES[directive][word == "not ok"],
        directive,
        text[:MAX_LINE],
        certain=bool(number or dash or directive),
        hides_failure="not ok " in rest and bool(_HIDDEN.search(rest)),
    )


def _marked(prefix: str, body: str) -> Result | None:
    """Read `selftests: name [FAIL]`."""
    status = _MARKS.get(body[-6:])
    if status is None:
        return None
    name = f"{_OF_RUNNER}{body[len(_OF_RUNNER) : -6].strip()[:MAX_LINE]}"
    directive = "SKIP" if status is Status.SKIP else ""
    return Result(prefix, None, name, status, directive, "", certain=True, closing=not prefix)


def _runner_behind(body: str, diagnostic: bool) -> Result | None:
    """Find a result of kselftest's runner behind what a program printed without a newline."""
    at = body.rindex(_OF_RUNNER)
    before = _BEFORE_RUNNER.search(body, 0, at)
    found = _RESULT.match(body, before.start()) if before else None
    result = _result("", found) if found else _marked("", body[at:])
    if result is None or (diagnostic and not found):
        return None
    # Behind a blank it may be a quotation, or a "not" of which a byte was lost.
    words = body[: before.start()] if before else ""
    sure = words[-1:].isascii() and words == words.rstrip() and not words.endswith("not")
    return result if result.closing or sure or not result.status.good else None


def _number(digits: str) -> int:
    """Give a number; of a huge one only that it is huge."""
    if len(digits) <= MAX_DIGITS:
        return int(digits)
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= MAX_DIGITS else HUGE


def _glued(prefix: str, body: str) -> Result | None:
    """Find a result behind text that was printed without a newline."""
    if "ok " not in body:
        return None
    last = deque(_GLUED.finditer(body), maxlen=1)
    whole = _RESULT.match(body, last[0].start()) if last else None
    return _result(prefix, whole) if whole else None
