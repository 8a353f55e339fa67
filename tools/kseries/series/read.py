# SPDX-License-Identifier: GPL-2.0
"""Read a series, wherever it is: a folder, a mailbox, or an archive of mails.

Each patch ends up as a mail of its own in the run folder, in order, so that a run keeps what
it tested.
"""

from __future__ import annotations

import functools
import hashlib
import re
import tempfile
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from urllib.parse import quote

from kseries.lib import atomicfile
from kseries.lib.errors import UserError
from kseries.lib.naming import hint
from kseries.lib.paths import Project
from kseries.lib.progress import Progress
from kseries.lib.userpath import named_path, user_path
from kseries.model import Patch, Series
from kseries.series.archive import THREAD, ArchiveConfig, fetch_thread, parse_link
from kseries.series.assemble import Assembled, Choice, assemble, ranges
from kseries.series.mailbox import read_all, read_bytes, read_maildir, split
from kseries.series.mailinfo import Parts, take_apart
from kseries.series.patchfolder import SeriesFile, is_series_folder, read_folder, read_series_file
from kseries.series.patchmail import (
    PatchMail,
    carries_diff,
    check_complete,
    extract,
    format_author,
    render,
)
from kseries.series.threads import NO_TITLE
from kseries.series.trailers import read_trailers
from kseries.series.trees import trees_of

KERNEL_LINK = "https://lore.kernel.org/r/%s"
"""Of a mail that came from b4's own archive, as Link: trailers write it."""

COVER = "0000-cover-letter.eml"
ALIKE = 3  # notes on patches that are told one by one

_FIGURES = re.compile(r" \([^()]*\)")

SLUG_LENGTH = 52  # as git format-patch cuts its file names

_CHOICE = re.compile(r"(?P<spec>.+)#(?:v(?P<version>\d+)|<?(?P<id>[^\s<>#@]+@[^\s<>#@]+?)>?)")


class Kind(Enum):
    """Where a series comes from."""

    FOLDER = "folder"
    MAILDIR = "maildir"
    MAILBOX = "mailbox"
    ARCHIVE = "archive"


@dataclass(frozen=True)
class Located:
    """What a user's word for a series means. `path`: the folder or file, unused for an archive."""

    kind: Kind
    name: str  # of the series, safe in a path
    message_id: str = ""  # to ask an archive for
    path: Path = Path()
    choice: Choice = field(default_factory=Choice)
    archive: ArchiveConfig = field(default_factory=ArchiveConfig)

    @property
    def asked(self) -> ArchiveConfig | None:
        """The archive that it comes from; None for a file or folder."""
        return self.archive if self.kind is Kind.ARCHIVE else None

    def series_file(self) -> SeriesFile:
        """Read what the folder's series.toml says; nothing for the other kinds."""
        return read_series_file(self.path) if self.kind is Kind.FOLDER else SeriesFile()


def locate(
    spec: str, *, project: Project, archive: ArchiveConfig, relative_to: Path | None = None
) -> Located:
    """Tell what `spec` is; nothing is fetched.

    relative_to: the folder that paths start from, the current one by default.
    Raises UserError that lists the forms and close names when it is nothing known.
    """
    found = _locate(spec, project, archive, relative_to or Path.cwd())
    if found is not None:
        return found
    chosen = _CHOICE.fullmatch(spec)
    if chosen:
        found = _locate(chosen["spec"], project, archive, relative_to or Path.cwd())
    if not chosen or found is None:
        raise _unknown(spec, project)
    # An archive's own choice is the message id that was asked for.
    wanted = Choice(int(chosen["version"] or 0), chosen["id"] or found.choice.message_id)
    return replace(found, choice=wanted)


def read_series(
    spec: str,
    *,
    project: Project,
    workdir: Path,
    archive: ArchiveConfig,
    progress: Progress,
    relative_to: Path | None = None,
    partial: bool = False,
) -> Series:
    """Read a series and write its patches below `workdir`, one mail a file.

    spec: name of a folder in patches/, path of a folder or mailbox, message id, or link to an
    archive; `#v2` behind it takes that version, `#MESSAGE-ID` the series of that mail.
    partial: it may lack patches.
    Raises UserError when there is no such series or it is not whole, InfraError when an archive
    does not answer.
    """
    located = locate(spec, project=project, archive=archive, relative_to=relative_to)
    located = replace(located, choice=replace(located.choice, partial=partial))
    told = located.series_file()
    folder = workdir / located.name
    with atomicfile.disk_errors(workdir):
        workdir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=workdir, prefix=atomicfile.PARTIAL_PREFIX) as scratch:
            found = _read(located, told, Path(scratch), workdir, progress)
            for patch in found.patches:
                check_complete(patch, Path(scratch))
            cover = _cover(found, Path(scratch))
            with atomicfile.new_folder(folder) as new:
                names = write(found, new)
    series = _series(located, told, found, [folder / name for name in names], cover)
    for note in series.notes:
        progress.note(f"{series.name}: {note}")
    return series


def slug(text: str) -> str:
    """Make a name that is safe in a path, as git format-patch does with titles."""
    plain = re.sub(r"[^A-Za-z0-9._@+]+", "-", text)
    return re.sub(r"\.{2,}", ".", plain).strip("-.") or "series"


def _locate(spec: str, project: Project, archive: ArchiveConfig, base: Path) -> Located | None:
    known = named_path(project.patches, spec)
    if known is not None and known.is_dir():
        return Located(Kind.FOLDER, slug(spec), path=known)
    link = parse_link(spec, archive)
    if link is not None:
        return _of_archive(link[0], link[1])
    path = user_path(spec, base)
    if path.is_dir():
        path = path.resolve()
        maildir = (path / "cur").is_dir() and (path / "new").is_dir()
        if not maildir and not is_series_folder(path):
            return None
        return Located(Kind.MAILDIR if maildir else Kind.FOLDER, slug(path.name), path=path)
    if path.is_file():
        name = path.name.removesuffix(".gz")
        return Located(Kind.MAILBOX, slug(Path(name).stem), path=path.resolve())
    named = re.fullmatch(r"<([^\s<>]+@[^\s<>]+)>|([^\s<>@/#]+@[^\s<>@/#]+)", spec)
    if named:
        return _of_archive(named[1] or named[2], archive)
    return None


def _of_archive(message_id: str, archive: ArchiveConfig) -> Located:
    choice = Choice(message_id=message_id)
    return Located(
        Kind.ARCHIVE, slug(message_id), message_id=message_id, choice=choice, archive=archive
    )


def _unknown(spec: str, project: Project) -> UserError:
    there = sorted(path.name for path in project.patches.glob("*") if path.is_dir())
    names = f" ({', '.join(there)})" if there else ""
    return UserError(
        f"There is no series '{spec}'.",
        do=f"{hint(spec, there)}A series is one of:\n"
        f"- the name of a folder in patches/{names}\n"
        "- the path of a folder with *.patch files, or of a maildir\n"
        "- the path of an mbox or of a single mail, gzipped or not\n"
        "- a message id, or a link to a mail in an archive",
    )


def _read(
    located: Located, told: SeriesFile, scratch: Path, workdir: Path, progress: Progress
) -> Assembled:
    if located.kind is Kind.FOLDER:
        return read_folder(located.path, told, located.choice, scratch)
    origin = str(located.path)
    if located.kind is Kind.MAILBOX:
        mails = split(located.path, scratch)
    elif located.kind is Kind.MAILDIR:
        mails = read_maildir(located.path)
    else:
        thread = workdir / f"{located.name}{THREAD}"
        if not thread.is_dir():  # else it was fetched to look for a base
            fetch_thread(located.message_id, thread, archive=located.archive, progress=progress)
        mails = read_all(sorted(thread.iterdir()), "thread")
        origin = f"{located.archive.shown}: {located.message_id}"
    carriers = {mail for mail in mails if carries_diff(mail, scratch)}
    take = functools.partial(extract, scratch=scratch)
    return assemble(mails, carriers, take, located.choice, origin)


def write(found: Assembled, folder: Path) -> list[str]:
    """Write a series as a folder that is read as that series again; give the patches' names."""
    names = []
    for place, patch in enumerate(found.patches, start=1):
        title = slug(patch.title)[:SLUG_LENGTH].strip("-.")
        names.append(f"{place:04d}-{title}.patch")
        (folder / names[-1]).write_bytes(render(patch))
    if found.cover is not None:
        (folder / COVER).write_bytes(found.cover.file.read_bytes())
    return names


def _cover(found: Assembled, scratch: Path) -> Parts | None:
    """Take the cover letter apart; None where there is none or git cannot read it."""
    if found.cover is None or found.cover.too_long:
        return None
    try:
        return take_apart(read_bytes(found.cover.file), scratch, found.cover.named)
    except UserError:
        return None


def _series(
    located: Located, told: SeriesFile, found: Assembled, files: list[Path], cover: Parts | None
) -> Series:
    mails = [*([found.cover] if found.cover else []), *(patch.mail for patch in found.patches)]
    trailers = read_trailers(found, cover.message + cover.diff if cover else b"")
    message_id = told.message_id or mails[0].message_id
    base_commit = trailers.base_commit
    count = len(found.patches)
    posted = count if located.choice.partial else found.patches[0].mail.label.total or count
    return Series(
        name=located.name,
        title=told.title or _title(found),
        message_id=message_id,
        version=told.version or found.version,
        posted=told.posted or posted,
        base=told.base or (f"commit {base_commit}" if base_commit else ""),
        requires=told.requires,
        needs=told.needs,
        patches=tuple(
            _patch(index, patch, file)
            for index, (patch, file) in enumerate(zip(found.patches, files, strict=True), start=1)
        ),
        origin=_origin(located),
        base_commit=base_commit,
        prerequisites=trailers.prerequisites,
        for_sources=told.for_sources,
        trees=trees_of(mails[0].subject),
        notes=(*told.notes, *found.notes, *_patch_notes(found)),
        author=_author(found, cover),
        link=_link(located, told, message_id),
    )


def _author(found: Assembled, cover: Parts | None) -> str:
    """Name who wrote the cover letter, else the first patch."""
    fields = cover.fields if cover else {}
    if fields.get("Author") and fields.get("Email"):
        return format_author((fields["Author"], fields["Email"]), plain=True)
    return format_author(found.patches[0].author, plain=True)


def _link(located: Located, told: SeriesFile, message_id: str) -> str:
    """Give where it was posted: it came from there, or its series.toml says so."""
    if not message_id or not (located.kind is Kind.ARCHIVE or told.message_id):
        return ""
    mask = located.archive.linkmask or KERNEL_LINK
    return mask.replace("%s", quote(message_id, safe="@"))


def _title(found: Assembled) -> str:
    title = found.cover.label.title if found.cover else ""
    return title if title.casefold() not in ("", NO_TITLE) else found.patches[0].title


def _patch(index: int, patch: PatchMail, file: Path) -> Patch:
    return Patch(
        index=index,
        title=patch.title,
        author=format_author(patch.author, plain=True),
        message_id=patch.mail.message_id,
        file=file,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
    )


def _origin(located: Located) -> str:
    if located.kind is Kind.ARCHIVE:
        return f"{located.message_id} from {located.archive.shown}"
    return str(located.path)


def _patch_notes(found: Assembled) -> list[str]:
    """Say what is odd about patches; what many have in common is said once, without its figures."""
    alike: dict[str, list[str]] = {}
    places: dict[str, list[int]] = {}
    for place, patch in enumerate(found.patches, start=1):
        for note in patch.notes:
            kind = _FIGURES.sub("", note)
            alike.setdefault(kind, []).append(f"patch {place}, '{patch.title}': {note}")
            places.setdefault(kind, []).append(place)
    return [
        note
        for kind, each in alike.items()
        for note in (
            each if len(each) <= ALIKE else [f"patches {ranges(places[kind])}: each {kind}"]
        )
    ]
