# SPDX-License-Identifier: GPL-2.0
"""A search on a machine that is reached only over ssh: each run boots the step's kernel there.

That is Debian's own in place of the toy's, which boots nothing. What a patch breaks is a test.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import labtoys
from tests.labtarget import Lab
from tests.test_hardware_run import boot, lab, pair, release

__all__ = ["boot", "lab", "pair", "release"]  # fixtures

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(1800)]

QUEUES = "tools/testing/selftests/drivers/net/queues.py"
FAILS = "#!/bin/sh\necho TAP version 13; echo 1..1; echo not ok 1 fine; exit 1\n"


def test_the_patch_that_breaks_a_test_is_found_on_the_machine(
    lab: Lab, toy_kernel: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    toys = labtoys.on_target(toy_kernel, monkeypatch, tmp_path / "toys")
    booted = labtoys.boots_debians(lab, monkeypatch)
    toys.add_to("toys", QUEUES, FAILS)
    file = str(lab.path / "standin.toml")
    assert toys.kseries("bisect", "queues.py", "--target", file) == 0
    latest = labtoys.latest(toys)
    told = json.loads((latest / "bisect.json").read_text())
    assert (told["conclusion"], told["first"], told["last"]) == ("found", 2, 2)
    # The whole series, its base and the first patch, twice each, as no answer rests on one run.
    assert len(booted) == 6
    for step in told["steps"]:
        for trial in step["trials"]:
            assert "Linux version" in (latest / trial["folder"] / "console.log").read_text()
