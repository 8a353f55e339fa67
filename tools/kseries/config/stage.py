# SPDX-License-Identifier: GPL-2.0
"""Stage config: fragments become a final .config, and every promise in them is kept.

The kernel's own make finalises (`allnoconfig` with the merged fragments, `alldefconfig` where one
of them is a whole configuration); kconfiglib then looks at each promised symbol in the tree and
tells why one is not as promised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kseries.config import configblame, fragments, kconfig_ask, kconfigdiff
from kseries.config.fragments import Merged, Promise
from kseries.config.kconfig_ask import Explained
from kseries.kbuild import failure
from kseries.kbuild import make as kbuild
from kseries.kbuild.diagnostics import Parser
from kseries.kbuild.sandbox import Sandbox, prepare, run_in
from kseries.lib import atomicfile, proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import CheckFailed, UserError
from kseries.lib.progress import Progress
from kseries.lib.runfolder import RunFolder
from kseries.model import BuildPlace, KernelConfig, Stack, Tree

CONFIG_LIMIT_S = 900.0
# In the build folder: what make finalised. The stage build hands the config on to make.
FINALISED = ".config.kseries"
# In the state folder: the same, before and after the promises were checked.
CANDIDATE = "candidate.config"
MERGED = "merged.config"
RECORD = "config.json"
# Raised when this stage would make another .config of the same input.
STAGE_VERSION = 1


@dataclass(frozen=True)
class Record:
    """What a .config was made of, and its hash: equal to now's, and there is nothing to do."""

    inputs: str
    sha256: str


RECORD_ADAPTER = TypeAdapter(Record)


def config(
    tree: Tree,
    stack: Stack,
    place: BuildPlace,
    run: RunFolder,
    progress: Progress,
    *,
    wishes: Path | None = None,
) -> KernelConfig:
    """Configure the tree, to be built in a place.

    wishes: a fragment of which as much is kept as the tree allows; it comes before the stack's own,
    which win. Where it would break one of their promises, it is left out as a whole, with a note.

    Where the series under test is cut, promises about symbols that the tree has not are dropped,
    with a note: they may be the series' own.

    Raises UserError for a fragment with mistakes and a promise that the tree cannot keep, series or
    not; CheckFailed when the series breaks a promise or the tree's Kconfig.
    """
    merged = fragments.read(stack.fragments, tree.base.version)
    for note in merged.notes:
        progress.note(note)
    if wishes is not None:
        try:
            return _config(tree, stack, place, run, progress, merged.above(wishes))
        except (CheckFailed, UserError) as error:
            progress.note(f"configured without {wishes.name}: {error.what}")
    return _config(tree, stack, place, run, progress, merged)


def _config(
    tree: Tree,
    stack: Stack,
    place: BuildPlace,
    run: RunFolder,
    progress: Progress,
    merged: Merged,
) -> KernelConfig:
    box = kconfig_ask.sandbox(tree.path, place, trusted=stack.trusted)
    prepare(box)
    inputs = _inputs(tree, box, merged, whole=stack.whole)
    text = _unchanged(place, box, inputs)
    if text is None:
        progress.update(f"make {merged.target}")
        text = _finalise(tree, box, place, merged, run.log("config"))
        atomicfile.write_text(place.state / CANDIDATE, text)
        if merged.begun:
            progress.note(_kept(merged.begun, text))
        progress.update(f"checking {len(merged.promises)} promises")
        broken = _broken_promises(box, merged.promises, text, progress, whole=stack.whole)
        if broken:
            change = kconfigdiff.of_series(tree, stack.under_test, whole=stack.whole)
            raise configblame.error_for(broken, merged.promises, change, tree.base.version)
        atomicfile.write_if_changed(place.state / kbuild.CONFIG, text)
        record = Record(inputs, _sha256(text))
        atomicfile.write_bytes(place.state / RECORD, RECORD_ADAPTER.dump_json(record))
    return KernelConfig(
        tree=tree,
        place=place,
        name="+".join([kbuild.config_name(stack), *merged.wished_for]),
        sha256=_sha256(text),
        enabled=sum(value == "y" for value in fragments.config_values(text).values()),
        added=tuple(wish.text for wish in merged.wishes if wish.text in text.splitlines()),
    )


def why(tree: Tree, stack: Stack, place: BuildPlace, symbol: str) -> str:
    """Tell why a symbol has its value: the chain of what it depends on.

    The tree must have been configured for the stack, which need not have kept its promises.
    Raises UserError when it was not, and with names like it when the tree has no such symbol.
    """
    box = kconfig_ask.sandbox(tree.path, place, trusted=stack.trusted)
    if not (place.state / CANDIDATE).is_file() or not box.made.has(kconfig_ask.ENV_FILE):
        raise UserError(
            "The tree is not configured.",
            where=str(place.folder),
            do="configure it: `kseries config`",
        )
    prepare(box)
    name = symbol.strip().upper().removeprefix("CONFIG_")
    _, told = kconfig_ask.ask(box, (), (name,), config=box.inside_state / CANDIDATE)
    if told[0].found is None:
        raise UserError(f"This tree has no symbol {name}.", do=configblame.suggestion(told[0]))
    return "\n".join(told[0].lines)


def _inputs(tree: Tree, box: Sandbox, merged: Merged, *, whole: bool) -> str:
    """Hash all that decides about .config; "" when that cannot be known."""
    if not kbuild.is_clean(tree):
        return ""
    # The command line stands for the sandbox, ccache or not, and kseries' own settings.
    command = proc.command_text(_command(box, merged))
    made_of = (kbuild.sources(tree), kbuild.compiler(box), command, merged.text)
    parts = (str(STAGE_VERSION), str(whole), *made_of)
    return _sha256("\0".join(parts))


def _unchanged(place: BuildPlace, box: Sandbox, inputs: str) -> str | None:
    """Give the .config of an earlier run when it was made of the same, else None."""
    try:
        record = RECORD_ADAPTER.validate_json((place.state / RECORD).read_bytes())
        text = (place.state / kbuild.CONFIG).read_text()
    except (FileNotFoundError, ValidationError):
        return None
    if not inputs or record.inputs != inputs or record.sha256 != _sha256(text):
        return None
    return text if box.made.has(kconfig_ask.ENV_FILE) else None


def _finalise(tree: Tree, box: Sandbox, place: BuildPlace, merged: Merged, log: Path) -> str:
    """Let the kernel's make write a .config beside the present one; give its text."""
    atomicfile.write_text(place.state / MERGED, merged.text)
    atomicfile.write_text(place.state / kconfig_ask.ENV_MAKEFILE, kconfig_ask.ENV_RULE)
    parser = Parser((str(box.inside_build), str(box.inside_tree)))
    with atomicfile.disk_errors(log):
        done = run_in(
            box,
            _command(box, merged),
            deadline=Deadline.after(CONFIG_LIMIT_S),
            log=log,
            on_line=parser.feed,
            check=False,
        )
    if not done.ok:
        raise failure.explain(parser, done, tree, log)
    return box.made.read_text(FINALISED)


def _command(box: Sandbox, merged: Merged) -> list[str]:
    variables = {
        "KCONFIG_ALLCONFIG": str(box.inside_state / MERGED),
        "KCONFIG_CONFIG": FINALISED,
        **kconfig_ask.variables(box),
    }
    targets = (merged.target, kconfig_ask.ENV_TARGET)
    return kbuild.make(box, targets, jobs=1, variables=variables)


def _broken_promises(
    box: Sandbox, promises: Sequence[Promise], text: str, progress: Progress, *, whole: bool
) -> list[Explained]:
    """Find the promises that are not kept, each with its chain.

    whole: whether all is there that brings symbols; else those that are not there are passed over.
    """
    try:
        broken, _ = kconfig_ask.ask(box, promises, (), config=box.inside_state / CANDIDATE)
        known = {told.symbol for told in broken}
        broken += [told for told in _broken(promises, text) if told.symbol not in known]
    except kconfig_ask.KconfigUnreadable as error:
        # What make wrote still decides; only the chains cannot be told.
        progress.note(f"{error.what} {error.where}")
        broken = _broken(promises, text)
    if not whole:
        absent = [told.symbol for told in broken if told.found is None]
        broken = [told for told in broken if told.found is not None]
        if absent:
            progress.note(f"not in this tree, which has not the whole series: {', '.join(absent)}")
    return broken


def _broken(promises: Sequence[Promise], text: str) -> list[Explained]:
    """Compare promises with the text of a .config, in which what is not named is n."""
    values = fragments.config_values(text)
    found = [(promise, values.get(promise.symbol, "n")) for promise in promises]
    return [Explained(p.symbol, value, ()) for p, value in found if value != p.value]


def _kept(begun: Sequence[Promise], text: str) -> str:
    """Tell how much of a whole configuration there is in a .config."""
    values = fragments.config_values(text)
    asked = [line for line in begun if line.value in ("y", "m")]
    kept = sum(values.get(line.symbol) == line.value for line in asked)
    return f"{begun[0].file.stem}: {kept} of the {len(asked)} options that are on there are kept"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
