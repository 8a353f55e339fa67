# SPDX-License-Identifier: GPL-2.0
"""Which test runs which line: recorded for each file of tests, and kept until something changes."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coverage import CoverageData

from mutate.bench import PACKAGE, TESTS, Bench
from mutate.importing import assigned, dotted, imports
from mutate.model import Mutant


class Broken(Exception):
    """Tests do not run, though there is no fault: nothing can be said. Says which."""


LIMIT_S = 1200.0  # for all tests of one file


@dataclass
class TestMap:
    """For each module the tests of each line; for each test its processor time in seconds."""

    lines: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)

    __test__ = False  # no test, whatever pytest thinks of the name

    def add(self, record: dict[str, object]) -> None:
        """Take what was recorded of a file of tests; tests that fail anyway are no use."""
        failed: list[str] = record["failed"]  # type: ignore[assignment]
        seconds: dict[str, float] = record["seconds"]  # type: ignore[assignment]
        lines: dict[str, dict[str, list[int]]] = record["lines"]  # type: ignore[assignment]
        self.failing |= set(failed)
        # One that runs no function of ours may look at a table.
        self.seconds |= {test: took for test, took in seconds.items() if test not in self.failing}
        for test, modules in lines.items():
            if test in self.seconds:
                for module, numbers in modules.items():
                    own = self.lines.setdefault(module, {})
                    for number in numbers:
                        own.setdefault(number, set()).add(test)

    def of(self, module: str, numbers: Iterable[int]) -> set[str]:
        """Give the tests that run one of these lines."""
        own = self.lines.get(module, {})
        return set().union(*(own.get(number, set()) for number in numbers))


def record(bench: Bench, test_file: str, kept: Path) -> tuple[dict[str, object], bool]:
    """Give the record of a file of tests: (record, whether it was kept from an earlier time)."""
    path = kept / f"{Path(test_file).stem}.json"
    try:
        old: dict[str, object] = json.loads(path.read_text())
        if old["files"] == _digests(bench.tree, old["files"]):  # type: ignore[arg-type]
            return old, True
    except (OSError, ValueError, KeyError):
        pass
    new = _recorded(bench, test_file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(new))
    return new, False


def _recorded(bench: Bench, test_file: str) -> dict[str, object]:
    folder = bench.tree / "coverage"
    folder.mkdir(exist_ok=True)
    config = folder / "rc"
    config.write_text(
        f"[run]\nparallel = true\ndata_file = {folder}/data\n"
        f"patch = _exit\nsource = {bench.tree / PACKAGE}\ncontext = ${{PYTEST_CURRENT_TEST-}}\n"
    )
    answer = bench.run([test_file], None, LIMIT_S, config)
    if answer.exit not in (0, 1, 5):
        raise Broken(f"the tests of {test_file} do not run: pytest gave {answer.exit}")
    lines: dict[str, dict[str, list[int]]] = {}
    package = bench.tree / PACKAGE
    for path in folder.glob("data.*"):
        data = CoverageData(str(path))
        data.read()
        for name in data.measured_files():
            module = str(Path(name).relative_to(package))
            for number, contexts in data.contexts_by_lineno(name).items():
                for context in contexts:
                    # Of a process that a test started: "node id (call)".
                    test = context.removesuffix(" (call)").removesuffix(" (setup)")
                    if test:
                        lines.setdefault(test, {}).setdefault(module, []).append(number)
        path.unlink()
    used = [
        *written_in(bench.tree, test_file),
        *(f"{PACKAGE}/{module}" for own in lines.values() for module in own),
    ]
    return {
        "files": _digests(bench.tree, used),
        "failed": list(answer.failed),
        "seconds": answer.seconds,
        "lines": lines,
    }


def written_in(tree: Path, test_file: str) -> set[str]:
    """Name the files that tests are written in: their own, conftest.py, and what these import."""
    found: set[str] = set()
    more = {test_file, f"{TESTS}/conftest.py"}
    while more:
        found |= more
        named = {name for file in more for name in imports((tree / file).read_text())}
        words = {name.split(".")[1] for name in named if name.startswith("tests.")}
        files = {f"{TESTS}/{word}.py" for word in words}
        more = {file for file in files if (tree / file).is_file()} - found
    return found


def _digests(tree: Path, names: Iterable[str]) -> dict[str, str]:
    return {
        name: hashlib.sha256((tree / name).read_bytes()).hexdigest()
        for name in sorted(set(names))
        if (tree / name).is_file()
    }


class Chooser:
    """Chooses tests for mutants: those that run the line, those of the module's own first."""

    def __init__(self, tests: TestMap, tree: Path) -> None:
        self._tests = tests
        self._package = tree / PACKAGE
        self._sources = {
            str(path.relative_to(self._package)): path.read_text()
            for path in sorted(self._package.rglob("*.py"))
        }
        files = {f"{TESTS}/{p.name}": p.read_text() for p in (tree / TESTS).glob("test_*.py")}
        self._test_sources = files
        self._imported = {name: imports(source) for name, source in files.items()}
        self._noticed: Counter[tuple[str, str]] = Counter()

    def tests(self, mutant: Mutant, budget_s: float) -> list[list[str]]:
        """Give the tests to run in rounds, each with the quick ones first.

        Those of the file that is likely to notice it, of others that import the module, of others.
        budget_s: processor time of all tests; what would take longer is left out.
        """
        seconds = self._tests.seconds
        able = self._candidates(mutant) - self._tests.failing
        found = sorted(able, key=lambda test: (seconds[test], test))
        own = [test for test in found if self._own(test, dotted(mutant.module))]
        likely = self._likely(mutant.module, Counter(map(_file, own)))
        first = [test for test in own if _file(test) == likely]
        rounds = [first, [test for test in own if _file(test) != likely]]
        rounds.append([test for test in found if test not in own])
        return [tests for tests in self._within(rounds, budget_s) if tests]

    def note(self, module: str, test: str) -> None:
        """Remember that a test has noticed a mutant of a module."""
        self._noticed[module, _file(test)] += 1

    def _likely(self, module: str, files: Mapping[str, int]) -> str:
        """Give the file of tests that has noticed most of a module's mutants so far.

        Before any was, that which is named after the module, else that with most tests of it.
        files: of each its number of tests. "" for no file.
        """
        stem = Path(module).stem

        def rank(file: str) -> tuple[int, bool, int]:
            is_named = Path(file).stem in (f"test_{stem}", f"test_rules_{stem}")
            return self._noticed[module, file], is_named, files[file]

        return max(files, key=rank, default="")

    def _within(self, rounds: list[list[str]], budget_s: float) -> Iterator[list[str]]:
        left_s = budget_s
        for tests in rounds:
            kept = []
            for test in tests:
                if self._tests.seconds[test] <= left_s:
                    left_s -= self._tests.seconds[test]
                    kept.append(test)
            yield kept

    def drop(self, tests: Iterable[str]) -> None:
        """Choose these no more: they fail without a fault."""
        self._tests.failing |= set(self.expand(tests))

    def expand(self, failed: Iterable[str]) -> tuple[str, ...]:
        """Give the tests that have failed: all of a file that cannot even be loaded."""
        known = self._tests.seconds.keys() - self._tests.failing
        return tuple(
            test
            for name in failed
            for test in ([name] if "::" in name else sorted(t for t in known if _file(t) == name))
        )

    def expected_s(self, tests: Iterable[str]) -> float:
        """Give the processor time of tests."""
        return sum(self._tests.seconds[test] for test in tests)

    def _own(self, test: str, name: str) -> bool:
        return name in self._imported.get(_file(test), ())

    def _candidates(self, mutant: Mutant) -> set[str]:
        if mutant.body is not None:
            first, last = mutant.body
            # Lines of the header are run when the module is loaded, whoever did that.
            inside = mutant.line >= first
            found = self._tests.of(mutant.module, [mutant.line]) if inside else set()
            # Of an expression of many lines not each is recorded.
            return found or self._tests.of(mutant.module, range(first, last + 1))
        return self._of_name(mutant) or self._of_module(mutant.module)

    def _of_name(self, mutant: Mutant) -> set[str]:
        """Give the tests of functions that use a name of the module, and those that use it.

        So do those that use another that is made of it.
        """
        found: set[str] = set()
        for name in _made_of(self._sources[mutant.module], mutant.names):
            word = re.compile(rf"\b{name}\b")
            users = {file for file, text in self._test_sources.items() if word.search(text)}
            users = {file for file in users if dotted(mutant.module) in self._imported[file]}
            found |= {test for test in self._tests.seconds if _file(test) in users}
            for module, source in self._sources.items():
                is_seen = module == mutant.module or not name.startswith("_")
                if is_seen and name in source:
                    found |= self._tests.of(module, _users(source, name))
        return found | (self._tests.of(mutant.module, self._body_lines(mutant.module)))

    def _of_module(self, module: str) -> set[str]:
        """Give the tests of the modules that import this one."""
        found: set[str] = set()
        for other, source in self._sources.items():
            if dotted(module) in imports(source):
                found |= self._tests.of(other, self._body_lines(other))
        return found

    def _body_lines(self, module: str) -> list[int]:
        return _function_lines(self._sources[module])


def _file(test: str) -> str:
    return test.partition("::")[0]


def _function_lines(source: str) -> list[int]:
    return [
        number
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        for number in range(node.body[0].lineno, (node.end_lineno or 0) + 1)
    ]


def _made_of(source: str, names: Iterable[str]) -> set[str]:
    """Name what of a module is made of some of its names, at however many removes, and those."""
    made: dict[str, set[str]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            parts = {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
            for target in assigned(node):
                made.setdefault(target, set()).update(parts)
    found: set[str] = set()
    more = set(names)
    while more:
        found |= more
        more = {each for each, parts in made.items() if parts & found} - found
    return found


def _users(source: str, name: str) -> list[int]:
    """Give the lines of functions that mention a name."""
    lines, word = source.splitlines(), re.compile(rf"\b{name}\b")
    return [number for number in _function_lines(source) if word.search(lines[number - 1])]
