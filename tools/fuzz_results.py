# SPDX-License-Identifier: GPL-2.0
"""Look for logs and mails that their readers get wrong, for a given time.

Runs the properties of tools/tests/test_any*.py (logs, kernel logs, mails) in rounds, each with
another seed. What fails is printed with the smallest input that shows it, to be put into a test;
the same round is run again with --seed. Exit status 1 then, else 0.

    nox -s fuzz                       two minutes
    nox -s fuzz -- --seconds 600
    nox -s fuzz -- --seed 12345       one round
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.proc import Completed

ROOT = Path(__file__).parents[1]
PROPERTIES = (
    "tools/tests/test_anylog.py",
    "tools/tests/test_anyklog.py",
    "tools/tests/test_anymail.py",
)
ROUND_S = 900.0  # a round takes seconds; making a failing example smaller takes minutes


def main() -> int:
    """Run rounds until the time is up or a property fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120.0, help="default: %(default)g")
    parser.add_argument("--seed", type=int, help="run the one round of this seed")
    arguments = parser.parse_args()
    started = time.monotonic()
    rounds = 0
    while True:
        seed = random.randrange(1 << 32) if arguments.seed is None else arguments.seed
        done = run_round(seed)
        rounds += 1
        passed_s = time.monotonic() - started
        if not done.ok:
            print(done.output)
            print(f"round {rounds}: failed; the same again: nox -s fuzz -- --seed {seed}")
            return 1
        told = done.output.strip().splitlines()[-1]
        print(f"round {rounds}, seed {seed}: {told}; {passed_s:.0f} s", flush=True)
        if arguments.seed is not None or passed_s >= arguments.seconds:
            return 0


def run_round(seed: int) -> Completed:
    """Check all properties once."""
    options = (f"--hypothesis-seed={seed}", "--hypothesis-profile=new", "--timeout=0")
    return proc.run(
        [sys.executable, "-m", "pytest", *options, *PROPERTIES],
        cwd=ROOT,
        deadline=Deadline.after(ROUND_S),
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main())
