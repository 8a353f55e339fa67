# SPDX-License-Identifier: GPL-2.0
"""A project in small, with the toy kernel as its source, to run the command line in."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import forked
from tests.forked import Child
from tests.toysuites import OURS

TOOLS = Path(__file__).parents[1]


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=Dev", "-c", "user.email=dev@example.org")
    return subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


@dataclass(frozen=True)
class ToyProject:
    """A small project of its own, with the toy kernel as its source."""

    root: Path
    kernel: Path  # its repository

    @property
    def environment(self) -> dict[str, str]:
        return {
            "KSERIES_LIMITS": "free=0",  # what is kept must not hang on this host's disk
            **os.environ,
            "KSERIES_ROOT": str(self.root),
            "XDG_CACHE_HOME": str(self.root.parent / "cache"),
            "PYTHONPATH": str(TOOLS),
        }

    def start(self, *words: str) -> Child:
        """Start a command in a process of its own."""
        return forked.start(words, cwd=self.root, env=self.environment)

    def kseries(self, *words: str) -> tuple[int, str]:
        """Carry out a command in a process of its own; give its exit status and its output."""
        return self.start(*words).ended()

    def latest(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(
            (self.root / "out/runs/latest/results.json").read_text()
        )
        return document

    def states(self) -> dict[str, str]:
        return {stage["name"]: stage["state"] for stage in self.latest()["stages"]}

    def patch(self, name: str, file: str, old: str, new: str) -> Path:
        """Make a series of one patch out of a change to the toy kernel."""
        return self.series(name, (file, old, new))

    def series(self, name: str, *changes: tuple[str, str, str]) -> Path:
        """Make a series: for each (file, old text, new text) a patch, each upon the one before."""
        for file, old, new in changes:
            path = self.kernel / file
            before = path.read_text()
            assert old in before
            path.write_text(before.replace(old, new, 1))
            message = f"{name}: change {file}\n\nWhy."
            git(self.kernel, "commit", "--quiet", "--all", f"--message={message}")
        folder = self.root / "patches" / name
        count = f"-{len(changes)}"
        git(self.kernel, "format-patch", "--quiet", count, f"--output-directory={folder}")
        git(self.kernel, "reset", "--quiet", "--hard", f"HEAD~{len(changes)}")
        return folder

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def set_up(root: Path, kernel: Path) -> ToyProject:
    """Make a project whose default stack has one good patch on the toy kernel."""
    toyproject = ToyProject(root, kernel)
    files = {
        "kernel/sources/toy.toml": f'kind = "local"\npath = "{kernel}"\n',
        "kernel/stacks/zcrx-v7.toml": 'title = "toy"\nsource = "toy"\nseries = ["good"]\n'
        'under_test = "good"\nconfig = ["base"]\nsuites = []\n',
        "kernel/stacks/plain.toml": 'title = "plain"\nsource = "toy"\nconfig = ["base"]\n'
        "suites = []\n",
        "kernel/suites/netdevsim.toml": (OURS.suites / "netdevsim.toml")
        .read_text()
        .replace('config = ["netdevsim"]', 'config = ["base"]'),
        "configs/base.config": "CONFIG_NET=y\nCONFIG_INET=y\nCONFIG_IO_URING=y\n",
        "configs/impossible.config": "CONFIG_IO_URING_ZCRX=y\n",
    }
    for name, text in files.items():
        toyproject.write(name, text)
    toyproject.patch("good", "net/core.c", "\n", "\n/* from a patch */\n")
    return toyproject
