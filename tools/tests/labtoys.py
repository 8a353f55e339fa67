# SPDX-License-Identifier: GPL-2.0
"""Whole runs on stand-ins: the toy's series and tests, and Debian's kernel where one is booted.

The kernel that the toy's sources make boots nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.hardware.machine import LabMachine
from kseries.lib.deadline import Deadline
from kseries.model import Kernel
from kseries.run import context
from kseries.run.context import RunContext
from tests.labtarget import Lab
from tests.toymachine import Toys, set_up_toys


def on_target(toy_kernel: Path, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Toys:
    """Make a project with a series of one patch, whose runs take the target that they ask for."""
    target = RunContext.target
    toys = set_up_toys(folder, toy_kernel, monkeypatch)
    monkeypatch.setattr(RunContext, "target", target)
    toys.words("toys", "one")
    toys.stack("toys", under_test="toys")
    (toys.toyproject.root / "configs" / "hardware.config").write_text("CONFIG_NET=y\n")
    return toys


def built(lab: Lab, toy_kernel: Path, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Toys:
    """Make a run of one test (`queues.py`) up to where it wants the machine."""
    toys = on_target(toy_kernel, monkeypatch, folder)
    until = ("--until", "install", "--no-baseline", "-k", "queues")
    assert toys.kseries("run", "--target", str(lab.path / "standin.toml"), *until) == 0
    file = latest(toys) / "build.json"
    kernel = json.loads(file.read_text())
    kernel |= {"image": str(lab.kernel.image), "release": lab.kernel.release}
    file.write_text(json.dumps(kernel))
    return toys


def latest(toys: Toys) -> Path:
    """Give the folder of the last run."""
    return Path(os.path.realpath(toys.toyproject.root / "out" / "runs" / "latest"))


def boots_debians(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have runs boot Debian's kernel in place of theirs; give the list that these come to."""
    booted: list[str] = []

    class Debians(LabMachine):
        def boot(self, kernel: Kernel, deadline: Deadline) -> None:
            booted.append(str(kernel.image))
            own = replace(kernel, image=lab.kernel.image, release=lab.kernel.release)
            super().boot(own, deadline)

    monkeypatch.setattr(context, "LabMachine", Debians)
    return booted
