# SPDX-License-Identifier: GPL-2.0
"""What holds for the toolkit's tests holds here: nothing of the caller's, no settings, no fsync.

Only what tests share that pytest has to find is here: it is not checked by mypy, which takes it for
the toolkit's conftest.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
