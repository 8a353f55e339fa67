# SPDX-License-Identifier: GPL-2.0
"""Killed at any moment on the workstation, a run leaves a machine that the next one puts back.

KILLS=100 in the environment takes more moments than those of every day, SEED=7 others.
"""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kseries.cli.main import main
from tests import labtoys
from tests.labtarget import Lab
from tests.standin import Pair
from tests.test_hardware_run import boot, first_state, lab, pair, release
from tests.toymachine import Toys

__all__ = ["boot", "lab", "pair", "release"]  # fixtures

KILLS = int(os.environ.get("KILLS", "2"))
SEED = int(os.environ.get("SEED", "1"))
LOG = logging.getLogger(__name__)

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(600 + 400 * KILLS)]

RUN = (sys.executable, "-m", "kseries", "test", "--run", "latest")
# Whoever looked only at addresses and links would not see these.
SETTINGS = (
    "ip link set dev eth1 up mtu 1400; ethtool -C eth1 rx-usecs 20;"
    " ip address replace 203.0.113.9/24 dev eth1"
)


def test_whoever_is_killed_at_a_random_moment_loses_nothing(
    lab: Lab, pair: Pair, toy_kernel: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target, state = str(lab.path / "standin.toml"), str(lab.path / "state.json")
    for host in ("dut", "peer"):
        pair.ssh(host, SETTINGS)
    toys = labtoys.built(lab, toy_kernel, monkeypatch, tmp_path / "toys")
    assert main(["hw", "state", target, "--take", state]) == 0

    def require_first_state() -> None:
        first_state(pair)
        assert main(["hw", "state", target, "--compare", state]) == 0
        assert main(["hw", "lock", target, "--show"]) == 0  # free

    def run_gives_its_result() -> float:
        began = time.monotonic()
        subprocess.run(RUN, check=True)
        require_passed(toys)
        return time.monotonic() - began

    chance = random.Random(SEED)
    takes_s = run_gives_its_result()
    require_first_state()
    for number in range(1, KILLS + 1):
        after_s, recovers = chance.uniform(0.0, takes_s), chance.random() < 0.5
        way = "hw recover" if recovers else "the next run"
        LOG.warning("kill %d: after %.1f of %.1f s, then %s", number, after_s, takes_s, way)
        child = subprocess.Popen(RUN)
        try:
            child.wait(timeout=after_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if recovers:
            assert main(["hw", "recover", target]) == 0
        else:
            run_gives_its_result()
        require_first_state()
    run_gives_its_result()
    require_first_state()


def require_passed(toys: Toys) -> None:
    (program,) = toys.toyproject.latest()["programs"]
    assert (program["name"], program["status"]) == ("queues.py", "pass")
