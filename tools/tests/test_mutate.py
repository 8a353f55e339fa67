# SPDX-License-Identifier: GPL-2.0
"""Faults put into the toolkit: which there are, and that a test that is missing is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mutate import equivalents
from mutate.__main__ import LIST
from mutate.bench import PACKAGE, Bench
from mutate.bench import TESTS as TEST_FOLDER
from mutate.patterns import difference, weaker
from mutate.sources import enums, mutants

TOOLS = Path(__file__).parents[1]

CONFTEST = """
import hypothesis
hypothesis.settings.register_profile("mutate")
"""
RULES = """
def limit(count):
    return count > 3


def rounds(count):
    while count > 0:
        count -= 1
    return 7


def unseen(count):
    return count + 1


import functools


@functools.cache
def kept():
    return 5


SIZES = (4, 8)
"""
TESTS = """
import subprocess
import sys
from pathlib import Path

import pytest

from kseries.rules import SIZES, kept, limit, rounds

PAIRS = dict([SIZES])


def test_sizes():
    assert PAIRS == {4: 8}


def test_limit():
    assert limit(5)
    assert not limit(1)


def test_rounds():
    assert rounds(2) == 7


def test_in_a_process_of_its_own():
    script = "from kseries.rules import unseen; raise SystemExit(unseen(1) != 2)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_that_fails_anyway():
    assert limit(3)


def test_that_passes_once():
    assert limit(5)
    Path("passed").touch(exist_ok=False)


def test_that_there_is_an_answer():
    assert kept()


def test_the_answer():
    assert kept() == 5
"""

SOURCE = '''\
import enum
import re


class State(enum.Enum):
    """What it says."""

    UP = "up"
    DOWN = "down"


WORD = re.compile(r"^a?b$")
GOOD = ("yes", "si")


def bound(count: int, limit: int = 3) -> bool:
    """Whether it is too much."""
    if count < 0:
        raise ValueError("what people read stays")
    return count > limit and count != 7


def state(text: str) -> State:
    return State.UP if text.startswith("up") else State.DOWN
'''


def changes(source: str) -> set[str]:
    return {mutant.change for mutant in mutants("m.py", source, enums(source))}


def test_faults_of_each_sort() -> None:
    assert changes(SOURCE) >= {
        "count > limit → (count >= limit)",
        "count < 0 → (not (count < 0))",
        "count > limit and count != 7 → (count > limit)",
        "count > limit and count != 7 → (count != 7)",
        "3 → 4",
        "3 → 2",
        'raise ValueError("what people read stays") → pass',
        "State.UP → State.DOWN",
        "State.DOWN → State.UP",
        "\"up\" → 'up~'",
        "text.startswith → text.endswith",
        '^ → "" at 0',
        '? → "" at 2',
        '"si" → (left out)',
    }


@pytest.mark.parametrize(
    ("body", "change"),
    [
        ("return f(a, b=1)", "b=1 → (left out)"),
        ("return a + b", "a + b → (a - b)"),
        ("return a[1:]", "a[1:] → a[:]"),
        ("a.append(b)", "a.append(b) → pass"),
        ("a.b = 1", "a.b = 1 → pass"),
        ("return a.b", "a.b → None"),
        ("return [x for x in a if x]", "x → True"),
        ("return max(a, b)", "max → min"),
        ("try:\n        a()\n    except OSError:\n        b()", "b() → raise"),
        ("return {'k': 1, 'l': 2}", "'k' → (left out)"),
        ("return a is None", "a is None → (a is not None)"),
    ],
)
def test_faults_of_a_function(body: str, change: str) -> None:
    assert change in changes(f"def f(a, b) -> X | None:\n    {body}\n")


def test_what_decides_nothing_is_left_alone() -> None:
    source = '''\
from __future__ import annotations
from dataclasses import dataclass


@dataclass(frozen=True)
class Value:
    """One of 3."""

    name: tuple[int, 4]


Say = Callable[[Value, int], str]


def say(value: Value | None = None) -> str:
    assert value is not None
    message("one of 3 is not there")
    return f"{value.name} of 3"
'''
    assert changes(source) == {
        'message("one of 3 is not there") → pass',
        "f\"{value.name} of 3\" → ''",
    }


def test_a_mutant_is_named_by_its_line_and_not_by_the_number_of_it() -> None:
    first = mutants("m.py", SOURCE, {})
    below = mutants("m.py", f"# more\n\n{SOURCE}", {})
    assert [mutant.key for mutant in first] == [mutant.key for mutant in below]
    assert len({mutant.key for mutant in first}) == len(first)


def test_a_value_is_known_by_the_name_of_its_table_or_field() -> None:
    source = "LIMITS = (3, 4)\nclass A:\n    most: int = 5\n    def f(self):\n        return 6\n"
    source += "LOW, (HIGH, TABLE[0]) = 7, (8, 9)\n"
    names = {mutant.change: mutant.names for mutant in mutants("m.py", source, {})}
    told = [names[f"{n} → {n + 1}"] for n in (3, 5, 6, 8)]
    assert told == [("LIMITS",), ("most",), (), ("LOW", "HIGH")]


def test_the_same_fault_twice_in_a_line_is_told_apart() -> None:
    same = [m for m in mutants("m.py", "def f():\n    return a[0] + b[0]\n", {}) if "0" in m.change]
    assert [mutant.change for mutant in same if "→ 1" in mutant.change] == ["0 → 1", "0 → 1 #2"]


def test_every_mutant_of_the_toolkit_is_source_that_parses() -> None:
    source = (TOOLS / "kseries/parse/klog.py").read_text()
    found = mutants("parse/klog.py", source, {})
    assert len(found) > 100
    for mutant in found:
        compile(mutant.edit.apply(source.encode()), "klog.py", "exec")


@pytest.mark.parametrize(
    ("pattern", "changed"),
    [
        (r"a|b", ["a", "b"]),
        (r"x(?:a|bc)y", ["x(?:a)y", "x(?:bc)y"]),
        (r"\d+ *[+*]\?", [r"\d* *[+*]\?", r"\d+ +[+*]\?"]),
        (r"^a$", ["a$", "^a"]),
        (r"a+?", ["a*?", "a+"]),
    ],
)
def test_faults_of_patterns(pattern: str, changed: list[str]) -> None:
    assert weaker(pattern) == changed


def test_what_is_left_out_of_a_table_is_named_by_its_own_line() -> None:
    source = "TABLE = (\n    1,\n    2,\n)\n"
    (found,) = [m for m in mutants("m.py", source, {}) if m.change == "2 → (left out)"]
    assert (found.line, found.text) == (3, "2,")
    assert found.edit.apply(source.encode()) == b"TABLE = (1,)\n"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [("a+b", "a*b", "+ → * at 1"), ("a|b", "b", 'a| → "" at 0'), ("ab$", "ab", '$ → "" at 2')],
)
def test_a_pattern_is_told_by_what_differs(old: str, new: str, told: str) -> None:
    assert difference(old, new) == told


def test_an_equivalent_that_fits_nothing_any_more_is_refused() -> None:
    (mutant, *_) = found = mutants("m.py", SOURCE, {})
    listed = {mutant.key: "why"}
    equivalents.check(listed, ["m.py"], found)
    stale = replace(mutant, text="another line")
    equivalents.check({stale.key: "why"}, ["other.py"], found)
    with pytest.raises(equivalents.Unfit, match="another line"):
        equivalents.check({stale.key: "why"}, ["m.py"], found)


def test_an_equivalent_has_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "equivalents.toml"
    entry = '[[mutant]]\nmodule = "m.py"\nline = "x"\nchange = "1 → 2"\nwhy = "{}"\n'
    file.write_text(entry.format("nobody asks"))
    assert equivalents.read(file) == {("m.py", "", "x", "1 → 2"): "nobody asks"}
    file.write_text(entry.format(" "))
    with pytest.raises(equivalents.Unfit, match="no reason"):
        equivalents.read(file)


def test_the_lists_fit_the_toolkit() -> None:
    modules = [line for line in LIST.read_text().splitlines() if line and line[0] != "#"]
    assert all((TOOLS.parent / PACKAGE / module).is_file() for module in modules)
    listed = equivalents.read()
    assert {module for module, *_ in listed} <= set(modules)
    # Whether an entry fits a mutant takes seconds to say; the line is what changes.
    lines = {
        module: {line.strip() for line in (TOOLS / "kseries" / module).read_text().splitlines()}
        for module, *_ in listed
    }
    assert [key for key in listed if key[2] not in lines[key[0]]] == []


@pytest.fixture
def toolkit(tmp_path: Path) -> Path:
    """A toolkit of one module, with a boundary that no test looks at."""
    root = tmp_path / "toolkit"
    for name, text in {
        "tools/kseries/__init__.py": "",
        "tools/kseries/rules.py": RULES,
        "tools/tests/conftest.py": CONFTEST,
        "tools/tests/test_rules.py": TESTS,
        ".gitignore": "out/\n",
        # As in the project's own: it takes seconds to load, of the few that a trial has here.
        "pytest.ini": "[pytest]\naddopts = -p no:labgrid\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "--quiet", root], check=True)
    return root


def mutate(root: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "mutate", "--root", root, "rules", *words],
        env={**os.environ, "PYTHONPATH": str(TOOLS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def test_a_rule_that_no_test_holds_is_found(toolkit: Path) -> None:
    code, said = mutate(toolkit, "--all", "--grace", "1", "--jobs", "1")
    assert code == 1, said
    told = json.loads((toolkit / "out/mutation/results.json").read_text())
    fates = {(m["within"], m["change"]): (m["fate"], m["by"]) for m in told["mutants"]}
    assert fates["limit", "3 → 2"] == ("survived", "")
    assert fates["limit", "count > 3 → (count >= 3)"] == ("survived", "")
    rules = "tools/tests/test_rules.py"
    assert fates["rounds", "7 → 8"] == ("killed", f"{rules}::test_rounds")
    # A process that a test started is seen, too, and what never ends is noticed.
    assert fates["unseen", "count + 1 → (count - 1)"] == (
        "killed",
        f"{rules}::test_in_a_process_of_its_own",
    )
    # One that takes an answer from a cache is not told apart from one that works it out.
    assert fates["kept", "5 → 6"] == ("killed", f"{rules}::test_the_answer")
    assert fates["rounds", "count -= 1 → pass"] == ("timeout", "")
    # With this one the tests cannot even be loaded.
    assert fates["", "8 → (left out)"] == ("killed", rules)
    # What fails without the fault has noticed nothing.
    anyway = ("test_that_fails_anyway", "test_that_passes_once")
    assert told["failing"] == [f"{rules}::{name}" for name in anyway]
    assert "tools/kseries/rules.py:3 limit: comparison, 1 tests" in said
    # The sources are as they were.
    assert (toolkit / "tools/kseries/rules.py").read_text() == RULES


def test_a_worker_that_has_ended_is_started_again(toolkit: Path, tmp_path: Path) -> None:
    bench = Bench(toolkit, tmp_path / "bench")
    try:
        before = bench.run([f"{TEST_FOLDER}/test_rules.py"], None, 60)
        ended = bench._worker
        ended.kill()
        ended.wait()
        # The kernel ends the processes behind bubblewrap a moment later.
        assert ended.stdout is not None
        assert ended.stdout.read() == ""
        assert bench.run([f"{TEST_FOLDER}/test_rules.py"], None, 60).failed == before.failed
    finally:
        bench.close()


def test_tests_that_wait_for_what_never_comes_are_ended(toolkit: Path, tmp_path: Path) -> None:
    deadlock = "import threading\n\ndef test_lock():\n    threading.Event().wait()\n"
    (toolkit / TEST_FOLDER / "test_lock.py").write_text(deadlock)
    bench = Bench(toolkit, tmp_path / "bench")
    try:
        # Its processor time alone would let it wait for an hour.
        assert bench.run([f"{TEST_FOLDER}/test_lock.py"], None, 720, idle_s=1).exit is None
        assert bench.run([f"{TEST_FOLDER}/test_rules.py"], None, 60).exit == 1
    finally:
        bench.close()


def test_a_worker_outlives_the_thread_that_asks_for_it(toolkit: Path, tmp_path: Path) -> None:
    bench = Bench(toolkit, tmp_path / "bench")
    try:
        thread = threading.Thread(target=bench.settle, args=("rules.py",))
        thread.start()
        thread.join()
        time.sleep(0.2)
        assert bench._worker.poll() is None
    finally:
        bench.close()


def test_a_sample_is_the_same_each_time(toolkit: Path) -> None:
    _, one = mutate(toolkit, "--list", "--sample", "5", "--seed", "3")
    _, same = mutate(toolkit, "--list", "--sample", "5", "--seed", "3")
    _, other = mutate(toolkit, "--list", "--sample", "5", "--seed", "4")
    assert len(one.splitlines()) == 5
    assert one == same != other


def test_a_module_that_is_not_there_is_refused(toolkit: Path) -> None:
    code, said = mutate(toolkit, "nowhere")
    assert (code, said) == (2, "error: no module of tools/kseries is named nowhere\n")
    code, said = mutate(toolkit, "--tests", "test_rules", "test_none")
    assert (code, said) == (2, "error: no files of tests are named so: ['test_none']\n")
