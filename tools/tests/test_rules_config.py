# SPDX-License-Identifier: GPL-2.0
"""Rules of the stage config that one small change of a line would break."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from kseries.config import kconfig_ask
from kseries.config import stage as config_stage
from kseries.config.fragments import Merged
from kseries.config.kconfig_ask import Explained
from kseries.config.stage import config
from kseries.lib.errors import CheckFailed, UserError
from kseries.lib.runfolder import RunFolder
from kseries.model import BuildPlace, KernelConfig, Tree
from tests.test_config import BASE, Bench, Commit, bench

__all__ = ["bench"]  # a fixture

PROMISE = "CONFIG_NET_RX_BUSY_POLL=y"


def test_what_make_wrote_decides_whatever_kconfig_says(bench: Bench, toy_commit: Commit) -> None:
    """A kernel is built of the text of .config, so a promise must stand there."""
    more = bench.fragment("more", [*BASE, PROMISE])
    bench.configure(more)
    # A tree whose make leaves a line out that its Kconfig sets.
    bench.tree = toy_commit(
        bench.tree,
        "scripts/kconfig/Makefile",
        "exit 1; }",
        "exit 1; }\n\t@sed -i /NET_RX_BUSY_POLL/d $(KCONFIG_CONFIG)",
    )
    with pytest.raises(CheckFailed, match="1 promise of 5 not kept") as error:
        bench.configure(more)
    assert error.value.where.splitlines()[0] == f"{more}:5: {PROMISE} promised, n found"


# ---- without make


MORE = "CONFIG_NET=y\nCONFIG_INET=y\nCONFIG_NR_CPUS=4\n"


@dataclass
class Made:
    """A stage whose make is a text. times: how often it was asked for that."""

    bench: Bench
    text: str
    times: int = 0
    told: list[Explained] = field(default_factory=list)  # by Kconfig, of broken promises
    unreadable: bool = False  # whether Kconfig is to us

    def finalise(self, *_: object) -> str:
        self.times += 1
        (self.place.made / kconfig_ask.ENV_FILE).touch()
        return self.text

    def ask(self, *_: object, **__: object) -> tuple[list[Explained], list[Explained]]:
        if self.unreadable:
            raise kconfig_ask.KconfigUnreadable("Not understood.", where="Kconfig:7")
        return list(self.told), []

    @property
    def place(self) -> BuildPlace:
        return BuildPlace(self.bench.place / "build", self.bench.place / "ccache")

    def config(self, *lines: str, wishes: Path | None = None, **stack: Any) -> KernelConfig:
        of = replace(self.bench.stack(self.bench.fragment("base", lines), trusted=True), **stack)
        run = RunFolder(self.bench.place / "run")
        return config(self.bench.tree, of, self.place, run, self.bench.progress, wishes=wishes)


@pytest.fixture
def made(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Made:
    stage = Made(bench, MORE)
    monkeypatch.setattr(config_stage, "_finalise", stage.finalise)
    monkeypatch.setattr(kconfig_ask, "ask", stage.ask)
    return stage


def test_what_is_told_of_a_config(made: Made) -> None:
    wishes = made.bench.fragment("wishes", ["CONFIG_INET=y", "CONFIG_DEBUG=y"])
    found = made.config("CONFIG_NET=y", "CONFIG_NR_CPUS=4", wishes=wishes)
    assert (found.tree, found.place) == (made.bench.tree, made.place)
    assert (found.name, found.enabled) == ("base+wishes", 2)
    # Of what was wished for, that which was to be had.
    assert found.added == ("CONFIG_INET=y",)
    assert found.sha256 == hashlib.sha256(MORE.encode()).hexdigest()
    assert (made.place.state / "config").read_text() == MORE
    assert made.bench.progress.notes == []


def test_nothing_is_made_again_of_the_same(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    one = made.config("CONFIG_NET=y")
    assert made.config("CONFIG_NET=y") == one
    assert made.times == 1
    state = made.place.state

    def remade(*lines: str, **stack: Any) -> bool:
        made.times = 0
        made.config(*(lines or ("CONFIG_NET=y",)), **stack)
        return made.times == 1

    assert remade("CONFIG_NET=y", "CONFIG_INET=y")
    assert remade()
    assert remade(whole=False)
    assert remade()
    monkeypatch.setattr("kseries.kbuild.make.compiler", lambda _: "another")
    assert remade()
    assert not remade()
    monkeypatch.setattr(config_stage, "STAGE_VERSION", 0)
    assert remade()
    for spoil in (
        lambda: (state / "config").write_text("CONFIG_NET=m\n"),
        lambda: (state / "config").unlink(),
        lambda: (state / "config.json").unlink(),
        lambda: (state / "config.json").write_text("{"),
        lambda: (made.place.made / kconfig_ask.ENV_FILE).unlink(),
        # What is not committed is in no commit's name.
        lambda: (made.bench.tree.path / "net/new.h").touch(),
    ):
        spoil()
        assert remade()
    assert remade()
    (made.bench.tree.path / "net/new.h").unlink()


def test_a_promise_that_is_not_kept_leaves_what_was_made_to_be_asked_about(made: Made) -> None:
    made.config("CONFIG_NET=y")
    made.text = "CONFIG_NET=y\nCONFIG_INET=m\n"
    with pytest.raises((CheckFailed, UserError), match="2 promises of 3 not kept") as error:
        made.config("CONFIG_NET=y", "CONFIG_INET=y", "CONFIG_FOO=y")
    lines = error.value.where.splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == [
        "CONFIG_INET=y promised, m found", "CONFIG_FOO=y promised, n found"
    ]  # fmt: skip
    assert (made.place.state / "candidate.config").read_text() == made.text
    # What was good before stays what is built.
    assert (made.place.state / "config").read_text() == MORE


def test_where_kconfig_tells_more_that_is_told(made: Made) -> None:
    made.told = [Explained("INET", "m", ("INET = m (why)",))]
    made.text = "CONFIG_NET=m\nCONFIG_INET=m\n"
    with pytest.raises((CheckFailed, UserError), match="2 promises of 2 not kept") as error:
        made.config("CONFIG_NET=y", "CONFIG_INET=y")
    assert error.value.where.count("INET = m (why)") == 1
    assert "CONFIG_NET=y promised, m found" in error.value.where


def test_a_kconfig_that_is_not_understood_leaves_what_make_wrote_to_decide(made: Made) -> None:
    made.unreadable = True
    assert made.config("CONFIG_NET=y").enabled == 2
    assert made.bench.progress.notes == ["Not understood. Kconfig:7"]
    with pytest.raises((CheckFailed, UserError), match="1 promise of 1 not kept"):
        made.config("CONFIG_NET=n")


def test_of_a_part_symbols_that_are_not_there_are_no_broken_promise(made: Made) -> None:
    made.told = [Explained("ONE", None, ()), Explained("TWO", None, ())]
    made.config("CONFIG_NET=y", "CONFIG_ONE=y", "CONFIG_TWO=y", whole=False)
    told = "not in this tree, which has not the whole series: ONE, TWO"
    assert made.bench.progress.notes == [told]
    made.bench.progress.notes.clear()
    made.told = []
    made.config("CONFIG_NET=y", whole=False)
    assert made.bench.progress.notes == []


def test_wishes_that_break_a_promise_are_left_out(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finalise(_tree: Tree, _box: object, _place: object, merged: Merged, _log: object) -> str:
        made.finalise()
        return "CONFIG_NET=m\n" if merged.wishes else "CONFIG_NET=y\n"

    monkeypatch.setattr(config_stage, "_finalise", finalise)
    wishes = made.bench.fragment("wishes", ["CONFIG_DEBUG=y"])
    found = made.config("CONFIG_NET=y", wishes=wishes)
    assert (found.name, found.added) == ("base", ())
    (note,) = made.bench.progress.notes
    assert note.startswith("configured without wishes.config: The config does not fit")


def test_a_promise_that_was_taken_back_is_noted(made: Made) -> None:
    files = [made.bench.fragment(name, [f"CONFIG_NET={name}"]) for name in ("m", "y")]
    made.config(fragments=tuple(files))
    (note,) = made.bench.progress.notes
    assert "overrides m" in note
