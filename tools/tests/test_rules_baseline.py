# SPDX-License-Identifier: GPL-2.0
"""Rules of the baseline that one small change of a line would break: what is made, kept, told."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.model import (
    AgainstBase,
    Baseline,
    Case,
    Effect,
    EventKind,
    KernelEvent,
    LocalSource,
    NamedSource,
    NoBaseline,
    Patch,
    ProgramResult,
    Series,
    SourceChanges,
    Stack,
    Status,
    TestEffect,
    TestOutcome,
)
from kseries.run import baseline

P, S, F, X = Status.PASS, Status.SKIP, Status.FAIL, Status.XFAIL
PING = ProgramResult("net", "ping", P, 0, 1.0, (Case("a", P),))
WARN = KernelEvent(EventKind.WARN, "WARNING: at a.c:1 f", "f", 3, (), "boot")
AGAINST = AgainstBase("b" * 40, (), "run-7", "now", False, (), (), ())


def outcome(*programs: ProgramResult, events: tuple[KernelEvent, ...] = ()) -> TestOutcome:
    return TestOutcome(programs, events, {})


def test_what_a_base_may_excuse() -> None:
    good = tuple(replace(PING, status=status) for status in (P, S, X))
    assert baseline._failure(outcome(*good)) == ""
    assert baseline._failure(outcome(*good, replace(PING, status=F))) == "a test is not good"
    assert baseline._failure(outcome(*good, events=(WARN,))) == "the kernel complained"


@pytest.mark.parametrize(
    ("program", "is_unclear"),
    [
        (PING, False),
        (replace(PING, status=S), True),
        (replace(PING, cases=(Case("a", P), Case("b", S))), True),
        (replace(PING, cases=(Case("sub", P, children=(Case("b", S),)),)), True),
    ],
)
def test_a_changed_test_that_skips_something_is_unclear(
    program: ProgramResult, *, is_unclear: bool
) -> None:
    touched = SourceChanges(touched=frozenset({"net/ping"}))
    why = "the series changes net/ping, which skips something" if is_unclear else ""
    assert baseline._unclear(outcome(program), touched) == why
    assert baseline._unclear(outcome(program), SourceChanges()) == ""
    told = SourceChanges(unclear=("first", "second"))
    assert baseline._unclear(outcome(program), told) == "first"


def test_what_was_not_asked_for_is_not_missed() -> None:
    test = TestEffect("net/ping: a", Effect.REMOVED)
    assert baseline._is_asked(test, ())
    assert baseline._is_asked(test, ("pong", "ping"))
    assert not baseline._is_asked(test, ("pong",))


def series(name: str, *requires: str) -> Series:
    patch = Patch(1, "t", "A <a@b.c>", "", Path("p"), "0" * 64)
    return Series(name, name, "", 1, 1, "", requires, (), (patch,), "")


def stack(*names: Series, under_test: str = "toys") -> Stack:
    source = NamedSource("toy", LocalSource("local", Path("/toy")))
    return Stack("all", source, names, under_test, (), ())


def test_a_base_is_named_by_what_it_has() -> None:
    toys, top = series("toys"), series("top", "toys")
    assert baseline._name(stack(toys, top)) == "bare"
    assert baseline._lacking(stack(series("below"), toys, top)) == ("toys", "top")
    assert baseline._name(stack(series("below"), toys, top, series("beside"))) == "below+beside"
    just = [series("n" * 40), series("m" * 39)]
    assert baseline._name(stack(*just, toys)) == f"{'n' * 40}+{'m' * 39}"
    names = f"{'n' * 40}+{'m' * 40}"
    digest = hashlib.sha256(names.encode()).hexdigest()[:8]
    long = stack(series("n" * 40), series("m" * 40), toys)
    assert baseline._name(long) == f"{names[:80]}-{digest}"


def test_how_a_comparison_is_summed_up() -> None:
    counts = "broke 0, fixed 0, added 0; 0 pre-existing"
    for against, told in (
        (NoBaseline("why"), "none: why"),
        (AGAINST, f"{counts} (made by run-7)"),
        (replace(AGAINST, kept=True), f"{counts} (kept from run-7)"),
        (
            replace(AGAINST, by_sources=True),
            "not built, as no test failed; by its sources: removed 0, changed 0",
        ),
    ):
        assert baseline._summary(against) == told


# ---------------------------------------------------------------- what decides


def test_what_of_the_toolkit_decides_nothing() -> None:
    assert set(baseline.NOT_DECIDING) == {
        "__main__.py",
        "bisect",
        "cli",
        "host",
        "mutants",
        "report",
        "lib/progress.py",
        "run/provenance.py",
        "suites/selftestpatch.py",
    }
    for name in baseline.NOT_DECIDING:
        assert (baseline.TOOLKIT / name).exists()


def test_contents_are_names_and_digests_in_order(tmp_path: Path) -> None:
    def digest(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    for name in ("b.py", "a/deep/c", "a/__pycache__/x", "cli/main.py", "other", "report/cli"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    found = list(baseline._contents(tmp_path, ("*.py", "a", "b.*"), ()))
    assert found == ["a/deep/c", digest("a/deep/c"), "b.py", digest("b.py")]
    names = list(baseline._contents(tmp_path, ("*",), ("cli", "other")))[::2]
    assert names == ["a/deep/c", "b.py", "report/cli"]


def test_what_cannot_be_read_is_not_kept(tmp_path: Path) -> None:
    place = tmp_path / "x.json"
    assert baseline._read(place) is None
    kept = Baseline("b" * 40, ("below",), "run", "now", (PING,), (WARN,), ("net/pong",))
    place.write_bytes(baseline.BASELINE.dump_json(kept))
    assert baseline._read(place) == kept
    for text in ("", "{", "[]", '{"head": 3}'):
        place.write_text(text)
        assert baseline._read(place) is None
