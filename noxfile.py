# SPDX-License-Identifier: GPL-2.0
"""Thin sessions: what they do is in the toolkit. Start them through ./nox.

Everything after `--` reaches the toolkit: --stack, --source, --series, --tree, --config, -k.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nox
from nox.command import CommandFailed

ROOT = Path(__file__).parent
VENV = ROOT / "out" / "venv"

sys.path.insert(0, str(ROOT / "tools"))
import noxexit  # noqa: E402 - it stands beside the toolkit

nox.options.default_venv_backend = "none"
nox.options.sessions = ["selftest"]

# What is interrupted needs a moment to end the machine it runs.
INTERRUPT_TIMEOUT_S = 30.0


def run(session: nox.Session, program: str, *arguments: str) -> None:
    """Run a program of the project's environment; it is asked to end when nox is killed."""
    if Path(sys.prefix).resolve() != VENV.resolve():
        # Started by another nox than ours: let ./nox make the environment and start over.
        session.run(str(ROOT / "nox"), "-s", session.name, "--", *session.posargs, external=True)
        return
    session.run(
        # In a session of its own: noxexit hands signals on, and nobody else sends them.
        *("setsid", "setpriv", "--pdeathsig", "TERM", "--"),
        *(str(VENV / "bin" / program), *arguments),
        external=True,
        interrupt_timeout=INTERRUPT_TIMEOUT_S,
        terminate_timeout=INTERRUPT_TIMEOUT_S,
    )


def kseries(session: nox.Session, *arguments: str) -> None:
    """Run the toolkit; its exit status becomes that of `./nox`."""
    try:
        run(session, "kseries", *arguments)
    except CommandFailed as error:
        noxexit.tell(error.return_code)
        raise
    except KeyboardInterrupt:
        noxexit.tell(noxexit.LOST)
        raise


@nox.session
def build(session: nox.Session) -> None:
    """Fetch, apply, configure and build a stack."""
    kseries(session, "run", "--until", "build", *session.posargs)


@nox.session
def selftest(session: nox.Session) -> None:
    """Give a verdict: build a stack, boot it, run its suites, report."""
    kseries(session, "run", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """See that the tests notice each deliberate fault of the series; takes an hour."""
    kseries(session, "mutants", *session.posargs)


@nox.session
def bisect(session: nox.Session) -> None:
    """Find the first patch of the series at which a test goes wrong."""
    kseries(session, "bisect", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure what it costs to receive, in instructions of a guest."""
    kseries(session, "bench", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the project's own fast tests (none boots a virtual machine)."""
    run(session, "pytest", "-n", "2", *session.posargs)


@nox.session
def tests_slow(session: nox.Session) -> None:
    """Run the project's tests of whole runs, on a kernel in small; without a virtual machine."""
    run(session, "pytest", "-n", "2", "-m", "slow", *session.posargs)


@nox.session
def tests_vm(session: nox.Session) -> None:
    """Run the project's tests that boot a virtual machine, on the kernel built last."""
    run(session, "pytest", "-m", "vm", *session.posargs)


@nox.session
def tests_hardware(session: nox.Session) -> None:
    """Run the project's tests of lab machines, on two virtual ones that are reached over ssh."""
    run(session, "pytest", "-m", "hardware", *session.posargs)


@nox.session
def tests_browser(session: nox.Session) -> None:
    """Run the project's tests that open the HTML report in Chromium."""
    run(session, "pytest", "-m", "browser", *session.posargs)


@nox.session
def tests_farm(session: nox.Session) -> None:
    """Kill a real Buildbot master, its workers and the bot at random moments; takes minutes."""
    # -rs: what is skipped, for want of PostgreSQL, is told with the reason.
    run(session, "pytest", "-rs", "-m", "farm", *session.posargs)


@nox.session
def attack(session: nox.Session) -> None:
    """Attack the toolkit; prints what was attempted and what was contained."""
    run(session, "python", str(ROOT / "tools" / "run_attacks.py"), *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    run(session, "ruff", "check", str(ROOT))
    run(session, "ruff", "format", "--check", str(ROOT))


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    run(session, "mypy")


@nox.session
def bench_pipeline(session: nox.Session) -> None:
    """Measure the pipeline against its goals; prints a table."""
    run(session, "python", str(ROOT / "tools" / "bench_pipeline.py"), *session.posargs)


@nox.session
def bench_loop(session: nox.Session) -> None:
    """Measure what somebody waits for who edits; prints a table (a full build, then edits)."""
    run(session, "python", str(ROOT / "tools" / "bench_loop.py"), *session.posargs)


@nox.session
def bench_results(session: nox.Session) -> None:
    """Measure the readers of logs and the HTML page against their goals; prints a table."""
    run(session, "python", str(ROOT / "tools" / "bench_results.py"), *session.posargs)


@nox.session
def bench_seeded(session: nox.Session) -> None:
    """Seed costs of 1 % into patches: does `bench --each-patch` find each in its patch?"""
    run(session, "python", str(ROOT / "tools" / "bench_seeded.py"), *session.posargs)


@nox.session
def bench_bot(session: nox.Session) -> None:
    """Measure what the bot adds to the work on a series, and how soon it begins."""
    run(session, "python", str(ROOT / "ci" / "bench_bot.py"), *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Look for logs that are read wrongly; two minutes, or as long as `-- --seconds` says."""
    run(session, "python", str(ROOT / "tools" / "fuzz_results.py"), *session.posargs)


@nox.session
def bot(session: nox.Session) -> None:
    """Show the bot on the mailing list: an archive in small, a series in it, what it finds."""
    home = str(VENV.parent / "bot-demo")
    try:
        run(session, "python", "-m", "seriesbot.demo", "--home", home, *session.posargs)
    except CommandFailed as error:
        noxexit.tell(error.return_code)
        raise


@nox.session
def mutate(session: nox.Session) -> None:
    """See that the project's own tests notice faults in the toolkit's rules."""
    run(session, "python", "-m", "mutate", *session.posargs)
