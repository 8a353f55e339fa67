# SPDX-License-Identifier: GPL-2.0
"""Logs in mails: quoted, indented, broken to a width."""

from __future__ import annotations

import textwrap

import pytest

from kseries.model import KernelEvent
from kseries.parse import mailed
from tests.log_strategies import read

OOPS = (
    "Unable to handle kernel paging request at virtual address ffff800012345678",
    "Mem abort info:",
    "Internal error: synchronous external abort: 0000000096000210 [#1] PREEMPT SMP",
    "Modules linked in: foo_core foo bar_core bar baz_core baz qux_core qux fuse drm ip_tables x",
    "CPU: 5 UID: 0 PID: 101577 Comm: mmap03 Not tainted 6.11.0-rc6-next-20240905 #1 (unreleased)",
    "pstate: 60000005 (nZCv daif -PAN -UAO -TCO -DIT -SSBS BTYPE=--)",
    "pc : foo_map (drivers/foo/foo_map_of_pages.h:40 drivers/foo/core.c:338 (discriminator 1))",
    "lr : foo_ioctl (drivers/foo/core.c:588)",
    "Call trace:",
    " foo_map (drivers/foo/foo_map_of_pages.h:40 (discriminator 1) drivers/foo/core.c:338) foo",
    " foo_ioctl (drivers/foo/core.c:588) foo",
    "---[ end trace 0000000000000000 ]---",
)
LINES = [f"[  795.8504{at:02}] {text}" for at, text in enumerate(OOPS)]
WORDS = ["Hello, this is what my machine said:", "", "$ dmesg", *LINES, "", "Any idea?"]


def broken(lines: list[str], width: int, *, longer_than: int = 0, blank: str = "") -> list[str]:
    """Break lines as a mail client does. blank: what stands at the end of a line that goes on."""
    done = []
    for line in lines:
        limit = width - len(blank)
        parts = textwrap.wrap(line, limit, break_long_words=False, break_on_hyphens=False)
        parts = parts if len(line) > max(width, longer_than) else [line]
        done += [f"{part}{blank}" for part in parts[:-1]] + (parts[-1:] or [""])
    return done


def text_of(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def only_event(lines: list[str]) -> KernelEvent:
    (event,) = read(text_of(lines).encode()).events
    return event


@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize(("width", "longer_than"), [(66, 0), (72, 0), (76, 0), (80, 0), (72, 80)])
def test_broken_lines_are_put_together(width: int, longer_than: int, blank: str) -> None:
    lines = broken(WORDS, width, longer_than=longer_than, blank=blank)
    assert len(lines) > len(WORDS) + 3
    whole = only_event(WORDS)
    assert whole.where == "foo_map"
    event = only_event(lines)
    assert (event.kind, event.title, event.where) == (whole.kind, whole.title, whole.where)
    assert event.lines == whole.lines


def test_the_other_lines_keep_their_numbers() -> None:
    lines = broken(["[    1.000000] " + "word " * 30, *WORDS], 72)
    assert lines[only_event(lines).line - 1].startswith("[  795.850400] Unable to")


@pytest.mark.parametrize("before", ["> ", ">", "> > ", "    ", "\t"])
def test_what_stands_before_each_line_is_left_out(before: str) -> None:
    lines = [f"{before}{line}" for line in broken(WORDS, 72)]
    event = only_event(lines)
    assert (event.title, event.where) == (only_event(WORDS).title, "foo_map")
    assert lines[event.line - 1].endswith("handle kernel paging request at virtual address")


@pytest.mark.parametrize("before", ["> ", "| ", "  | ", "|"])
def test_a_log_without_stamps_is_quoted(before: str) -> None:
    lines = ["This is what it said:", *(f"{before}{line}" for line in OOPS), "bye"]
    assert only_event(lines).where == "foo_map"


def test_kernelci_indents_what_it_quotes() -> None:
    lines = [
        f"    2020-09-30 10:58:41.4{at}0000  kern  :alert : {text}" for at, text in enumerate(OOPS)
    ]
    assert only_event(["  60 lines", "", *lines]).title == only_event(WORDS).title


def test_the_log_of_a_machine_is_as_it_is() -> None:
    booting = [f"[    0.0000{at:02}] " + "x" * (60 + at) + " y" * 10 for at in range(12)]
    for lines in (WORDS, [*booting, *broken(LINES, 72)], LINES[:3], []):
        assert mailed.look(text_of(lines)).spared
    # A few words that cannot be broken are long.
    assert not mailed.look(text_of(["[    1.000000] " + "x" * 90, *[LINES[1]] * 60])).spared


@pytest.mark.parametrize("result", ["ok 1 it_works", "not ok 1 it_fails", "1..3", "# Subtest: a"])
def test_results_are_not_taken_for_the_rest_of_a_line(result: str) -> None:
    mail = mailed.Mailed(width=40)
    assert told(mail, stamped(40), "what does not fit") == [f"{stamped(40)} what does not fit", ""]
    assert told(mail, stamped(40), result) == [stamped(40), result]
    assert told(mail, stamped(40), "", "what does not fit") == [
        stamped(40),
        "",
        "what does not fit",
    ]


def stamped(length: int) -> str:
    """A line of the kernel's of a length."""
    return f"{'[    1.000000] ':x<{length}}"


def told(mail: mailed.Mailed, *lines: str) -> list[str]:
    return "".join(mail.lines([text_of([*lines])])).split("\n")[:-1]


@pytest.mark.parametrize(
    ("width", "length", "rest", "joined"),
    [
        # The first word did not fit.
        (60, 50, "y" * 10, True),
        (60, 50, "y" * 9, False),
        (60, 50, f"{'y' * 9} z", False),
        # Of wider ones the whole line must be too long, and the word too long for 72.
        (78, 65, f"{'y' * 6} {'z' * 6}", True),
        (78, 65, f"{'y' * 6} {'z' * 5}", False),
        (78, 60, f"{'y' * 11} {'z' * 60}", True),
        (78, 60, f"{'y' * 10} {'z' * 60}", False),
        # Of none that was broken.
        (0, 60, "y" * 60, False),
    ],
)
def test_what_goes_on(width: int, length: int, rest: str, joined: bool) -> None:
    line = stamped(length)
    expected = [f"{line} {rest}", ""] if joined else [line, rest]
    assert told(mailed.Mailed(width=width), line, f"  {rest}" if joined else rest) == expected


def test_a_line_that_flows_has_a_blank_at_its_end() -> None:
    for rest, joined in (("y" * 9, True), ("y" * 8, False)):
        line = f"{stamped(50)} "
        expected = [f"{line}{rest}", ""] if joined else [line, rest]
        assert told(mailed.Mailed(width=60), line, rest) == expected


def test_a_line_goes_on_where_its_last_part_was_full() -> None:
    mail = mailed.Mailed(width=60)
    whole = f"{stamped(60)} yyyy"
    assert told(mail, stamped(60), "yyyy", "z" * 40) == [whole, "", "z" * 40]
    assert told(mail, f"{stamped(60)} ", "y" * 50, "z" * 9)[2] == "z" * 9
    assert told(mail, f"{stamped(60)} ", f"{'y' * 50} ", "z" * 9)[2] == ""


def test_a_line_has_not_too_many_parts() -> None:
    rest = ["y" * 60] * 45
    first, *others = told(mailed.Mailed(width=60), stamped(60), *rest, stamped(60))
    assert first.count("y" * 60) == mailed.MAX_PARTS == 40
    assert others == [*[""] * 40, *rest[:5], stamped(60)]


def test_only_lines_of_the_kernel_are_put_together() -> None:
    lines = ["x" * 90, "y" * 90, stamped(50), "z"]
    assert told(mailed.Mailed(width=60), *lines) == lines
    assert list(mailed.Mailed(width=60).lines([stamped(60)])) == [stamped(60)]


def test_how_wide_the_lines_of_a_mail_are() -> None:
    def width(*lengths: int) -> int:
        return mailed.look(text_of([*["x" * 200] * 9, *map(stamped, lengths)])).width

    assert (width(60, 80), width(60, 50), width(80)) == (80, 60, 0)
    assert (width(81, *[70] * 49), width(81, *[70] * 48)) == (70, 0)
    assert width(81, 82, *[70] * 58) == 0
    assert mailed.look(text_of([f"{stamped(79)}   "] * 2)).width == 79


def test_a_quote_is_at_the_beginning() -> None:
    lines = [f"x > {stamped(30)}"] * 3
    assert mailed.look(text_of(lines)).spared
    quoted = [f"> {stamped(30)} > y"] * 3
    expected = [*[quoted[0][2:]] * 3, "", "x > y"]
    assert told(mailed.look(text_of(quoted)), *quoted, "", "x > y") == expected
