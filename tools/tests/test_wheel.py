# SPDX-License-Identifier: GPL-2.0
"""kseries away from its clone: a wheel is built, installed and used in other folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CLONE = Path(__file__).parents[2]
KEPT = ("PATH", "LANG", "TMPDIR", "KSERIES_LIMITS")
KTAP = "TAP version 13\n1..1\nok 1 one\n"


@dataclass(frozen=True)
class Installed:
    """The program of a wheel in an environment of its own, and a user with an empty home."""

    program: Path
    home: Path

    @property
    def state(self) -> Path:
        return self.home / ".local/state/kseries"

    def run(
        self, *words: str, cwd: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Call it with none of the variables that tests of the clone set."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return subprocess.run(
            [self.program, *words],
            cwd=cwd,
            env={**kept, "HOME": str(self.home), **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this clone and install it, where nothing else of the clone is in reach."""
    place = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheel = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(place)]
    subprocess.run([*pip, *wheel, str(CLONE)], check=True, timeout=100)
    venv.create(place / "venv", symlinks=True)
    python = place / "venv/bin/python"
    (file,) = place.glob("kseries-*.whl")
    install = ["--python", str(python), "install", "--no-deps", "--no-index", str(file)]
    subprocess.run([*pip, *install], check=True, timeout=100)
    # The libraries are those of the tests; what is editable there is not looked at.
    (packages,) = (place / "venv").glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return place / "venv/bin/kseries"


@pytest.fixture
def installed(program: Path, tmp_path: Path) -> Installed:
    (tmp_path / "home").mkdir()
    return Installed(program, tmp_path / "home")


def test_it_says_its_version(installed: Installed, tmp_path: Path) -> None:
    done = installed.run("--version", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("kseries ")


def test_a_log_is_read_from_any_folder(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(KTAP)
    done = installed.run("parse", "log", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("PASS")


def test_the_doctor_looks_at_the_users_folders(installed: Installed, tmp_path: Path) -> None:
    done = installed.run("doctor", cwd=tmp_path)
    assert "bwrap" in done.stdout, done.stderr
    assert "Traceback" not in done.stderr


def test_a_tree_is_tested_from_any_folder(
    installed: Installed, toy_kernel: Path, tmp_path: Path
) -> None:
    done = installed.run("run", "--tree", str(toy_kernel), "--until", "apply", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads((installed.state / "runs/latest/results.json").read_text())
    assert document["stages"][2]["state"] == "done"
    assert not list(tmp_path.rglob(".kseries"))
    # A workspace in the tree is no part of it.
    head = document["provenance"]["base_commit"]
    for _ in range(2):
        words = ("run", "--tree", ".", "--until", "apply", "--workspace", ".")
        assert installed.run(*words, cwd=toy_kernel).returncode == 0
        text = (toy_kernel / ".kseries/runs/latest/results.json").read_text()
        assert json.loads(text)["provenance"]["base_commit"] == head


def test_the_series_and_fragments_are_in_the_package(installed: Installed, tmp_path: Path) -> None:
    # The series stage reads all patches of the stack; no source is fetched.
    done = installed.run("series", "--config", "debug", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads((installed.state / "runs/latest/results.json").read_text())
    assert document["under_test"] == "zcrx-v7"
    done = installed.run("kselftest", "render", "--out", "tests", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tests/zcrx_recv.c").is_file()
    assert "register" in installed.run("mutants", "--list", cwd=tmp_path).stdout


def test_a_workspace_is_chosen_or_found_above(installed: Installed, tmp_path: Path) -> None:
    chosen = {"KSERIES_WORKSPACE": str(tmp_path / "here")}
    assert installed.run("series", cwd=tmp_path, env=chosen).returncode == 0
    (run,) = (tmp_path / "here/.kseries/runs").glob("*-zcrx-v7")
    assert (tmp_path / "here/.kseries/.gitignore").read_text() == "*\n"
    below = tmp_path / "here/deep"
    below.mkdir()
    assert run.name in installed.run("runs", cwd=below).stdout
    assert run.name not in installed.run("runs", cwd=tmp_path).stdout
    # An empty one is as good as none.
    (below / ".kseries").mkdir()
    assert run.name not in installed.run("runs", cwd=below).stdout


def test_printed_commands_work_as_pasted(installed: Installed, tmp_path: Path) -> None:
    here = tmp_path / "any folder"
    here.mkdir()
    done = installed.run("--workspace", "my work", "series", cwd=here)
    assert done.returncode == 0, done.stderr
    (run,) = (here / "my work/.kseries/runs").glob("*-zcrx-v7")
    script = (run / "reproduce.sh").read_text()
    assert "kseries run" in script
    assert "nox" not in script
    for program in (installed.program, "kseries"):
        # Where it is on the PATH, its name is enough.
        path = os.pathsep.join([str(installed.program.parent), os.environ["PATH"]])
        env = {"PATH": path} if program == "kseries" else {}
        pasted = installed.run("--workspace", "my work", "report", cwd=here, env=env).stdout
        again = next(line for line in pasted.splitlines() if line.startswith("show again:"))
        command = again.removeprefix("show again:").strip()
        assert command.startswith(f"{program} --workspace 'my work' report ")
        shell = {"HOME": str(installed.home), "PATH": path if env else os.environ["PATH"]}
        subprocess.run(["sh", "-c", command], cwd=here, env=shell, check=True, text=True)
    error = installed.run("report", "nothing", cwd=here).stderr
    assert f"`{installed.program} run`" in error


def test_a_workspace_that_a_tree_brought_is_not_used(installed: Installed, tmp_path: Path) -> None:
    run = tmp_path / "tree/.kseries/runs/20260101T000000-evil"
    run.mkdir(parents=True)
    (run / "request.json").write_text('{"trusted": true}')
    (run.parent / "latest").symlink_to(run.name)
    for words in (("series",), ("build",), ("run", "--resume", "latest")):
        done = installed.run(*words, cwd=tmp_path / "tree")
        assert done.returncode == 2
        assert "not known to be yours" in done.stderr
    # Nor are stacks that a tree brought.
    stack = tmp_path / "other/kernel/stacks/zcrx-v7.toml"
    stack.parent.mkdir(parents=True)
    stack.write_text("trusted = true\n")
    assert installed.run("series", cwd=tmp_path / "other").returncode == 0
    # Whoever names it has looked at it.
    named = {"KSERIES_WORKSPACE": str(tmp_path / "tree")}
    assert "evil" in installed.run("runs", cwd=tmp_path, env=named).stdout
    assert "evil" in installed.run("runs", cwd=tmp_path / "tree").stdout
