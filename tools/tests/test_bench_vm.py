# SPDX-License-Identifier: GPL-2.0
"""Measure on the real kernel that was built last: exact, whatever else the host has to do."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import kselftest_zcrx
from kseries.bench import answer, cost, counts, cpio, guests, machine, plan, runner, significance
from kseries.bench.answer import RECEIVERS, Receiver, Regime
from kseries.bench.cost import PathCost
from kseries.bench.model import MIB, RECEIVER_SIDE, Lost, Measurement, Setup
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.lib.progress import Silent
from tests.builtkernel import kernel_image

pytestmark = [pytest.mark.vm, pytest.mark.timeout(400)]

DEADLINE_S = 120.0


def short(receiver: Receiver, *, touched: bool = False) -> Setup:
    return Setup(receiver, "late", touched=touched, warm_up=4 * MIB, bytes=4 * MIB)


@pytest.fixture(scope="module")
def bench() -> guests.Bench:
    image = kernel_image()
    if image is None:
        pytest.skip("no kernel: build one")
    place = image.parent.parent
    try:
        return runner.of_folders(image, place / "made", image.parent / "installed")
    except UserError as error:
        pytest.skip(str(error))


def measured(bench: guests.Bench, folder: Path, *setups: Setup) -> list[Measurement]:
    found = runner.Runner(bench, folder, Silent(), DEADLINE_S).run(setups, 2)
    assert [one for one in found if isinstance(one, Lost)] == []
    return [one for one in found if isinstance(one, Measurement)]


def test_a_session_goes_on_with_what_is_missing(bench: guests.Bench, tmp_path: Path) -> None:
    first, second = short("discard"), short("epoll")
    (before,) = measured(bench, tmp_path, first)
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / first.name).iterdir()}

    def go_on(of: guests.Bench) -> list[Measurement | Lost]:
        return list(
            runner.Runner(of, tmp_path, Silent(), DEADLINE_S, go_on=True).run((first, second), 2)
        )

    after, _ = go_on(bench)
    assert after == before
    assert {file: file.stat().st_mtime_ns for file in times} == times
    assert (tmp_path / second.name / guests.KEY).is_file()
    # Of another program it is measured anew, and so is one that was not written to its end.
    (tmp_path / second.name / guests.KEY).unlink()
    after, _ = go_on(replace(bench, program=bench.program + b"\0"))
    assert isinstance(after, Measurement)
    assert {file: file.stat().st_mtime_ns for file in times} != times
    assert (tmp_path / second.name / guests.KEY).is_file()


@contextmanager
def load(count: int) -> Iterator[None]:
    children = [multiprocessing.Process(target=spin, daemon=True) for _ in range(count)]
    for child in children:
        child.start()
    try:
        yield
    finally:
        for child in children:
            child.kill()


def spin() -> None:
    while True:
        time.monotonic()


def test_two_runs_agree_to_the_last_instruction_one_of_them_under_load(
    bench: guests.Bench, tmp_path: Path
) -> None:
    setup = short("zcrx")
    measured(bench, tmp_path / "quiet", setup)
    with load(4):
        measured(bench, tmp_path / "loaded", setup)
    for name in ("counts.txt", "answer.txt"):
        quiet, loaded = (
            (tmp_path / n / setup.name / name).read_bytes() for n in ("quiet", "loaded")
        )
        assert quiet == loaded
        assert quiet


def test_every_receiver_adds_up_and_touched_data_has_one_checksum(
    bench: guests.Bench, tmp_path: Path
) -> None:
    setups = [short(receiver, touched=receiver != "discard") for receiver in RECEIVERS]
    found = {one.setup.receiver: one for one in measured(bench, tmp_path, *setups)}
    assert set(found) == set(RECEIVERS)
    sums = {name: one.answer.checksum for name, one in found.items() if name != "discard"}
    assert len(set(sums.values())) == 1
    assert found["zcrx"].cost < found["epoll"].cost < found["epoll-zc"].cost
    for one in found.values():
        assert one.column("dma") > one.answer.bytes / 3
        assert one.unbooked == found["epoll"].unbooked


def test_the_plugin_disturbs_nothing(
    bench: guests.Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = short("epoll")
    (with_plugin,) = measured(bench, tmp_path / "with", setup)

    def without(job: machine.Job, kernel: Path, inside: Path) -> list[str]:
        words = with_it(job, kernel, inside)
        return words[: words.index("-plugin")]

    with_it = machine.command
    monkeypatch.setattr(machine, "command", without)
    (lost,) = runner.Runner(bench, tmp_path / "without", Silent(), DEADLINE_S).run([setup], 1)
    assert isinstance(lost, Lost)
    assert "the program came to no end mark" in lost.why
    line = (tmp_path / "without" / setup.name / "answer.txt").read_text().splitlines()[0]
    assert answer.read(line) == with_plugin.answer


DATA = Path(__file__).parent / "data" / "bench"
WRAPPED = ("poll", "read", "getsockopt", "setsockopt")
WITHIN = 0.05  # of the cost of what is compared


def reference(folder: Path, name: str, marks: Path) -> Path:
    """Compile a program that receives, so that it measures as ours does."""
    tree = tree_of_kernel()
    sources = {
        "tcp_mmap": tree / "tools/testing/selftests/net/tcp_mmap.c",
        "plain": DATA / "plain.c",
    }
    made = folder / name
    words = ["gcc", "-O2", "-static", "-w", f"-I{marks}", "-o", str(made), str(sources[name])]
    words += [str(DATA / "counted.c"), *(f"-Wl,--wrap={call}" for call in WRAPPED)]
    words += ["-lcrypto", "-lpthread", "-ldl"] if name == "tcp_mmap" else []
    done = proc.run(words, cwd=folder, deadline=Deadline.after(120), check=False)
    if not done.ok:
        pytest.skip(f"{name} does not compile on this host: {done.output[-200:]}")
    return made


def tree_of_kernel() -> Path:
    image = kernel_image()
    assert image is not None
    return image.parents[3] / "linux"


def cost_of(bench: guests.Bench, folder: Path, words: Sequence[str], program: bytes = b"") -> float:
    """Give the cost of what a command line receives. program: another one, as /reference."""
    files = {"init": bench.init, "zcrx_bench": bench.program, "reference": program}
    command = b"".join(word.encode() + b"\0" for word in words)
    initrd = cpio.archive({**files, "command": command})
    job = machine.Job(bench.kernel, initrd, bench.plugin, bench.tables, "without-erms")
    seen = machine.boot(job, Deadline.after(DEADLINE_S), folder / "qemu.log")
    lines = seen.answer.splitlines()
    assert lines[-1:] == ["exit 0"], seen.console[-500:]
    rows = counts.read(seen.counts).rows
    told: int = json.loads(lines[0])["bytes"]
    return sum(row.count for row in rows if row.column in RECEIVER_SIDE) / told


@pytest.mark.parametrize("regime", ["prompt", "late"])
@pytest.mark.parametrize(
    ("receiver", "name", "words"),
    [
        ("epoll", "plain", ()),
        ("uring", "plain", ()),
        ("epoll", "tcp_mmap", ("-4", "-s", "-p", "5201")),
        ("epoll-zc", "tcp_mmap", ("-4", "-s", "-z", "-p", "5201")),
    ],
)
def test_the_baselines_are_no_dearer_than_programs_of_others(
    bench: guests.Bench,
    tmp_path: Path,
    regime: Regime,
    receiver: Receiver,
    name: str,
    words: tuple[str, ...],
) -> None:
    marks = tmp_path / "marks"
    kselftest_zcrx.write(marks)
    command = plan.command(Setup(receiver, regime))
    own = cost_of(bench, tmp_path, command)
    program = reference(tmp_path, name, marks).read_bytes()
    other = cost_of(bench, tmp_path, [*command, "--", "/reference", *words], program)
    assert own <= other * (1 + WITHIN), f"{own:.4f}, {name} {other:.4f}"


TOGETHER = [
    replace(setup, seed=1) for setup in plan.of_patches() if setup.receiver in ("epoll", "rr")
]


def together(bench: guests.Bench, folder: Path, seed: int) -> tuple[PathCost, ...]:
    """Measure the paths in one guest."""
    group = tuple(replace(setup, seed=seed) for setup in TOGETHER)
    found = runner.Runner(bench, folder, Silent(), DEADLINE_S).run_together([group], 1)
    good = [one for one in found if isinstance(one, Measurement)]
    assert len(good) == len(group), found
    return tuple(cost.of_measurements(plan.path_name(one.setup), [one]) for one in good)


def test_what_is_measured_in_one_guest_is_what_each_costs_alone(
    bench: guests.Bench, tmp_path: Path
) -> None:
    alone = measured(bench, tmp_path / "alone", *TOGETHER)
    for one, other in zip(together(bench, tmp_path, 1), alone, strict=True):
        before = cost.of_measurements(one.path, [other])
        assert one.cost == pytest.approx(before.cost, rel=0.003)
        assert one.functions.keys() > {"tcp_v4_rcv", "nsim_poll"}


def test_a_dearer_kernel_is_found_and_the_same_one_is_not(
    bench: guests.Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kernel(patch: int, kind: cost.Kind, *seeds: int) -> cost.Built:
        found = [together(bench, tmp_path / str(seed), seed) for seed in seeds]
        paths = tuple(
            replace(one, costs=tuple(seed[place].cost for seed in found))
            for place, one in enumerate(found[0])
        )
        return cost.Built(kind, patch, f"patch {patch}", "", "", paths)

    names = tuple(plan.path_name(setup) for setup in TOGETHER)
    same = [kernel(3, "patch", 1, 2), kernel(3, "rebuild", 3, 4), kernel(3, "rebuild", 5, 6)]
    base = replace(same[1], kind="patch", patch=0)
    first = kernel(1, "patch", 7, 8)
    arguments = (*machine.ARGUMENTS, "init_on_alloc=1")  # memory is cleared that need not be
    monkeypatch.setattr(machine, "ARGUMENTS", arguments)
    built = (*same, base, first, kernel(2, "patch", 9, 10))
    found = significance.judged(
        cost.Cost("s", ("1", "2", "3"), names, (1, 2), (), built, planned=len(built))
    )
    dearer = [one for one in found.findings if one.change > 0]
    assert {(one.path, one.patch) for one in dearer} == {(name, 2) for name in names}
    assert {(one.path, one.patch) for one in found.findings} - {
        (one.path, one.patch) for one in dearer
    } == {(name, 3) for name in names}
    assert all(one.functions for one in found.findings)


def test_a_receiver_that_hangs_is_lost_at_the_deadline_of_the_host(
    bench: guests.Bench, tmp_path: Path
) -> None:
    began = time.monotonic()
    # A program that waits for ever: an idle guest spins.
    waits = tmp_path / "waits"
    source = tmp_path / "waits.c"
    source.write_text("#include <unistd.h>\nint main(void) { pause(); return 0; }\n")
    words = ["gcc", "-static", "-o", str(waits), str(source)]
    proc.run(words, cwd=tmp_path, deadline=Deadline.after(60))
    hanging = replace(bench, program=waits.read_bytes())
    (lost,) = runner.Runner(hanging, tmp_path / "out", Silent(), 15.0).run([short("epoll")], 1)
    assert isinstance(lost, Lost)
    assert lost.why.startswith("the guest did not end within 15 s (")
    assert time.monotonic() - began < 100


def test_a_program_that_cannot_receive_is_lost_with_its_reason(
    bench: guests.Bench, tmp_path: Path
) -> None:
    setup = replace(short("zcrx"), packet=1 << 30)
    (lost,) = runner.Runner(bench, tmp_path, Silent(), DEADLINE_S).run([setup], 1)
    assert isinstance(lost, Lost)
    assert "the program failed (exit 2): zcrx_bench: --write takes a number" in lost.why
