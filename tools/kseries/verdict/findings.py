# SPDX-License-Identifier: GPL-2.0
"""Complaints of the kernel, the same ones together. Pure.

Two are the same when these are: the kind; for KASAN, UBSAN and lockdep the sort of error; the
first telling functions of the stacks, each with the file that it stands in. Lines, offsets,
addresses, processes, devices and the kernel's release do not count, so that the fingerprint stays
when other code changes; nor does what led there from far away, so that it is the same from twenty
tests.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kseries.model import EventKind, Finding, KernelEvent, Place, RunResult, Suspect
from kseries.parse import calltrace
from kseries.parse.calltrace import Frame, Trace

DEPTH = 3  # functions that make the fingerprint
DIGITS = 12
MAX_CALLS = 200  # that are looked up for one run

Places = Mapping[str, tuple[Place, ...]]

FIRST_LOG = "console.log"

NOT_TRIED = "a log alone does not tell files and lines"
UNKNOWN = "its functions were not found in vmlinux"

# What of a title is told by the checker itself: the sort of the error.
_SORTS = {
    EventKind.KASAN: re.compile(r"BUG: (\w+: .+?) in "),
    EventKind.UBSAN: re.compile(r"UBSAN: (\S+) in "),
    EventKind.LOCKDEP: re.compile(r"(.*)"),
}
# What differs from run to run, or when other code changes, beside what titles leave out already.
_CHANGING = re.compile(
    r"0x[0-9a-f]+|\d+|\((?:Not tainted|Tainted: [^)]*)\)"
    r"|(?<=: ).+(?= (?:still has|is exiting with) locks)"
)


@dataclass(frozen=True)
class Traced:
    """Events with their stacks read."""

    events: tuple[KernelEvent, ...]
    traces: tuple[tuple[Trace, ...], ...]

    @classmethod
    def read(cls, events: Sequence[KernelEvent]) -> Traced:
        """Read the stack of each event."""
        return cls(tuple(events), tuple(calltrace.traces(event.lines) for event in events))

    def calls(self) -> tuple[str, ...]:
        """Name what is to be looked up, once each: first what makes the fingerprints."""
        telling = [frame for traces in self.traces for frame in _first(traces)]
        others = [f for traces in self.traces for trace in traces for f in trace.frames]
        return tuple(dict.fromkeys(frame.call for frame in (*telling, *others)))[:MAX_CALLS]


def of(result: RunResult) -> tuple[Finding, ...]:
    """Give the findings of a document; those that older ones lack are made of its events."""
    return result.findings or together(result.events)[1]


def evidence(finding: Finding, events: Iterable[KernelEvent]) -> tuple[str, ...]:
    """Give the splat of a finding, that of its first event; the title where there is no more."""
    place = (finding.log, finding.line)
    lines = next((event.lines for event in events if (event.log, event.line) == place), ())
    return lines or (finding.title,)


def of_these(finding: Finding, events: Sequence[KernelEvent]) -> Finding:
    """Give a finding made of some of its events alone, at least one; it keeps its stack."""
    first = events[0]
    return replace(
        finding,
        title=first.title,
        where=first.where,
        line=first.line,
        log=first.log,
        count=len(events),
        during=_during(events),
    )


def together(
    events: Sequence[KernelEvent],
) -> tuple[tuple[KernelEvent, ...], tuple[Finding, ...]]:
    """Give the events with their fingerprints, and the findings, by the log alone."""
    marked, found = collect(Traced.read(events), {}, NOT_TRIED)
    return marked, tuple(finding for finding, _ in found)


def collect(
    traced: Traced, places: Places, undecoded: str
) -> tuple[tuple[KernelEvent, ...], tuple[tuple[Finding, tuple[Trace, ...]], ...]]:
    """Give the events with their fingerprints, and each finding with its stacks.

    places: of the calls that were looked up. undecoded: why others are not among them.
    """
    marked = tuple(
        replace(event, fingerprint=fingerprint(event, traces, places))
        for event, traces in zip(traced.events, traced.traces, strict=True)
    )
    same: dict[str, list[int]] = {}
    for at, event in enumerate(marked):
        same.setdefault(event.fingerprint, []).append(at)
    found = []
    for indices in same.values():
        traces = traced.traces[indices[0]]
        finding = _finding([marked[at] for at in indices], traces, places, undecoded)
        found.append((finding, traces))
    return marked, tuple(found)


def fingerprint(event: KernelEvent, traces: Sequence[Trace], places: Places) -> str:
    """Give the fingerprint of an event: 12 hex digits.

    What has no stack is told by where it happened, else by its title, without numbers.
    """
    sort = _SORTS[event.kind].match(event.title) if event.kind in _SORTS else None
    parts = [_telling(frame, places) for frame in _first(traces)]
    told = parts or [_constant(event.where or event.title)]
    text = "\n".join([event.kind.value, _constant(sort[1]) if sort else "", *told])
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:DIGITS]


def described(frame: Frame, places: Places) -> str:
    """Give a function with its line, and those of what was inlined there: "f (a.h:1, b.c:2)"."""
    known = places.get(frame.call, ())
    lines = ", ".join(map(str, known))
    return f"{frame.function} ({lines})" if lines else frame.function


def sentence(finding: Finding) -> str:
    """Tell a finding in one sentence, as a reason for a verdict."""
    named = f" ({_author(finding.suspect)})" if finding.suspect else ""
    return f"{line(finding)}: {finding.title}{happened(finding)}{named}"


def line(finding: Finding | KernelEvent) -> str:
    """Tell the line it begins at: "line 812", "line 7 of console-2.log"."""
    return f"line {finding.line}" + (f" of {finding.log}" if finding.log != FIRST_LOG else "")


def happened(finding: Finding) -> str:
    """Tell how often and in what: ", during a/b", ", in 20 tests, first a/b"."""
    if not finding.during or not finding.during[0]:
        return f", {finding.count} times" if finding.count > 1 else ""
    if len(finding.during) > 1:
        return f", in {len(finding.during)} tests, first {finding.during[0]}"
    often = f", {finding.count} times" if finding.count > 1 else ""
    return f"{often}, during {finding.during[0]}"


def suspicion(finding: Finding) -> str:
    """Name the patch that wrote a line of the stack, and its title; "" where there is none."""
    return f"{_author(finding.suspect)}: {finding.suspect.title}" if finding.suspect else ""


def _author(suspect: Suspect) -> str:
    return f"patch {suspect.index} of {suspect.series} wrote {suspect.at}"


def _finding(
    events: Sequence[KernelEvent], traces: Sequence[Trace], places: Places, undecoded: str
) -> Finding:
    first = events[0]
    decoded = any(places.get(frame.call) for frame in _first(traces))
    lines: list[str] = []
    for trace in traces:
        lines += [f"{trace.title}:"] if trace.title else []
        lines += [described(frame, places) for frame in trace.frames]
    return Finding(
        fingerprint=first.fingerprint,
        kind=first.kind,
        title=first.title,
        where=first.where,
        line=first.line,
        count=len(events),
        during=_during(events),
        stack=tuple(lines),
        log=first.log,
        undecoded="" if decoded or not lines else undecoded or UNKNOWN,
    )


def _during(events: Iterable[KernelEvent]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(event.during for event in events))


def _first(traces: Sequence[Trace]) -> tuple[Frame, ...]:
    """Give what makes the fingerprint: the innermost functions where it happened."""
    return traces[0].frames[:DEPTH] if traces and not traces[0].title else ()


def _constant(text: str) -> str:
    return _CHANGING.sub("#", text)


def _telling(frame: Frame, places: Places) -> str:
    """Name a function and the file it stands in: what was inlined there may change unseen."""
    known = places.get(frame.call, ())
    return f"{frame.function} {known[-1].file}" if known else frame.function
