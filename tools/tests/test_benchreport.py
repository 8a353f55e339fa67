# SPDX-License-Identifier: GPL-2.0
"""The report of a bench: goals, the cover letter's tables, pictures; for terminal and browser."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from kseries.bench import answer as answers
from kseries.bench import document, model, plan
from kseries.bench.cost import Built, Cost, Kind, PathCost
from kseries.bench.document import Bench
from kseries.bench.model import Call, Lost, Measurement, Row, Setup
from kseries.bench.significance import judged
from kseries.report import bench as report
from kseries.report import benchpage, html, patchpage
from kseries.report import plot as geometry
from tests import browser
from tests.conftest import EVIL
from tests.test_benchreading import ANSWER

ROOT = Path(__file__).parents[2]
COSTS = {"epoll": 400, "epoll-zc": 800, "uring": 390, "zcrx": 230, "discard": 220}


def measured(setup: Setup) -> Measurement:
    """Give a measurement of 1000 bytes in packets of 100."""
    told = answers.read(json.dumps({**ANSWER, "bytes": 1000, "packets": 10}))
    cost = COSTS[setup.receiver] * (60 * model.KIB // setup.packet)
    cost += 100 if setup.regime == "prompt" else 0
    parts = ((model.USER, "run", 30), (model.SYSCALL, "recv", cost // 2))
    rest = cost - sum(count for _, _, count in parts)
    rows = [Row(*part) for part in (*parts, (model.SOFTIRQ, "poll", rest))]
    rows += [Row(model.DMA, "memcpy", 408), Row(model.SENDER, "send", 999)]
    rows.sort(key=lambda row: -row.count)
    return Measurement(setup, told, tuple(rows), {}, 81)


@pytest.fixture
def bench() -> Bench:
    setups = plan.usual()
    return Bench(
        run="20261130T101500-bench",
        stack="zcrx-v7",
        started="2026-11-30T10:15:00+00:00",
        seconds=300.0,
        kernel="6.12.117",
        head="d" * 40,
        dialect="the interface of v7, up to patch 15",
        qemu="QEMU emulator version 7.2.22",
        compiler="gcc (Debian 12.2.0-14) 12.2.0",
        models={"without-erms": "max,-erms", "with-erms": "max,+erms"},
        measurements=tuple(measured(setup) for setup in setups),
    )


def lines_of(text: str, start: str) -> list[str]:
    lines = text.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith(start))
    return lines[at : lines.index("", at)] if "" in lines[at:] else lines[at:]


def test_goals_are_told_as_reached_or_missed(bench: Bench) -> None:
    found = {line.title: (round(line.ratio or 0, 4), line.good) for line in report.goals(bench)}
    assert found["zcrx / epoll, packets of 60 KiB, late"] == (0.575, False)
    assert found["zcrx / epoll-zc, packets of 60 KiB, prompt"] == (0.3667, False)
    assert found["zcrx / discard, packets of 60 KiB, prompt"] == (1.0312, True)
    told = lines_of(report.text(bench), "what zero copy costs")
    assert f"  {'zcrx / epoll, packets of 60 KiB, late':54}  0.575  goal 0.50  missed" in told
    assert len(told) == 1 + len(plan.GOALS)


def test_a_goal_that_was_not_measured_is_not_told(bench: Bench) -> None:
    few = replace(bench, measurements=tuple(m for m in bench.measurements if m.setup.packet < 9999))
    assert len(lines_of(report.text(few), "what zero copy costs")) == 3
    none = replace(bench, measurements=())
    assert "what zero copy costs" not in report.text(none)


def test_the_tables_of_the_cover_letter_have_the_third_receiver(bench: Bench) -> None:
    told = lines_of(report.text(bench), "as in the cover letter: packets of 60 KiB, untouched, no")
    assert [line.split("  ")[1].strip() for line in told[2:]] == [
        "epoll",
        "epoll + TCP_ZEROCOPY_RECEIVE",
        "io_uring, zero copy",
        "zero copy to epoll",
        "zero copy to epoll-zc",
    ]
    rows = report.cores(bench, "late")
    assert [(r.receiver, round(r.application, 3), round(r.softirq, 3)) for r in rows] == [
        ("epoll", 0.23, 0.17),
        ("epoll-zc", 0.43, 0.37),
        ("zcrx", 0.145, 0.085),
    ]
    late = next(n for n, line in enumerate(report.text(bench).splitlines()) if "ERMS, late" in line)
    assert "busier of two cores -37%, one core -43%" in report.text(bench).splitlines()[late + 5]


def test_model_regime_and_packet_size_stand_beside_every_figure(bench: Bench) -> None:
    text = report.text(bench)
    titles = [line for line in text.splitlines() if line.startswith("packets of")]
    assert titles == [
        "packets of 60 KiB, IPv4, data untouched, no ERMS",
        "packets of 32 KiB, IPv4, data untouched, no ERMS",
        "packets of 4 KiB, IPv4, data untouched, no ERMS",
        "packets of 4 KiB, polled together, IPv4, data untouched, no ERMS",
        "packets of 60 KiB, IPv4, data touched, no ERMS",
        "packets of 60 KiB, IPv4, data untouched, ERMS",
    ]
    assert "0.125 instructions" in text
    assert re.search(r"\b(Gbps|Gbit|cycles|seconds)\b", text) is None
    assert [line for line in text.splitlines() if len(line) > 100] == []


def test_what_was_lost_is_told_and_leaves_a_gap(bench: Bench) -> None:
    gone = bench.measurements[0]
    lost = (Lost(gone.setup, "the guest did not end within 120 s"),)
    text = report.text(replace(bench, measurements=bench.measurements[1:], lost=lost))
    assert f"  {gone.setup.name}: the guest did not end within 120 s" in text
    assert "1 lost" in text.splitlines()[0]
    assert re.search(r"^  epoll +- +- +- +- +- +0\.4000 ", text, re.MULTILINE)


def test_a_document_is_read_as_it_was_written(bench: Bench) -> None:
    assert document.BENCH.validate_json(document.BENCH.dump_json(bench)) == bench


def test_the_published_schema_is_that_of_the_document() -> None:
    published = ROOT / "docs" / f"bench-{document.VERSION}.schema.json"
    wanted = json.dumps(document.schema(), indent=2) + "\n"
    told = f"python -m kseries schema --bench document --out {published.relative_to(ROOT)}"
    assert published.read_text() == wanted, told


def test_a_document_keeps_to_its_schema(bench: Bench) -> None:
    told = json.loads(document.BENCH.dump_json(bench))
    jsonschema.validate(told, document.schema())
    told["kernel"] = 6
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(told, document.schema())


def test_the_pieces_of_a_bar_are_the_whole_cost(bench: Bench) -> None:
    page = benchpage.make(bench)
    assert len(page.bars) == 10
    most = max(bar.cost for bar in page.bars)
    for bar in page.bars:
        assert sum(piece.cost for piece in bar.pieces) == pytest.approx(bar.cost)
        ends = [piece.start + piece.width for piece in bar.pieces]
        assert [piece.start for piece in bar.pieces[1:]] == pytest.approx(ends[:-1], abs=0.01)
        assert ends[-1] == pytest.approx(100 * bar.cost / most, abs=0.02)


def test_curves_stay_within_the_picture_and_names_apart(bench: Bench) -> None:
    plots = benchpage.make(bench).plots
    assert [plot.title for plot in plots] == ["prompt", "late"]
    for plot in plots:
        assert [tick.label for tick in plot.columns] == ["4 KiB", "32 KiB", "60 KiB"]
        labels = sorted(curve.label_y for curve in plot.curves)
        assert all(b - a >= geometry.LABEL_GAP - 0.2 for a, b in itertools.pairwise(labels))
        assert 0 <= labels[0] <= labels[-1] <= geometry.HEIGHT
        for curve in plot.curves:
            assert len(curve.dots) == 3
            for x, y, _ in curve.dots:
                assert geometry.LEFT <= x <= geometry.WIDTH - geometry.RIGHT
                assert geometry.TOP <= y <= geometry.HEIGHT - geometry.BOTTOM
            # The smaller the packet, the dearer.
            heights = [y for _, y, _ in curve.dots]
            assert heights == sorted(heights)


def test_the_page_has_no_script_and_escapes_what_others_wrote(bench: Bench) -> None:
    first = bench.measurements[0]
    rows = (Row(model.SYSCALL, EVIL, 10**6), *first.rows)
    calls = (Call(-1, "receiver", 100), Call(0, EVIL, 90))
    evil = replace(
        bench,
        stack=EVIL,
        head=EVIL,
        notes=(EVIL,),
        measurements=(replace(first, rows=rows, calls=calls), *bench.measurements[1:]),
        lost=(Lost(first.setup, EVIL),),
    )
    text = html.render_bench(evil)
    assert "flame graph of epoll, prompt" in text
    assert "<script" not in text
    assert "default-src 'none'" in text
    assert "\x1b" not in report.text(evil)


def test_a_bench_of_nothing_has_a_page(bench: Bench) -> None:
    assert "All figures" in html.render_bench(replace(bench, measurements=()))


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_fits_its_window(bench: Bench, tmp_path: Path, width: int) -> None:
    chromium = browser.find()
    if chromium is None:
        pytest.skip(browser.INSTALL)
    told = browser.opened(chromium, html.render_bench(bench), width, tmp_path)
    assert (told["overflow"], told["ran"]) == (0, False)


def patches(*changes: int) -> Cost:
    """Give a series whose patches cost a path so many instructions of a million, all known."""

    def built(patch: int, kind: Kind, more: int) -> Built:
        costs = (10**6 + more, 10**6 + more + 10)
        paths = (
            PathCost("epoll", "byte", 10**6, costs, {"recv": 500 + more}),
            PathCost("udp", "datagram", 1000, (7_000_000, 7_000_000), {"recv": 9}),
        )
        return Built(kind, patch, f"change {patch}" if patch else "the base", "", "", paths)

    count = len(changes)
    kinds: tuple[Kind, ...] = ("patch", "rebuild", "rebuild")
    last = [built(count, kind, sum(changes)) for kind in kinds]
    steps = [built(n, "patch", sum(changes[:n])) for n in range(count)]
    titles = tuple(f"change {n}" for n in range(1, count + 1))
    return judged(Cost("s", titles, ("epoll", "udp"), (1, 2), ("nic",), (*last, *steps), count + 3))


@pytest.fixture
def of_patches(bench: Bench) -> Bench:
    return replace(bench, measurements=(), patches=patches(0, 9000, 0, -5000))


def test_the_table_of_patches_marks_what_is_found(of_patches: Bench) -> None:
    lines = report.text(of_patches).splitlines()
    at = next(n for n, line in enumerate(lines) if line.split() == ["epoll", "udp"])
    assert [line.split() for line in lines[at + 1 : at + 8]] == [
        ["differ", "by", "themselves", "by", "up", "to", "(%)", "0.004", "0.000"],
        ["the", "base:", "a", "byte,", "datagram", "1.0000", "7000.0"],
        ["1", "change", "1", "=", "="],
        ["2", "change", "2", "+0.900!", "="],
        ["3", "change", "3", "=", "="],
        ["4", "change", "4", "-0.496!", "="],
        ["all", "of", "them", "+0.400", "+0.000"],
    ]
    told = lines[at + 9 :]
    assert told[0] == "  patch 2 of 4, 'change 2': epoll is 0.900 % dearer"
    assert told[1].split() == ["recv", "500", "9500", "+9000"]
    assert told[2] == "  patch 4 of 4, 'change 4': epoll is 0.496 % cheaper"
    assert [line for line in lines if len(line) > 100] == []


def test_what_is_not_measured_yet_is_left_open(of_patches: Bench) -> None:
    whole = of_patches.patches
    assert whole is not None
    begun = judged(replace(whole, built=whole.built[:5]))
    text = report.text(replace(of_patches, patches=begun))
    assert "5 of 7 kernels measured, each with 2 seeds; 2 of them were built anew" in text
    assert re.search(r"^   1 change 1 +=  +=$", text, re.MULTILINE)
    assert re.search(r"^   2 change 2$", text, re.MULTILINE)
    assert re.search(r"^   4 change 4 +\? +\?$", text, re.MULTILINE)
    assert "no patch changes a path by more than figures differ by themselves" in text
    nothing = judged(replace(whole, built=whole.built[:1]))
    assert "so nothing can be found" in report.text(replace(of_patches, patches=nothing))


def test_the_picture_of_patches_goes_from_the_base_to_the_last(of_patches: Bench) -> None:
    assert of_patches.patches is not None
    part = patchpage.make(of_patches.patches)
    assert part.plot is not None
    epoll, udp = part.plot.curves
    heights = [y for _, y, _ in epoll.dots]
    assert heights[0] == heights[1] > heights[4] > heights[2] == heights[3]
    assert len({y for _, y, _ in udp.dots}) == 1
    assert (epoll.dots[0][0], epoll.dots[-1][0]) == (geometry.LEFT, 420.0 - geometry.RIGHT)
    assert {tick.label for tick in part.plot.rows} >= {"+0", "+0.2", "+0.8"}
    assert patchpage.make(replace(of_patches.patches, built=())).plot is None


def test_the_page_of_patches_escapes_what_others_wrote(of_patches: Bench) -> None:
    assert of_patches.patches is not None
    built = tuple(
        replace(one, paths=(), why=EVIL) if one.patch == 1 else one
        for one in of_patches.patches.built
    )
    evil = judged(replace(of_patches.patches, patches=(EVIL,) * 4, built=built, notes=(EVIL,)))
    page = html.render_bench(replace(of_patches, patches=evil))
    assert "<script" not in page
    assert "change 2" in page
    assert "\x1b" not in report.text(replace(of_patches, patches=evil))
