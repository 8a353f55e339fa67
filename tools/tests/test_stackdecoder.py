# SPDX-License-Identifier: GPL-2.0
"""Stacks get files and lines: a real program in ELF, a script of the tree, the real sandbox."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from kseries.build import stackdecoder
from kseries.build.stackdecoder import SCRIPT, Decoded, decode
from kseries.kbuild.sandbox import Sandbox, prepare
from kseries.model import Place

TOY = Path(__file__).parent / "data" / "toy-kernel"

SOURCE = """\
static inline __attribute__((always_inline)) int twice(int x) { asm volatile("nop"); return x * 2; }
extern int budget(int x);
int poll(int x)
{
	return budget(twice(x)) + 1;
}
int budget(int x) { return x; }
"""


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    """A tree with one source file, and its vmlinux in the build folder."""
    tree = tmp_path / "tree"
    (tree / "scripts").mkdir(parents=True)
    shutil.copy(TOY / SCRIPT, tree / SCRIPT)
    (tree / "net").mkdir()
    (tree / "net/poll.c").write_text(SOURCE)
    box = Sandbox(tree, tmp_path / "made", None, trusted=False)
    prepare(box)
    flags = ["-g1", "-O2", "-fno-pie", "-fno-inline-small-functions", "-static", "-nostdlib"]
    argv = ["gcc", *flags, "-e", "poll", "-o", str(box.build / "vmlinux"), "../net/poll.c"]
    subprocess.run(argv, cwd=tree / box.objects, check=True)
    return box


def script(box: Sandbox, text: str) -> None:
    (box.tree / SCRIPT).write_text(text)


@pytest.mark.parametrize("trusted", [False, True], ids=["sandboxed", "trusted"])
def test_calls_become_lines(box: Sandbox, tmp_path: Path, trusted: bool) -> None:
    box = Sandbox(box.tree, box.build, None, trusted)
    os.chown(box.build, box.owner, box.owner)  # else it is made anew
    calls = ("poll+0x0/0x10", "budget+0x0/0x4", "poll+0x2/0x10", "strange+0x1/0x2")
    log = tmp_path / "decode.log"
    decoded = decode(box, calls, log)
    assert decoded.why == ""
    assert decoded.places["budget+0x0/0x4"] == (Place("net/poll.c", 7),)
    assert decoded.places["poll+0x0/0x10"][-1] == Place("net/poll.c", 5)
    assert "strange+0x1/0x2" not in decoded.places
    assert SCRIPT in log.read_text()


def test_inlined_functions_come_first(box: Sandbox, tmp_path: Path) -> None:
    places = decode(box, [f"poll+{at:#x}/0x10" for at in range(8)], tmp_path / "log").places
    assert (Place("net/poll.c", 1), Place("net/poll.c", 5)) in places.values()


def test_lines_of_another_clone_are_of_this_tree(box: Sandbox, tmp_path: Path) -> None:
    # The compiler cache gives objects that were made in the build folder of another clone.
    script(
        box,
        'while read -r n _; do echo "$n f (/other/out-x/../include/a.h:1 (discriminator 3)'
        ' /other/out-x/../net/../net/poll.c:2) "; done\n',
    )
    places = decode(box, ["f+0x1/0x2"], tmp_path / "log").places
    assert places["f+0x1/0x2"] == (Place("include/a.h", 1), Place("net/poll.c", 2))


@pytest.mark.parametrize(
    "answer",
    [
        "0 f (/etc/passwd:3)",
        "0 f (../../etc/passwd:3)",
        "0 f (??:0)",
        "0 f (/kseries/linux/out/./include/generated/a.h:3)",
        "0 f (net/poll.c:?)",
        "99 f (net/poll.c:3)",
        "-1 f (net/poll.c:3)",
        "f (net/poll.c:3)",
        f"0 f ({'x' * 5000}:3)",
        f"0 f (net/poll.c:{'3' * 9999})",
        f"{'0' * 9999} f (net/poll.c:3)",
        "\\x1b[31m",
        "",
    ],
)
def test_what_makes_no_sense_is_passed_over(box: Sandbox, tmp_path: Path, answer: str) -> None:
    script(box, f"printf '%b\\n' '{answer}'\n")
    decoded = decode(box, ["f+0x1/0x2"], tmp_path / "log")
    assert not any(decoded.places.values())
    assert decoded.why == "vmlinux does not tell the lines"


def test_newer_scripts_are_told_to_take_the_instruction_as_it_is(
    box: Sandbox, tmp_path: Path
) -> None:
    script(
        box,
        'if [ "$1" = -h ]; then echo "$0 [-R] [<vmlinux>]"; exit; fi\n'
        '[ "$1" = -R ] && echo "0 f (net/poll.c:3)"\n',
    )
    places = decode(box, ["f+0x1/0x2"], tmp_path / "log").places
    assert places["f+0x1/0x2"] == (Place("net/poll.c", 3),)


# ---- where it does not work, that is said


def test_no_vmlinux(box: Sandbox, tmp_path: Path) -> None:
    (box.build / "vmlinux").unlink()
    assert decode(box, ["f+0x1/0x2"], tmp_path / "log") == Decoded(
        {}, "the build folder has no vmlinux"
    )


def test_no_script(box: Sandbox, tmp_path: Path) -> None:
    (box.tree / SCRIPT).unlink()
    assert decode(box, ["f+0x1/0x2"], tmp_path / "log").why == f"the tree has no {SCRIPT}"


def test_no_debug_information(box: Sandbox, tmp_path: Path) -> None:
    subprocess.run(["strip", "--strip-debug", "vmlinux"], cwd=box.build, check=True)
    decoded = decode(box, ["poll+0x0/0x10"], tmp_path / "log")
    assert decoded.why == "vmlinux does not tell the lines"


def test_script_that_fails_midway(box: Sandbox, tmp_path: Path) -> None:
    script(box, '[ "$1" = -h ] || { echo "0 f (net/poll.c:3)"; exit 7; }\n')
    decoded = decode(box, ["f+0x1/0x2", "g+0x1/0x2"], tmp_path / "log")
    assert decoded.why == f"{SCRIPT} failed with exit status 7"
    assert decoded.places == {"f+0x1/0x2": (Place("net/poll.c", 3),)}


def test_script_that_does_not_know_help(box: Sandbox, tmp_path: Path) -> None:
    script(box, "exit 1\n")
    assert "exit status 1" in decode(box, ["f+0x1/0x2"], tmp_path / "log").why


def test_script_that_does_not_end(
    box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stackdecoder, "LIMIT_S", 1.0)
    script(box, '[ "$1" = -h ] || { echo "0 f (net/poll.c:3)"; sleep 600; }\n')
    began = time.monotonic()
    decoded = decode(box, ["f+0x1/0x2", "g+0x1/0x2"], tmp_path / "log")
    assert time.monotonic() - began < 60
    assert decoded.why == f"{SCRIPT} did not end in time"
    assert decoded.places == {"f+0x1/0x2": (Place("net/poll.c", 3),)}


def test_script_of_a_patch_stays_in_the_sandbox(box: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("net/poll.c:3")
    script(box, f'echo "0 f ($(cat {secret})"; touch {box.tree}/spoiled {tmp_path}/spoiled\n')
    assert not any(decode(box, ["f+0x1/0x2"], tmp_path / "log").places.values())
    assert not (box.tree / "spoiled").exists()
    assert not (tmp_path / "spoiled").exists()
