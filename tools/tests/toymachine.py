# SPDX-License-Identifier: GPL-2.0
"""Whole runs on the toy kernel, tests included: a project, and a machine that "runs" the kernel.

The tests are scripts of the toy kernel's tree. They look into the image that was built for the
words that the sources hold, so what they say follows from the patches that are in.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from kseries.cli.main import main
from kseries.lib.deadline import Deadline
from kseries.lib.runfolder import RunFolder
from kseries.model import Kernel
from kseries.run.context import RunContext
from tests.hosttarget import HostTarget
from tests.toyproject import ToyProject, git, set_up

SELFTESTS = Path(__file__).parent / "data/kselftest_zcrx/toytree/tools/testing/selftests"
PLACE = "tools/testing/selftests"
CORE = "net/core.c"
SLOTS = ("below", "toys", "top")  # in CORE, what series add words to
VM = Path(__file__).parents[2] / "configs/targets/vm.toml"

# $1: a word that the image may hold; $2: the case; fails where the image holds "$2-fails", now and
# then where it holds "$2-flaky", and complains in the kernel log where it holds "$2-warns".
PING = """\
#!/bin/sh
image=$(tr -cd '[:print:]' <../../../kernel)
has() { case $image in *"$1"*) ;; *) return 1 ;; esac; }
status=0; number=0
case_() {
	has "no-$1 " && return
	number=$((number + 1))
	echo "#  RUN           $1 ..."
	result=ok
	has "$1-fails" && result="not ok"
	if has "$1-flaky" && [ -e "$STATE.$1" ]; then rm "$STATE.$1"; elif has "$1-flaky"; then
		touch "$STATE.$1"; result="not ok"
	fi
	has "$1-warns" && echo "# look" && cat >>$KMSG <<'END'
[    9.000000] ------------[ cut here ]------------
[    9.000001] WARNING: CPU: 0 PID: 7 at net/core.c:12 net_poll+0x1/0x2
[    9.000002] ---[ end trace 0000000000000000 ]---
END
	[ "$result" = ok ] || status=1
	echo "$result $number $1"
}
echo "TAP version 13"
case_ a; case_ b
has "with-c " && case_ c
echo "1..$number"
exit $status
"""

FINE = "#!/bin/sh\necho TAP version 13; echo 1..1; echo ok 1 fine\n"


class ToyMachine(HostTarget):
    """A machine whose kernel comes up unless its image holds "no-boot"."""

    def __init__(self, root: Path, console: Path, boots: Sequence[str] = ()) -> None:
        super().__init__(root, console, boots)

    def boot(self, kernel: Kernel, deadline: Deadline) -> None:
        if b"no-boot" in kernel.image.read_bytes():
            self.dies_at_boot = ["no root"] * (self.boots + 1)
        super().boot(kernel, deadline)
        shutil.copyfile(kernel.image, self.root / "kernel")


class Toys:
    """A project with tests, whose command line runs in this process."""

    def __init__(self, toyproject: ToyProject, place: Path) -> None:
        self.toyproject = toyproject
        self.machines: list[ToyMachine] = []
        self._ends: tuple[int, BaseException] | None = None
        self._place = place

    def target(self, folder: RunFolder, number: int) -> ToyMachine:
        if self._ends is not None and len(self.machines) == self._ends[0]:
            error, self._ends = self._ends[1], None
            raise error
        root = self._place / f"machine-{len(self.machines)}-{number}"
        self.machines.append(ToyMachine(root, folder.console(number)))
        return self.machines[-1]

    def ends_after(self, machines: int, error: BaseException) -> None:
        """Have the machine after that many others end like this, once."""
        self._ends = machines, error

    @property
    def boots(self) -> int:
        """How many machines were booted so far."""
        return sum(machine.boots for machine in self.machines)

    def words(self, name: str, *words: str, place: str = "toys", upon: str = "") -> Path:
        """Make a series each of whose patches adds a word to the image.

        place: where in the source; series in different ones apply without each other. upon: the
        series whose last patch it is written on.
        """
        before = f"{place}:"
        start = git(self.toyproject.kernel, "rev-parse", "HEAD").strip()
        if upon:
            patches = sorted((self.toyproject.root / "patches" / upon).glob("*.patch"))
            git(self.toyproject.kernel, "am", "--quiet", *map(str, patches))
        changes = []
        for word in words:
            changes.append((CORE, before, f"{before} {word} "))
            before = f"{before} {word} "
        folder = self.toyproject.series(name, *changes)
        git(self.toyproject.kernel, "reset", "--quiet", "--hard", start)
        return folder

    def add_to(self, name: str, file: str, text: str) -> None:
        """Add a patch to a series that brings a program."""
        start = git(self.toyproject.kernel, "rev-parse", "HEAD").strip()
        place = self.toyproject.kernel / file
        place.write_text(text)
        place.chmod(0o755)
        git(self.toyproject.kernel, "add", file)
        git(self.toyproject.kernel, "commit", "--quiet", f"--message=bring {file}")
        folder = self.toyproject.root / "patches" / name
        number = len(list(folder.glob("*.patch"))) + 1
        numbered = (f"--start-number={number}", f"--output-directory={folder}")
        git(self.toyproject.kernel, "format-patch", "--quiet", "-N", "-1", *numbered)
        git(self.toyproject.kernel, "reset", "--quiet", "--hard", start)

    def change(self, name: str, change: Callable[[Path], None]) -> None:
        """Make a series of one patch out of what `change` does to the source."""
        start = git(self.toyproject.kernel, "rev-parse", "HEAD").strip()
        change(self.toyproject.kernel)
        git(self.toyproject.kernel, "add", "--all")
        git(self.toyproject.kernel, "commit", "--quiet", f"--message={name}: change tests")
        folder = self.toyproject.root / "patches" / name
        git(self.toyproject.kernel, "format-patch", "--quiet", "-1", f"--output-directory={folder}")
        git(self.toyproject.kernel, "reset", "--quiet", "--hard", start)

    def remove(self, file: str) -> None:
        """Take a file out of the source."""
        git(self.toyproject.kernel, "rm", "--quiet", file)
        git(self.toyproject.kernel, "commit", "--quiet", f"--message=remove {file}")

    def change_base(self, old: str, new: str) -> None:
        """Change the source itself."""
        core = self.toyproject.kernel / CORE
        assert old in core.read_text()
        core.write_text(core.read_text().replace(old, new, 1))
        git(self.toyproject.kernel, "commit", "--quiet", "--all", "--message=change the base")

    def stack(self, *series: str, under_test: str, config: str = '"base"') -> None:
        """Make these series the default stack."""
        names = ", ".join(f'"{name}"' for name in series)
        self.toyproject.write(
            "kernel/stacks/zcrx-v7.toml",
            f'source = "toy"\nseries = [{names}]\nunder_test = "{under_test}"\n'
            f'config = [{config}]\nsuites = ["netdevsim"]\ntrusted = true\n',
        )

    def kseries(self, *words: str) -> int:
        """Carry out a command; give its exit code."""
        return main(list(words))


def set_up_toys(place: Path, kernel: Path, monkeypatch: pytest.MonkeyPatch) -> Toys:
    """Make the project, and have runs take the toy machine."""
    shutil.copytree(SELFTESTS, kernel / PLACE)
    (kernel / PLACE / "drivers/net/ping.py").write_text(PING)
    for name in ("queues.py", "stats.py"):
        (kernel / PLACE / "drivers/net" / name).write_text(FINE)
    core = kernel / CORE
    apart = "\n".join(["/*", *(f" * {n}" for n in range(8)), " */"])
    slots = [
        f'const char {stack_folder}[] = "{stack_folder}:";\n\n{apart}' for stack_folder in SLOTS
    ]
    core.write_text("\n".join([core.read_text(), *slots, ""]))
    git(kernel, "add", "--all")
    git(kernel, "commit", "--quiet", "--message=tests")
    toyproject = set_up(place / "project", kernel)
    toyproject.write("configs/targets/vm.toml", VM.read_text())
    toys = Toys(toyproject, place)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr(RunContext, "target", lambda _work, *of: toys.target(*of))
    for name in ("KSERIES_ROOT", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, toyproject.environment[name])
    monkeypatch.chdir(toyproject.root)
    return toys
