# SPDX-License-Identifier: GPL-2.0
"""The import graph goes one way, and each outside tool has one door."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1]
PACKAGE = TOOLS / "kseries"
GENERATOR = TOOLS / "kselftest_zcrx"

# The folders, lower ones first: a module imports from its own folder or from those before it.
LAYERS = (
    "names",
    "lib",
    "suite",
    "model",
    "fetch",
    "series",
    "suites",
    "stacks",
    "choice",
    "kbuild",
    "apply",
    "config",
    "build",
    "compiled",
    "parse",
    "install",
    "machines",
    "hardware",
    "verdict",
    "test",
    "bench",
    "report",
    "host",
    "run",
    "bisect",
    "mutants",
    "cli",
    "__main__",
)

DOORS = {
    "subprocess": "kseries/lib/proc.py",
    "git": "kseries/lib/gitrepo.py",
    "kconfiglib": "kseries/config/kconfig.py",
    "junitparser": "kseries/report/junit.py",
    "kcidb_io": "kseries/report/kcidb.py",
    "sqlite3": "kseries/verdict/history.py",
    "sushy": "kseries/hardware/redfish.py",
}

# The generator knows nothing of the toolkit, so each of the two has a door of its own.
DOORS_OF_BOTH = {"jinja2": {"kselftest_zcrx/render.py", "kseries/report/html.py"}}


def modules(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def layer_of(name: str) -> int | None:
    return LAYERS.index(name) if name in LAYERS else None


def part(name: str) -> str:
    """Top-level part of the package that a dotted module name belongs to."""
    return name.split(".")[1]


def test_b4_is_run_in_one_place() -> None:
    # As a program: its Python interface promises no stability.
    users = {f.name for f in modules(PACKAGE) if "b4.command" in f.read_text()}
    assert users == {"archive.py"}


def users_of(library: str) -> set[str]:
    return {
        str(file.relative_to(TOOLS))
        for package in (PACKAGE, GENERATOR)
        for file in modules(package)
        if any(name.split(".")[0] == library for name in imports(file))
    }


@pytest.mark.parametrize("library", DOORS)
def test_each_outside_tool_has_one_door(library: str) -> None:
    assert users_of(library) == {DOORS[library]}


@pytest.mark.parametrize("library", DOORS_OF_BOTH)
def test_toolkit_and_generator_have_a_door_each(library: str) -> None:
    assert users_of(library) == DOORS_OF_BOTH[library]


def test_reports_are_made_of_the_document_alone() -> None:
    # A report opens no file and asks no program: what it shows is in results.json.
    forbidden = {
        "pathlib",
        "os",
        "subprocess",
        "kseries.lib.runfolder",
        "kseries.lib.paths",
        "kseries.lib.proc",
    }
    for file in modules(PACKAGE / "report"):
        assert not imports(file) & forbidden, file


def test_the_generator_knows_nothing_of_the_toolkit() -> None:
    for file in modules(GENERATOR):
        assert not [name for name in imports(file) if name.split(".")[0] == "kseries"], file


def test_stages_do_not_import_each_other() -> None:
    stages = sorted(PACKAGE.glob("*/stage.py"))
    assert len(stages) == 6
    for file in stages:
        others = {f"kseries.{stage.parent.name}.stage" for stage in stages if stage != file}
        assert not imports(file) & others, file


def test_every_module_has_a_layer() -> None:
    parts = {
        part(f"kseries.{'.'.join(f.relative_to(PACKAGE).with_suffix('').parts)}")
        for f in modules(PACKAGE)
    } - {"__init__"}
    assert parts == set(LAYERS)


def test_imports_go_down() -> None:
    wrong = []
    for file in modules(PACKAGE):
        own = layer_of(part(f"kseries.{'.'.join(file.relative_to(PACKAGE).with_suffix('').parts)}"))
        if own is None:
            continue
        for name in imports(file):
            if name.startswith("kseries."):
                other = layer_of(part(name))
                if other is not None and other > own:
                    wrong.append(f"{file.relative_to(PACKAGE)} imports {name}")
    assert wrong == []


def test_no_files_import_each_other_in_a_circle() -> None:
    # Also those that are imported late, in a function.
    files = {
        ".".join(file.relative_to(TOOLS).with_suffix("").parts): file
        for package in (PACKAGE, GENERATOR)
        for file in modules(package)
    }
    order = TopologicalSorter({name: imports(file) & files.keys() for name, file in files.items()})
    order.prepare()  # raises CycleError, which names them


def test_every_file_of_ours_names_its_licence() -> None:
    root = TOOLS.parent
    files = [
        *modules(TOOLS),
        *(root / "configs").rglob("*.config"),
        *(root / "configs").rglob("*.toml"),
        *(root / "kernel").rglob("*.toml"),
        root / "nox",
        root / "noxfile.py",
        root / "pyproject.toml",
    ]
    lacking = [
        str(file.relative_to(root))
        for file in files
        if "SPDX-License-Identifier: GPL-2.0" not in "".join(file.read_text().splitlines(True)[:3])
    ]
    assert lacking == []
