# SPDX-License-Identifier: GPL-2.0
"""Where an attack takes place: a small project on the toy kernel, and a host that is watched."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from attack.watch import Canaries, Listeners, found, odd_files, searched, secrets_in
from attack.watched import WAITED
from kseries.lib.paths import Cache
from tests.builtkernel import kernel_image
from tests.toymachine import FINE, VM
from tests.toyproject import TOOLS, ToyProject, git, set_up

TOOLKIT = TOOLS  # where the package that is attacked lies
DATA = TOOLS / "tests" / "data"
WATCHED = Path(__file__).with_name("watched.py")
CALL_LIMIT_S = 90.0
STACK = """\
title = "toy"
source = "toy"
series = ["good"]
under_test = "good"
config = ["base"]
suites = ["netdevsim"]
"""
# Upon this one a series from outside is put.
PLAIN = 'title = "plain"\nsource = "toy"\nconfig = ["base"]\nsuites = ["netdevsim"]\n'
SELFTESTS = "tools/testing/selftests"
TESTS = ("drivers/net/ping.py", "drivers/net/queues.py", "drivers/net/stats.py")
# What a pipe must not carry to a terminal behind it: control characters beside line ends and tabs.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# On a terminal of its own the toolkit moves the cursor and colours; it has no use for the rest:
# titles, clipboards, answers, resets.
HOSTILE_SEQUENCE = re.compile(r"\x1b[\]P_^Xc]|[\x90\x9b\x9d]|\x1b\[[0-9;?]*[^0-9;?a-zA-Z]")
SOUND = range(4)  # exit codes


@dataclass(frozen=True)
class Ended:
    """How the toolkit ended: None as its code when it had to be ended, `why` then."""

    words: tuple[str, ...]
    code: int | None
    output: str


@dataclass
class Scene:
    """The place of one attack.

    folder: all of it but `host`: project, toy kernel, cache. host: the user's own files, in the
    user's home, with weak modes: only the sandbox stands between them and the series.
    """

    folder: Path
    host: Path
    toyproject: ToyProject
    token: str
    listeners: Listeners
    ends: list[Ended] = field(default_factory=list)
    saw: list[str] = field(default_factory=list)
    attempted: bool = False
    canaries: Canaries | None = None

    @property
    def executed(self) -> Path:
        """What only code outside of the sandbox can make."""
        return self.host / "executed"

    def fill(self, text: str) -> str:
        """Put the names of this scene into a hostile text.

        Hostile code knows all paths: what it does not know it could guess.
        """
        pid = os.getpid()
        known = {
            "@HOST@": str(self.host),
            "@FOLDER@": str(self.folder),
            "@TOKEN@": self.token,
            "@PORT@": str(self.listeners.port),
            "@ABSTRACT@": self.listeners.abstract,
            "@PIDS@": f"{max(2, pid - 200)} {pid + 6000}",
        }
        for name, value in known.items():
            text = text.replace(name, value)
        return text

    def kseries(
        self,
        *words: str,
        terminal: bool = False,
        limit_s: float = CALL_LIMIT_S,
        program: str = "kseries",
    ) -> Ended:
        """Run the toolkit's command line and judge how it ended. program: a module that is it."""
        self.watch()
        with self.started(*words, terminal=terminal, limit_s=limit_s, program=program) as ended:
            pass
        return ended[0]

    @contextmanager
    def started(
        self,
        *words: str,
        terminal: bool = False,
        limit_s: float = CALL_LIMIT_S,
        program: str = "kseries",
    ) -> Iterator[list[Ended]]:
        """Run the command line while the block lasts; the list holds how it ended, afterwards."""
        self.watch()
        number = len(list(self.folder.glob("end-*.txt")))
        report, output = (self.folder / f"end-{number}.{suffix}" for suffix in ("json", "txt"))
        watcher = [sys.executable, str(WATCHED), str(report), str(limit_s)]
        how = ["pty" if terminal else "pipe", "--"]
        toolkit = [sys.executable, "-m", program, *words]
        ended: list[Ended] = []
        with output.open("wb") as sink:
            child = subprocess.Popen(
                [*watcher, *how, *toolkit],
                cwd=self.toyproject.root,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
            try:
                yield ended
            finally:
                child.wait()
        told = json.loads(report.read_text())
        text = output.read_bytes()[: 64 << 20].decode(errors="replace")
        ended.append(Ended(words, told["status"], text))
        self.ends.append(ended[0])
        self._judge(ended[0], told, terminal)

    def environment(self) -> dict[str, str]:
        """Give the user's environment, which holds a secret."""
        return {
            **self.toyproject.environment,
            "PYTHONPATH": str(TOOLKIT),
            "HOME": str(self.host),
            "ATTACK_SECRET": self.secret("env"),
            "ATTACK_CACHE": str(Cache.find().root),
            "ATTACK_KERNEL": str(kernel_image() or ""),
        }

    def secret(self, where: str) -> str:
        """Give a text that must not appear in anything that the toolkit leaves."""
        return f"secret-of-{where}-{self.token[::-1]}"

    def run_series(self, folder: Path, *words: str, until: str = "install") -> Ended:
        """Run a series up to a stage."""
        return self.kseries(
            *("run", "--series", str(folder), "--until", until, "--no-baseline"), *words
        )

    def run_whole(self, folder: Path) -> Ended:
        """Run a series to its verdict; its tests run on a machine that is played on this host."""
        return self.kseries("run", "--series", str(folder), program="tests.toyrun")

    def run_in_guest(self, folder: Path) -> Ended:
        """Run a series to its verdict; its tests run in a virtual machine with a real kernel."""
        return self.kseries("run", "--series", str(folder), program="attack.guestrun", limit_s=600)

    def mark(self, *ends: Ended) -> None:
        """Take it as attempted: the hostile input was given, and there is nothing to run in it."""
        assert ends or self.ends
        self.attempted = True

    def breach(self, text: str) -> None:
        """Write down what must not happen."""
        text = text.replace(str(self.host), "~").replace(f"{self.folder}/", "")
        if text not in self.saw:
            self.saw.append(text)

    def never_passes(self, *ends: Ended) -> None:
        """See that none of the runs ended as a pass does."""
        for ended in ends:
            if ended.code == 0:
                self.breach(f"{ended.words[0]} ended with 0, as a pass does")

    def watch(self) -> None:
        """Look at the host before the first start of the toolkit."""
        if self.canaries is None:
            self.canaries = Canaries.of(self.host, self.toyproject.kernel, *self._own())

    @contextmanager
    def by_user(self) -> Iterator[None]:
        """Let the user change something of the host while the block lasts."""
        self._compare()
        yield
        self.canaries = None
        self.watch()

    def close(self) -> None:
        """Look at the host again, and for what came out of it."""
        self.listeners.close()
        self._compare()
        if self.executed.exists():
            self.breach("code of the series ran outside of the sandbox")
        for name in self.listeners.reached:
            self.breach(f"reached {name} of the host")
        secrets = {self.secret(where) for where in ("file", "env")}
        places = [
            self.toyproject.root / "out",
            self.folder / "cache",
            *self.folder.glob("end-*.txt"),
        ]
        marks = (f"attempted-{self.token}", f"breach-{self.token}: ")
        for text in secrets_in(places, secrets):
            self.breach(text)
        found, told = self._testimony(places, marks)
        self.attempted = self.attempted or found
        for text in [*told, *odd_files(self.folder)]:
            self.breach(text)

    def _compare(self) -> None:
        for text in self.canaries.changed() if self.canaries else ():
            self.breach(text)

    def _own(self) -> list[Path]:
        """Give what is the user's in the project: all but what is made at run time."""
        return [path for path in self.toyproject.root.iterdir() if path.name != "out"]

    def _testimony(self, places: Sequence[Path], marks: tuple[str, str]) -> tuple[bool, list[str]]:
        """Collect what hostile code says: that it came to its work, and what it could do."""
        said = searched(places, ["-ahoE", f"{marks[0]}|{marks[1]}.*"])
        lines = said.splitlines()
        named = bool(found(places, "-name", f"*{marks[0]}*"))
        told = {line.partition(": ")[2].strip() for line in lines if line.startswith(marks[1])}
        return named or marks[0] in lines, sorted(told - {""})

    def _judge(self, ended: Ended, told: dict[str, object], terminal: bool) -> None:
        name = ended.words[0]
        if told["why"] == WAITED:
            # A series may sleep: that is what the toolkit's own, longer limits are for.
            return
        if told["why"]:
            self.breach(f"{name} {told['why']}")
        elif ended.code not in SOUND:
            self.breach(f"{name} ended with {ended.code}")
        for left in told["left"] if isinstance(told["left"], list) else ():
            self.breach(f"left a process behind: {left}")
        # At the start of a line it is the toolkit's own, else a quotation from the sandbox.
        if re.search(r"^Traceback \(most", ended.output, re.MULTILINE):
            last = ended.output.rpartition("Traceback (most")[2].strip().splitlines()
            error = next(
                (line for line in last if re.match(r"\w[\w.]*(Error|Exception)", line)), ""
            )
            self.breach(f"{name} broke with a traceback: {error[:120]}")
        control = (HOSTILE_SEQUENCE if terminal else CONTROL).search(ended.output)
        if control:
            self.breach(f"{name} hands {control[0]!r} to the terminal")


def make(folder: Path, host: Path, template: Path, token: str) -> Scene:
    """Set up a scene in new folders, from a template of the project."""
    shutil.copytree(template, folder, symlinks=True)
    _retarget(folder)
    host.mkdir(parents=True)
    listeners = Listeners(token, host / "socket")
    scene = Scene(folder, host, ToyProject(folder / "project", folder / "kernel"), token, listeners)
    _furnish(scene)
    return scene


def make_template(folder: Path) -> None:
    """Make the project that every scene is a copy of: one good series on the toy kernel."""
    kernel = folder / "kernel"
    shutil.copytree(DATA / "toy-kernel", kernel)
    shutil.copytree(DATA / "kselftest_zcrx" / "toytree", kernel, dirs_exist_ok=True)
    (kernel / "scripts/kconfig/python.mk").write_text(f"PYTHON3 := {sys.executable}\n")
    for name in TESTS:
        (kernel / SELFTESTS / name).write_text(FINE)
    git(kernel, "init", "--quiet", "--initial-branch=main")
    git(kernel, "add", "--all", "--force")
    git(kernel, "commit", "--quiet", "--message=toy")
    toyproject = set_up(folder / "project", kernel)
    toyproject.write("kernel/stacks/zcrx-v7.toml", STACK)
    toyproject.write("kernel/stacks/plain.toml", PLAIN)
    toyproject.write("configs/targets/vm.toml", VM.read_text())


def _retarget(folder: Path) -> None:
    source = folder / "project/kernel/sources/toy.toml"
    source.write_text(f'kind = "local"\npath = "{folder / "kernel"}"\n')


def _furnish(scene: Scene) -> None:
    """Give the host what a user has: private and precious files, a git configuration."""
    files = {
        "secret": scene.secret("file"),
        ".ssh/id_ed25519": scene.secret("file"),
        "precious": "precious\n",
        "folder/precious": "precious\n",
        "folder/empty/precious": "precious\n",
        # Good lines, for readers that would take a link's target for their own file.
        "config": f'CONFIG_NET=y\nCONFIG_LOCALVERSION="{scene.secret("file")}"\n',
    }
    for name, text in files.items():
        file = scene.host / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o666)
    os.mkfifo(scene.host / "fifo")
    for place in (scene.host, *(path for path in scene.host.rglob("*") if path.is_dir())):
        place.chmod(0o777)
