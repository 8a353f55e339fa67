# SPDX-License-Identifier: GPL-2.0
"""What modules import of each other, read from their sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def imports(source: str) -> set[str]:
    """Give the modules that a source imports, and the names in them."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def assigned(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> tuple[str, ...]:
    """Name what an assignment gives a value, also of tuples of names."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    inner = (each for target in targets for each in ast.walk(target))
    return tuple(
        each.id for each in inner if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    )


def dotted(module: str) -> str:
    """Give the name that a module is imported by. module: path below tools/kseries."""
    return f"kseries.{module.removesuffix('.py').replace('/', '.')}".removesuffix(".__init__")


def _packages(name: str) -> Iterator[str]:
    """Give the packages that a module is in: a.b and a of a.b.c."""
    while name := name.rpartition(".")[0]:
        yield name


def independent(package: Path, module: str) -> list[str]:
    """Name the modules of a package that import a module neither themselves nor through others."""
    paths = [path for path in package.rglob("*.py") if path.name != "__main__.py"]
    used = {}
    for path in paths:
        name = dotted(str(path.relative_to(package)))
        wanted = {name, *imports(path.read_text())}
        # What is in a package brings the package along.
        used[name] = {above for each in wanted for above in _packages(each)} | wanted - {name}
    on_it, more = set[str](), {dotted(module)}
    while more:
        on_it |= more
        more = {name for name, wanted in used.items() if wanted & more} - on_it
    return sorted(set(used) - on_it)
