# SPDX-License-Identifier: GPL-2.0
from __future__ import annotations

import subprocess

import pytest

from kseries.parse import lacking


@pytest.mark.parametrize(
    "line",
    [
        "./fib_tests.sh: line 20: which: command not found",
        "lib.sh: line 165: which: command not found",
        "# ./a b.sh: line 3: which: command not found",
        "./x.sh: 7: which: not found",
        "sh: 1: which: not found",
        "timeout: failed to run command 'which': No such file or directory",
        "timeout: failed to run command \u2018which\u2019: No such file or directory",
        "env: \u2018which\u2019: No such file or directory",
    ],
)
def test_what_is_said_of_a_command(line: str) -> None:
    assert lacking.commands([line]) == ("which",)


@pytest.mark.parametrize(
    "line",
    [
        "SKIP: sample /kselftest/net/sample_ret0.bpf.o not found, please compile it",
        "'nettest' command not found; skipping tests",
        "line 7: not found",
        "a: 7: the device: not found",
        "xxd: cannot open 'which': No such file or directory",
        "# not ok 1 which: command not found",
    ],
)
def test_what_only_looks_like_it(line: str) -> None:
    assert lacking.commands([line]) == ()


def test_some_are_named_and_each_once() -> None:
    lines = [f"x.sh: line {n}: c{n % 7}: command not found" for n in range(30)]
    what = "it calls what the machine does not have: c0, c1, c2, c3, c4 and 2 more"
    assert lacking.problem(lines) == what
    assert lacking.problem([]) == ""


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("call", ["no-such-1", "timeout 1 no-such-1", "env no-such-1"])
def test_what_shells_here_say(shell: str, call: str) -> None:
    done = subprocess.run([shell, "-c", call], capture_output=True, text=True, check=False)
    assert done.returncode == 127
    assert lacking.commands(done.stderr.splitlines()) == ("no-such-1",)
