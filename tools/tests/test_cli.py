# SPDX-License-Identifier: GPL-2.0
"""The command line from end to end on the toy kernel: verdicts, exit codes, what is left behind.

Up to the stage build; what needs a virtual machine is in test_vm.py and `nox -s selftest`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.toyproject import ToyProject, git, set_up


@pytest.fixture
def toyproject(tmp_path: Path, toy_kernel: Path) -> ToyProject:
    return set_up(tmp_path / "project", toy_kernel)


def shim(toyproject: ToyProject, until: str) -> None:
    """Have `./nox -s selftest --` of the project run this kseries."""
    nox = toyproject.root / "nox"
    nox.write_text(f'#!/bin/sh\nshift 3\n{sys.executable} -m kseries run "$@" --until {until}\n')
    nox.chmod(0o755)


def test_a_good_series_builds_and_a_second_run_has_nothing_to_do(toyproject: ToyProject) -> None:
    code, output = toyproject.kseries("run", "--until", "build")
    assert code == 0, output
    assert toyproject.latest()["verdict"] == "partial"
    assert [patch["state"] for patch in toyproject.latest()["patches"]] == ["applied"]
    subject = toyproject.latest()["subject"]
    assert (subject["title"], subject["tree"]) == (
        "good: change net/core.c", str(toyproject.kernel)
    )  # fmt: skip
    assert (
        "good: change net/core.c" in (toyproject.root / "out/runs/latest/report.html").read_text()
    )
    again, output = toyproject.kseries("run", "--until", "build")
    assert again == 0, output
    assert "nothing to do" in output
    first, second = sorted((toyproject.root / "out/runs").glob("*/apply.json"))[:2]
    assert json.loads(first.read_text())["head"] == json.loads(second.read_text())["head"]


def test_a_series_that_the_config_leaves_out_does_not_pass(toyproject: ToyProject) -> None:
    # What NETDEVSIM depends on is off, too.
    toyproject.write("configs/base.config", "CONFIG_IO_URING=y\n")
    toyproject.patch("hidden", "drivers/netdevsim.c", "return budget / 2;", "return budget / 3;")
    asked = ("run", "--until", "build", "--series", "hidden", "--exact-config")
    for words in (asked, ("build",)):
        code, output = toyproject.kseries(*words)
        assert code == 1, output
        assert "PASS" not in output
        assert toyproject.latest()["verdict"] == "fail"
        assert toyproject.latest()["reasons"][0] == (
            "nothing that the series changes was compiled:"
            " drivers/netdevsim.c (CONFIG_NETDEVSIM is off)"
        )
    command = next(line for line in output.splitlines() if "to have it compiled" in line)
    shim(toyproject, "build")
    shell = command.partition(": ")[2]
    done = subprocess.run(
        ["sh", "-c", shell], cwd=toyproject.root, env=toyproject.environment, check=False
    )
    assert done.returncode == 0
    found = toyproject.latest()["changed"][0]
    assert (found["state"], found["by"]) == ("compiled", "drivers/netdevsim.o")


def test_reproduce_needs_nothing_but_the_run_folder(toyproject: ToyProject) -> None:
    outside = toyproject.patch("other", "net/core.c", "\n", "\n/* of another */\n")
    outside = outside.rename(toyproject.root.parent / "mails of others")
    code, output = toyproject.kseries("run", "--until", "apply", "--series", str(outside))
    assert code == 0, output
    head = toyproject.latest()["provenance"]["head_commit"]
    script = (toyproject.root / "out/runs/latest").resolve() / "reproduce.sh"
    outside.rename(toyproject.root.parent / "gone")
    shim(toyproject, "apply")
    subprocess.run(["sh", script], cwd=toyproject.root, env=toyproject.environment, check=True)
    assert (toyproject.root / "out/runs/latest").resolve() != script.parent
    assert toyproject.latest()["provenance"]["head_commit"] == head


def test_stages_can_be_started_one_by_one(toyproject: ToyProject) -> None:
    for stage in ("series", "fetch", "apply", "config", "build"):
        code, output = toyproject.kseries(stage)
        assert code == 0, output
    assert toyproject.states() == dict.fromkeys(
        ("series", "fetch", "apply", "config", "build"), "done"
    )


def test_a_stage_without_the_one_before_says_what_to_do(toyproject: ToyProject) -> None:
    assert toyproject.kseries("series")[0] == 0
    code, output = toyproject.kseries("build")
    assert code == 2
    assert "has not come to the stage 'config'" in output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run", "--stack", "zcrx-v8"), "zcrx-v7"),
        (("run", "--series", "goood"), "good"),
        (("run", "--source", "toys"), "toy"),
        (("run", "--config", "bas"), "base"),
        (("report", "nothing"), "no run 'nothing'"),
    ],
)
def test_what_does_not_exist_is_named_with_what_does(
    toyproject: ToyProject, words: tuple[str, ...], told: str
) -> None:
    code, output = toyproject.kseries(*words)
    assert code == 2
    assert told in output
    assert "Traceback" not in output


def test_a_patch_that_does_not_apply_names_file_and_hunk(toyproject: ToyProject) -> None:
    assert toyproject.kseries("run", "--until", "apply")[0] == 0
    tree = json.loads((toyproject.root / "out/runs/latest/apply.json").read_text())["path"]
    before = git(Path(tree), "rev-parse", "HEAD")
    folder = toyproject.patch("bad", "net/core.c", "\n", "\n/* bad */\n")
    (file,) = folder.glob("*.patch")
    file.write_text(file.read_text().replace("\n ", "\n not there: ", 3))
    code, output = toyproject.kseries(
        "run", "--stack", "zcrx-v7", "--series", "bad", "--until", "build"
    )
    assert code == 1, output
    assert "net/core.c" in output
    assert "@@ -" in output
    assert toyproject.states()["apply"] == "failed"
    assert toyproject.states()["config"] == "not run"
    assert git(Path(tree), "rev-parse", "HEAD") == before
    assert git(Path(tree), "status", "--porcelain") == ""
    assert toyproject.kseries("report")[0] == 1


def test_an_mbox_that_misses_a_patch_names_it_and_the_run_opens(
    toyproject: ToyProject, tmp_path: Path
) -> None:
    for number in range(3):
        (toyproject.kernel / f"new{number}.c").write_text("int x;\n")
        git(toyproject.kernel, "add", ".")
        git(toyproject.kernel, "commit", "--quiet", f"--message=add {number}")
    mails = git(toyproject.kernel, "format-patch", "-3", "--stdout").split("\nFrom ")
    mbox = tmp_path / "part.mbox"
    mbox.write_text("\nFrom ".join([mails[0], mails[2]]))
    code, output = toyproject.kseries("run", "--series", str(mbox), "--until", "build")
    assert code == 2
    assert "2" in output
    assert "part.mbox" in output
    assert toyproject.states()["series"] == "usage"
    assert toyproject.kseries("report")[0] == 2


def test_a_config_that_cannot_be_met_names_symbol_and_chain(toyproject: ToyProject) -> None:
    code, output = toyproject.kseries("run", "--config", "impossible", "--until", "build")
    assert code == 2
    assert "IO_URING_ZCRX" in output
    assert "PAGE_POOL" in output
    assert "impossible.config:1" in output
    assert toyproject.states()["config"] == "usage"
    # The tree is configured all the same, so one can ask.
    code, output = toyproject.kseries("config", "why", "IO_URING_ZCRX")
    assert code == 0, output
    assert "IO_URING_ZCRX = n" in output
    code, output = toyproject.kseries("config", "why", "NO_SUCH_SYMBOL")
    assert code == 2
    assert "NO_SUCH_SYMBOL" in output


def test_a_compile_error_shows_the_first_diagnostic(toyproject: ToyProject) -> None:
    toyproject.patch("broken", "net/core.c", "\n", "\nint broken(void) { return nothing; }\n")
    code, output = toyproject.kseries("run", "--series", "broken", "--until", "build")
    assert code == 1
    assert "net/core.c:" in output
    assert "undeclared" in output
    errors = [d for d in toyproject.latest()["diagnostics"] if d["severity"] == "error"]
    assert errors[0]["file"] == "net/core.c"
    assert errors[0]["line"] > 0
    # Fixed, the next one goes on.
    assert toyproject.kseries("run", "--until", "build")[0] == 0


def test_a_corrupt_tarball_is_refused_and_nothing_is_kept(
    toyproject: ToyProject, tmp_path: Path
) -> None:
    tarball = tmp_path / "linux.tar.xz"
    tarball.write_bytes(b"no tarball at all")
    (toyproject.root / "kernel/sources/tar.toml").write_text(
        f'kind = "tarball"\nurl = "{tarball}"\nsha256 = "{"0" * 64}"\n'
    )
    code, output = toyproject.kseries("run", "--source", "tar", "--until", "build")
    assert code == 2, output
    assert "0" * 64 in output
    cache = tmp_path / "cache"
    assert not list(cache.rglob(".part-*"))
    assert not list((cache / "kseries/git").glob("tar*.git"))


@pytest.mark.parametrize("stage", ["series", "fetch", "apply", "config", "build"])
def test_ctrl_c_in_a_stage_leaves_a_run_that_opens_and_goes_on(
    toyproject: ToyProject, stage: str
) -> None:
    process = toyproject.start("run", "--until", "build")
    next(line for line in process.stdout if line.startswith(f"{stage}: begins"))
    process.send_signal(signal.SIGINT)
    code, output = process.ended()
    assert code == 3, output
    assert "interrupted by SIGINT" in output
    assert f"{stage}: interrupted after " in output
    assert "INCOMPLETE  good" in output
    assert toyproject.states()[stage] == "interrupted"
    run = toyproject.root / "out/runs/latest"
    assert (run / "report.txt").read_text().startswith("INCOMPLETE  good")
    assert "INCOMPLETE" in (run / "report.html").read_text()
    assert toyproject.kseries("report")[0] == 3
    code, output = toyproject.kseries("run", "--resume", "latest")
    assert code == 0, output
    assert len(list((toyproject.root / "out/runs").glob("2*"))) == 1


def test_what_a_run_uses_is_not_cleared_under_it(toyproject: ToyProject) -> None:
    process = toyproject.start("run", "--until", "build")
    next(line for line in process.stdout if line.startswith("config: begins"))
    process.send_signal(signal.SIGSTOP)
    code, shown = toyproject.kseries("cache", "show")
    assert code == 0
    assert shown.count("in use") >= 3, shown
    code, cleared = toyproject.kseries("cache", "clear", "git", "trees", "builds", "runs")
    assert code == 0, cleared
    left = [line.split(":")[1].split()[0] for line in cleared.splitlines()[1:]]
    assert {"git", "trees", "runs"} <= set(left), cleared
    process.send_signal(signal.SIGCONT)
    code, output = process.ended()
    assert code == 0, output
    # Afterwards all of it goes, and comes again.
    code, cleared = toyproject.kseries("cache", "clear", "git", "trees", "builds", "runs")
    assert "left" not in cleared
    for folder in (toyproject.root / "out/trees", toyproject.root.parent / "cache/kseries/git"):
        assert [path for path in folder.iterdir() if not path.name.startswith(".")] == []
    assert toyproject.kseries("run", "--until", "build")[0] == 0


def test_what_was_used_longest_ago_makes_room(toyproject: ToyProject) -> None:
    assert toyproject.kseries("run", "--until", "build")[0] == 0
    old = toyproject.root / "out/trees/old"
    old.mkdir()
    (old / "data").write_bytes(b"x" * 5_000_000)
    os.utime(old, (0, 0))
    os.environ["KSERIES_LIMITS"] = "trees=0.004,free=0"
    try:
        code, output = toyproject.kseries("run", "--until", "build")
    finally:
        del os.environ["KSERIES_LIMITS"]
    assert code == 0, output
    assert "removed to make room: trees old, 5 MB, last used 1970-01-01" in output
    assert not old.exists()


def test_killed_at_any_moment_the_next_run_passes(toyproject: ToyProject) -> None:
    moments = random.Random(7)
    for stage in ("fetch", "apply", "config", "build"):
        process = toyproject.start("run", "--until", "build")
        next(line for line in process.stdout if line.startswith(f"{stage}: begins"))
        time.sleep(moments.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        process.ended()
    for results in (toyproject.root / "out/runs").glob("2*/results.json"):
        assert toyproject.kseries("report", results.parent.name)[0] in (0, 3)
    code, output = toyproject.kseries("run", "--until", "build")
    assert code == 0, output
    assert not [p for p in (toyproject.root / "out").rglob(".part-*") if "runs" not in p.parts]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_told_and_passes_once_there_is_room(toyproject: ToyProject) -> None:
    (toyproject.kernel / "large").write_bytes(bytes(1_000_000))
    out = toyproject.root / "out"
    out.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(out)], check=True)
    try:
        code, output = toyproject.kseries("run", "--until", "build")
    finally:
        subprocess.run(["umount", "--lazy", str(out)], check=True)
    assert code == 3, output
    assert "not enough room" in output.lower()
    assert toyproject.kseries("run", "--until", "build")[0] == 0


def test_a_kernel_that_was_configured_anew_since_is_not_taken_for_that_of_a_run(
    toyproject: ToyProject,
) -> None:
    assert toyproject.kseries("run", "--until", "build")[0] == 0
    first = toyproject.latest()["run"]
    toyproject.write("configs/base.config", "CONFIG_NET=y\nCONFIG_INET=y\n")
    assert toyproject.kseries("run", "--until", "build")[0] == 0
    code, output = toyproject.kseries("install", "--run", first)
    assert code == 2, output
    assert "another run has configured this since" in output
    assert toyproject.kseries("install", "--run", "latest")[0] == 0
