# SPDX-License-Identifier: GPL-2.0
"""The bot's folder, and what its operator says in `bot.toml` there. Only the operator writes it.

Nothing of it is read from a kernel tree or a mail, so no patch changes how the bot works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

from kseries.lib import tomlfile
from kseries.lib.errors import UserError
from seriesbot.answer.settings import AnswerFile
from seriesbot.submit.settings import KcidbFile, PatchworkFile

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Text = Annotated[str, Field(min_length=1, max_length=1000)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=1000)]
Address = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[^\s<>@]+@[^\s<>@]+$")]
Pattern = Annotated[str, StringConstraints(to_lower=True, min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Minutes = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]


@dataclass(frozen=True)
class InboxFile:
    """An archive that is read.

    path: a public-inbox on this machine, v2 (a folder with git/0.git, git/1.git, …) or v1 (a bare
    repository); somebody else keeps it up to date. url: the address of one, which is mirrored into
    `path`, or into the bot's folder. history_days: at its first sight, take in the mails of so many
    days before, too; -1: all. authserv: whose Authentication-Results the archive vouches for
    (docs/bot.md says when that may be set).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: Name
    path: Text | None = None
    url: Text | None = None
    history_days: Annotated[int, Field(ge=-1, le=100_000)] = 0
    authserv: Pattern | None = None


@dataclass(frozen=True)
class TrustFile:
    """Who may cause work.

    keyring: a folder of public keys as patatt keeps them. allowed, refused: addresses, "*" in them
    stands for anything. strangers: hold their series until an operator releases them, or refuse.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    keyring: Text = "keyring"
    allowed: tuple[Pattern, ...] = ()
    refused: tuple[Pattern, ...] = ()
    strangers: Literal["hold", "refuse"] = "hold"


@dataclass(frozen=True)
class LimitsFile:
    """What one series, or one sender, may take."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    patches: Count = 60
    mail_kib: Count = 1024  # of one mail
    series_kib: Count = 8192  # of all mails of a version
    a_day: Count = 20  # versions of one sender that are begun in 24 hours; others wait
    settle_minutes: Minutes = 20  # that missing parts are waited for after the last one came
    quiet_minutes: Annotated[float, Field(ge=0, le=1000)] = 1  # the same where none is missing


@dataclass(frozen=True)
class EngineFile:
    """Where the work is done.

    command: what carries out a job, the arguments of `run` follow; with `buildbot` each worker has
    its own. arguments: more of these. deadline_minutes: after so long a job counts as lost.
    slots: jobs at a time; with `buildbot`, for each worker that is there. master: address of a
    Buildbot master's web page, page: where others see it. credentials: the master's bot.toml.
    ca: a file of certificates to trust beside the system's, for a `master` with https.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["local", "buildbot"] = "local"
    command: tuple[Text, ...] = ()
    arguments: tuple[Text, ...] = ()
    deadline_minutes: Minutes = 240
    slots: Annotated[int, Field(ge=1, le=64)] = 1
    master: Url = "http://127.0.0.1:8010"
    page: Url | None = None
    credentials: Text = "buildbot.toml"
    ca: Text | None = None

    def shown(self, page: str) -> str:
        """Give the address of a job's page at the engine. page: as in the store; "" for none."""
        if self.kind != "buildbot" or not page:
            return ""
        return f"{(self.page or self.master).rstrip('/')}/{page}"

    def shown_to_others(self, page: str) -> str:
        """Give the same where others get there, as far as the operator says so."""
        return self.shown(page) if self.page else ""


@dataclass(frozen=True)
class KeepFile:
    """For how many days what is kept: patches, documents of results.

    talk_days: replies, other mails, and what other programs were told.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    talk_days: Count = 30
    series_days: Count = 400
    results_days: Count = 400


@dataclass(frozen=True)
class BotFile:
    """What `bot.toml` may say."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    inbox: tuple[InboxFile, ...] = ()
    trust: TrustFile = field(default_factory=TrustFile)
    limits: LimitsFile = field(default_factory=LimitsFile)
    engine: EngineFile = field(default_factory=EngineFile)
    keep: KeepFile = field(default_factory=KeepFile)
    answer: AnswerFile = field(default_factory=AnswerFile)
    patchwork: PatchworkFile | None = None
    kcidb: KcidbFile | None = None
    # Between two looks at archives; those that are far away are fetched from less often.
    fetch_seconds: Annotated[float, Field(gt=0, le=86_400)] = 120
    poll_seconds: Annotated[float, Field(gt=0, le=86_400)] = 15


FILE: TypeAdapter[BotFile] = TypeAdapter(BotFile)


@dataclass(frozen=True)
class Home:
    """The bot's folder."""

    path: Path

    @property
    def settings(self) -> Path:
        """What the operator says."""
        return self.path / "bot.toml"

    @property
    def rules(self) -> Path:
        """Which series are taken."""
        return self.path / "rules.toml"

    @property
    def store(self) -> Path:
        """The store."""
        return self.path / "store.sqlite"

    @property
    def operators(self) -> Path:
        """Who may log in on the web page."""
        return self.path / "operators.toml"

    @property
    def mirrors(self) -> Path:
        """Mirrors of archives that are read from afar."""
        return self.path / "mirrors"

    @property
    def work(self) -> Path:
        """What the engine makes: jobs, and the workspaces in which they are carried out."""
        return self.path / "work"

    def resolve(self, name: str) -> Path:
        """Give the place of a name in a settings file: relative ones start here."""
        return self.path / Path(name).expanduser()


@dataclass(frozen=True)
class Config:
    """The bot's folder, and what its settings say."""

    home: Home
    told: BotFile
    inboxes: Mapping[str, InboxFile]

    @property
    def keyring(self) -> Path:
        """Public keys of those who may cause work."""
        return self.home.resolve(self.told.trust.keyring)

    def place_of(self, inbox: InboxFile) -> Path:
        """Where an inbox lies on this machine."""
        return self.home.resolve(inbox.path) if inbox.path else self.home.mirrors / inbox.name


def read(home: Home) -> Config:
    """Read the settings. Raises UserError for mistakes, each with its line."""
    if not home.settings.exists():
        raise UserError(
            "There is no bot in this folder.",
            where=str(home.settings),
            do="`seriesbot init` makes one; --home DIR names another folder",
        )
    told = tomlfile.read(home.settings, FILE, what="settings")
    found: dict[str, InboxFile] = {}
    for place, inbox in enumerate(told.inbox):
        wrong = ""
        if inbox.name in found:
            wrong = f"there are two inboxes '{inbox.name}'"
        elif inbox.path is None and inbox.url is None:
            wrong = "an inbox has a path, a url, or both"
        if wrong:
            line = tomlfile.line_of(home.settings, "inbox", place)
            raise tomlfile.mistake(home.settings, "settings", [(line, wrong)])
        found[inbox.name] = inbox
    return Config(home, told, found)
