# SPDX-License-Identifier: GPL-2.0
"""The HTML page: what it shows, that nothing in it runs, and, in Chromium, how it looks and opens.

The tests in Chromium are run by `nox -s tests_browser`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from kseries.model import (
    Case,
    Ran,
    RunResult,
    StageRecord,
    StageState,
    Status,
    Subject,
    Verdict,
)
from kseries.report import html, page
from kseries.verdict.verdict import decided
from tests import browser

VOID = {"meta", "link", "br"}


class Read(HTMLParser):
    """Elements, their attributes, and the text that is shown."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.pre: list[str] = []
        self.ids: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "pre":
            self.pre.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag
        self.text += " "

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
        if "pre" in self.open:
            self.pre[-1] += data


def test_verdict_and_reasons_come_first(failing_run: RunResult) -> None:
    text = " ".join(Read(html.render(failing_run)).text.split())
    places = [
        text.index(each)
        for each in (
            "FAIL zcrx-v7 stack zcrx-v7",
            "zcrx/zcrx_refill failed: ring.wraps",
            "Failures fail zcrx/zcrx_refill",
            "Kernel log WARN WARNING: at io_uring/zcrx.c:211",
            "patch 1 of zcrx-v7 wrote io_uring/zcrx.c:211 in io_zcrx_refill: net: add a hook",
            "leak kmemleak",
            "Stages stage state",
            "Where the time went",
            "Tests suite",
            "Slow tests",
            "Patches zcrx-v7",
            "Build diagnostics warning io_uring/zcrx.c:12",
            "Notes guests",
            "Reproduce git checkout",
        )
    ]
    assert places == sorted(places)


def test_a_failure_has_its_evidence(failing_run: RunResult) -> None:
    read = Read(html.render(failing_run))
    boxes = "\n--\n".join(read.pre)
    assert "# zcrx_refill.c:112:wraps:Expected 4096" in boxes  # its log
    assert "WARNING: CPU: 0 PID: 7 at io_uring/zcrx.c:211" in boxes  # the kernel's complaint
    assert "\n".join(failing_run.findings[0].stack) in boxes  # with files and lines
    assert ("href", "#complaint-1") in read.attributes  # which the program points to
    assert read.ids.count("complaint-1") == 1
    assert "[    9.000000] before it" in boxes  # and the kernel log around it
    assert "not ok 2 ring.wraps" in boxes  # the end of the program's log
    assert "./nox -s selftest -- --config debug -k ring.wraps" in read.pre
    assert "./nox -s selftest -- --config debug -k zcrx/zcrx_lifetime" in read.pre
    assert "9 cases without a result" in read.text


def test_of_a_pass_there_is_nothing_to_see_but_tables(passing_run: RunResult) -> None:
    read = Read(html.render(passing_run))
    assert "failures" not in read.ids
    assert "PASS" in read.text
    assert read.tags["rect"] == len(passing_run.stages)


def test_stage_that_failed_shows_its_message(passing_run: RunResult) -> None:
    failed = StageRecord("build", StageState.FAILED, 3.0, "no", "no\n  where: <x.c>:1")
    result = decided(replace(passing_run, stages=(failed,), programs=()))
    assert "no\n  where: <x.c>:1" in Read(html.render(result)).pre


def test_page_is_one_file_and_runs_nothing(failing_run: RunResult, hostile_run: RunResult) -> None:
    for result in (failing_run, hostile_run):
        text = html.render(result)
        read = Read(text)
        assert not read.tags.keys() & {"script", "img", "iframe", "object", "embed", "base", "form"}
        for name, value in read.attributes:
            assert not name.startswith("on")
            assert name != "style"
            if name in ("href", "src"):
                assert value is not None
                assert value.startswith(("#", "data:,"))
        assert "url(" not in text
        assert "@import" not in text
        assert "default-src 'none'" in text


def test_hostile_names_are_shown_and_obeyed_by_nobody(hostile_run: RunResult) -> None:
    text = html.render(hostile_run)
    text.encode()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ufffe]", text)
    read = Read(text)
    assert read.tags["pre"] > 5
    assert "<script>ran = 1</script>\"'&red ]]></pre></script>" in read.text
    # Long lines are cut as everywhere.
    assert len(text) < 1_000_000


def test_every_place_that_is_pointed_to_is_there(failing_run: RunResult) -> None:
    read = Read(html.render(failing_run))
    targets = {value for name, value in read.attributes if name == "href" and value}
    assert {target for target in targets if target.startswith("#")} <= {f"#{i}" for i in read.ids}
    assert len(read.ids) == len(set(read.ids))


def test_many_failures_are_cut(failing_run: RunResult) -> None:
    cases = tuple(Case(f"c.{n}", Status.FAIL, "no", ("# no",) * 100) for n in range(2000))
    program = replace(failing_run.programs[0], cases=cases)
    made = page.make(decided(replace(failing_run, programs=(program,))))
    assert len(made.failures[0].cases) == page.MAX_SHOWN
    assert len(made.failures[0].others) == 2000 - page.MAX_SHOWN


def timed(result: RunResult, *shards: tuple[int, int, float, float]) -> RunResult:
    """Give the programs times. shards: (place of the program, machine, began, seconds)."""
    programs = tuple(
        replace(
            program,
            ran=tuple(Ran(machine, began, s) for at, machine, began, s in shards if at == place),
        )
        for place, program in enumerate(result.programs)
    )
    return replace(result, programs=programs)


def test_bars_stay_in_the_picture(failing_run: RunResult) -> None:
    result = timed(failing_run, (0, 1, 5.0, 1e6), (1, 2, 1e7, 0.0))
    for each in (result, replace(result, stages=failing_run.stages[-1:])):
        for bar in page.make(each).bars:
            for part in bar.parts:
                assert 0 <= part.start <= 100
                assert 0 < part.width <= 100.01 - part.start
    assert page.make(replace(result, stages=())).bars == ()


def test_bars_begin_when_programs_did_with_the_machines_side_by_side(
    passing_run: RunResult,
) -> None:
    stages = tuple(StageRecord(name, StageState.DONE, 50.0, "") for name in ("build", "test"))
    result = timed(
        replace(passing_run, stages=stages), (0, 1, 10, 20), (1, 2, 12, 5), (1, 1, 30, 10)
    )
    bars = page.make(result).bars
    drawn = [(b.label, b.kind, [(p.start, p.width) for p in b.parts]) for b in bars]
    assert drawn == [
        ("build", "stage", [(0.0, 50.0)]),
        ("test", "stage", [(50.0, 50.0)]),
        ("machine 1", "machine", [(60.0, 20.0), (80.0, 10.0)]),
        ("machine 2", "machine", [(62.0, 5.0)]),
        ("zcrx_register", "program", [(60.0, 20.0)]),
        ("ping.py", "program", [(62.0, 5.0), (80.0, 10.0)]),
    ]  # fmt: skip
    assert Read(html.render(result)).text.count("zcrx/zcrx_register") >= 2  # told on the machine


def test_what_was_tested_stands_at_the_top(passing_run: RunResult) -> None:
    link = "https://lore.kernel.org/r/20241029230521.2385749-1-dw@davidwei.uk"
    subject = Subject("io_uring zero copy rx", "David <dw@davidwei.uk>", link, "/home/me/linux")
    text = html.render(replace(passing_run, subject=subject))
    head = text[: text.index("</header>")]
    assert f'<a href="{link}" rel="noreferrer">io_uring zero copy rx</a>' in head
    shown = " ".join(Read(text).text.split())
    assert "io_uring zero copy rx , by David <dw@davidwei.uk>, on /home/me/linux" in shown
    for odd in ("javascript:alert(1)", 'https://x/"onclick="', "https://x y/z", "data:text/html,x"):
        read = Read(html.render(replace(passing_run, subject=replace(subject, link=odd))))
        assert not [v for n, v in read.attributes if n == "href" and v and v[0] not in "#d"]
        assert "io_uring zero copy rx" in read.text


def test_counts_agree_with_the_verdict(passing_run: RunResult, failing_run: RunResult) -> None:
    # A program that failed though no case of it did, and one that has no cases.
    for cases in ((Case("one", Status.PASS),), ()):
        bad = replace(passing_run.programs[0], status=Status.ERROR, cases=cases)
        made = page.make(decided(replace(passing_run, programs=(bad, passing_run.programs[1]))))
        assert made.result.verdict is Verdict.FAIL
        assert made.tally.failed == 1
        assert made.programs[0].tally.failed == made.suites[0].failed == 1
    made = page.make(failing_run)
    assert made.tally.failed == sum(line.tally.failed for line in made.programs)
    assert made.tally.failed == sum(counts.failed for counts in made.suites)


def test_a_finding_is_told_once_in_full(failing_run: RunResult) -> None:
    made = page.make(failing_run)
    (refill,) = [f for f in made.failures if f.program.name == "zcrx_refill"]
    assert any("the kernel log says" in text for text in refill.program.problems)
    assert refill.problems == ()
    assert [item.anchor for item in refill.complaints] == ["complaint-1"]


# ---- in Chromium


@pytest.fixture(scope="module")
def chromium() -> str:
    found = browser.find()
    if found is None:
        pytest.skip(f"chromium is not installed: {browser.INSTALL}")
    return found


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1280])
def test_page_fits_the_screen(
    width: int, chromium: str, failing_run: RunResult, hostile_run: RunResult, tmp_path: Path
) -> None:
    for result in (failing_run, hostile_run):
        told = browser.opened(chromium, html.render(result), width, tmp_path)
        assert told["overflow"] <= 0
        assert told["ran"] is False


@pytest.mark.browser
def test_page_with_2000_tests_opens_at_once(
    chromium: str, passing_run: RunResult, tmp_path: Path
) -> None:
    result = decided(replace(passing_run, programs=browser.many_programs()))
    text = html.render(result)
    told = [browser.opened(chromium, text, 1280, tmp_path) for _ in range(3)]
    assert min(each["ms"] for each in told) < 1000
    assert told[0]["shown"] < 100  # passing tests are folded
