# SPDX-License-Identifier: GPL-2.0
"""A user's own program on the real kernel that was built last: exact, and what is odd is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.bench import (
    calls,
    cost,
    elf,
    guests,
    machine,
    marks,
    programs,
    sections,
    significance,
    tables,
)
from kseries.bench.runner import SYMBOLS
from kseries.bench.sections import Item, LostRun, Measured
from kseries.bench.userprogram import HEADER
from kseries.cli import benchrun
from kseries.cli.main import main
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.report import programcost
from tests.builtkernel import ROOT, kernel_image
from tests.test_bench_vm import load

pytestmark = [pytest.mark.vm, pytest.mark.timeout(400)]

EXAMPLE = ROOT / "docs/examples/syscalls/syscalls.c"
ODD = Path(__file__).parent / "data" / "bench" / "odd.c"
DEADLINE_S = 200.0
COMPARED = (
    *("bench", "--program", str(ROOT / "docs/examples/syscalls")),
    *("--compare", f"debian-6.12..{ROOT / 'docs/examples/dearer'}"),
)
BUILT = "plain+dearer-debian-6.12"


def compiled(folder: Path, source: Path, *defines: str) -> guests.Bench:
    image = kernel_image()
    if image is None:
        pytest.skip("no kernel: build one")
    made = folder / "made"
    words = ["gcc", "-O2", "-static", f"-I{HEADER.parent}", *(f"-D{name}" for name in defines)]
    proc.run([*words, "-o", made, source], cwd=folder, deadline=Deadline.after(60))
    program = made.read_bytes()
    symbols = (image.parent.parent / "made" / SYMBOLS).read_text()
    told = tables.with_sections(symbols, elf.functions(program), marks.read(program))
    return guests.Bench(
        image,
        programs.compile_init(),
        program,
        programs.compile_plugin(),
        told,
        sections.PROGRAM,
        ((sections.RUN.lstrip("/"), programs.compile_run()),),
    )


def run(
    folder: Path, source: Path, *defines: str, runs: int = 2, deadline_s: float = DEADLINE_S
) -> Measured | LostRun:
    folder.mkdir(exist_ok=True)
    bench = compiled(folder, source, *defines)
    item = Item("odd", 1, runs)
    (done,) = sections.Runner(bench, folder / "out", Silent(), deadline_s).run([item], 1)
    return done


def measured(folder: Path, source: Path, *defines: str, runs: int = 2) -> Measured:
    done = run(folder, source, *defines, runs=runs)
    assert isinstance(done, Measured), done
    return done


def test_two_runs_of_the_example_agree_to_the_last_instruction_one_of_them_under_load(
    tmp_path: Path,
) -> None:
    quiet = measured(tmp_path / "quiet", EXAMPLE, runs=4)
    with load(4):
        loaded = measured(tmp_path / "loaded", EXAMPLE, runs=4)
    assert quiet == loaded
    for name in ("counts.txt", "answer.txt"):
        one, other = (
            (tmp_path / n / "out" / "odd-seed1" / name).read_bytes() for n in ("quiet", "loaded")
        )
        assert one == other
        assert one
    assert set(quiet.sections) == {"getpid", "pipe", "futex-wake", "epoll_ctl"}
    for name, runs in quiet.sections.items():
        assert sections.wrong_with(name, runs) == ""
        assert runs[0].operations == 1000
        told = sum(call.count for call in runs[0].calls if call.parent < 0)
        assert (1 - calls.LEAST) * runs[0].cost <= told <= runs[0].cost
        assert runs[0].calls[0].function == "program"
    assert "__do_sys_getpid" in {call.function for call in quiet.sections["getpid"][0].calls}
    # What falls into it by chance is beside it: the shortest path is the same in each run.
    assert len({one.cost for one in quiet.sections["getpid"]}) == 1


def test_what_makes_a_section_dearer_is_found_and_named_and_the_others_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = compiled(tmp_path, EXAMPLE)

    def kernel(kind: cost.Kind, patch: int, *seeds: int) -> cost.Built:
        place = tmp_path / f"{kind}-{patch}-{seeds[0]}"
        items = [Item("syscalls", seed) for seed in seeds]
        done = sections.Runner(bench, place, Silent(), DEADLINE_S).run(items, 2)
        good = [one.sections for one in done if isinstance(one, Measured)]
        assert len(good) == len(seeds), done
        paths = (
            cost.of_sections(name, [sections.typical(one[name]) for one in good])
            for name in good[0]
        )
        return cost.Built(kind, patch, f"kernel {patch}", "", "", tuple(paths))

    base = kernel("patch", 0, 1, 2)
    arguments = (*machine.ARGUMENTS, "init_on_alloc=1")  # what is allocated is cleared
    monkeypatch.setattr(machine, "ARGUMENTS", arguments)
    built = (kernel("patch", 1, 1, 2), kernel("rebuild", 1, 3, 4), base)
    names = ("getpid", "pipe", "futex-wake", "epoll_ctl")
    found = significance.judged(
        cost.Cost("s", ("dearer",), names, (1, 2), (), built, planned=len(built))
    )
    assert {one.path for one in found.findings} == {"epoll_ctl"}
    (finding,) = found.findings
    assert finding.change > 0.01
    assert any(one.function.startswith(("memset", "clear")) for one in finding.functions)
    by_path = {one.path: one for one in built[0].paths}
    # To the last instruction: the difference is none.
    assert by_path["getpid"].costs == base.paths[0].costs


@pytest.mark.timeout(3600)
def test_the_series_of_the_example_is_found_and_named_on_two_kernels() -> None:
    if not (ROOT / "out/trees" / BUILT).is_dir():
        pytest.skip(f"it takes two kernels: build them once, by `kseries {' '.join(COMPARED)}`")
    assert main([*COMPARED, "--rebuilds", "1"]) == 0
    done = benchrun.kept(RunFolder((ROOT / "out/runs/latest").resolve()))
    assert done is not None
    assert done.program is not None
    by_path = {one.name: one for one in programcost.make(done.program)}
    assert by_path["getpid"].more == pytest.approx(1)
    assert by_path["getpid"].finding is not None
    assert [one.function for one in by_path["getpid"].functions] == ["__do_sys_getpid"]
    assert by_path["epoll_ctl"].more == pytest.approx(4, abs=1)
    assert by_path["epoll_ctl"].functions[0].function == "do_epoll_ctl"
    assert by_path["futex-wake"].more == 0


def test_sections_of_a_program_that_forks_repeats_nests_and_forgets(tmp_path: Path) -> None:
    found = measured(tmp_path, ODD, "SECTIONS").sections
    wrong = {name: sections.wrong_with(name, runs) for name, runs in found.items()}
    assert wrong == {
        "getpid": "",
        "passes": "",
        "outer": "inner is begun within it",
        "inner": "it is begun within outer",
        "passed": "it is ended by a task that has not begun it",
        "open": "talk is begun within it",
        "stranger": "it is ended by a task that has not begun it",
        "talk": "it is begun within open",
    }


def test_what_a_child_does_is_a_part_of_a_section(tmp_path: Path) -> None:
    source = tmp_path / "talk.c"
    text = ODD.read_text()
    source.write_text(text.replace('kseries_begin("open");', ""))
    found = measured(tmp_path, source, "SECTIONS").sections
    (passes,), (talk,) = found["passes"], found["talk"]
    assert (passes.passes, passes.units) == (3, 3)
    assert (talk.passes, talk.units) == (1, 200)
    assert sections.wrong_with("talk", (talk,)) == ""
    # Of each byte four system calls on either side, and two switches.
    functions = {row.function: row.count for row in talk.rows if row.column == "syscall"}
    assert {"pipe_read", "pipe_write", "__schedule"} <= functions.keys()
    user = {row.function for row in talk.rows if row.column == "user"}
    assert {"talk", "ping"} & user or "main" in user
    assert talk.cost > 200 * 2000


@pytest.mark.parametrize(
    ("define", "why"),
    [
        ("FAILS", "odd ended with exit code 3, in run 1 of 2; it printed: no such luck"),
        ("DIES", "odd was killed by SIGSEGV, in run 1 of 2; it printed nothing"),
        ("LEAVES", "odd has left processes behind, in run 1 of 2; it printed nothing"),
    ],
)
def test_a_program_that_does_not_end_well_is_lost(tmp_path: Path, define: str, why: str) -> None:
    done = run(tmp_path, ODD, define)
    assert isinstance(done, LostRun)
    assert done.why.startswith(why)


def test_a_program_that_hangs_is_lost_at_the_deadline_of_the_host(tmp_path: Path) -> None:
    done = run(tmp_path, ODD, "HANGS", deadline_s=40.0)
    assert isinstance(done, LostRun)
    assert done.why.startswith("odd did not end, in run 1 of 2: the guest did not end within 40 s")


def test_what_it_prints_has_a_limit_and_a_guest_with_nothing_to_do_lets_the_clock_go_on(
    tmp_path: Path,
) -> None:
    done = measured(tmp_path, ODD, "PRINTS")
    (printed,) = done.sections["print"]
    assert "shmem_file_write_iter" in {row.function for row in printed.rows}
    assert "printed 16777216\n" in (tmp_path / "out/odd-seed1/answer.txt").read_text()
    (slept,) = done.sections["sleep"]
    assert slept.column("timer") > 0
    # A millisecond is a million ticks; the instructions are those that were executed.
    assert slept.column(*sections.COST, *sections.BESIDE) < 500_000
