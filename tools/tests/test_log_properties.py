# SPDX-License-Identifier: GPL-2.0
"""What holds for any log: nothing raises, no verdict is lost, nothing bad becomes good.

Logs are made at random and spoilt. The default run takes the same examples each time; `nox -s
fuzz` takes new ones for as long as it is told.
"""

from __future__ import annotations

import io
import random
import re
from itertools import accumulate, pairwise
from pathlib import Path
from unittest import mock

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from kseries.model import Verdict
from kseries.parse import fastpath, ktap, logfile
from kseries.parse.casetree import walk
from kseries.verdict import savedlog
from kseries.verdict.savedlog import Kind
from tests.log_strategies import (
    Made,
    Node,
    P,
    S,
    X,
    flat,
    joined,
    ktap_logs,
    liburing_logs,
    others,
    read,
    told,
    verdict,
)
from tests.stampkinds import KERNEL, RELAYS

DATA = Path(__file__).parent / "data"


def never(**_: bool) -> re.Pattern[str]:
    return re.compile(r"(?!)")


RUNNER = "selftests: net: "

SEQUENCES = (
    "\x1b[31m", "\x1b[0m", "\x1b[K", "\x1b[?25l", "\x1b(B", "\x1b]0;title\x07", "\x1bc", "\x00",
    "\x07", "\ufeff",
)  # fmt: skip
LINE_ENDS = ("\n", "\r\n", "\r\r\n", " \n", "\t\n", "\x1b[0m\n", "\0\n")

ktap_made = st.one_of(ktap_logs(), ktap_logs(runner=True))
any_made = st.one_of(ktap_made, liburing_logs())
two_made = st.tuples(ktap_logs(tag="one"), ktap_logs(tag="other"))


def passes(log: savedlog.Saved) -> bool:
    return verdict(log).verdict is Verdict.PASS


def bad(log: savedlog.Saved) -> set[str]:
    """The names of what is not good, programs and cases."""
    programs = [program for program in log.programs if not program.status.good]
    cases = (case for program in log.programs for case in walk(program.cases))
    return {program.name for program in programs}.union(
        case.name for case in cases if not case.status.good
    )


def short(node: Node) -> str:
    """The name of a result as `kseries parse` gives it."""
    return node.name.removeprefix(RUNNER)


def starts(made: Made) -> list[int]:
    """Give the offsets at which the lines begin, and the one of the end."""
    return list(accumulate((len(line.encode()) + 1 for line in made.lines), initial=0))


def places(made: Made) -> st.SearchStrategy[int]:
    """Somewhere in the log; as often in a short line as in a long one."""
    spans = list(pairwise(starts(made)))
    return st.sampled_from(spans).flatmap(lambda span: st.integers(*span))


def inserted(line: str, place: int, text: str) -> str:
    return f"{line[:place]}{text}{line[place:]}"


@given(ktap_made)
def test_a_log_is_read_as_it_was_written(made: Made) -> None:
    result = ktap.parse(made.lines)
    assert told(result.cases) == made.nodes
    assert result.problems == ()


@given(any_made)
def test_a_saved_log_is_read_as_it_was_written(made: Made) -> None:
    log = read(made.data())
    names = {short(node) for node in flat(made.nodes) if not node.status.good}
    assert names == bad(log) - {"log"}
    assert not any(program.problems for program in log.programs)
    tested = any(program.status is not S for program in log.programs)
    assert passes(log) is (tested and not names)


@given(any_made, others)
def test_other_lines_in_between_change_nothing(made: Made, lines: list[tuple[int, str]]) -> None:
    said, plain = read(joined(made.with_lines(lines))), read(made.data())
    assert [(told(program.cases), program.problems) for program in said.programs] == [
        (told(program.cases), program.problems) for program in plain.programs
    ]


@given(any_made, st.data())
def test_what_terminals_obey_changes_nothing(made: Made, data: st.DataObject) -> None:
    lines = [
        inserted(line, data.draw(st.integers(0, len(line))), data.draw(st.sampled_from(SEQUENCES)))
        for line in made.lines
    ]
    assert read(joined(lines)) == read(made.data())


@given(any_made, st.sampled_from(tuple(RELAYS.values())))
def test_what_relayed_a_log_changes_nothing(made: Made, stamp: str) -> None:
    assert read(joined(stamp.format(line) for line in made.lines)) == read(made.data())


@given(ktap_made)
def test_a_second_blank_behind_a_stamp_nests_nothing(made: Made) -> None:
    said, plain = read(joined(f"12:00:01  {line}" for line in made.lines)), read(made.data())
    assert [(told(program.cases), program.problems) for program in said.programs] == [
        (told(program.cases), program.problems) for program in plain.programs
    ]


@given(ktap_logs(), st.sampled_from(tuple(KERNEL.values())))
def test_the_kernels_stamps_change_nothing(made: Made, stamp: str) -> None:
    log = read(joined(stamp.format(line) for line in made.lines))
    assert log.kind is Kind.KUNIT
    names = {node.name: told_below(node) for node in made.nodes}
    assert {program.name: told(program.cases) for program in log.programs} == names
    assert not any(program.problems for program in log.programs)


# As a failure may stand in a log: at any depth, of a test that has a number or not.
LOOSE = st.tuples(
    st.text(alphabet=" \t", max_size=3),
    st.sampled_from(("", "# ", "# # ", "#\t", "    # ")),
    st.sampled_from(("not ok 1 loose", "not ok 9 - loose", "not ok - loose", "not ok 2 loose # x")),
).map("".join)


@given(ktap_made, LOOSE, st.data())
def test_a_failure_is_never_lost_in_a_pass(made: Made, line: str, data: st.DataObject) -> None:
    assume(not any(node.status is X for node in flat(made.nodes)))  # it excuses what is below it
    place = data.draw(st.integers(0, len(made.lines)))
    stamp = data.draw(st.sampled_from(("{}", *RELAYS.values())))
    lines = [*made.lines[:place], line, *made.lines[place:]]
    log = read(joined(stamp.format(text) for text in lines))
    assert not passes(log)
    assert "loose" in bad(log)


@given(any_made, st.sampled_from(LINE_ENDS))
def test_line_ends_change_nothing(made: Made, end: str) -> None:
    text = "".join(f"{line}{end}" for line in made.lines)
    assert read(text.encode()) == read(made.data())


@given(any_made, st.data())
def test_a_log_that_is_cut_off_is_never_better(made: Made, data: st.DataObject) -> None:
    begin, end = data.draw(st.just(0) | places(made)), data.draw(places(made))
    part = read(made.data()[begin:end])
    if begin == 0:
        said = {short(node): node.status for node in flat(made.nodes)}
        passed = [c for p in part.programs for c in walk(p.cases) if c.status is P]
        assert [case for case in passed if said.get(case.name.removeprefix(RUNNER)) is not P] == []
    if passes(part):
        assert all(node.status.good for node in flat(made.nodes))
        assert begin <= starts(made)[min(made.results)]
        last = made.results.get(made.proof)  # its remark may be cut off, if it has one
        assert end >= starts(made)[made.proof + (last is None or last.status is P)]


@given(any_made, st.data())
def test_a_byte_that_is_lost_spoils_only_its_line(made: Made, data: st.DataObject) -> None:
    spoilt = data.draw(st.sets(st.sampled_from(range(len(made.lines))), max_size=3))
    lines = []
    for index, line in enumerate(made.lines):
        place = data.draw(st.integers(0, len(line) - 1)) if index in spoilt and line else 0
        lost = bool(line) and index in spoilt
        lines.append(f"{line[:place]}\udcff{line[place + 1 :]}" if lost else line)
    log = read(joined(lines))
    if not all(node.status.good for node in made.results.values()):
        assert not passes(log)
    if any(".." in made.lines[index] for index in spoilt):
        return  # without its plan, a level may not be known for one
    if made.lines[0].startswith("Running") and log.kind is not Kind.LIBURING:
        return  # nor is a short log of liburing, without any of its words
    whole = (node for index, node in made.results.items() if index not in spoilt)
    assert {short(node) for node in whole if not node.status.good} <= bad(log)


def mix(one: list[str], other: list[str], seed: int) -> list[str]:
    """Put two logs together as they might have been written at the same time."""
    chance = random.Random(seed)
    order = [0] * len(one) + [1] * len(other)
    chance.shuffle(order)
    left = (iter(one), iter(other))
    return [next(left[turn]) for turn in order]


@given(two_made, st.integers(0, 2**32))
def test_the_kernel_and_a_program_write_into_one_log(pair: tuple[Made, Made], seed: int) -> None:
    """Each of them is read as if it were alone."""
    stamped = [f"[{number:5}.000000][   T42] {line}" for number, line in enumerate(pair[0].lines)]
    log = read(joined(mix(stamped, ["KTAP version 1", *pair[1].lines], seed)))
    suites = [program for program in log.programs if program.suite == Kind.KUNIT]
    names = {node.name: told_below(node) for node in pair[0].nodes}
    assert {program.name: told(program.cases) for program in suites} == names
    (program,) = (program for program in log.programs if program.suite == Kind.TAP)
    assert told(program.cases) == pair[1].nodes
    assert not any(program.problems for program in log.programs)


def told_below(node: Node) -> tuple[Node, ...]:
    """What a suite holds: its cases, or itself where it has none."""
    return node.below or (node,)


@given(two_made, st.integers(0, 2**32))
def test_two_programs_write_into_one_log(pair: tuple[Made, Made], seed: int) -> None:
    mixed = mix(pair[0].lines, pair[1].lines, seed)
    cases = list(walk(ktap.parse(mixed).cases))
    for node in (node for made in pair for node in made.nodes):
        statuses = [case.status for case in cases if case.name == node.name]
        assert statuses
        assert node.status.good or not any(status.good for status in statuses)
    if passes(read(joined(mixed))):
        assert all(node.status.good for made in pair for node in flat(made.nodes))


@given(ktap_made, st.data())
def test_the_plan_of_another_program_is_never_a_pass(made: Made, data: st.DataObject) -> None:
    """Be it larger or smaller, nested or not: it stands for results that never came."""
    count = data.draw(st.integers(1, 9).filter(lambda count: count != len(made.nodes)))
    skip = data.draw(st.sampled_from(("", " # SKIP no device")))
    place = data.draw(st.integers(0, len(made.lines)))
    lines = [*made.lines[:place], f"1..{count}{skip}", *made.lines[place:]]
    log = read(joined(lines))
    assert not passes(log)
    outer = {short(node) for node in made.nodes if not node.status.good}
    assert outer <= bad(log)


STAMPED = st.sampled_from(("{}", *RELAYS.values(), "[Tue Nov  5 12:00:01 2024] {}"))


@given(any_made, others, st.lists(st.integers(0, 99), max_size=4), STAMPED)
def test_many_lines_at_once_say_what_they_say_one_by_one(
    made: Made, between: list[tuple[int, str]], at: list[int], stamp: str
) -> None:
    lines = [f"{stamp.format(line)}\n" for line in made.with_lines(between)]
    cuts = sorted(min(place, len(lines)) for place in at)
    blocks = ["".join(lines[a:b]) for a, b in pairwise([0, *cuts, len(lines)])]
    whole = savedlog.read(["".join(lines)], "log")
    assert savedlog.read(lines, "log") == whole
    assert savedlog.read([block for block in blocks if block], "log") == whole
    with mock.patch.multiple(
        fastpath,
        messages=never,
        bare_messages=never,
        output=never,
        bare_output=never,
        relayed_output=never,
    ):
        assert savedlog.read(["".join(lines)], "log") == whole


@settings(max_examples=10)
@given(any_made, st.sampled_from(["x", " ", "# ", "1..2 ", "no ok ", "\t"]), st.integers(0, 99))
def test_a_line_of_a_megabyte_changes_nothing(made: Made, filling: str, place: int) -> None:
    long = "# " + filling * (1_100_000 // len(filling))
    log = read(joined(made.with_lines([(place, long)])))
    assert {short(node) for node in flat(made.nodes) if not node.status.good} == bad(log) - {"log"}


RECORDED = tuple(path.read_bytes() for path in sorted((DATA / "saved").glob("*.log")))


@given(st.sampled_from(RECORDED), st.data())
def test_any_bytes_are_read(whole: bytes, data: st.DataObject) -> None:
    """Pieces of real logs, in any order, with anything in between."""
    pieces = []
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(whole)))
        pieces.append(whole[at : at + data.draw(st.integers(0, 400))])
        pieces.append(data.draw(st.binary(max_size=20)))
    verdict(read(b"".join(pieces)))


@given(st.binary())
@example(b"\x1f\x8b")
def test_any_file_is_read_in_whole_lines(data: bytes) -> None:
    blocks = list(logfile.blocks_of(io.BytesIO(data)))
    assert all(block.endswith("\n") for block in blocks[:-1])
