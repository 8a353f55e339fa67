# SPDX-License-Identifier: GPL-2.0
"""Runs tests in processes forked from one that has loaded what is the same for all of them.

That is the libraries and, of our modules, those that do not depend on the one that is mutated.

Reads requests from standard input and answers on standard output, a JSON object a line:

    {"files": [...], "tests": [...] or null, "limit_s": 9, "idle_s": 9, "cover": path or null,
     "keep": false}
    {"exit": 1, "failed": ["node id"], "seconds": {"node id": 0.01}}

limit_s: processor time. idle_s: for how long nothing of it may run, as when threads wait for each
other. tests: what is run of these files, in this order; null for all of them.
cover: the configuration to record coverage with. keep: only load the files, and keep what was
compiled. exit: pytest's exit code, null when the time was up.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import math
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage

# A busy host makes tests slow, so the limit is of processor time; what waits gets longer.
PATIENCE = 5.0
LOOK_S = 1.0
MEMORY = 6 << 30  # bytes of addresses that a process may have
LIBRARIES = ["pydantic", "rich.console", "rich.table", "rich.live", "jinja2", "git", "hypothesis"]
LIBRARIES += ["kcidb_io", "kconfiglib", "junitparser", "jsonschema", "tree_sitter"]


class Watch:
    """A pytest plugin: runs what was chosen in its order, and keeps what failed."""

    def __init__(self, tests: list[str] | None, coverage: Coverage | None) -> None:
        self._order = None if tests is None else {test: n for n, test in enumerate(tests)}
        self._coverage = coverage
        self.failed: list[str] = []
        self.seconds: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what was chosen. A test that is there no more is none that fails."""
        order = self._order
        if order is not None:
            kept = [item for item in items if item.nodeid in order]
            items[:] = sorted(kept, key=lambda item: order[item.nodeid])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note which test the lines belong to that are run from here on."""
        started = time.process_time() + sum(os.times()[2:4])
        if self._coverage is not None:
            _forget_answers()
            self._coverage.switch_context(item.nodeid)
        result = yield
        used = time.process_time() + sum(os.times()[2:4]) - started
        self.seconds[item.nodeid] = round(used, 3)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the name of what failed."""
        if report.failed and report.nodeid not in self.failed:
            self.failed.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep the name of a file that cannot be loaded."""
        if report.failed:
            self.failed.append(report.nodeid)


def _forget_answers() -> None:
    """Empty the caches of functions of ours: each test runs the lines whose answers it takes."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "kseries":
            for value in list(vars(module).values()):
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()


def serve() -> None:
    """Answer requests until there are no more."""
    for module in [*LIBRARIES, *os.environ.get("MUTATE_LOADED", "").split()]:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        answer = _answer(json.loads(line))
        print(json.dumps(answer), flush=True)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="mutant-"))
    folder.chmod(0o755)  # as /tmp is: tests become other users
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _be_child(request, folder, writer)
    os.close(writer)
    said = _read(reader, request["limit_s"] * PATIENCE, request["idle_s"])
    status = _end(child)
    os.close(reader)
    shutil.rmtree(folder, ignore_errors=True)
    nothing: dict[str, Any] = {"exit": None, "failed": [], "seconds": {}}
    spun = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
    if said is None or spun:
        return nothing
    # A process that died without a word is one that a test would notice.
    return dict(json.loads(said)) if said else {**nothing, "exit": -1}


def _read(reader: int, limit_s: float, idle_s: float) -> bytes | None:
    """Read to the end; None when the time is up before, or when nothing has run for so long."""
    now = time.monotonic()
    ends, idle_since, used = now + limit_s, now, -1
    parts: list[bytes] = []
    while (now := time.monotonic()) < ends and now - idle_since < idle_s:
        if select.select([reader], [], [], min(LOOK_S, ends - now))[0]:
            part = os.read(reader, 1 << 20)
            if not part:
                return b"".join(parts)
            parts.append(part)
        if (ticks := _used()) != used:
            idle_since, used = now, ticks
    return None


def _used() -> int:
    """Give the processor time of what else lives in this PID namespace, in ticks."""
    total = 0
    for process in _others():
        with contextlib.suppress(OSError):
            about = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(") ")[2]
            total += sum(map(int, about.split()[11:15]))
    return total


def _end(child: int) -> int:
    """End a process and all that it started; give its status."""
    ended, status = os.waitpid(child, os.WNOHANG)
    if not ended:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    for other in _others():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(other, signal.SIGKILL)
    return status


def _others() -> Iterator[int]:
    """Give what else lives in this PID namespace; outside of one that would be all the host."""
    if os.environ.get("MUTATE_ALONE"):
        keep = {1, os.getpid()}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and int(entry.name) not in keep:
                yield int(entry.name)


def _be_child(request: dict[str, Any], folder: Path, writer: int) -> None:
    """Run the tests in the process that this is, and end it."""
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    for what, limit in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, math.ceil(request["limit_s"])),
    ):
        # The soft limit: our own sandbox sets others.
        resource.setrlimit(what, (limit, resource.getrlimit(what)[1]))
    os.environ["TMPDIR"] = os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    tempfile.tempdir = None
    coverage = _coverage(request["cover"])
    watch = Watch(request["tests"], coverage)
    options = ["-q", "-p", "no:xdist", "--hypothesis-profile=mutate", "--tb=no"]
    # Of the libraries that were loaded before.
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    # What is slow is left out by default, and may be all that holds a rule.
    options += ["-m", "not vm and not browser and not farm and not hardware"]
    if request["keep"]:
        options.append("--collect-only")
    elif request["cover"] is None:
        options.append("-x")
    # A module that was changed within the second it was compiled in would go unnoticed.
    sys.dont_write_bytecode = not request["keep"]
    try:
        exit_code = int(pytest.main([*options, *request["files"]], plugins=[watch]))
    except Exception:
        # Raised when it ends: of what a test that failed has left open, for example.
        exit_code = 1 if watch.failed else -1
    if coverage is not None:
        coverage.stop()
        coverage.save()
    said = {"exit": exit_code, "failed": watch.failed, "seconds": watch.seconds}
    os.write(writer, json.dumps(said).encode())
    os._exit(0)


def _coverage(config: str | None) -> Coverage | None:
    """Begin to record which test runs which line, here and in processes that tests start."""
    if config is None:
        return None
    os.environ["COVERAGE_PROCESS_START"] = config
    coverage = Coverage(config_file=config, context="")
    coverage.start()
    return coverage


if __name__ == "__main__":
    serve()
