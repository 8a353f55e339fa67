# SPDX-License-Identifier: GPL-2.0
"""Ask `kconfig`, which runs in the sandbox, about the symbols of a configured tree."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

import kseries
from kseries.config.fragments import Promise
from kseries.config.kconfig import ANSWER_MARK
from kseries.kbuild import make as kbuild
from kseries.kbuild.sandbox import Sandbox, run_in
from kseries.lib import atomicfile
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.lib.untrusted import harmless
from kseries.model import BuildPlace

ASK_LIMIT_S = 300.0
# Left in the build folder by the kernel's make: the variables that its Kconfig saw.
ENV_FILE = ".env.kseries"
ENV_TARGET = "kseriesenvconfig"
ENV_MAKEFILE = "env.mk"
PROMISES = "promises.json"
# Read by every make through MAKEFILES; only the one that evaluates Kconfig has this target.
ENV_RULE = f"""\
ifeq ($(obj),scripts/kconfig)
{ENV_TARGET}:
	@env -0 > $(KSERIES_ENV)
endif
"""


@dataclass(frozen=True)
class Explained:
    """What the tree says about a symbol.

    found: its value as .config writes it; None when the tree has no such symbol.
    lines: why it has that value; for an unknown symbol, names like it.
    chain: the names of the symbol and of those that stand in its way, () where not known.
    """

    symbol: str
    found: str | None
    lines: tuple[str, ...]
    chain: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What was asked for; `error` alone when Kconfig could not be read."""

    broken: tuple[tuple[str, str | None, tuple[str, ...], tuple[str, ...]], ...] = ()
    why: tuple[tuple[str, str | None, tuple[str, ...], tuple[str, ...]], ...] = ()
    error: str = ""


ANSWER = TypeAdapter(Answer)

# Where Python finds the package `kseries`.
PACKAGES = Path(kseries.__file__).parent.parent


class KconfigUnreadable(InfraError):
    """Our evaluation does not understand the tree's Kconfig, which its own make may well do."""


def sandbox(
    tree: Path, place: BuildPlace, *, trusted: bool, readable: Sequence[Path] = ()
) -> Sandbox:
    """Give the sandbox for a tree and the place where it is built, with what `ask` needs there.

    That is Python, its packages, and this program. readable: what else is to be read there.
    """
    places = {Path(sys.prefix), Path(sys.base_prefix), PACKAGES, *readable}
    readable = sorted(each for each in places if not each.is_relative_to("/usr"))
    return kbuild.sandbox(tree, place, trusted=trusted, readable=readable)


def variables(box: Sandbox) -> dict[str, str]:
    """Give make's variables that let it carry out ENV_TARGET."""
    makefile = box.inside_state / ENV_MAKEFILE
    return {"MAKEFILES": str(makefile), "KSERIES_ENV": str(box.inside_build / ENV_FILE)}


def ask(
    box: Sandbox, promises: Sequence[Promise], names: Sequence[str], *, config: Path
) -> tuple[list[Explained], list[Explained]]:
    """Give the promises that are not kept, and why the symbols in `names` are as they are.

    config: the .config to read, its path inside.
    Raises KconfigUnreadable, and InfraError when the program dies.
    """
    assert box.state is not None
    wanted = [(promise.symbol, promise.value) for promise in promises]
    atomicfile.write_text(box.state / PROMISES, json.dumps(wanted))
    done = run_in(
        box,
        box.argv(_command(box, names, config), environment(box)),
        deadline=Deadline.after(ASK_LIMIT_S),
    )
    answer = _answer(done.output)
    if answer.error:
        raise KconfigUnreadable(
            "kconfiglib does not understand this tree's Kconfig.",
            where=answer.error,
            do="report this: kseries must learn the new Kconfig statement",
        )
    return [_told(*item) for item in answer.broken], [_told(*item) for item in answer.why]


def _told(
    symbol: str, found: str | None, lines: Sequence[str], chain: Sequence[str] = ()
) -> Explained:
    shown = tuple(harmless(line) for line in lines)
    return Explained(symbol, found and harmless(found), shown, tuple(chain))


def _command(box: Sandbox, names: Sequence[str], config: Path) -> list[str]:
    told = [str(config), str(box.inside_state / PROMISES)]
    # The kernel's make evaluates Kconfig in the build folder, with $srctree relative to it.
    where = ["env", "-C", str(box.inside_build)]
    return [*where, *python("kseries.config.kconfig"), ENV_FILE, *told, *names]


def program(box: Sandbox, module: str, *words: str) -> list[str]:
    """Plan a run of one of our own modules in the sandbox, which must have `readable`."""
    return box.argv([*python(module), *words], environment(box))


def python(module: str) -> list[str]:
    """Give the command that runs one of our own modules as a program."""
    # -P: no module is taken from the current folder, which is the series' own.
    return [sys.executable, "-P", "-m", module]


def environment(box: Sandbox) -> dict[str, str]:
    """Give the variables with which a program of ours runs in the sandbox."""
    ours = {"PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**kbuild.environment(box), **ours}


def _answer(output: str) -> Answer:
    for line in reversed(output.splitlines()):
        if line.startswith(ANSWER_MARK):
            try:
                return ANSWER.validate_json(line.removeprefix(ANSWER_MARK))
            except ValidationError:
                break
    raise InfraError(
        "The evaluation of Kconfig gave no answer.",
        where="\n".join(output.splitlines()[-10:]),
        do="see its output above",
    )
