# SPDX-License-Identifier: GPL-2.0
"""A pair of stand-ins as a target of runs: deployed to, booted by kexec, switched off and on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from kseries.hardware import catalogue
from kseries.hardware.machine import LabMachine
from kseries.lib.paths import Project
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import (
    BaseTree,
    BuildPlace,
    InstalledSuites,
    Kernel,
    KernelConfig,
    LocalSource,
    NamedSource,
    TestOutcome,
    TestProgram,
    Tree,
)
from kseries.test import stage
from tests.standin import TARGET, Pair

SWITCH = Path(__file__).parent / "powerswitch.py"
DEADLINE_S = 150.0

BOOT = """\
[boot]
deadline_s = {deadline}
initrd = ["/usr/local/bin/standin-initrd"]
"""
CONSOLE = """\
[console]
kind = "command"
command = ["tail", "-n", "+1", "-s", "0.2", "-F", "{console}"]
"""
POWER = """\
[power]
kind = "command"
off = ["{python}", "{switch}", "{monitor}", "stop"]
on = ["{python}", "{switch}", "{monitor}", "system_reset", "cont"]
"""

# Debian's kernel needs an initrd, which is QEMU's own: the DUT "makes" it of a copy.
MAKE_INITRD = '#!/bin/sh\\ncp /usr/local/lib/standin-initrd "$1"\\n'

SOURCE = NamedSource("toy", LocalSource("local", Path("/nowhere")))
TREE = Tree(Path("/nowhere"), BaseTree(SOURCE, Path("/nowhere"), "0" * 40, "6.12", ""), "", ())
KERNEL = Kernel(
    config=KernelConfig(TREE, BuildPlace(Path("/nowhere"), Path("/nowhere")), "toy", "", 0),
    image=Path("/nowhere"),
    release="",
    compiler="",
    objects=0,
    seconds=0.0,
    log=Path("/nowhere"),
)


def give_initrd(pair: Pair) -> None:
    """Put on the DUT what makes an initrd of its own for each kernel."""
    with pair.dut.initrd.open("rb") as initrd:
        pair.feed(
            "dut",
            "mkdir -p /usr/local/lib /usr/local/bin; cat >/usr/local/lib/standin-initrd",
            initrd,
        )
    pair.ssh(
        "dut",
        f"printf '{MAKE_INITRD}' >/usr/local/bin/standin-initrd;"
        " chmod 755 /usr/local/bin/standin-initrd",
    )


@dataclass
class Told(Silent):
    """Progress that keeps what was noted."""

    notes: list[str] = field(default_factory=list)
    when: dict[str, Callable[[], None]] = field(
        default_factory=dict
    )  # what is done, once, at a text

    def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        """Do what is to be done then."""
        for known in [known for known in self.when if known in text]:
            self.when.pop(known)()

    def note(self, text: str) -> None:
        """Keep a note."""
        self.notes.append(text)


@dataclass
class Lab:
    """A target, a run folder, programs of a suite."""

    pair: Pair
    path: Path
    kernel: Kernel
    programs: list[TestProgram] = field(default_factory=list)
    progress: Told = field(default_factory=Told)
    arguments: tuple[str, ...] = ()  # of the kernel
    target: str = TARGET

    @property
    def run(self) -> RunFolder:
        """The folder of the run."""
        folder = self.path / "run"
        folder.mkdir(exist_ok=True)
        return RunFolder(folder)

    def write(
        self,
        *,
        console: bool = True,
        power: bool = True,
        deadline_s: float = DEADLINE_S,
        more: str = "",
    ) -> Path:
        """Write the target's file. more: tables of it."""
        text = self.target + BOOT.format(deadline=deadline_s) + more
        dut = self.pair.dut
        if console:
            text += CONSOLE.format(console=dut.console)
        if power:
            text += POWER.format(python=sys.executable, switch=SWITCH, monitor=dut.monitor)
        file = self.path / "standin.toml"
        file.write_text(text)
        return file

    def add(self, name: str, script: str, **more: object) -> TestProgram:
        """Add a program."""
        file = self.path / "installed" / "demo" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        program = TestProgram("demo", name, (f"./{name}",), "demo", 60.0)
        self.programs.append(replace(program, **more))  # type: ignore[arg-type]
        return self.programs[-1]

    def open(self, folder: RunFolder, number: int) -> AbstractContextManager[LabMachine]:
        """Give the machine."""
        target = catalogue.read(self.path / "standin.toml", Project.find().configs)
        return LabMachine(target, folder, self.progress, number=number, arguments=self.arguments)

    def start(self) -> subprocess.Popen[bytes]:
        """Run the program "good" in a process that can be killed."""
        argv = [sys.executable, "-m", "tests.labrun", str(self.path), str(self.kernel.image)]
        return subprocess.Popen([*argv, self.kernel.release], start_new_session=True)

    def test(self, *, reruns: bool = False) -> TestOutcome:
        """Run the programs on the machine."""
        installed = InstalledSuites(self.path / "installed", tuple(self.programs))
        return stage.test(
            installed, self.kernel, self.open, self.run, self.progress, reruns=reruns, spare=True
        )
