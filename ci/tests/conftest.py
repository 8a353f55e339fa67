# SPDX-License-Identifier: GPL-2.0
"""What holds for the toolkit's tests holds here: nothing of the caller's, no settings, no fsync.

Only what tests share that pytest has to find is here: it is not checked by mypy, which takes it for
the toolkit's conftest.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from seriesbot.engine import buildbot
from seriesbot.engine.buildbot import BuildbotEngine
from seriesbot.store import Store
from tests.archives import Archive
from tests.conftest import (
    _cache,
    failing_run,
    hostile_run,
    no_settings,
    nothing_of_the_callers,
    passing_run,
)
from tests.desk import Desk, make_home
from tests.farms import Farm

__all__ = [
    "_cache",
    "failing_run",
    "hostile_run",
    "no_settings",
    "nothing_of_the_callers",
    "passing_run",
]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A bot in small."""
    with Store.opened(tmp_path / "bot/store.sqlite", create=True) as store:
        yield Desk(store, Archive(tmp_path / "bot/inbox"), make_home(tmp_path / "bot"))


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """A Buildbot master with two workers, which takes seconds to start."""
    farm = Farm(tmp_path_factory.mktemp("farm"))
    try:
        farm.start_all()
        yield farm
    finally:
        farm.end()


@pytest.fixture
def engine(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> BuildbotEngine:
    """The engine of that master; it looks as often as it is asked."""
    for name in ("LOOK_S", "COUNT_S", "CANCEL_S"):
        monkeypatch.setattr(buildbot, name, 0.1)
    return farm.engine()


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key that no other test has."""
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:80].strip("-")
