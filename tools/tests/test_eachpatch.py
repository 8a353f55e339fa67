# SPDX-License-Identifier: GPL-2.0
"""Each patch of a series on its own, on the toy kernel: real git, real make."""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.run import eachpatch
from tests.toymachine import CORE, Toys, set_up_toys

FINE = "return budget;"
BROKEN = "return budgett;"


@pytest.fixture
def toys(tmp_path: Path, toy_kernel: Path, monkeypatch: pytest.MonkeyPatch) -> Toys:
    return set_up_toys(tmp_path, toy_kernel, monkeypatch)


def run(toys: Toys, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    toys.stack("toys", under_test="toys")
    code = toys.kseries("run", "--no-baseline", *options)
    return code, capsys.readouterr().out


def stage(toys: Toys) -> dict[str, str]:
    stages = toys.toyproject.latest()["stages"]
    return next((one for one in stages if one["name"] == "patches"), {})


def test_a_series_each_of_whose_patches_builds(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "one", "two", "three")
    code, output = run(toys, capsys, "--each-patch")
    assert code == 0, output
    assert stage(toys)["summary"] == "2 patches and the last one, each builds"
    log = toys.toyproject.root / "out/runs/latest/patches/1/build.log"
    assert "CC      net/core.o" in log.read_text()
    assert "bzImage" not in log.read_text().partition("\n")[2]
    # What no patch touches is taken over from the run.
    assert "CC      drivers/netdevsim.o" not in log.read_text()
    # What was seen to build is not built again.
    code, output = run(toys, capsys, "--each-patch")
    assert code == 0, output
    assert stage(toys)["summary"] == "2 patches and the last one, each builds (2 known)"


def test_the_first_that_does_not_build_is_named(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [(CORE, FINE, f"{FINE} /* 1 */"), (CORE, FINE, BROKEN), (CORE, BROKEN, FINE)]
    toys.toyproject.series("toys", *words)
    code, output = run(toys, capsys, "--each-patch")
    assert code == 1, output
    told = stage(toys)
    assert told["state"] == "failed"
    assert told["summary"].startswith("patch 2 of 3, ")
    assert "does not build without those after it" in told["summary"]
    assert "net/core.c:" in told["message"]
    assert "budgett" in told["message"]
    # The tests have run all the same.
    assert toys.toyproject.states()["test"] == "done"
    code, output = run(toys, capsys, "--no-each-patch")
    assert code == 0, output
    assert stage(toys) == {}


def test_all_that_do_not_build_are_counted(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    words = [(CORE, FINE, BROKEN), (CORE, BROKEN, f"{BROKEN} /* 2 */"), (CORE, BROKEN, FINE)]
    toys.toyproject.series("toys", *words)
    code, output = run(toys, capsys, "--each-patch")
    assert code == 1, output
    assert stage(toys)["summary"].startswith("patch 1 of 3, ")
    assert "without those after it (2 patches of 3 so)" in stage(toys)["summary"]


def test_it_is_done_where_it_costs_less_than_the_tests(
    toys: Toys, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.words("toys", "one", "two", "three")
    code, output = run(toys, capsys)
    assert code == 0, output
    assert stage(toys)["summary"] == (
        "left out: 2 objects would be compiled for 2 patches, which takes longer than the tests"
        " (--each-patch)"
    )
    monkeypatch.setattr(eachpatch, "STEP_S", 0)
    monkeypatch.setattr(eachpatch, "OBJECTS_A_SECOND", 10**9)
    code, output = run(toys, capsys)
    assert code == 0, output
    assert stage(toys)["summary"] == "2 patches and the last one, each builds"


def test_a_copy_that_was_cut_off_is_made_again(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "one", "two")
    code, output = run(toys, capsys, "--each-patch")
    assert code == 0, output
    (place,) = (toys.toyproject.root / "out/trees").glob("*-patches/build/[!.]*")
    (place / "made/net/core.o").write_text("half")
    (place / "state/taking-over").touch()
    (place / "state/built-patches").unlink()
    code, output = run(toys, capsys, "--each-patch")
    assert code == 0, output
    assert stage(toys)["summary"] == "1 patch and the last one, each builds"
    assert (place / "made/net/core.o").read_bytes()[:4] == b"\x7fELF"
    assert not (place / "state/taking-over").exists()


def test_what_can_change_a_config() -> None:
    assert all(map(eachpatch._decides, ("net/Kconfig", "init/Kconfig.debug", "scripts/cc-can.sh")))
    makefiles = ("Makefile", "Kbuild", "arch/x86/Makefile", "arch/x86/Makefile.um")
    assert all(map(eachpatch._decides, makefiles))
    others = ("net/core.c", "net/Makefile", "drivers/net/Kbuild", "Documentation/Kbuild.rst")
    assert not any(map(eachpatch._decides, others))


def test_one_patch_is_the_whole(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    toys.words("toys", "one")
    code, output = run(toys, capsys, "--each-patch")
    assert code == 0, output
    assert stage(toys)["summary"] == "nothing to compile one by one"


def test_a_run_that_does_not_build_has_nothing_to_compile(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "one", "two")
    code, output = run(toys, capsys, "--each-patch", "--until", "apply")
    assert code == 0, output
    assert stage(toys) == {}
    assert "APPLIES" in output


def test_the_script_asks_for_it_again(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    toys.words("toys", "one", "two")
    code, output = run(toys, capsys, "--each-patch", "--until", "build")
    assert (code, output.splitlines()[0].split()[0]) == (0, "BUILDS")
    script = toys.toyproject.root / "out/runs/latest/reproduce.sh"
    assert "--each-patch --no-baseline --until build\n" in script.read_text()
