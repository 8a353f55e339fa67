# SPDX-License-Identifier: GPL-2.0
"""The exit status of `./nox` is that of the kseries which its sessions run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import noxexit
from tests.toyproject import ToyProject, set_up

ROOT = Path(__file__).parents[2]

FINGERPRINT = """\
sed '/^install_packages$/,$d' nox >functions
. ./functions
trap - EXIT
fingerprint "$(find_python)"
"""


@pytest.fixture
def toyproject(tmp_path: Path, toy_kernel: Path) -> ToyProject:
    """A project in small with the real nox, noxfile.py and environment."""
    toyproject = set_up(tmp_path / "project", toy_kernel)
    for name in ("nox", "noxfile.py", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, toyproject.root / name)
    toyproject.write("tools/noxexit.py", (ROOT / "tools/noxexit.py").read_text())
    toyproject.write("debian-packages.txt", "")
    venv = toyproject.root / "out/venv"
    venv.mkdir(parents=True)
    for part in Path(sys.prefix).iterdir():
        if part.name != ".made-of":
            (venv / part.name).symlink_to(part)
    made = subprocess.run(
        ["sh", "-c", FINGERPRINT], cwd=toyproject.root, check=True, capture_output=True, text=True
    )
    (venv / ".made-of").write_text(made.stdout)
    return toyproject


def start(toyproject: ToyProject, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["./nox", *words],
        cwd=toyproject.root,
        env=toyproject.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def ended(toyproject: ToyProject, *words: str) -> tuple[int, str]:
    process = start(toyproject, *words)
    output, _ = process.communicate(timeout=100)
    return process.returncode, output


def test_the_status_of_runs(toyproject: ToyProject) -> None:
    toyproject.patch("broken", "net/core.c", "\n", "\nint broken(void) { return nothing; }\n")
    broken = ("--", "--series", "broken")
    assert ended(toyproject, "-s", "build")[0] == 0
    assert ended(toyproject, "-s", "build", *broken)[0] == 1
    assert (
        ended(toyproject, "-s", "build", "bisect", *broken)[0] == 2
    )  # 1, and 2 for want of a test
    assert ended(toyproject, "-s", "build")[0] == 0  # nothing is left of the calls before


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("-s", "build", "--", "--series", "/no/such.mbox"), 2),
        (("-s", "selftest", "--", "--no-such-option"), 2),
        (("-s", "bisect"), 2),
        (("-s", "mutants", "--", "no-such-mutant"), 2),
        (("-s", "no-such-session"), 2),
        (("--no-such-option",), 2),
        (("--list",), 0),
    ],
)
def test_the_status_of_requests(
    toyproject: ToyProject, words: tuple[str, ...], status: int
) -> None:
    code, output = ended(toyproject, *words)
    assert code == status, output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("to_all", [True, False])
def test_an_interrupted_run(toyproject: ToyProject, number: signal.Signals, to_all: bool) -> None:
    process = start(toyproject, "-s", "build")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("config: begins"):
            (os.killpg if to_all else os.kill)(process.pid, number)
            break
    output, _ = process.communicate(timeout=25)  # not only once nox has lost its patience
    assert process.returncode == 3, output
    assert f"interrupted by {number.name}" in output
    assert "the run can be read and continued" in output
    assert toyproject.states()["config"] == "interrupted"


def test_a_killed_nox_ends_its_run(toyproject: ToyProject) -> None:
    process = start(toyproject, "-s", "build")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("config: begins"):
            process.kill()
            break
    process.communicate(timeout=25)
    for _ in range(100):
        if "interrupted by SIGTERM" in str(toyproject.latest()["stages"]):
            break
        time.sleep(0.1)
    assert toyproject.states()["config"] == "interrupted"
    assert toyproject.latest()["exit_code"] == 3


def test_what_fails_before_nox_is_not_the_series(toyproject: ToyProject) -> None:
    (toyproject.root / "out/.venv.lock").mkdir()
    code, output = ended(toyproject, "-s", "build")
    assert code == 3, output


@pytest.mark.parametrize(
    ("nox", "told", "status"),
    [
        (0, [], 0),
        (0, [0], 0),
        (1, [], 1),  # a session that runs something else
        (1, [1], 1),
        (1, [2], 2),
        (1, [0, 2, 1], 2),
        (1, [0, 3], 3),
        (1, [0], 1),  # the other session failed
        (2, [], 2),  # an option that nox does not have
        (3, [], 2),  # a session that there is not
        (130, [0], 3),
        (130, [], 3),
    ],
)
def test_combined(nox: int, told: list[int], status: int) -> None:
    assert noxexit.combined(nox, told) == status


def test_a_session_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "status"
    noxexit.tell(0)  # another nox than ours: nobody asks
    monkeypatch.setenv(noxexit.FILE, str(file))
    for status in (0, 1, 2, 3, None, -9, 127):
        noxexit.tell(status)
    assert file.read_text().split() == ["0", "1", "2", "3", "3", "3", "3"]
