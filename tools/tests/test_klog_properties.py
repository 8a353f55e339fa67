# SPDX-License-Identifier: GPL-2.0
"""What holds for any kernel log: a complaint that is whole is found, wherever it stands.

The complaints are those that were recorded; what surrounds them is made at random.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kseries.model import EventKind, KernelEvent
from kseries.parse import attribution, klog, klogline
from kseries.parse.marks import Marks
from kseries.parse.running import RunningCases, Span
from tests.log_strategies import NOISE, joined, ktap_logs, read

LOGS = Path(__file__).parent / "data" / "klog"
HEALTHY = tuple(
    line
    for name in ("healthy-boot", "healthy-boot-debug")
    for line in (LOGS / f"{name}.log").read_text().splitlines()
)
NAMES = tuple(sorted(path.stem for path in LOGS.glob("*.log") if "healthy" not in path.stem))

_STAMP = re.compile(r"^\[ *\d+\.\d{6}\]")

MARKS = Marks(bytes(32))
MARK = MARKS.line("end", "zcrx/a")

ANY_TEXT = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=40)
names = st.sampled_from(NAMES)
stamps = st.floats(0, 1e6, allow_nan=False).map(lambda at: f"[{at:12.6f}]")
spoilt = st.sampled_from(["\x1b[33m", "\x1b[0m", "\ufffd", "\0", "\r", "login: ", "half a line"])


@cache
def recorded(name: str) -> tuple[str, ...]:
    """The lines of a recorded complaint; without our marks, which end whatever is open."""
    lines = (LOGS / f"{name}.log").read_text().splitlines()
    return tuple(line for line in lines if klogline.MARK not in line)


def found(events: Iterable[KernelEvent], shift: int = 0) -> list[tuple[int, EventKind, str]]:
    return [(event.line + shift, event.kind, event.title) for event in events]


def events(lines: list[str]) -> tuple[KernelEvent, ...]:
    return klog.events([(0.0, line) for line in lines])


@st.composite
def surroundings(draw: st.DrawFn) -> list[str]:
    """Lines as they may come before or after: whole, cut, spoilt, of programs."""
    pieces = draw(
        st.lists(
            st.one_of(
                st.integers(0, len(HEALTHY) - 1).map(lambda at: list(HEALTHY[at : at + 3])),
                st.tuples(names, st.integers(0, 60), st.integers(0, 30)).map(
                    lambda cut: list(recorded(cut[0])[cut[1] : cut[1] + cut[2]])
                ),
                st.sampled_from(NOISE).map(lambda text: [text]),
                ktap_logs().map(lambda made: made.lines),
                ANY_TEXT.map(lambda text: [text]),
            ),
            max_size=5,
        )
    )
    lines = [line for piece in pieces for line in piece]
    for at in draw(st.lists(st.integers(0, 100), max_size=3)):
        if lines:
            lines[at % len(lines)] = draw(spoilt) + lines[at % len(lines)]
    return lines


@given(names, surroundings(), surroundings())
def test_a_whole_complaint_is_found(name: str, before: list[str], after: list[str]) -> None:
    splat = list(recorded(name))
    seen = found(events([*before, *splat, *after]))
    assert [each for each in found(events(splat), len(before)) if each not in seen] == []
    # Its end is told by our mark, too, so that it has neither more nor fewer lines.
    told = [(event.where, event.lines) for event in events([*before, MARK, *splat, MARK, *after])]
    assert [each for each in events(splat) if (each.where, each.lines) not in told] == []


@given(names, surroundings(), surroundings())
def test_a_whole_complaint_is_found_in_a_saved_log(
    name: str, before: list[str], after: list[str]
) -> None:
    splat = list(recorded(name))
    seen = found(read(joined([*before, *splat, *after])).events)
    assert [each for each in found(events(splat), len(before)) if each not in seen] == []


@given(st.lists(names, min_size=1, max_size=4), st.data())
def test_clocks_that_jump_change_nothing(chosen: list[str], data: st.DataObject) -> None:
    lines = [line for name in chosen for line in recorded(name)]
    at = data.draw(st.lists(stamps, min_size=1, max_size=9))
    jumping = [_STAMP.sub(at[i % len(at)], line) for i, line in enumerate(lines)]
    told = []
    for some in (lines, jumping):
        timed = [(0.0, line) for line in some]
        told.append(attribution.events(timed, MARKS, {}))
    assert told[0] == told[1]


@given(st.lists(st.integers(0, len(HEALTHY) - 1), max_size=30), st.data())
def test_a_healthy_log_has_no_complaints(places: list[int], data: st.DataObject) -> None:
    lines = [HEALTHY[place] for place in places]
    cut = data.draw(st.integers(0, 80))
    assert events([*lines, *(line[:cut] for line in lines[-1:])]) == ()


@given(st.lists(st.text(max_size=60)), st.lists(st.floats(allow_nan=False), min_size=1))
def test_any_lines_at_any_times(lines: list[str], times: list[float]) -> None:
    timed = [(times[i % len(times)], line) for i, line in enumerate(lines)]
    running = RunningCases(0.0)
    for at, line in timed:
        running.feed(at, line)
    spans = {"a/b": running.spans(times[0])}
    told = attribution.events(timed, MARKS, spans, closed=times[-1])
    attribution.charge_death(told, timed, [attribution.Death("a/b", len(timed), "c")])


programs = st.lists(st.sampled_from(["zcrx/a", "zcrx/b", "net/c.py"]), min_size=1, max_size=4)


@given(programs, st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9), names)
def test_a_complaint_belongs_to_the_program_between_whose_marks_it_is(
    labels: list[str], times: list[float], name: str
) -> None:
    """Whatever the times of arrival are: they choose among the cases of that program alone."""
    splat = list(recorded(name))
    lines, owners = [], []
    for label in labels:
        part = [MARKS.line("start", label), *splat, MARKS.line("end", label)]
        lines += part
        owners += [label] * len(part)
    timed = [(times[i % len(times)], line) for i, line in enumerate(lines)]
    spans = {label: [Span(f"case of {label}", min(times), max(times))] for label in labels}
    told = attribution.events(timed, MARKS, spans)
    assert len(told) == len(labels) * len(events(splat))
    for event in told:
        owner = owners[event.line - 1]
        assert event.during in (owner, f"{owner}: case of {owner}")
