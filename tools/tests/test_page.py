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

from kseries.model import Case, RunResult, StageRecord, StageState, Status
from kseries.report import html, page
from kseries.verdict.verdict import decided
from tests import browser

VOID = {"meta", "link", "br", "rect"}


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
    assert read.tags["rect"] == len(passing_run.stages) + len(passing_run.programs)


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


def test_bars_stay_in_the_picture(failing_run: RunResult) -> None:
    for result in (failing_run, replace(failing_run, stages=failing_run.stages[-1:])):
        for bar in page.make(result).bars:
            assert 0 <= bar.start <= 100
            assert 0 < bar.width <= 100.01 - bar.start
    assert page.make(replace(failing_run, stages=())).bars == ()


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
