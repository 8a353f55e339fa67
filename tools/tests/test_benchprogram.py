# SPDX-License-Identifier: GPL-2.0
"""A user's own program, built and compared on the toy kernel: real git, real make, real gcc.

What stands for a guest reads the image: the word costs-N makes each section dearer by N
instructions.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.bench import elf, marks
from kseries.bench.cost import LostPath, PathCost
from kseries.bench.document import BENCH, Bench
from kseries.bench.model import Call
from kseries.bench.userprogram import Program
from kseries.cli import benchrun, compare, program
from kseries.lib.progress import Progress
from kseries.lib.runfolder import RunFolder
from kseries.machines.qemu import PROGRAM
from kseries.model import Kernel
from kseries.run.patchcost import Asked
from tests.test_benchplugin import fake_qemu
from tests.toymachine import CORE, Toys, set_up_toys
from tests.toyproject import git

SOURCE = """\
#include <kseries_bench.h>
#include <unistd.h>

int main(void)
{
	kseries_begin("getpid");
	getppid();
	kseries_end("getpid");
	kseries_ops("getpid", 1);
	return 0;
}
"""


class ByWords:
    """Measures by the words in the image. given: the programs; asked: kernels, in their order."""

    given: Sequence[Program]
    asked: list[str]

    def __init__(self, found: Sequence[Program], asked: Asked, progress: Progress) -> None:
        del progress
        ByWords.given = found
        self._seeds = asked.seeds
        self.key = "words"
        self.paths = tuple(name for one in found for name in one.sections)

    def __call__(self, folder: RunFolder, kernel: Kernel) -> tuple[PathCost | LostPath, ...]:
        ByWords.asked.append(folder.name)
        image = kernel.image.read_bytes()
        more = sum(map(int, re.findall(rb"costs-(\d+) ", image)))
        found: list[PathCost | LostPath] = []
        for name in self.paths:
            if b"loses " in image:
                found.append(LostPath(name, "it was killed by SIGSEGV"))
                continue
            costs = tuple(100_000 + more + seed for seed in self._seeds)
            units = 900 if b"units " in image else 1000
            columns = {"user": 10_000, "syscall": 90_000 + more, "softirq": 0, "irq": 0}
            functions = {"getpid": 90_000 + more, "main": 10_000}
            calls = (Call(-1, "program", costs[0]), Call(0, "getpid", 90_000 + more))
            found.append(PathCost(name, "operation", units, costs, functions, columns, calls=calls))
        return tuple(found)


@pytest.fixture
def toys(tmp_path: Path, toy_kernel: Path, monkeypatch: pytest.MonkeyPatch) -> Toys:
    monkeypatch.setattr(program, "Programs", ByWords)
    ByWords.asked, ByWords.given = [], ()
    toys = set_up_toys(tmp_path, toy_kernel, monkeypatch)
    toys.words("slow", "costs-9000", "two")
    return toys


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "syscalls.c").write_text(SOURCE)
    return place


def bench(toys: Toys, folder: Path, *words: str, code: int = 0, rebuilds: int = 1) -> Bench:
    asked = ("bench", "--rebuilds", str(rebuilds), "--program", str(folder), *words)
    assert toys.kseries(*asked) == code
    found = benchrun.kept(RunFolder((toys.toyproject.root / "out/runs/latest").resolve()))
    assert found is not None
    return found


def test_a_series_is_compared_with_its_base_and_what_makes_it_dearer_is_named(
    toys: Toys, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = bench(toys, folder, "--compare", "..slow", rebuilds=2)
    assert ByWords.asked == ["1", "rebuild-1", "rebuild-2", "0"]
    (given,) = ByWords.given
    assert (given.name, given.sections) == ("syscalls", ("getpid",))
    assert elf.why_not_alone(given.data) == ""
    assert "main" in {one.name for one in elf.functions(given.data)}
    assert found.program is not None
    (finding,) = found.program.cost.findings
    assert [one.function for one in finding.functions] == ["getpid"]
    out = capsys.readouterr().out
    assert re.search(r"^  getpid +1000 +100\.002 +109\.002 +\+9\.000 +\+9\.000!", out, re.MULTILINE)
    assert re.search(r"^  getpid is 9\.000 % dearer$", out, re.MULTILINE)
    assert re.search(r"^    getpid +90\.000 +99\.000 +\+9\.000$", out, re.MULTILINE)
    run = toys.toyproject.root / "out/runs/latest"
    assert (run / "bench.txt").read_text() in out
    page = (run / "bench.html").read_text()
    assert "+9.000!" in page
    assert "<h3>getpid</h3>" in page
    for side in (found.program.base, found.program.series):
        assert f'aria-label="flame graph of getpid, {side}"' in page
    assert "<title>getpid: 99000, 90.8 %</title>" in page
    assert BENCH.validate_json((run / "bench.json").read_bytes()) == found
    assert toys.kseries("bench", "--show", "latest", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["program"]["program"] == "mine"
    script = (run / "reproduce.sh").read_text()
    assert "./nox -s bench -- --program " in script
    assert "--series slow" in script
    assert f"--program {run.resolve()}/bench-program" in script
    assert "no-each-patch" not in script
    # Gone on with, nothing is measured twice.
    assert toys.kseries("bench", "--resume", "latest") == 0
    assert len(ByWords.asked) == 4


def test_what_was_measured_in_the_run_before_stays(toys: Toys, folder: Path) -> None:
    found = bench(toys, folder, "--compare", "..slow")
    assert found.program is not None
    run = RunFolder((toys.toyproject.root / "out/runs/latest").resolve())
    run.save(benchrun.NAME, replace(found, patches=found.program.cost, program=None), BENCH)
    again = bench(toys, folder, "--run", "latest")
    assert again.patches == found.program.cost
    assert again.program is not None
    assert again.program.cost == found.program.cost


def test_with_each_patch_the_dear_one_is_pinned(
    toys: Toys, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = bench(toys, folder, "--compare", "..slow", "--each-patch")
    assert ByWords.asked == ["2", "rebuild-1", "1", "0"]
    assert found.program is not None
    assert [(one.path, one.patch) for one in found.program.cost.findings] == [("getpid", 1)]
    assert "patch 1 of 2, 'slow: change net/core.c': getpid is 9.000 % dearer" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        ("fast..slow", 8000),
        ("plain..with-slow", 9000),
        ("with-slow..fast", 1000),  # upon it
        ("with-slow..plain", -9000),
        ("slow..toy", -9000),
        ("toy..other", 500),
        ("other..with-slow", 8500),
        ("other..slow", 9000),  # upon it
    ],
)
def test_either_side_is_a_stack_a_source_or_a_series(
    toys: Toys, folder: Path, asked: str, more: int
) -> None:
    toys.words("fast", "costs-1000", place="top")
    toys.toyproject.write(
        "kernel/stacks/with-slow.toml",
        'source = "toy"\nseries = ["slow"]\nunder_test = "slow"\nconfig = ["base"]\nsuites = []\n',
    )
    other = toys.toyproject.root.parent / "other"
    git(other.parent, "clone", "--quiet", str(toys.toyproject.kernel), str(other))
    core = other / CORE
    core.write_text(core.read_text().replace("below:", "below: costs-500 ", 1))
    git(other, "commit", "--quiet", "--all", "--message=be another one")
    toys.toyproject.write("kernel/sources/other.toml", f'kind = "local"\npath = "{other}"\n')
    found = bench(toys, folder, "--compare", asked)
    assert found.program is not None
    base, last = (found.program.cost.steps()[n].paths[0].cost for n in (0, -1))
    assert last - base == more
    left, _, right = asked.partition("..")
    assert (found.program.base, found.program.series) == (left, right)
    script = (toys.toyproject.root / "out/runs/latest/reproduce.sh").read_text()
    has_own_base = asked in ("with-slow..fast", "other..slow")
    assert (f"--compare {asked}" in script) == (not has_own_base)


def test_sections_that_are_lost_or_did_other_work_are_no_figures(
    toys: Toys, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("bad", "loses", place="top")
    bench(toys, folder, "--compare", "..bad", code=3)
    out = capsys.readouterr().out
    assert re.search(r"^  getpid +1000 +100\.002 +\? +\? +\? +\?$", out, re.MULTILINE)
    assert "getpid: lost with the series: it was killed by SIGSEGV" in out
    toys.words("less", "units", place="top")
    found = bench(toys, folder, "--compare", "..less")
    assert found.program is not None
    assert found.program.cost.findings == ()
    assert "1000 operations on the base and 900 with the series: not the same work" in (
        capsys.readouterr().out
    )


def refused(
    toys: Toys, folder: Path, capsys: pytest.CaptureFixture[str], *words: str, code: int = 2
) -> str:
    assert toys.kseries("bench", "--program", str(folder), *words) == code
    return capsys.readouterr().err


REFUSED = (
    ((), "Nothing says which kernels the program is measured on."),
    (("--compare", "slow"), "There is no `..` between two kernels."),
    (("--compare", "slow.."), "Nothing stands behind the `..`."),
    (("--compare", "slow..slow"), "Both sides are the same."),
    (("--compare", "nowhere..slow"), "'nowhere' is no stack, no source and no series."),
    (("--compare", "toy..nothing"), "'nothing' is no stack, no source and no series."),
    (("--compare", "..toy"), "'toy' has no series under test"),
    (("--compare", "..plain"), "'plain' has no series under test"),
    (("--compare", "plain..toy"), "plain and toy are the same"),
    (("--compare", "..slow", "--series", "slow"), "--compare and --series both say"),
    (("--compare", "..slow", "--run", "latest"), "--run and --compare both say"),
    (("--compare", "..slow", "--full"), "With --program its sections are measured"),
    (("--compare", "..slow", "getpid"), "With --program its sections are measured"),
)


def test_what_cannot_be_compared_is_refused(
    toys: Toys, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, told in REFUSED:
        assert told in refused(toys, folder, capsys, *words)
    assert ByWords.asked == []


def test_a_qemu_that_takes_no_plugin_is_told_before_anything_is_built(
    toys: Toys,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path(fake_qemu(tmp_path, "qemu: -plugin: invalid option")).rename(tmp_path / PROGRAM)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    told = refused(toys, folder, capsys, "--compare", "..slow", code=3)
    assert "This host's QEMU takes no plugin of ours" in told
    assert "-plugin: invalid option" in told
    assert not (toys.toyproject.root / "out/runs").exists()


def test_a_comparison_without_a_program_is_refused(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    assert toys.kseries("bench", "--compare", "..slow") == 2
    assert "--compare is about a program." in capsys.readouterr().err


def test_a_series_that_is_in_the_base_already_is_nothing_to_compare(
    toys: Toys, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("there", "there", place="top")
    toys.change_base('top:"', 'top: there "')
    told = refused(toys, folder, capsys, "--compare", "..there")
    assert "There is nothing to compare: its base and there are the same." in told


def test_a_folder_with_nothing_to_build_is_refused(
    toys: Toys, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(toys, tmp_path / "none", capsys, "--compare", "..slow")
    assert "There is no such folder with a program." in told
    (tmp_path / "none").mkdir()
    told = refused(toys, tmp_path / "none", capsys, "--compare", "..slow")
    assert "no C source and no Makefile" in told


SPOILT = (
    ("return 0;", "return nothing;", "syscalls.c:10:"),
    ("getppid();", "getppidd();", "undefined reference to `getppidd'"),
    ('kseries_begin("getpid");', "", "The program syscalls has no marks"),
    ('kseries_begin("getpid")', 'kseries_begin("a b")', "a section is named 'a b'"),
    ('kseries_begin("getpid")', 'kseries_begin("")', "a section is named ''"),
    ("int main", "int other", "Building it left no program"),
)


def test_what_does_not_build_is_told_in_the_compiler_s_words(
    toys: Toys, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for old, new, told in SPOILT:
        assert old in SOURCE
        (folder / "syscalls.c").write_text(SOURCE.replace(old, new))
        assert told in refused(toys, folder, capsys, "--compare", "..slow")
    assert ByWords.asked == []


def test_each_source_with_a_main_is_a_program_and_the_others_are_a_part_of_each(
    toys: Toys, folder: Path
) -> None:
    (folder / "more.c").write_text(SOURCE.replace('"getpid"', '"more"').replace("getppid", "help"))
    (folder / "help.c").write_text("int help(void) { return 0; }\n")
    (folder / "more.c").write_text("int help(void);\n" + (folder / "more.c").read_text())
    bench(toys, folder, "--compare", "..slow")
    assert [(one.name, one.sections) for one in ByWords.given] == [
        ("more", ("more",)),
        ("syscalls", ("getpid",)),
    ]


MAKEFILE = """\
all: one/two
	cp one/two three
	cp syscalls.c four
	chmod +x four
one/two: syscalls.c
	mkdir -p one
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $<
"""


def test_a_makefile_builds_what_it_leaves_beside_itself(toys: Toys, folder: Path) -> None:
    (folder / "Makefile").write_text(MAKEFILE)
    bench(toys, folder, "--compare", "..slow")
    assert [one.name for one in ByWords.given] == ["three"]
    # What was given is as it was.
    assert sorted(file.name for file in folder.iterdir()) == ["Makefile", "syscalls.c"]


RULES = (
    ("$(CC) -o p syscalls.c", "it is linked with shared libraries"),
    ("$(CC) -static-pie -o p syscalls.c", "it is linked to run at any address"),
    ("$(CC) -static -s -o p syscalls.c && exit 7", "Error 7"),
    ("touch p; chmod +x p", "Building it left no program"),
)


def test_what_a_makefile_makes_has_to_run_in_the_guest(
    toys: Toys, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for rule, told in RULES:
        (folder / "Makefile").write_text(f"all:\n\t{rule}\n")
        assert told in refused(toys, folder, capsys, "--compare", "..slow")


@pytest.mark.parametrize(
    ("text", "left", "right"),
    [
        ("a..b", "a", "b"),
        ("..b", "", "b"),
        ("debian-6.12../home/me/v3", "debian-6.12", "/home/me/v3"),
        ("debian-6.12..../v3", "debian-6.12", "../v3"),
        ("../v2..../../v3.mbox", "../v2", "../../v3.mbox"),
        ("..../v3", "", "../v3"),
        ("../srv/v3", "", "/srv/v3"),
        ("../../v2..v3", "../../v2", "v3"),
        (
            "..20241029230521.2385749-1-dw@davidwei.uk",
            "",
            "20241029230521.2385749-1-dw@davidwei.uk",
        ),
    ],
)
def test_what_is_between_two_sides_is_no_folder_s_parent(text: str, left: str, right: str) -> None:
    assert compare.split(text) == (left, right)


def test_a_spoilt_program_is_no_reason_to_fail() -> None:
    good = elf.MAGIC + b"\0" * 200
    for length in range(len(good)):
        try:
            marks.read(good[:length])
        except marks.Unreadable:
            continue
    with pytest.raises(marks.Unreadable):
        marks.read(b"")
