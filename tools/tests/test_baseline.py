# SPDX-License-Identifier: GPL-2.0
"""The base without the series: made once, kept, compared with. Real git, make and tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kseries.cli.run_context import open_run
from kseries.lib.errors import InfraError, Interrupted
from kseries.lib.progress import Silent
from kseries.model import Baseline, Request
from kseries.run import baseline, provenance
from kseries.run.context import RunContext
from tests.toymachine import CORE, Toys, set_up_toys
from tests.toyproject import git

PING = "netdevsim/ping.py"
NET = "tools/testing/selftests/drivers/net"


@pytest.fixture
def toys(tmp_path: Path, toy_kernel: Path, monkeypatch: pytest.MonkeyPatch) -> Toys:
    return set_up_toys(tmp_path, toy_kernel, monkeypatch)


def effects(toys: Toys) -> dict[str, str]:
    against: dict[str, Any] = toys.toyproject.latest()["baseline"]
    return {test["test"]: test["effect"] for test in against["tests"]}


def kept(toys: Toys) -> list[Path]:
    return sorted((toys.toyproject.root.parent / "cache/kseries/baselines").glob("*.json"))


def test_what_the_series_broke_decides_and_the_base_is_tested_once(toys: Toys) -> None:
    toys.words("below", "b-fails", place="below")
    toys.words("toys", "fine", "a-fails", "with-c")
    toys.stack("below", "toys", under_test="toys")
    assert toys.kseries("run") == 1
    assert effects(toys) == {
        f"{PING}: a": "broke",
        f"{PING}: b": "pre-existing",
        f"{PING}: c": "added",
    }
    (reason,) = toys.toyproject.latest()["reasons"]
    assert reason == f"{PING} failed: a"
    assert not toys.toyproject.latest()["baseline"]["kept"]
    assert len(kept(toys)) == 1
    evidence = toys.toyproject.root / "out/runs/latest/baseline"
    assert "not ok 2 b" in (evidence / "tests/netdevsim/ping.py.log").read_text()
    assert (evidence / "build.log").is_file()
    # Again: what is kept is used, and of the base nothing is built or booted.
    boots = toys.boots
    assert toys.kseries("run", "--until", "test") == 1
    with_series = toys.boots - boots
    boots = toys.boots
    assert toys.kseries("run") == 1
    assert toys.boots - boots == with_series
    assert toys.toyproject.latest()["baseline"]["kept"]
    assert (toys.toyproject.root / "out/runs/latest/baseline/baseline.json").is_file()
    assert len(kept(toys)) == 1


def test_where_nothing_fails_the_base_is_not_built(toys: Toys) -> None:
    toys.words("below", "fine", place="below")
    toys.words("toys", "with-c")
    toys.stack("below", "toys", under_test="toys")
    assert toys.kseries("run") == 0
    assert kept(toys) == []
    assert not (toys.toyproject.root / "out/runs/latest/baseline").exists()
    assert not list((toys.toyproject.root / "out/trees").glob("*-baseline"))
    document = toys.toyproject.latest()
    against = document["baseline"]
    assert (against["by_sources"], against["tests"], against["changed"]) == (True, [], [])
    below, *_ = [patch for patch in document["patches"] if patch["series"] == "below"]
    assert against["head"] == below["commit"]
    (summary,) = [s["summary"] for s in document["stages"] if s["name"] == "baseline"]
    assert summary == "not built, as no test failed; by its sources: removed 0, changed 0"
    # Who asks for it gets it, in a run of its own as well as later.
    assert toys.kseries("baseline", "--run", "latest") == 0
    assert len(kept(toys)) == 1
    assert not toys.toyproject.latest()["baseline"]["by_sources"]
    # What is kept costs nothing, so it is taken.
    assert toys.kseries("run") == 0
    assert toys.toyproject.latest()["baseline"]["kept"]
    assert effects(toys) == {f"{PING}: c": "added"}


@pytest.mark.parametrize(
    ("asked", "option"), [(None, ()), (True, ("--baseline",)), (False, ("--no-baseline",))]
)
def test_a_run_is_repeated_as_it_was_asked_for(asked: bool | None, option: tuple[str, ...]) -> None:
    assert provenance.arguments(Request(baseline=asked)) == option


def test_who_asks_for_the_base_gets_it(toys: Toys) -> None:
    toys.words("toys", "fine")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run", "--baseline", "-k", "ping") == 0
    assert len(kept(toys)) == 1


def test_a_complaint_of_the_kernel_alone_has_the_base_built(toys: Toys) -> None:
    toys.words("below", "fine", place="below")
    toys.words("toys", "b-warns")
    toys.stack("below", "toys", under_test="toys")
    assert toys.kseries("run") == 1
    assert len(kept(toys)) == 1


def in_ping(old: str, new: str) -> Callable[[Path], None]:
    """Change the program ping.py."""

    def change(kernel: Path) -> None:
        file = kernel / NET / "ping.py"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    return change


def test_nobody_passes_by_deleting_a_test(toys: Toys) -> None:
    toys.change("toys", lambda kernel: (kernel / NET / "queues.py").unlink())
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 1
    assert kept(toys) == []
    name = "netdevsim/queues.py"
    why = f"the tree has no {NET}/queues.py"
    assert toys.toyproject.latest()["reasons"] == [
        f"{name} is a test of the base that the series removes ({why})"
    ]
    assert effects(toys) == {name: "removed"}
    # What was not asked for is not missed.
    assert toys.kseries("run", "-k", "stats") == 0
    assert toys.kseries("run", "-k", "netdevsim") == 1


def test_a_test_that_the_base_fails_may_be_deleted(toys: Toys) -> None:
    (toys.toyproject.kernel / NET / "queues.py").write_text(
        "#!/bin/sh\necho TAP version 13; exit 1\n"
    )
    git(toys.toyproject.kernel, "commit", "--quiet", "--all", "--message=a bad test")
    toys.change("toys", lambda kernel: (kernel / NET / "queues.py").unlink())
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 1
    assert toys.kseries("run", "--baseline") == 0
    assert effects(toys) == {}


def test_cases_that_a_changed_test_has_lost_are_sought_on_the_base(toys: Toys) -> None:
    toys.change("toys", in_ping("case_ a; case_ b", "case_ a"))
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 1
    assert effects(toys) == {f"{PING}: b": "broke"}
    assert toys.toyproject.latest()["reasons"] == [
        f"{PING} passes on the base and has no result with the series: b"
    ]


def test_with_a_choice_of_tests_what_no_source_tells_is_told(toys: Toys) -> None:
    def change(kernel: Path) -> None:
        in_ping("case_ a; case_ b", "case_ a")(kernel)
        (kernel / NET / "queues.py").unlink()

    toys.change("toys", change)
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run", "-k", "ping") == 0
    assert kept(toys) == []
    changed = [each["test"] for each in toys.toyproject.latest()["baseline"]["changed"]]
    assert changed == [PING, f"the cases of {PING} are not known from its source"]
    # What it removes counts where it was asked for.
    assert toys.kseries("run", "-k", "netdevsim") == 1
    assert effects(toys) == {"netdevsim/queues.py": "removed"}


def test_a_changed_test_that_is_as_good_is_told(toys: Toys) -> None:
    toys.change("toys", in_ping("case_ a; case_ b", "case_ b; case_ a"))
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 0
    told = [{"test": PING, "how": f"{NET}/ping.py"}]
    assert toys.toyproject.latest()["baseline"]["changed"] == told


@pytest.mark.parametrize("before", ["fine", "a-fails"])
def test_nobody_passes_by_skipping_a_test(before: str, toys: Toys) -> None:
    toys.change_base("below:", f"below: {before} ")
    skip = 'result=ok; [ "$1" = a ] && echo "ok $number a # SKIP" && return\n'
    toys.change("toys", in_ping("result=ok\n", skip))
    toys.stack("toys", under_test="toys")
    passed = before == "fine"
    assert toys.kseries("run") == int(passed)
    told = "skipped by a changed test" if passed else "skipped now"
    assert effects(toys)[f"{PING}: a"] == told
    if passed:
        (reason,) = toys.toyproject.latest()["reasons"]
        assert reason.startswith(f"{PING} passes on the base and is skipped now")


def test_broken_before_alone_passes(toys: Toys) -> None:
    toys.words("below", "a-fails", "b-warns", place="below")
    toys.words("toys", "fine")
    toys.stack("below", "toys", under_test="toys")
    assert toys.kseries("run") == 0
    document = toys.toyproject.latest()
    assert (document["verdict"], document["reasons"]) == ("pass", [])
    assert effects(toys) == {f"{PING}: a": "pre-existing"}
    assert document["baseline"]["events_on_base"] == list(range(len(document["events"])))
    assert document["events"]
    # Without the comparison, all of it counts.
    assert toys.kseries("run", "--no-baseline") == 1
    assert "baseline" not in toys.toyproject.states()
    assert toys.toyproject.latest()["baseline"] is None


def test_what_the_series_mends_and_what_it_takes_away(toys: Toys) -> None:
    toys.change_base("below:", "below: b-fails")
    toys.toyproject.series(
        "toys", (CORE, "toys:", "toys: no-a "), (CORE, "below: b-fails", "below:")
    )
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run", "--baseline") == 1
    assert effects(toys) == {f"{PING}: a": "broke", f"{PING}: b": "fixed"}
    assert toys.toyproject.latest()["reasons"] == [
        f"{PING} passes on the base and has no result with the series: a"
    ]


def test_series_that_need_the_one_under_test_are_no_part_of_the_base(toys: Toys) -> None:
    toys.words("below", "fine", place="below")
    toys.words("toys", "with-c")
    folder = toys.words("top", "fine", place="top")
    (folder / "series.toml").write_text('requires = ["toys"]\n')
    toys.words("higher", "fine", upon="toys")  # it says nothing, and does not apply
    toys.stack("below", "toys", "top", "higher", under_test="toys")
    assert toys.kseries("run", "--baseline") == 0
    assert toys.toyproject.latest()["baseline"]["left_out"] == ["toys", "top", "higher"]
    base = Baseline(**json.loads(kept(toys)[0].read_text()))
    assert list(base.series) == ["below"]
    (tree,) = (toys.toyproject.root / "out/trees").glob("*-baseline/linux")
    assert git(tree, "rev-parse", "HEAD").strip() == base.head


def test_the_base_is_shared_by_series_and_clones(
    toys: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.words("toys", "fine")
    toys.words("others", "a-fails")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run", "--baseline") == 0
    assert toys.kseries("run", "--series", "others", "--stack", "zcrx-v7", "--trusted") == 1
    against = toys.toyproject.latest()["baseline"]
    assert against["kept"]
    assert against["left_out"] == ["others"]  # and not what it was made without
    clone = toys.toyproject.root.with_name("clone")
    shutil.copytree(toys.toyproject.root, clone, ignore=shutil.ignore_patterns("out"))
    monkeypatch.setenv("KSERIES_ROOT", str(clone))
    assert toys.kseries("run", "--baseline") == 0
    assert len(kept(toys)) == 1
    # Another config is another base, and so is another patch below.
    toys.toyproject.write("configs/more.config", "CONFIG_NETDEVSIM=y\n")
    monkeypatch.setenv("KSERIES_ROOT", str(toys.toyproject.root))
    assert toys.kseries("run", "--baseline", "--config", "more") == 0
    assert len(kept(toys)) == 2
    toys.words("below", "fine", place="below")
    toys.stack("below", "toys", under_test="toys")
    assert toys.kseries("run", "--baseline") == 0
    assert len(kept(toys)) == 3


def test_the_config_of_the_base_is_called_as_that_of_the_series(toys: Toys) -> None:
    toys.words("toys", "fine")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run", "--baseline") == 0
    run = toys.toyproject.root / "out/runs/latest"
    told = [json.loads((place / "config.json").read_text()) for place in (run, run / "baseline")]
    assert told[0]["name"] == told[1]["name"] == "base"
    assert told[0]["added"] == told[1]["added"] == []


def key_of(toys: Toys, **request: object) -> str:
    """Give the key of what the latest run compares with, with another request."""
    opened = open_run("latest")
    asked = replace(opened.request, **request)  # type: ignore[arg-type]
    return baseline.key(replace(opened, request=asked).work(Silent()))


def test_the_key_of_a_baseline_is_made_of_all_that_decides_it(
    toys: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.words("below", "fine", place="below")
    toys.words("toys", "fine")
    toys.stack("below", "toys", under_test="toys")
    assert toys.kseries("run", "--until", "test") == 0
    keys = [key_of(toys), key_of(toys, extended=True)]
    vm = toys.toyproject.root / "configs/targets/vm.toml"
    vm.write_text(f"{vm.read_text()}\n# another machine\n")
    keys.append(key_of(toys))
    base = toys.toyproject.root / "configs/base.config"
    base.write_text(f"{base.read_text()}CONFIG_NETDEVSIM=y\n")
    keys.append(key_of(toys))
    for name in ("TOOLKIT", "GENERATOR"):
        folder = toys.toyproject.root / name
        shutil.copytree(getattr(baseline, name), folder)
        monkeypatch.setattr(baseline, name, folder)
        assert key_of(toys) == keys[-1]  # where it lies does not matter
        for place in ("test/scheduler.py", "brandnew.py") if name == "TOOLKIT" else ("table.py",):
            with (folder / place).open("a") as module:
                module.write("# other\n")
            keys.append(key_of(toys))
    latest = toys.toyproject.root / "out/runs/latest"
    for file, old, new in (
        ("test.json", '"accelerator": "none"', '"accelerator": "kvm"'),
        ("test.json", '"accelerator"', '"qemu": "QEMU 11", "accelerator"'),
        ("config.json", '"added": []', '"added": ["CONFIG_DEBUG_INFO=y"]'),
        ("build.json", '"compiler": "', '"compiler": "other '),
        ("fetch.json", toys.toyproject.latest()["provenance"]["base_commit"], "c" * 40),
    ):
        text = (latest / file).read_text()
        assert old in text
        (latest / file).write_text(text.replace(old, new))
        keys.append(key_of(toys))
    series = json.loads((latest / "series.json").read_text())
    below = series["series"][0]
    below["patches"][0]["sha256"] = "0" * 64
    (latest / "series.json").write_text(json.dumps(series))
    keys.append(key_of(toys))
    (latest / "series.json").write_text(json.dumps({**series, "suites": []}))
    keys.append(key_of(toys))
    assert len(set(keys)) == len(keys)


def test_names_and_what_decides_nothing_are_not_in_the_key(
    toys: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.words("below", "fine", place="below")
    toys.words("toys", "fine")
    toys.stack("below", "toys", under_test="toys")
    assert toys.kseries("run", "--until", "test") == 0
    key = key_of(toys)
    latest = toys.toyproject.root / "out/runs/latest"
    series = json.loads((latest / "series.json").read_text())
    series["series"][0]["name"] = "another-name"
    series["series"][1]["patches"][0]["sha256"] = "0" * 64  # of the series under test
    (latest / "series.json").write_text(json.dumps(series))
    folder = toys.toyproject.root / "toolkit"
    shutil.copytree(baseline.TOOLKIT, folder)
    (folder / "report/mail.py").write_text("")
    monkeypatch.setattr(baseline, "TOOLKIT", folder)
    assert key_of(toys) == key


def test_the_fragment_of_all_checkers_and_extended_are_the_same_tests(toys: Toys) -> None:
    toys.words("toys", "fine")
    toys.toyproject.write("configs/debug.config", "CONFIG_NETDEVSIM=y\n")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run", "--until", "test", "--config", "debug") == 0
    assert key_of(toys, extended=True) == key_of(toys, extended=False)


def test_a_comparison_does_not_outlive_what_was_compared(toys: Toys) -> None:
    toys.words("toys", "a-fails")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 1
    assert toys.toyproject.latest()["baseline"] is not None
    assert toys.kseries("build", "--run", "latest") == 0
    assert toys.toyproject.latest()["baseline"] is None
    assert toys.toyproject.latest()["verdict"] == "partial"
    for stage in ("install", "test", "baseline"):
        toys.kseries(stage, "--run", "latest")
    assert toys.toyproject.latest()["verdict"] == "fail"
    assert toys.toyproject.latest()["baseline"] is not None


def test_some_tests_use_what_is_kept_and_make_nothing(toys: Toys) -> None:
    toys.words("toys", "with-c")
    toys.change_base("below:", "below: a-fails")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run", "-k", "ping") == 1
    (note,) = [note for note in toys.toyproject.latest()["notes"] if "not compared" in note]
    assert "every failure counts as the series' own: none is kept" in note
    assert kept(toys) == []
    assert toys.kseries("run") == 0
    assert toys.kseries("run", "-k", "ping") == 0
    # What was not asked for is not gone.
    assert toys.kseries("run", "-k", "peer") == 0
    assert effects(toys) == {}


def test_a_tree_without_a_series_under_test(toys: Toys) -> None:
    assert toys.kseries("run", "--tree", str(toys.toyproject.kernel), "--trusted") == 0
    told = "there is nothing to compare with: the stack has no series under test"
    assert told in toys.toyproject.latest()["notes"]
    assert toys.toyproject.states()["baseline"] == "done"


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ('";\nint x = nothing; const char y[] = "', "does not build"),
        (" no-boot ", "did not boot"),
    ],
)
def test_a_base_that_cannot_be_tested_excuses_nothing(broken: str, told: str, toys: Toys) -> None:
    toys.change_base("below:", f"below:{broken}")
    toys.toyproject.series("toys", (CORE, f"below:{broken}", "below: a-fails "))
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 1
    document = toys.toyproject.latest()
    (note,) = [note for note in document["notes"] if "not compared" in note]
    assert told in note
    assert document["baseline"] is None
    assert document["reasons"] == [f"{PING} failed: a"]
    assert kept(toys) == []


def test_a_lost_machine_leaves_no_baseline(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    toys.words("toys", "fine")
    toys.stack("toys", under_test="toys")
    ended_at_the_base(toys, monkeypatch, InfraError("The disk is gone."))
    assert toys.kseries("run", "--baseline") == 0
    (note,) = [note for note in toys.toyproject.latest()["notes"] if "not compared" in note]
    assert "The disk is gone." in note
    assert kept(toys) == []


def test_ended_while_the_base_is_tested_the_run_goes_on(
    toys: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.words("toys", "fine")
    toys.stack("toys", under_test="toys")
    ended_at_the_base(toys, monkeypatch, Interrupted("SIGTERM"))
    assert toys.kseries("run", "--baseline") == 3
    assert toys.toyproject.states()["baseline"] == "interrupted"
    assert kept(toys) == []
    assert toys.kseries("run", "--resume", "latest") == 0
    assert toys.toyproject.states()["baseline"] == "done"
    assert len(kept(toys)) == 1


def ended_at_the_base(toys: Toys, monkeypatch: pytest.MonkeyPatch, ends: BaseException) -> None:
    """Have the first machine for the base end like this."""
    given = RunContext.target
    left = [ends]

    def target(work: RunContext, *of: Any) -> Any:
        if work.suffix and left:
            raise left.pop()
        return given(work, *of)

    monkeypatch.setattr(RunContext, "target", target)


def test_symbols_of_the_series_are_not_promised_on_the_base(toys: Toys) -> None:
    toys.toyproject.series(
        "toys",
        ("net/Kconfig", "config PAGE_POOL\n", 'config TOYS\n\tbool "toys"\n\nconfig PAGE_POOL\n'),
    )
    toys.toyproject.write("configs/toys.config", "CONFIG_TOYS=y\n")
    toys.stack("toys", under_test="toys", config='"base", "toys"')
    assert toys.kseries("run") == 0
    assert toys.toyproject.latest()["baseline"] is not None
    # One that the tree has, and does not give, is in the way, and no fault of the series.
    toys.toyproject.write("configs/toys.config", "CONFIG_TOYS=y\nCONFIG_PAGE_POOL=y\n")
    assert toys.kseries("run") == 2


def test_what_is_kept_and_cannot_be_read_is_made_again(toys: Toys) -> None:
    toys.words("toys", "fine")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run", "--baseline") == 0
    (file,) = kept(toys)
    file.write_text("{")
    assert toys.kseries("run", "--baseline") == 0
    assert not toys.toyproject.latest()["baseline"]["kept"]
    assert json.loads(file.read_text())["series"] == []
