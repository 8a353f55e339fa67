# SPDX-License-Identifier: GPL-2.0
"""The figures of all runs that are kept, over their time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.bench import plan
from kseries.bench.cost import Built, Cost, PathCost
from kseries.bench.document import BENCH, Bench, Compared
from kseries.bench.history import gather
from kseries.bench.nic import OverNic
from kseries.bench.nicproof import Proof
from kseries.cli.main import main
from kseries.report import benchhistory, html
from tests.conftest import EVIL
from tests.test_benchreport import bench, measured
from tests.test_nicreport import nic

__all__ = ["bench", "nic"]  # fixtures

DAY = "2026-11-{:02}T10:00:00+00:00"


def compared(base: int, series: int) -> Compared:
    def kernel(patch: int, cost: int) -> Built:
        paths = (PathCost("getpid", "operation", 1000, (cost,), {}),)
        return Built("patch", patch, "", str(patch) * 40, "", paths)

    built = (kernel(1, series), kernel(0, base))
    cost = Cost("v3", ("all",), ("getpid",), (1,), (), built, 2)
    return Compared("syscalls", "debian-6.12", "v3", 3, 1, False, cost)


def runs(first: Bench) -> list[Bench]:
    """Give three runs of a stack, the latest first: the third one by another compiler."""
    bare = replace(first, measurements=())
    return [
        replace(
            bare,
            run=f"run-{day}",
            started=DAY.format(day),
            compiler="gcc 13" if day == 3 else first.compiler,
            program=compared(200_000, 200_000 + more),
        )
        for day, more in ((3, 0), (2, 10_000), (1, 20_000))
    ]


def test_a_figure_is_told_over_time_and_the_change_of_a_tool_is_marked(bench: Bench) -> None:
    base, series = gather(runs(bench))
    assert (base.title, series.title) == (
        "program syscalls, base: getpid",
        "program syscalls, series: getpid",
    )
    assert [point.run for point in series.points] == ["run-1", "run-2", "run-3"]
    assert series.values == (220.0, 210.0, 200.0)
    assert {point.head[0] for point in base.points} == {"0"}
    assert {point.head[0] for point in series.points} == {"1"}
    text = benchhistory.text((series,))
    lines = [line.split() for line in text.splitlines()]
    assert ["getpid,", "per", "operation", "3", "220.000", "200.000", "-9.091"] in [
        words[:7] for words in lines
    ]
    assert [words[5:7] for words in lines if words[-1:] == ["run-3"]] == [["200.000*", "-9.091"]]
    assert text.count("*") == 2  # with what tells what it means


def test_names_choose_and_nothing_found_is_told(bench: Bench) -> None:
    assert [one.name for one in gather(runs(bench), ("getpid", "base"))] == ["getpid"]
    assert gather(runs(bench), ("nothing",)) == ()
    assert "Nothing was measured yet" in benchhistory.text(())


def test_receivers_of_a_table_stand_together_with_a_chart(bench: Bench) -> None:
    setups = [setup for setup in plan.usual() if setup.receiver in ("epoll", "zcrx")]
    old = replace(bench, measurements=tuple(map(measured, setups)), started=DAY.format(1), run="a")
    new = replace(old, started=DAY.format(2), run="b")
    page = benchhistory.make(gather([new, old]))
    assert page.runs == 2
    for group in page.groups:
        assert [one.name for one in group.figures] == ["epoll", "zcrx"]
        assert group.plot is not None
        assert [curve.name for curve in group.plot.curves] == ["epoll", "zcrx"]
    assert page.groups[0].title.startswith("zcrx-v7, prompt-60k-ipv4")
    (alone, *_) = benchhistory.make(gather([old])).groups
    assert alone.plot is None


def test_rates_over_a_nic_are_told_with_what_they_hang_on(bench: Bench, nic: OverNic) -> None:
    bare = replace(bench, measurements=(), qemu="")
    newer = replace(nic, port=replace(nic.port, firmware="231.0"))
    old = replace(bare, nic=nic, started=DAY.format(1), run="a")
    figures = gather([old, replace(old, nic=newer, started=DAY.format(2), run="b")])
    told = {one.title: one.values for one in figures}
    assert told["over a NIC, lab1, different: zcrx"] == pytest.approx((116.2, 116.2))
    assert told["over a NIC, lab1, same: epoll"] == pytest.approx((62.6, 62.6))
    text = benchhistory.text([one for one in figures if one.title.endswith("same: zcrx")])
    assert "zcrx, Gbps" in text
    assert "per Gbps" not in text
    assert text.count("*") == 2  # the newer firmware, and what tells what it means


def test_what_is_in_doubt_over_a_nic_is_not_told_and_no_hardware_is_said(
    bench: Bench, nic: OverNic
) -> None:
    doubted = tuple(
        replace(one, doubts=("elsewhere",)) if one.item.name == "epoll-same" else one
        for one in nic.samples
    )
    guest = replace(nic, samples=doubted, machine=replace(nic.machine, guest="kvm"))
    copied = replace(guest, proof=Proof(copies=7, pieces=9))
    titles = [one.title for one in gather([replace(bench, measurements=(), nic=copied)])]
    assert titles == ["over a NIC, lab1, different, no figures of hardware: epoll"]


def test_the_page_escapes_what_others_wrote(bench: Bench) -> None:
    odd = [replace(one, stack=EVIL, run=EVIL) for one in runs(bench)]
    page = html.render_history(gather(odd))
    assert EVIL not in page
    assert "<svg" in page


def test_the_command_reads_all_runs_and_passes_over_what_it_cannot_read(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    place = tmp_path / ".kseries"
    for one in runs(bench):
        folder = place / "runs" / one.run
        folder.mkdir(parents=True)
        (folder / "bench.json").write_bytes(BENCH.dump_json(one))
    (place / "runs" / "spoilt").mkdir()
    (place / "runs" / "spoilt" / "bench.json").write_text("{}")
    (place / "runs" / "empty").mkdir()
    asked = ("bench", "--workspace", str(tmp_path), "--history")
    assert main([*asked, "series", "--json"]) == 0
    out, err = capsys.readouterr()
    (told,) = json.loads(out)
    assert [point["value"] for point in told["points"]] == [220.0, 210.0, 200.0]
    assert "spoilt is passed over" in err
    page = tmp_path / "history.html"
    assert main([*asked, "--out", str(page)]) == 0
    assert "program syscalls, series" in page.read_text()
    assert main(["bench", "--workspace", str(tmp_path), "--out", str(page)]) == 2
