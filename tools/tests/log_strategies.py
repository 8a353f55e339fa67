# SPDX-License-Identifier: GPL-2.0
"""Logs made at random: KTAP of which is known what it says, and ways to spoil it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from kseries.model import Case, RunResult, Status
from kseries.parse import logfile
from kseries.verdict import savedlog

P, S, X, F, M = Status.PASS, Status.SKIP, Status.XFAIL, Status.FAIL, Status.MISSING

# What a result line says, by its outcome: the word before the number, and what is behind the name.
_OUTCOMES = {
    "pass": ("ok", "", P),
    "pass with a remark": ("ok", " # took 3 ms", P),
    "skip": ("ok", " # SKIP no card", S),
    "xfail": ("not ok", " # XFAIL known", X),
    "fail": ("not ok", "", F),
    "exit": ("not ok", " # exit=1", F),
    "timeout": ("not ok", " # TIMEOUT 45 seconds", Status.TIMEOUT),
    "error": ("not ok", " # ERROR no memory", Status.ERROR),
}

NAMES = ("opens", "a.b[3]", "global.maps", "reads twice", "é", "1..2 x")
DIAGNOSTICS = ("# still at work", "#  RUN           a.b ...", "# ok, so far", "# a:12:b:Expected 1")
NOISE = (
    "", "#", "hello", "okay 1 then", "not  ok", "the link is up", "# 1..3 is a range",
    "[    1.250000] eth0: renamed from eth1", "[    1.250000][  T12] ok, says the kernel",
    "Segmentation fault", "ping: 1..2 packets", "  indented ok", "\t\tTraceback", "% 100 ok",
)  # fmt: skip


@dataclass(frozen=True)
class Node:
    """A result that a log tells of."""

    name: str
    status: Status
    below: tuple[Node, ...] = ()


@dataclass
class Made:
    """Lines of a log, without newlines, and what they say.

    results: for each line that is a result, by its index, that result. proof: index of the line
    with which it is sure that there are no more. named: how many have a name so far.
    """

    tag: str = ""
    lines: list[str] = field(default_factory=list)
    nodes: tuple[Node, ...] = ()
    results: dict[int, Node] = field(default_factory=dict)
    proof: int = 0
    named: int = 0

    def with_lines(self, lines: Iterable[tuple[int, str]]) -> list[str]:
        """Put lines between, each (a number that tells where, text); the first line stays first.

        None comes between a verdict behind other text and the next test.
        """
        glued = self.results if self.lines[0].startswith("Running") else {}
        free = [index for index in range(1, len(self.lines) + 1) if index - 1 not in glued]
        between: dict[int, list[str]] = {}
        for where, text in lines:
            between.setdefault(free[where % len(free)], []).append(text)
        mixed: list[str] = []
        for index in range(len(self.lines) + 1):
            mixed += (*between.get(index, ()), *self.lines[index : index + 1])
        return mixed

    def data(self) -> bytes:
        """The log as a file holds it."""
        return joined(self.lines)


@st.composite
def ktap_logs(draw: DrawFn, *, good: bool = False, runner: bool = False, tag: str = "") -> Made:
    """Well-formed KTAP, nested or flat.

    good: nothing in it fails. runner: as kselftest's runner writes it. tag: ends all names.
    """
    made = Made(tag)
    indent = "# " if runner else draw(st.sampled_from(("  ", "    ", "\t", "# ")))
    header = draw(st.sampled_from(("KTAP version 1", "TAP version 13", "")))
    outcomes = tuple(key for key, row in _OUTCOMES.items() if row[2].good or not good)
    chosen = st.sampled_from(outcomes)
    if header:
        made.lines.append(header)
    made.nodes = _level(draw, made, "", indent, chosen, depth=0, runner=runner)
    return made


def _level(
    draw: DrawFn,
    made: Made,
    prefix: str,
    indent: str,
    chosen: SearchStrategy[str],
    *,
    depth: int,
    runner: bool = False,
) -> tuple[Node, ...]:
    """Write the results of a level; the outermost one may have its plan at the end.

    Without a header it has not: a log that begins with a pass is not believed. One that is nested
    may have none.
    """
    count = draw(st.integers(1, 4))
    late = depth == 0 and bool(made.lines) and not runner and draw(st.booleans())
    if not late and (depth == 0 or draw(st.booleans())):
        made.lines.append(f"{prefix}1..{count}")
    nodes = []
    for number in range(1, count + 1):
        made.named += 1
        name = f"{draw(st.sampled_from(NAMES))} {made.named}{made.tag}"
        if runner:
            name = f"selftests: net: p{made.named}.sh"
            made.lines.append(f"# {name}")
        made.lines += (f"{prefix}{text}" for text in draw(_few(DIAGNOSTICS)))
        below: tuple[Node, ...] = ()
        if depth < 2 and draw(st.integers(0, 3)) == 0:
            if draw(st.booleans()):
                made.lines.append(f"{prefix}{indent}KTAP version 1")
            below = _level(draw, made, prefix + indent, indent, chosen, depth=depth + 1)
        nodes.append(_result(draw, made, prefix, number, name, below, chosen))
    made.proof = len(made.lines) - (not late)
    if draw(st.booleans()):
        made.lines.append(f"{prefix}{_totals(nodes)}")
    if late:
        made.lines.append(f"{prefix}1..{count}")
    return tuple(nodes)


def _result(
    draw: DrawFn,
    made: Made,
    prefix: str,
    number: int,
    name: str,
    below: tuple[Node, ...],
    chosen: SearchStrategy[str],
) -> Node:
    outcome = draw(chosen)
    if below:
        outcome = "pass" if all(node.status.good for node in below) else "fail"
    word, behind, status = _OUTCOMES[outcome]
    node = Node(name, status, below)
    dash = "- " if draw(st.booleans()) else ""
    made.results[len(made.lines)] = node
    made.lines.append(f"{prefix}{word} {number} {dash}{name}{behind}")
    return node


def _few(texts: Sequence[str]) -> SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(texts), max_size=2)


def _totals(nodes: Sequence[Node]) -> str:
    seen = {P: 0, S: 0, X: 0, F: 0}
    for node in nodes:
        seen[node.status if node.status.good else F] += 1
    return f"# Totals: pass:{seen[P]} fail:{seen[F]} xfail:{seen[X]} xpass:0 skip:{seen[S]} error:0"


PRINTED = (
    "", "not supported, skip", "open: Too many open files", "waited 5 seconds", "test_basic failed",
    "test 3: 7 sec is too long", "All tests passed", "Running test 4 of 5", "[    1.5] no stamp",
)  # fmt: skip
_VERDICTS = {
    "1 sec": P,
    "12 sec [3]": P,
    "Skipped": S,
    "Test {name} failed with ret 1": F,
    "Test {name} failed dmesg check": F,
    "Test {name} timed out (may not be a failure)": Status.TIMEOUT,
}


@st.composite
def liburing_logs(draw: DrawFn) -> Made:
    """A log as liburing's test runner writes it; `results` has the lines with the verdicts."""
    made, nodes = Made(), []
    for number in range(draw(st.integers(1, 6))):
        verdict = draw(st.sampled_from(tuple(_VERDICTS)))
        node = Node(f"test-{number}.t", _VERDICTS[verdict])
        *first, last = (*draw(_few(PRINTED)), draw(st.sampled_from(("", "no end "))))
        said = [*first, last + verdict.format(name=node.name)]
        made.lines += [f"Running test {node.name:<55}{said[0]}", *said[1:]]
        made.results[len(made.lines) - 1] = node
        nodes.append(node)
    made.nodes = tuple(nodes)
    made.lines += _last_words(nodes)
    made.proof = len(made.lines) - 1
    return made


def _last_words(nodes: Sequence[Node]) -> Iterator[str]:
    for words, status in (("timed out", Status.TIMEOUT), ("", None), ("failed", F)):
        names = [f"<{node.name}>" for node in nodes if node.status is status]
        if status is None:
            yield "Test run complete, kernel: 6.18.44 #1 SMP"
        elif names:
            yield f"Tests {words} ({len(names)}): {' '.join(names)}"
    if not any(node.status is F for node in nodes):
        yield "All tests passed"


others = st.lists(st.tuples(st.integers(0, 200), st.sampled_from(NOISE)), max_size=6)
"""Lines that come in between, as Made.with_lines takes them."""


# ---- what a log says


def told(cases: Iterable[Case]) -> tuple[Node, ...]:
    """Give the tree that was read, to be compared with the one that was written."""
    return tuple(Node(case.name, case.status, told(case.children)) for case in cases)


def flat(nodes: Iterable[Node]) -> Iterator[Node]:
    """Go through a tree, parents first."""
    for node in nodes:
        yield node
        yield from flat(node.below)


def joined(lines: Iterable[str]) -> bytes:
    """Give lines as a file holds them; lone surrogates stand for bytes that are no UTF-8."""
    return "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")


def read(data: bytes) -> savedlog.Saved:
    """Read a log as `kseries parse` does."""
    return savedlog.read(logfile.blocks_of(io.BytesIO(data)), "log")


def verdict(log: savedlog.Saved) -> RunResult:
    """Give what `kseries parse` makes of it."""
    return savedlog.result(log, "log", started="2026-01-01T00:00:00+00:00", seconds=0, version="1")
