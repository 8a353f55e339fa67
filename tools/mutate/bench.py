# SPDX-License-Identifier: GPL-2.0
"""A copy of the project that mutants are put into, and the sandboxed worker that tests it there.

Mutants of code that removes, writes and runs as root do what the fault says: a worker sees the host
read-only, has /tmp and its copy to write, and no process but its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutate.importing import independent
from mutate.model import Mutant

PACKAGE = "tools/kseries"
TESTS = "tools/tests"
PREPARE_S = 600.0
IDLE_S = 20.0  # nothing of a test runs: threads wait for each other, or for what never comes


@dataclass(frozen=True)
class Answer:
    """How tests ended.

    exit: pytest's exit code, None when the time was up. seconds: processor time of each test.
    """

    exit: int | None
    failed: tuple[str, ...]
    seconds: dict[str, float]


class Bench:
    """One copy and its worker. Ended by close()."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.tree = folder / "tree"
        self._scratch = folder / "tmp"
        shutil.rmtree(folder, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        self._scratch.chmod(0o1777)
        _copy(root, self.tree)
        self._settled = ""
        # The kernel's parent of a process is a thread: --die-with-parent ends a worker with the
        # thread that started it, so that is one which lives as long as the bench.
        self._starter = ThreadPoolExecutor(max_workers=1)
        self._worker = self._start()

    def prepare(self) -> None:
        """Compile all there is, so that each mutant finds it done."""
        self._ask({"files": [TESTS], "keep": True})

    def settle(self, module: str) -> None:
        """Have the worker load what does not depend on a module: it is there for each mutant."""
        if module != self._settled:
            self._settled = module
            self._restart()

    def _start(self) -> subprocess.Popen[str]:
        loaded = independent(self.tree / PACKAGE, self._settled) if self._settled else []
        own = str(Path(__file__).parents[1])
        environment = {
            **os.environ,
            "PYTHONPATH": f"{self.tree / 'tools'}{os.pathsep}{own}",
            "KSERIES_ROOT": str(self.tree),
            "MUTATE_ALONE": "1",
            "MUTATE_LOADED": " ".join(loaded),
        }
        tree, scratch = str(self.tree), str(self._scratch)
        box = ["bwrap", "--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev", "--unshare-pid"]
        box += ["--proc", "/proc", "--tmpfs", "/dev/shm", "--bind", scratch, "/tmp"]  # noqa: S108
        # Python, too, may lie below what is hidden by now.
        for place in dict.fromkeys((sys.prefix, sys.base_prefix)):
            box += ["--ro-bind", place, place]
        box += ["--ro-bind", own, own, "--bind", tree, tree, "--chdir", tree, "--die-with-parent"]
        box += ["--cap-add", "ALL"] if os.geteuid() == 0 else []
        return self._starter.submit(
            subprocess.Popen,
            [*box, "--", sys.executable, "-m", "mutate.worker"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ).result()

    def run(
        self,
        files: Sequence[str],
        tests: Sequence[str] | None,
        limit_s: float,
        cover: Path | None = None,
        idle_s: float = IDLE_S,
    ) -> Answer:
        """Run tests of these files on what stands in the copy now. Limits as of the worker."""
        limits = {"limit_s": limit_s, "idle_s": idle_s}
        where = cover and str(cover)
        said = self._ask({"files": files, "tests": tests, "cover": where, **limits})
        return Answer(said["exit"], tuple(said["failed"]), said["seconds"])

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        limits = {"limit_s": PREPARE_S, "idle_s": PREPARE_S}
        request = {"tests": None, "cover": None, "keep": False, **limits, **request}
        for _ in range(2):
            if line := self._told(json.dumps(request)):
                answer: dict[str, Any] = json.loads(line)
                return answer
            # A mutant has ended it, too.
            self._restart()
        return {"exit": -1, "failed": [], "seconds": {}}

    def _told(self, request: str) -> str:
        """Give the worker's line of answer; "" where it has ended, before or on the way."""
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        try:
            self._worker.stdin.write(request + "\n")
            self._worker.stdin.flush()
        except BrokenPipeError:
            return ""
        return self._worker.stdout.readline()

    @contextmanager
    def changed(self, mutant: Mutant) -> Iterator[None]:
        """Have a mutant in the copy for a while."""
        path = self.tree / PACKAGE / mutant.module
        before, times = path.read_bytes(), path.stat()
        path.write_bytes(mutant.edit.apply(before))
        try:
            yield
        finally:
            path.write_bytes(before)
            # So that what was compiled of it is taken again.
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    def close(self) -> None:
        """End the worker, and what would start another."""
        self._end()
        self._starter.shutdown()

    def _restart(self) -> None:
        self._end()
        self._worker = self._start()

    def _end(self) -> None:
        # The whole group: bubblewrap's second process, when it has just been started, waits for a
        # word of the first one, and does not end with it.
        with suppress(ProcessLookupError):
            os.killpg(self._worker.pid, signal.SIGKILL)
        self._worker.communicate()


def _copy(root: Path, to: Path) -> None:
    """Copy what git has or would have of the project, as it lies there."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=root, check=True, capture_output=True).stdout
    for name in dict.fromkeys(os.fsdecode(item) for item in listed.split(b"\0") if item):
        source, target = root / name, to / name
        if source.is_symlink() or source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
