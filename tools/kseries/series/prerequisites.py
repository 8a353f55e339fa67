# SPDX-License-Identifier: GPL-2.0
"""Fetch what the author of a series says must stand below it.

`git format-patch --base` names each patch between the base and the series by its patch id, b4 the
series, too, by message id or change id. An archive knows all three. What it finds is believed
where the patch ids agree.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kseries.lib.errors import InfraError, UserError
from kseries.lib.naming import few
from kseries.lib.paths import Project
from kseries.lib.progress import Progress
from kseries.model import Patch, Prerequisite, Series
from kseries.series import archive as mails
from kseries.series import patchid
from kseries.series.archive import ArchiveConfig
from kseries.series.mailbox import Mail, split
from kseries.series.read import read_series

PATCH_ID, MESSAGE_ID, CHANGE_ID = "patch-id", "message-id", "change-id"

MOST = 200
"""Prerequisites that are looked for: whoever names more has a branch, and no archive helps."""

NAMED = 3
"""Missing ones that a note names."""

TRIED = 3
"""Mails that are looked at for one patch id, which a patch keeps when it is sent again."""

_KNOWN = {
    PATCH_ID: re.compile(r"[0-9a-f]{40,64}"),
    MESSAGE_ID: re.compile(r"[^\s<>@/#\"]{1,200}@[^\s<>@/#\"]{1,200}"),
    CHANGE_ID: re.compile(r"[\w.+-]{1,200}(:v\d{1,3})?"),
}


@dataclass(frozen=True)
class Found:
    """What stands below a series. missing: what the archive does not have, or why nothing is known.

    series: in the order in which they are applied.
    """

    series: tuple[Series, ...] = ()
    missing: tuple[Prerequisite, ...] = ()
    why_missing: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """Say it in sentences, of the series above."""
        told = [
            f"{below.name} ({len(below.patches)} of its {below.posted} patches) is put below it, as"
            " its author asks"
            for below in self.series
        ]
        if self.missing:
            named = few([str(one) for one in self.missing], NAMED)
            told.append(
                f"its author says that it needs {named} below it, and {self.why_missing};"
                " `--before SERIES` puts a series there"
            )
        return tuple(told)


def find(
    series: Series,
    *,
    project: Project,
    workdir: Path,
    archive: ArchiveConfig,
    progress: Progress,
) -> Found:
    """Fetch the prerequisites of a series; patches go below `workdir`, as those of any series.

    An archive that is not there is no error: the base may have what it lacks.
    """
    wanted = [one for one in series.prerequisites if _is_known(one)]
    strange = [one for one in series.prerequisites if not _is_known(one)]
    if len(wanted) > MOST:
        why = f"more than {MOST} prerequisites are not fetched"
        return Found(missing=series.prerequisites, why_missing=why)
    search = _Search(wanted, project, workdir, archive, progress)
    try:
        with tempfile.TemporaryDirectory(prefix="kseries-prerequisites-") as scratch:
            search.carry_out(Path(scratch))
        why = f"{archive.shown} does not have it"
    except InfraError as error:
        why = error.what[0].lower() + error.what[1:].rstrip(".")
    missing = (*(one for one in wanted if one not in search.met), *strange)
    return Found(tuple(search.found), missing, why if missing else "")


def _is_known(wanted: Prerequisite) -> bool:
    known = _KNOWN.get(wanted.kind)
    return known is not None and known.fullmatch(wanted.value) is not None


@dataclass
class _Search:
    wanted: Sequence[Prerequisite]
    project: Project
    workdir: Path
    archive: ArchiveConfig
    progress: Progress
    found: list[Series] = field(default_factory=list)
    met: set[Prerequisite] = field(default_factory=set)

    def carry_out(self, scratch: Path) -> None:
        """Look for whole series first: they have the patches that are named beside them."""
        for one in self.wanted:
            if one.kind == MESSAGE_ID:
                self._take_whole(one, [one.value])
            elif one.kind == CHANGE_ID:
                self._take_whole(one, self._of_change(one.value, scratch))
        for one in self.wanted:
            if one.kind == PATCH_ID and one not in self.met:
                found = self._ask(f"patchid:{one.value}", scratch)
                self._take_patches([mail.message_id for mail in found])

    def _take_whole(self, wanted: Prerequisite, message_ids: Sequence[str]) -> None:
        for series in filter(None, map(self._read, message_ids)):
            self.met |= {wanted, *self._matches(series).values()}
            self.found.append(series)
            return

    def _take_patches(self, message_ids: Sequence[str]) -> None:
        """Take the patches that are named, of the series that has most of them."""
        best: tuple[Series | None, dict[Patch, Prerequisite]] = (None, {})
        for series in filter(None, map(self._read, message_ids[:TRIED])):
            matches = self._matches(series)
            if len(matches) > len(best[1]):
                best = (series, matches)
        chosen, matches = best
        if chosen is not None:
            self.met |= set(matches.values())
            self.found.append(replace(chosen, patches=tuple(matches)))

    def _of_change(self, value: str, scratch: Path) -> list[str]:
        """Give the mails that begin the version of a change, or any version, newest first."""
        change, _, version = value.partition(":v")
        firsts = [
            mail
            for mail in self._ask(f'nq:"change-id: {change}"', scratch)
            if not mail.label.reply and mail.label.number in (None, 0, 1)
        ]
        firsts.sort(key=lambda mail: mail.label.version, reverse=True)
        wanted = int(version or 0)
        return [mail.message_id for mail in firsts if wanted in (0, mail.label.version)]

    def _ask(self, query: str, scratch: Path) -> tuple[Mail, ...]:
        mbox = mails.search(query, self.workdir, archive=self.archive, progress=self.progress)
        folder = Path(tempfile.mkdtemp(dir=scratch))
        return split(mbox, folder) if mbox.stat().st_size else ()

    def _read(self, message_id: str) -> Series | None:
        """Read the series that a mail belongs to; None where the archive has none that is whole."""
        try:
            return read_series(
                f"<{message_id}>",
                project=self.project,
                workdir=self.workdir,
                archive=self.archive,
                progress=self.progress,
            )
        except UserError:
            return None

    def _matches(self, series: Series) -> dict[Patch, Prerequisite]:
        """Give the patches of a series that are wanted, and not there yet."""
        wanted = {one.value: one for one in self.wanted if one.kind == PATCH_ID}
        ids = {patch: patchid.of_file(patch.file) for patch in series.patches}
        return {
            patch: wanted[found]
            for patch, found in ids.items()
            if found in wanted and wanted[found] not in self.met
        }
