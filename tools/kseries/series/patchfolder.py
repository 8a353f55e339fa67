# SPDX-License-Identifier: GPL-2.0
"""A series kept as a folder: one patch a file, and `series.toml` beside them (or not)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StrictInt, TypeAdapter

from kseries.lib import tomlfile
from kseries.lib.errors import UserError
from kseries.lib.naming import few
from kseries.series import folderversions, quilt
from kseries.series.assemble import PARTIAL, Assembled, Choice, missing_patches, partial_note
from kseries.series.mailbox import Mail, count_mails, read, read_bytes
from kseries.series.patchmail import DIFF, PatchMail, extract
from kseries.series.quilt import Listed

SERIES_FILE = "series.toml"
SUFFIXES = (".patch", ".diff", ".eml")
MAX_ENTRIES = 20_000  # of a folder that are looked at for patches that are not taken
MAX_NAMED = 20
LOOKED_AT = 64 << 10  # bytes


def _bare_symbol(name: str) -> str:
    if name.startswith("CONFIG_"):
        raise ValueError(f"write {name.removeprefix('CONFIG_')}, without CONFIG_")
    return name


Count = Annotated[StrictInt, Field(ge=1)]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9_]+$"), AfterValidator(_bare_symbol)]
Note = Annotated[str, Field(pattern=r"^\S[^\n]{0,299}$")]
MessageId = Annotated[str, Field(pattern=r"^[^\s<>@]+@[^\s<>@]+$|^$")]


@dataclass(frozen=True)
class SeriesFile:
    """What series.toml may say."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    title: str = ""
    message_id: MessageId = ""  # of the cover letter
    version: Count | None = None
    posted: Count | None = None  # how many patches were posted
    upto: Count | None = None  # the folder holds the patches 1 to this one
    base: str = ""  # what it was written against, for people
    requires: tuple[str, ...] = ()  # series of patches/ that must stand before it
    for_sources: tuple[str, ...] = ()  # names (globs) of sources it is for; none: all
    needs: tuple[Symbol, ...] = ()  # Kconfig symbols without CONFIG_
    notes: tuple[Note, ...] = ()  # what each run with it is to say


_ADAPTER = TypeAdapter(SeriesFile)


def is_series_folder(folder: Path) -> bool:
    """Whether a folder holds a series: series.toml, quilt's series or patches."""
    return (folder / SERIES_FILE).is_file() or quilt.has_series_file(folder) or bool(_files(folder))


def read_series_file(folder: Path) -> SeriesFile:
    """Read `series.toml` of a folder; without one, all is unsaid.

    Raises UserError that tells each mistake with its line.
    """
    file = folder / SERIES_FILE
    if not file.is_file():
        return SeriesFile()
    told = tomlfile.read(file, _ADAPTER, what="series")
    if told.upto is not None and (told.posted is None or told.upto > told.posted):
        posted = "is not given" if told.posted is None else f"is {told.posted}"
        text = f"upto: is {told.upto}, but posted {posted}; it must be at least upto"
        raise tomlfile.mistake(file, "series", [(tomlfile.line_of(file, "upto"), text)])
    return told


def read_folder(folder: Path, told: SeriesFile, choice: Choice, scratch: Path) -> Assembled:
    """Read the patches of a folder in order: quilt's where it has a `series`, else by their names.

    Raises UserError for a file that is not a patch, for a missing patch, and when subjects and
    file names disagree about the order.
    """
    by_quilt = quilt.has_series_file(folder)
    listed = quilt.read_series(folder) if by_quilt else _all_files(folder)
    covers, patches = [], []
    for one in listed:
        patch = _one_patch(one, scratch)
        if isinstance(patch, PatchMail):
            patches.append(patch)
        else:
            covers.append(patch)
    if not patches:
        raise UserError(
            "There is no patch in this folder.",
            where=str(folder),
            do=f"put patches there, one a file, named *{' or *'.join(SUFFIXES)}",
        )
    found = folderversions.choose(patches, covers, choice, folder, as_listed=by_quilt)
    notes = [*found.notes, *_passed_over(folder, listed, by_quilt=by_quilt)]
    if found.in_order:
        # Subjects are of other series, or of none: they do not tell what is missing.
        return Assembled(found.patches, found.cover, found.version, tuple(notes))
    ordered = _ordered(found.patches, folder)
    notes += _check_whole(ordered, told, folder, choice)
    return Assembled(tuple(ordered), found.cover, found.version, tuple(notes))


def _files(folder: Path) -> list[Path]:
    found = [file for file in folder.iterdir() if file.suffix in SUFFIXES and file.is_file()]
    return sorted(found, key=lambda file: (_file_number(file) or 0, file.name))


def _all_files(folder: Path) -> list[Listed]:
    """Give all patches of a folder in the order of their names."""
    for file in folder.iterdir():
        if file.suffix in SUFFIXES and not file.is_file() and not file.is_dir():
            raise UserError(
                "A patch of the folder is not a regular file.",
                where=str(file),
                do="put the patch there, or remove it",
            )
    return [Listed(file, file.name, None) for file in _files(folder)]


def _passed_over(folder: Path, listed: Sequence[Listed], *, by_quilt: bool) -> list[str]:
    """Tell of patches in the folder that are not taken."""
    taken = {one.name for one in listed}
    names = []
    for entry in itertools.islice(sorted(folder.iterdir()), MAX_ENTRIES):
        if entry.is_dir():
            inner = _files(entry)
            inside = [f"{entry.name}/{file.name}" for file in inner]
            left = [name for name in inside if name not in taken]
            names += left if by_quilt else [f"{entry.name}/ ({len(left)})"] if left else []
        elif entry.name not in taken and entry.is_file() and _is_diff(entry):
            names.append(entry.name)
    if not names:
        return []
    why = f"not in its {quilt.SERIES} file" if by_quilt else f"not named *{', *'.join(SUFFIXES)}"
    return [f"left out of the folder, being {why}: {few(names, MAX_NAMED)}"]


def _is_diff(file: Path) -> bool:
    with file.open("rb") as content:
        return DIFF.search(content.read(LOOKED_AT)) is not None


def _file_number(file: Path) -> int | None:
    """Read the number that leads a file name, behind the version git format-patch puts there."""
    found = re.match(r"(?:v\d+-)?(\d+)(?=\D)", file.name)
    return int(found[1]) if found else None


def _one_patch(listed: Listed, scratch: Path) -> PatchMail | Mail:
    """Read a file of the folder: a patch, or the mail of a cover letter."""
    file = listed.file
    mails = count_mails(read_bytes(file))
    if mails > 1:
        raise UserError(
            f"The file holds {mails} mails.",
            where=str(file),
            do="give it as an mbox, or put each mail into a file of its own",
        )
    mail = read(file, str(file))
    patch = extract(mail, scratch, listed.strip)
    if patch is not None:
        return patch
    if mail.label.number == 0 or _file_number(file) == 0:
        return mail
    raise UserError(
        "The file is not a patch: there is no diff in it.",
        where=str(file),
        do="remove it from the folder, or give it another suffix",
    )


def _ordered(patches: Sequence[PatchMail], folder: Path) -> list[PatchMail]:
    """Order by the numbers of the subjects where all have one, else by file name."""
    labels = [patch.mail.label for patch in patches]
    numbered = all(label.number is not None for label in labels)
    if not numbered or len({label.total for label in labels}) > 1:
        return list(patches)
    by_subject = sorted(patches, key=_number)
    for first, second in itertools.pairwise(by_subject):
        if _number(first) == _number(second):
            raise _contradiction(f"Two files are patch {_number(first)}", first, second, folder)
        files = _file_number(first.mail.file), _file_number(second.mail.file)
        if files[0] is not None and files[1] is not None and files[0] > files[1]:
            text = "Subjects and file names disagree about the order of these patches"
            raise _contradiction(text, first, second, folder)
    return by_subject


def _number(patch: PatchMail) -> int:
    return patch.mail.label.number or 0


def _contradiction(text: str, first: PatchMail, second: PatchMail, folder: Path) -> UserError:
    lines = [f"{one.mail.file.name}: {one.subject}" for one in (first, second)]
    return UserError(
        f"{text}.",
        where="\n".join([str(folder), *lines]),
        do="make one agree with the other; `git format-patch -N` writes no numbers",
    )


def _check_whole(
    patches: Sequence[PatchMail], told: SeriesFile, folder: Path, choice: Choice
) -> list[str]:
    """Hold the patches against what subjects and series.toml say of their number.

    Gives a note of what is missing, where that is allowed.
    """
    labels = [patch.mail.label for patch in patches]
    totals = {label.total for label in labels}
    total = totals.pop() if len(totals) == 1 else 0
    expected = told.upto or told.posted or total or len(patches)
    if total and told.posted and total not in (told.posted, told.upto):
        file = folder / SERIES_FILE
        text = f"posted: is {told.posted}, but the subjects count {total} patches"
        raise tomlfile.mistake(file, "series", [(tomlfile.line_of(file, "posted"), text)])
    numbers = [label.number or 0 for label in labels]
    if not total:
        numbers = list(range(1, len(patches) + 1))
    missing = sorted(set(range(1, expected + 1)) - set(numbers))
    notes = []
    if missing and choice.partial:
        notes.append(partial_note(sorted(numbers), expected))
    elif missing:
        error = missing_patches(missing, expected, str(folder))
        error.do = (
            f"add the missing patches; a folder that holds only the first ones says so in its"
            f" {SERIES_FILE}: `posted = {told.posted or expected}` and `upto`. {PARTIAL}"
        )
        raise error
    beyond = sorted(set(numbers) - set(range(1, expected + 1)))
    if beyond:
        raise UserError(
            f"The folder holds patch {beyond[0]} of a series that ends at {expected}.",
            where=str(folder),
            do=f"correct the number, or `upto` and `posted` in {SERIES_FILE}",
        )
    return notes
