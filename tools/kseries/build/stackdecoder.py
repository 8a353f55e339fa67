# SPDX-License-Identifier: GPL-2.0
"""Where in the source the functions of a stack are, by the tree's own decode_stacktrace.sh.

It is code of the patched tree and runs in the sandbox. What it says is read with care, and when it
fails only files and lines are lacking.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kseries.kbuild.sandbox import Sandbox, prepare, run_in
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import KseriesError
from kseries.lib.untrusted import Untrusted, harmless
from kseries.model import Place

SCRIPT = "scripts/decode_stacktrace.sh"
VMLINUX = "vmlinux"
LIMIT_S = 120.0
QUICK_S = 20.0
MAX_PATH = 256
MAX_SAID = 2000  # lines
MAX_LINE = 4096

# Newer scripts take the instruction before the one that is asked for, unless told not to.
AS_ASKED = "-R"

# "3 foo (net/core/dev.c:12 (discriminator 2) net/core/dev.c:34)", behind our own number
_ANSWER = re.compile(r"\s*(\d{1,6}) [\w.$]+ \((.+)\)")
_PLACE = re.compile(r"([^\s:()]+):(\d{1,7})\b")


@dataclass(frozen=True)
class Decoded:
    """What was found for each call that was asked for.

    places: a call's line, and where functions were inlined, the innermost first, the line of each;
    () where nothing is known. why: what stood in the way, "" where nothing did.
    """

    places: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    why: str = ""


def decode(box: Sandbox, calls: Sequence[str], log: Path) -> Decoded:
    """Look up calls ("foo+0x1/0x2", "foo+0x1/0x2 [module]") in the vmlinux of the build folder.

    What cannot be looked up is no error: the answer says why.
    """
    said: list[str] = []
    why = _lacking(box)
    if not why:
        try:
            prepare(box)
            done = _run(box, calls, log, said)
            why = "" if done.ok else f"{SCRIPT} failed with exit status {done.returncode}"
        except proc.CommandTimeout:
            why = f"{SCRIPT} did not end in time"
        except KseriesError as error:
            why = error.what
        except OSError as error:
            why = str(error)
    places = _read(said, calls, box)
    if not why and not any(places.values()):
        why = f"{VMLINUX} does not tell the lines"
    return Decoded(places, why)


def _lacking(box: Sandbox) -> str:
    if not Untrusted(box.tree).has(SCRIPT):
        return f"the tree has no {SCRIPT}"
    return "" if box.made.has(VMLINUX) else f"the build folder has no {VMLINUX}"


def _run(box: Sandbox, calls: Sequence[str], log: Path, said: list[str]) -> proc.Completed:
    """Run the script on the calls, one a line, behind the number by which we know them again."""
    script = box.inside_tree / SCRIPT
    asked = box.argv(["bash", script, "-h"])
    usage = run_in(box, asked, deadline=Deadline.after(QUICK_S), check=False).output
    options = [AS_ASKED] if f"[{AS_ASKED}]" in usage else []
    folders = (f"{box.inside_build}/..", box.inside_build)
    with tempfile.TemporaryFile() as questions:
        questions.write("".join(f"{at} {call}\n" for at, call in enumerate(calls)).encode())
        questions.seek(0)
        return run_in(
            box,
            box.argv(["bash", script, *options, box.inside_build / VMLINUX, *folders]),
            deadline=Deadline.after(LIMIT_S),
            stdin=questions,
            log=log,
            on_line=said.append,
            check=False,
        )


def _read(said: Sequence[str], calls: Sequence[str], box: Sandbox) -> dict[str, tuple[Place, ...]]:
    places = {}
    for line in said[:MAX_SAID]:
        answer = _ANSWER.match(line[:MAX_LINE])
        if answer and int(answer[1]) < len(calls):
            found = [_place(file, int(number), box) for file, number in _PLACE.findall(answer[2])]
            known = dict.fromkeys(place for place in found if place is not None)
            places[calls[int(answer[1])]] = tuple(known)
    return places


def _place(file: str, line: int, box: Sandbox) -> Place | None:
    """Give a line of the tree; None for what is no file of it, as what the build makes."""
    # The compiler ran in a build folder below the tree, here or in another clone.
    in_tree = (file.startswith("/") and file.partition("/../")[2]) or file
    name = os.path.normpath(in_tree.removeprefix(f"{box.inside_tree}/"))
    if name.startswith(("/", "../", f"{box.objects}/")) or len(name) > MAX_PATH or not line:
        return None
    return Place(harmless(name), line)
