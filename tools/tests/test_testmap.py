# SPDX-License-Identifier: GPL-2.0
"""Which tests are run against a mutant, and in which order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mutate.bench import TESTS
from mutate.importing import dotted, independent
from mutate.sources import mutants
from mutate.testmap import Chooser, TestMap, written_in

pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).parents[1] / "kseries"


def test_the_tests_most_likely_to_notice_are_run_first(tmp_path: Path) -> None:
    files = {"kseries/rules.py": "def f():\n    return 1\n"}
    for name in ("rules", "page", "other"):
        module = "other" if name == "other" else "rules"
        files[f"tests/test_{name}.py"] = f"from kseries.{module} import f\n"
    for name, text in files.items():
        (tmp_path / "tools" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tools" / name).write_text(text)
    places = {name: f"tools/tests/test_{name}.py" for name in ("rules", "page", "other")}
    seconds = {"rules": (2.0, 1.0), "page": (0.1, 0.2, 0.3), "other": (0.1, 99.0)}
    known = TestMap()
    for name, place in places.items():
        tests = {f"{place}::test_{n}": time for n, time in enumerate(seconds[name])}
        lines = {test: {"rules.py": [2]} for test in tests}
        known.add({"failed": [], "seconds": tests, "lines": lines})
    chooser = Chooser(known, tmp_path)
    (mutant,) = [m for m in mutants("rules.py", files["kseries/rules.py"], {}) if "2" in m.change]

    def order() -> list[list[str]]:
        found = chooser.tests(mutant, budget_s=10.0)
        return [[test.removeprefix("tools/tests/test_") for test in tests] for tests in found]

    # By its name, the quick ones first; then what imports it; what would take too long is not run.
    assert order() == [
        ["rules.py::test_1", "rules.py::test_0"],
        ["page.py::test_0", "page.py::test_1", "page.py::test_2"],
        ["other.py::test_0"],
    ]
    chooser.note("rules.py", f"{places['page']}::test_2")
    assert order()[0][0] == "page.py::test_0"


@pytest.mark.parametrize("rows", ["_ROWS = 1, 2", "_ROWS, _MORE = (1, 2), 3"])
def test_a_test_that_looks_at_a_table_itself_is_run(rows: str, tmp_path: Path) -> None:
    rules = f"{rows}\nTABLE: tuple = (*_ROWS,)\n\n\ndef f():\n    return TABLE\n"
    uses = "from kseries.rules import TABLE\n\n\ndef test_1():\n    assert TABLE\n"
    files = {
        "kseries/rules.py": rules,
        "tests/test_table.py": uses,
        "tests/test_f.py": "from kseries.rules import f\n",
        "tests/test_word.py": "TABLE = 3\n",
    }
    known = TestMap()
    for name, text in files.items():
        (tmp_path / "tools" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tools" / name).write_text(text)
        test = f"tools/{name}::test_1"
        lines = {test: {"rules.py": [6]}} if "test_f" in name else {}
        known.add({"failed": [], "seconds": {test: 0.1}, "lines": lines})
    mutant, *_ = [m for m in mutants("rules.py", rules, {}) if "_ROWS" in m.names]
    chosen = {test for tests in Chooser(known, tmp_path).tests(mutant, 10.0) for test in tests}
    assert chosen == {f"tools/tests/test_{name}.py::test_1" for name in ("table", "f")}


def test_what_depends_on_a_module_is_not_loaded_before_it_is_changed(tmp_path: Path) -> None:
    for name, text in {
        "__init__": "",
        "__main__": "from kseries import main\n",
        "rules": "import re\n",
        "words": "",
        "verdict": "from kseries import rules\nfrom kseries.words import say\n",
        "late": "def f():\n    import kseries.verdict\n",
        "sub/__init__": "",
        "sub/page": "from kseries.words import say\n",
        "sub/run": "from kseries.verdict import decide\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.py").write_text(text)
    alone = ["kseries", "kseries.sub", "kseries.sub.page", "kseries.words"]
    assert independent(tmp_path, "rules.py") == alone
    assert "kseries.sub.page" not in independent(tmp_path, "words.py")
    assert "kseries.rules" in independent(tmp_path, "words.py")


@pytest.mark.parametrize("module", ["lib/untrusted.py", "lib/gitrepo.py", "suites/zcrx.py"])
def test_what_is_loaded_before_does_not_bring_the_module_along(module: str) -> None:
    alone = independent(PACKAGE, module)
    assert len(alone) > 50
    script = f"import {', '.join(alone)}, sys; print({dotted(module)!r} in sys.modules)"
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, cwd=PACKAGE.parent, check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_a_record_is_of_what_its_tests_are_written_in(tmp_path: Path) -> None:
    folder = tmp_path / TESTS
    folder.mkdir(parents=True)
    for name, text in {
        "test_a": "from tests.toyproject import x\nfrom tests.test_b import y\nimport tests.gone\n",
        "test_b": "from tests import toy\nimport kseries.toyproject\n",
        "test_c": "from tests.other import x\n",
        "conftest": "from tests.logs import x\n",
        "toyproject": "import os\nimport tests.test_a\n",
        **dict.fromkeys(("toy", "logs", "other"), ""),
    }.items():
        (folder / f"{name}.py").write_text(text)
    found = written_in(tmp_path, f"{TESTS}/test_a.py")
    names = ("test_a", "test_b", "conftest", "toyproject", "toy", "logs")
    assert found == {f"{TESTS}/{name}.py" for name in names}
