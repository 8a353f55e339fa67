# SPDX-License-Identifier: GPL-2.0
"""The attacks can fail: each way of judging one is seen to find what it looks for."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from attack import hostile, runner, scene, watched
from attack.families import ATTACKS, guests
from attack.scene import Scene
from attack.table import Attack, Kind, Outcome
from tests.test_starvation import crowd

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "t"
    scene.make_template(folder)
    return folder


Carry = Callable[..., Outcome]


@pytest.fixture
def carry(tmp_path: Path, template: Path) -> Carry:
    def carry_out(act: Callable[[Scene], None], **words: object) -> Outcome:
        name = f"attack-{len(list(tmp_path.glob('place/*')))}"
        one = Attack(name, Kind.ESCAPE, "tries", act, **words)  # type: ignore[arg-type]
        (tmp_path / "host").mkdir(exist_ok=True)
        return runner.carry_out(one, tmp_path / "place", tmp_path / "host", template)

    return carry_out


def _quick(on: Scene) -> None:
    on.mark(on.kseries("runs"))


def test_what_does_nothing_is_contained(carry: Carry) -> None:
    found = carry(_quick)
    assert found.good, found.saw
    assert found.ends == (0,)


def _touch(on: Scene) -> None:
    on.executed.touch()


def _overwrite(on: Scene) -> None:
    (on.host / "precious").write_text("spoilt")


def _same_content(on: Scene) -> None:
    file = on.host / "precious"
    text = file.read_text()
    file.unlink()
    file.write_text(text)


def _owner(on: Scene) -> None:
    (on.host / "folder/precious").chmod(0o600)


def _project(on: Scene) -> None:
    (on.toyproject.root / "configs/base.config").write_text("")


def _leak(on: Scene) -> None:
    (on.toyproject.root / "out/runs").mkdir(parents=True, exist_ok=True)
    (on.toyproject.root / "out/runs/x").write_text(f"a {on.secret('file')} b")


def _testify(on: Scene) -> None:
    (on.toyproject.root / "out").mkdir(exist_ok=True)
    (on.toyproject.root / "out/log").write_text(f"breach-{on.token}: was root\n")


def _setuid(on: Scene) -> None:
    file = on.folder / "cache-program"
    file.touch()
    file.chmod(0o4755)


def _connect(on: Scene) -> None:
    word = f"exec 3<> /dev/tcp/127.0.0.1/{on.listeners.port}; sleep 0.2"
    subprocess.run(["bash", "-c", word], check=True)


@pytest.mark.parametrize(
    ("does", "told"),
    [
        (_touch, "ran outside of the sandbox"),
        (_overwrite, "changed size"),
        (_same_content, "of ~/precious"),
        (_owner, "changed mode"),
        (_project, "project/configs/base.config"),
        (_leak, "a secret of the host is in x"),
        (_testify, "was root"),
        (_connect, "reached a port on loopback"),
        pytest.param(
            _setuid,
            "runs as root",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root's files count"),
        ),
    ],
)
def test_what_gets_out_is_seen(carry: Carry, does: Callable[[Scene], None], told: str) -> None:
    def act(on: Scene) -> None:
        _quick(on)
        does(on)

    found = carry(act)
    assert found.attempted
    assert not found.contained
    assert any(told in text for text in found.saw), found.saw


def test_an_attack_that_was_not_carried_out_is_not_good(carry: Carry) -> None:
    def act(on: Scene) -> None:
        on.kseries("runs")

    found = carry(act)
    assert not found.attempted
    assert found.contained
    assert not found.good


def test_an_attack_that_breaks_is_not_good(carry: Carry) -> None:
    def act(on: Scene) -> None:
        _quick(on)
        raise RuntimeError("no")

    assert any("the attack itself broke" in text for text in carry(act).saw)


def test_a_refusal_counts_as_attempted(carry: Carry) -> None:
    def act(on: Scene) -> None:
        on.kseries("report", "nothing")

    assert carry(act, refused="no run 'nothing'").attempted
    assert not carry(act, refused="something else").attempted


def test_a_pass_that_must_not_be_is_seen(carry: Carry) -> None:
    assert "runs ended with 0, as a pass does" in carry(_quick, may_pass=False).saw


def test_hostile_code_in_the_sandbox_leaves_its_mark(carry: Carry) -> None:
    def act(on: Scene) -> None:
        script = "attempted; breach 'can speak'"
        on.run_series(hostile.series(on, "x", hostile.running(script)), until="build")

    found = carry(act)
    assert found.attempted
    assert found.saw == ("can speak",)


def test_a_patch_that_is_only_kept_leaves_no_mark(carry: Carry) -> None:
    def act(on: Scene) -> None:
        script = "attempted; breach 'can speak'"
        on.run_series(hostile.series(on, "x", hostile.running(script)), until="apply")

    found = carry(act)
    assert not found.attempted
    assert found.contained


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
            f"ended with -{signal.SIGSEGV}",
        ),
        ("raise SystemExit(9)", "ended with 9"),
        ("print(chr(27) + ']0;x')", "to the terminal"),
        ("1 / 0", "traceback: ZeroDivisionError"),
        ("import time; time.sleep(60)", "did not end within 1 s"),
        ("x = bytearray(1 << 32); import time; time.sleep(60)", "held "),
        (
            "import subprocess; subprocess.Popen(['setsid', 'sleep', '60'])",
            "left a process behind: sleep 60",
        ),
    ],
)
def test_how_the_toolkit_ends_is_judged(
    carry: Carry, program: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "fake" / "kseries"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(f"{program}\n")
    monkeypatch.setattr(scene, "TOOLKIT", tmp_path / "fake")

    def act(on: Scene) -> None:
        on.mark(on.kseries("x", limit_s=1 if "did not" in told else 20))

    found = carry(act)
    assert any(told in text for text in found.saw), found.saw


def test_an_image_that_was_written_to_is_told_from_one_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    image = tmp_path / "kseries/rootfs/guest.ext4"
    image.parent.mkdir(parents=True)
    with image.open("wb") as file:
        file.truncate(50 << 20)
        os.pwrite(file.fileno(), b"data", 20 << 20)
    before = guests._images()
    os.utime(image, (1, 1))
    assert guests._images() == before
    for text, place in ((b"date", 20 << 20), (b"data", 40 << 20)):
        with image.open("r+b") as file:
            os.pwrite(file.fileno(), text, place)
        assert guests._images() != before
        with image.open("r+b") as file:
            os.pwrite(file.fileno(), b"data", 20 << 20)


def test_what_a_busy_host_takes_is_no_fault_of_the_toolkit() -> None:
    with crowd(5) as hungry:
        time.sleep(0.5)
        assert watched._starved_s(hungry) > 0.1
    assert watched._starved_s(hungry) == 0


def test_exit_code_and_table_tell_what_got_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def act(on: Scene) -> None:
        _quick(on)
        on.executed.touch()

    good = Attack("all-is-well", Kind.GIT, "tries", _quick)
    bad = Attack("gets-out", Kind.GIT, "tries", act)
    words = ["--place", str(tmp_path / "p"), "--json", str(tmp_path / "j")]
    monkeypatch.setattr(runner, "ATTACKS", (good,))
    assert runner.main(words) == 0
    monkeypatch.setattr(runner, "ATTACKS", (good, bad))
    assert runner.main(words) == 1
    told = capsys.readouterr().out
    assert "2 attacks: 2 attempted, 1 contained" in told
    assert '"name": "gets-out"' in (tmp_path / "j").read_text()


def test_attacks_have_names_of_their_own_and_are_many() -> None:
    names = [attack.name for attack in ATTACKS]
    assert len(names) == len(set(names))
    assert len([attack for attack in ATTACKS if not attack.rough and not attack.real]) >= 60
    assert {attack.kind for attack in ATTACKS} == set(Kind)


def test_the_docs_list_every_attack() -> None:
    text = runner.DOCS.read_text()
    assert runner.documented(text) == text, "run `nox -s attack -- --write-docs`"
