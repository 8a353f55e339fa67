# SPDX-License-Identifier: GPL-2.0
"""Which patches of a folder are versions of each other, and which are to be taken. Pure.

Distributions keep patches of many authors in one folder, and a `[PATCH v7]` among them is no new
version of the others. A version takes the place of a lower one only where it can be one: where it
has all titles of the lower one, or where both are numbered and whole and have a title in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.lib.errors import UserError
from kseries.series.assemble import Choice
from kseries.series.mailbox import Mail
from kseries.series.patchmail import PatchMail


@dataclass(frozen=True)
class Chosen:
    """Patches of a folder that are taken. in_order: as they stand, whatever subjects say."""

    patches: tuple[PatchMail, ...]
    cover: Mail | None
    version: int
    notes: tuple[str, ...]
    in_order: bool = False


def choose(
    patches: Sequence[PatchMail],
    covers: Sequence[Mail],
    choice: Choice,
    folder: Path,
    *,
    as_listed: bool,
) -> Chosen:
    """Choose among the versions that a folder holds.

    as_listed: somebody wrote down which are to be taken. Raises UserError when the version that
    is wanted is not there.
    """
    there = sorted({patch.mail.label.version for patch in patches})
    if choice.version and choice.version not in there:
        raise UserError(
            f"There is no version {choice.version} of the series in this folder.",
            where=f"{folder}: has {', '.join(f'v{version}' for version in there)}",
            do="name one of these versions",
        )
    if choice.version:
        gone = {version: "as asked for" for version in there if version != choice.version}
    elif as_listed:
        gone = {}
    else:
        highest = there[-1]
        upper = _of(highest, patches)
        gone = {
            version: f"v{highest} takes its place"
            for version in there[:-1]
            if _replaces(upper, _of(version, patches))
        }
    kept = tuple(patch for patch in patches if patch.mail.label.version not in gone)
    notes = [
        f"left out {patch.mail.file.name}: v{patch.mail.label.version}, {why}"
        for patch in patches
        if (why := gone.get(patch.mail.label.version))
    ]
    left = [version for version in there if version not in gone]
    mixed = len(left) > 1
    if mixed and not as_listed:
        named = ", ".join(f"v{version}" for version in left)
        notes.append(
            f"its patches name different versions ({named}) and are not versions of each other:"
            " all are taken, in the order of their files"
        )
    version, cover = _cover(kept, covers, choice.version or left[0])
    notes += [
        f"left out {mail.file.name}: a cover letter of other patches"
        for mail in covers
        if mail is not cover
    ]
    return Chosen(kept, cover, version, tuple(notes), in_order=mixed or as_listed)


def _of(version: int, patches: Sequence[PatchMail]) -> list[PatchMail]:
    return [patch for patch in patches if patch.mail.label.version == version]


def _replaces(upper: Sequence[PatchMail], lower: Sequence[PatchMail]) -> bool:
    """Whether patches can be a new version of others."""
    new, old = ({patch.title.casefold() for patch in side} for side in (upper, lower))
    return old <= new or (bool(old & new) and _whole(upper) and _whole(lower))


def _whole(patches: Sequence[PatchMail]) -> bool:
    """Whether patches are numbered from 1 to the number that all of them count."""
    labels = [patch.mail.label for patch in patches]
    numbers = sorted(label.number or 0 for label in labels)
    return {label.total for label in labels} == {len(labels)} and numbers == list(
        range(1, len(labels) + 1)
    )


def _cover(
    patches: Sequence[PatchMail], covers: Sequence[Mail], version: int
) -> tuple[int, Mail | None]:
    """Find the cover letter; one that alone carries the version gives it to its patches."""
    totals = {patch.mail.label.total for patch in patches}
    fitting = [mail for mail in covers if not mail.label.total or mail.label.total in totals]
    own = next((mail for mail in fitting if mail.label.version == version), None)
    if own is not None:
        return version, own
    if version == 1 and len(fitting) == 1 and len(totals) == 1:
        return fitting[0].label.version, fitting[0]
    return version, None
