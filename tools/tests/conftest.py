# SPDX-License-Identifier: GPL-2.0
"""Fixtures shared by tests: a kernel tree in small, which real make builds, and sample results."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from kseries.lib import settings
from kseries.model import (
    AppliedPatch,
    Baseline,
    BaseTree,
    Case,
    ChangedFile,
    Diagnostic,
    EventKind,
    FileState,
    Finding,
    KernelEvent,
    LocalSource,
    NamedSource,
    PatchState,
    ProgramResult,
    Provenance,
    RunResult,
    Scope,
    Severity,
    StageRecord,
    StageState,
    Status,
    Suspect,
    TestCount,
    TestOutcome,
    Tree,
    Verdict,
)
from kseries.verdict.regressions import against
from kseries.verdict.verdict import decided

if TYPE_CHECKING:
    from tests.sshserver import Server

# What runs by default takes the same examples each time, so that no change is blamed for an old
# fault; `nox -s fuzz` looks for new ones.
hypothesis.settings.register_profile(
    "same", derandomize=True, max_examples=60, deadline=None, database=None
)
hypothesis.settings.register_profile(
    "new", max_examples=100, deadline=None, database=None, print_blob=True
)
# `nox -s mutate` wants to know that an example fails, not the smallest one.
hypothesis.settings.register_profile(
    "mutate",
    hypothesis.settings.get_profile("same"),
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
)
hypothesis.settings.load_profile("same")

TOY = Path(__file__).parent / "data" / "toy-kernel"
ELSEWHERE = ("vm", "browser", "farm", "hardware")
"""Marks of what has a session of its own."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what has make build the toy kernel, in whichever file it is."""
    for item in items:
        builds = isinstance(item, pytest.Function) and "toy_kernel" in item.fixturenames
        if builds and not any(map(item.get_closest_marker, ELSEWHERE)):
            item.add_marker(pytest.mark.slow)


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=Toy", "-c", "user.email=toy@example.org")
    argv = ["git", *identity, *words]
    return subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="session", autouse=True)
def nothing_of_the_callers() -> Iterator[None]:
    """Whoever runs the tests may do so in a hook of git; no test outlives a power failure."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            monkeypatch.delenv(name)
        monkeypatch.setattr("os.fsync", lambda _: None)
        yield


@pytest.fixture(scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the cache is of tests that have none of their own."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def no_settings(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, _cache: Path
) -> None:
    """Whoever runs the tests may have settings and a cache, and a disk that is nearly full."""
    # Those of machines take the guest that is kept.
    if not any(request.node.get_closest_marker(name) for name in ("vm", "hardware")):
        monkeypatch.setenv("XDG_CACHE_HOME", str(_cache))
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")
    for name in settings.NAMES:
        monkeypatch.delenv(settings.variable(name), raising=False)
    monkeypatch.setenv(settings.variable(settings.LIMITS), "free=0")


@pytest.fixture
def toy_kernel(tmp_path: Path, _toy_kernel: Path) -> Path:
    """A git repository with the toy kernel in its one commit."""
    tree = tmp_path / "toy"
    shutil.copytree(_toy_kernel, tree)
    return tree


@pytest.fixture(scope="session")
def _toy_kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `toy_kernel` copies."""
    tree = tmp_path_factory.mktemp("toy") / "toy"
    shutil.copytree(TOY, tree)
    # Its Kconfig is evaluated by kconfiglib's programs, which this Python has.
    (tree / "scripts/kconfig/python.mk").write_text(f"PYTHON3 := {sys.executable}\n")
    git(tree, "init", "--quiet", "--initial-branch=main", "--template=")
    git(tree, "add", ".")
    git(tree, "commit", "--quiet", "--message=toy")
    return tree


@pytest.fixture
def toy_tree(toy_kernel: Path) -> Tree:
    """The toy kernel as the stage apply leaves a tree without patches."""
    head = git(toy_kernel, "rev-parse", "HEAD").strip()
    source = NamedSource("toy", LocalSource("local", toy_kernel))
    base = BaseTree(source, toy_kernel / ".git", head, "6.99.0", "toy")
    return Tree(path=toy_kernel, base=base, head=head, patches=())


@pytest.fixture
def toy_commit() -> Callable[[Tree, str, str, str], Tree]:
    """Change one file of a tree (old text, new text) as one more patch of the series "toys"."""

    def commit(tree: Tree, file: str, old: str, new: str) -> Tree:
        path = tree.path / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        title = f"change {file}"
        git(tree.path, "commit", "--quiet", "--all", f"--message={title}")
        head = git(tree.path, "rev-parse", "HEAD").strip()
        index = len(tree.patches) + 1
        patch = AppliedPatch("toys", index, title, "0" * 40, PatchState.APPLIED, head)
        return replace(tree, head=head, patches=(*tree.patches, patch))

    return commit


@pytest.fixture(scope="session")
def _ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    from tests import sshserver  # its library takes a while to load

    with sshserver.serving(tmp_path_factory.mktemp("ssh")) as server:
        yield server


@pytest.fixture
def server(_ssh_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A real SSH server on this host that ssh reaches as "dut" and "peer"."""
    _ssh_server.trust("host")
    _ssh_server.configure()
    monkeypatch.setenv("PATH", f"{_ssh_server.ssh(tmp_path)}:/usr/bin:/bin")
    return _ssh_server


@pytest.fixture
def passing_run() -> RunResult:
    """A run of two suites in which all passes."""
    done = StageState.DONE
    programs = (
        ProgramResult(
            "zcrx",
            "zcrx_register",
            Status.PASS,
            0,
            1.25,
            (
                Case("registration.plain", Status.PASS, seconds=0.25),
                Case("registration.flags_bit_0", Status.PASS, seconds=0.75),
                Case("caller.userns", Status.SKIP, "no user namespaces"),
                Case("caller.known", Status.XFAIL, "not yet"),
            ),
            log="tests/zcrx/zcrx_register.log",
            by_case=True,
        ),
        ProgramResult("netdevsim", "ping.py", Status.PASS, 0, 7.0, (Case("ping.v4", Status.PASS),)),
    )
    return decided(
        RunResult(
            run="20261122T101500-zcrx-v7",
            stack="zcrx-v7",
            under_test="zcrx-v7",
            started="2026-11-22T10:15:00+00:00",
            seconds=306.9,
            verdict=Verdict.PASS,
            stages=(
                StageRecord("series", done, 0.2, "debian-6.12 + zcrx-v7 (2 patches)"),
                StageRecord("fetch", done, 0.4, "Linux 6.12.117 (linux-source-6.12 6.12.117-1)"),
                StageRecord("apply", done, 3.2, "2 patches applied"),
                StageRecord("config", done, 11.3, "base+zcrx, 640 options on"),
                StageRecord("build", done, 278.1, "6.12.117, 4120 objects, 0 warnings"),
                StageRecord("install", done, 9.5, "3 test programs"),
                StageRecord("test", done, 14.1, "2 of 2 programs pass"),
                StageRecord("baseline", done, 0.1, "none: the base does not boot"),
            ),
            provenance=Provenance(
                command=("kseries", "run", "--config", "debug"),
                kseries_version="0.1.0",
                kseries_commit="c" * 40,
                host="Linux 6.18 x86_64",
                python="3.11.7",
                compiler="gcc (Debian 12.2.0-14) 12.2.0",
                qemu="QEMU emulator version 7.2.22",
                accelerator="tcg",
                source="debian-6.12: linux-source-6.12 6.12.117-1",
                base_commit="b" * 40,
                head_commit="d" * 40,
                config_sha256="e" * 64,
                kernel_release="6.12.117",
                config="base+zcrx",
                options=("--config", "debug"),
            ),
            patches=tuple(
                AppliedPatch(
                    "zcrx-v7", number, title, "", PatchState.APPLIED, "a" * 40, "", digit * 64
                )
                for number, title, digit in ((1, "net: add a hook", "1"), (2, "net: use it", "2"))
            ),
            programs=programs,
            suites=("zcrx", "netdevsim"),
            scope=Scope(chosen=TestCount(2, 5), planned=TestCount(2, 5)),
        )
    )


@pytest.fixture
def failing_run(passing_run: RunResult) -> RunResult:
    """The same with a failure, a crash, complaints of the kernel and warnings of the compiler."""
    refill = ProgramResult(
        "zcrx",
        "zcrx_refill",
        Status.FAIL,
        1,
        2.0,
        (
            Case("ring.full", Status.PASS, seconds=1.5),
            Case(
                "ring.wraps",
                Status.FAIL,
                "zcrx_refill.c:112:wraps:Expected 4096 (4096) == tail - head (4095)",
                (
                    "#  RUN           ring.wraps ...",
                    "# zcrx_refill.c:112:wraps:Expected 4096 (4096) == tail - head (4095)",
                    "# wraps: Test terminated by assertion",
                    "#          FAIL  ring.wraps",
                ),
                seconds=0.25,
            ),
        ),
        ("the kernel log says WARNING: at io_uring/zcrx.c:211 io_zcrx_refill",),
        "tests/zcrx/zcrx_refill.log",
        by_case=True,
        tail=("1..2", "ok 1 ring.full", "not ok 2 ring.wraps"),
        kernel_log=("[    9.000000] before it", "[    9.000001] WARNING: CPU: 0 PID: 7 at x"),
    )
    lifetime = ProgramResult(
        "zcrx",
        "zcrx_lifetime",
        Status.CRASH,
        None,
        12.5,
        (
            Case("lifetime.close", Status.PASS),
            Case("lifetime.kill", Status.CRASH, "it was running then"),
            *(
                Case(f"lifetime.more_{n}", Status.MISSING, "planned, no result seen")
                for n in range(9)
            ),
        ),
        ("the kernel died (while lifetime.kill ran): Fatal exception",),
        "tests/zcrx/zcrx_lifetime.log",
    )
    events = (
        KernelEvent(
            EventKind.WARN,
            "WARNING: at io_uring/zcrx.c:211 io_zcrx_refill",
            "io_zcrx_refill",
            812,
            (
                "WARNING: CPU: 0 PID: 7 at io_uring/zcrx.c:211 io_zcrx_refill+0x1/0x2",
                "RAX: 0000000000000000 RBX: ffff888004e804d0",
                "Call Trace:",
                " io_zcrx_refill+0x1/0x2",
            ),
            "zcrx/zcrx_refill: ring.wraps",
            fingerprint="0123456789ab",
        ),
        KernelEvent(
            EventKind.LEAK, "kmemleak: 3 new suspected memory leaks", "", 1003, (), "shutdown",
            fingerprint="ba9876543210",
        ),
    )  # fmt: skip
    findings = (
        Finding(
            "0123456789ab",
            EventKind.WARN,
            "WARNING: at io_uring/zcrx.c:211 io_zcrx_refill",
            "io_zcrx_refill",
            812,
            1,
            ("zcrx/zcrx_refill: ring.wraps",),
            ("io_zcrx_refill (include/linux/list.h:12, io_uring/zcrx.c:211)", "io_recvzc"),
            "",
            Suspect(
                "zcrx-v7", 1, "net: add a hook", "a" * 40, "io_uring/zcrx.c:211 in io_zcrx_refill"
            ),
        ),
        Finding(
            "ba9876543210",
            EventKind.LEAK,
            "kmemleak: 3 new suspected memory leaks",
            "",
            1003,
            1,
            ("shutdown",),
        ),
    )
    return decided(
        replace(
            passing_run,
            patches=(
                passing_run.patches[0],
                replace(
                    passing_run.patches[1], state=PatchState.IN_BASE, commit="", found_as="1a2b3c4d"
                ),
            ),
            diagnostics=(
                Diagnostic(
                    Severity.WARNING, "io_uring/zcrx.c", 12, 3, "-Wunused-variable", "unused"
                ),
            ),
            programs=(refill, lifetime, *passing_run.programs),
            events=events,
            findings=findings,
            notes=("guests are emulated, which is slower",),
        )
    )


@pytest.fixture
def compared_run(failing_run: RunResult) -> RunResult:
    """The same against its base, which has the crash and the leak, and knows other tests, too."""
    refill, lifetime, register, ping = failing_run.programs
    good = Case("ring.wraps", Status.PASS)
    gone = ProgramResult("netdevsim", "pong.py", Status.PASS, 0, 1.0, (Case("pong", Status.PASS),))
    unlike = Case("registration.plain", Status.FAIL)
    base = Baseline(
        head="9" * 40,
        series=("prep",),
        run="20261121T090000-zcrx-v7",
        made="2026-11-21T09:00:00+00:00",
        programs=(
            replace(refill, status=Status.PASS, exit_status=0, cases=(refill.cases[0], good)),
            lifetime,
            replace(
                register, status=Status.FAIL, exit_status=1, cases=(unlike, *register.cases[2:])
            ),
            ping,
            gone,
        ),
        events=failing_run.events[1:],
        not_run=(),
    )
    now = TestOutcome(failing_run.programs, failing_run.events, {})
    return decided(
        replace(
            failing_run,
            baseline=against(now, base, left_out=("zcrx-v7",), whole=True, kept=True),
        )
    )


EVIL = "<script>ran = 1</script>\"'&\x1b[31mred\x1b[0m\x00\x07\u202e\ufffe\n]]></pre></script>"


@pytest.fixture
def hostile_run(failing_run: RunResult) -> RunResult:
    """A run in which everything that others can write is hostile."""
    evil = f"{EVIL}{'x' * 50_000}"
    case = Case(EVIL, Status.FAIL, evil, (EVIL, evil, "\udcff\x9b31m"))
    nested = Case(EVIL, Status.FAIL, EVIL, (), (case, case))
    program = ProgramResult(
        EVIL, EVIL, Status.FAIL, 1, 1.0, (case, nested), (evil,), EVIL, True, (evil,), (EVIL,)
    )
    return decided(
        replace(
            failing_run,
            under_test=EVIL,
            notes=(evil,),
            stages=(
                *failing_run.stages[:-1],
                StageRecord("test", StageState.FAILED, 1, evil, evil),
            ),
            provenance=replace(failing_run.provenance, compiler=EVIL, qemu=EVIL, options=(EVIL,)),
            patches=(AppliedPatch(EVIL, 1, evil, "", PatchState.CONFLICT),),
            diagnostics=(Diagnostic(Severity.ERROR, EVIL, 1, 1, EVIL, evil),),
            programs=(program, program, *failing_run.programs),
            changed=(
                ChangedFile(EVIL, (1,), FileState.COMPILED, evil),
                ChangedFile(evil, (1,), FileState.NOT_COMPILED, EVIL, (EVIL,)),
            ),
            events=(KernelEvent(EventKind.BUG, EVIL, EVIL, 3, (EVIL, evil), EVIL, EVIL, EVIL),),
            findings=(
                Finding(
                    EVIL,
                    EventKind.BUG,
                    EVIL,
                    EVIL,
                    3,
                    2,
                    (EVIL, evil),
                    (EVIL, evil),
                    EVIL,
                    Suspect(EVIL, 1, evil, EVIL, evil),
                    EVIL,
                ),
            ),
        )
    )
