# SPDX-License-Identifier: GPL-2.0
"""Rules of leases that one small change of a line would break."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from kseries.lib import leases
from kseries.lib.errors import InfraError
from kseries.lib.leases import in_use, lease_file, remember, size, taken, use, used
from kseries.lib.locks import lock_file, locked
from kseries.lib.progress import Silent


def handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_lease_is_a_file_beside_the_thing(tmp_path: Path) -> None:
    place = tmp_path / "not" / "yet" / "thing"
    with use(place) as lease:
        assert lease.place == place
        assert lease_file(place) == place.parent / ".thing.lease"
        assert stat.S_IMODE(lease_file(place).stat().st_mode) == 0o644
        assert in_use(place)
    assert not in_use(place)


def test_the_end_of_a_block_that_fails_releases_too(tmp_path: Path) -> None:
    before = handles()
    with pytest.raises(ZeroDivisionError), use(tmp_path / "thing"):
        raise ZeroDivisionError
    assert not in_use(tmp_path / "thing")
    assert handles() == before


def test_taking_it_counts_as_use_and_so_does_giving_it_back(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    use(place).release()
    for give_back in (False, True):
        lease = use(place) if give_back else None
        os.utime(lease_file(place), (2, 2))
        lease = lease or use(place)
        if give_back:
            lease.release()
        assert used(place) > 2
        lease.release()


def test_what_a_link_points_to_is_not_when_it_was_used(tmp_path: Path) -> None:
    (tmp_path / "target").touch()
    os.utime(tmp_path / "target", (5, 5))
    (tmp_path / "thing").symlink_to("target")
    os.utime(tmp_path / "thing", (3, 3), follow_symlinks=False)
    assert used(tmp_path / "thing") == 3


def test_a_size_is_known_until_the_next_use(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    remember(place, 7)
    assert size(place) is None  # nobody ever used it
    assert not lease_file(place).exists()
    use(place).release()
    os.utime(lease_file(place), ns=(2_000_000_001, 3_000_000_007))
    before = handles()
    remember(place, 123_456)
    remember(place, 7)
    assert handles() == before
    assert size(place) == 7
    assert lease_file(place).stat().st_mtime_ns == 3_000_000_007
    use(place).release()
    assert size(place) is None
    lease_file(place).write_text("no size")
    assert size(place) is None


def test_nothing_is_remembered_through_a_link(tmp_path: Path) -> None:
    place, mine = tmp_path / "thing", tmp_path / "mine"
    mine.write_text("mine")
    lease_file(place).symlink_to(mine)
    before = handles()
    remember(place, 7)
    assert mine.read_text() == "mine"
    assert not in_use(place)
    with pytest.raises(InfraError), taken(place):
        pass
    assert handles() == before


def test_what_a_link_points_to_is_not_what_is_in_use(tmp_path: Path) -> None:
    place, other = tmp_path / "thing", tmp_path / "other"
    with use(other):
        lease_file(place).symlink_to(lease_file(other))
        assert not in_use(place)


def test_who_removes_a_thing_may_remove_its_files_too(tmp_path: Path) -> None:
    with taken(tmp_path / "thing") as free:
        assert free
        for file in tmp_path.iterdir():
            file.unlink()


def test_what_is_only_locked_is_in_use(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    with locked(place, Silent()):
        assert in_use(place)
    with use(place):
        assert in_use(place)
    # To look is not to use.
    assert not in_use(place)
    with taken(place) as free:
        assert free


def test_what_is_in_use_keeps_its_files_though_it_is_gone(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    before = handles()
    with use(place):
        with taken(place) as free:
            assert not free
        assert lease_file(place).exists()
    with taken(place) as free:
        assert free
        assert lock_file(place).exists()
    # It is not there, so its files go; no handle stays open.
    assert not lease_file(place).exists()
    assert not lock_file(place).exists()
    assert handles() == before


def test_a_thing_that_is_a_dangling_link_is_there(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    place.symlink_to("nowhere")
    with taken(place) as free:
        assert free
    assert lease_file(place).exists()


def test_who_waited_for_a_file_that_was_removed_takes_a_new_one(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    before = handles()
    got: list[leases.Lease] = []
    with taken(place):
        comers = [threading.Thread(target=lambda: got.append(use(place))) for _ in range(2)]
        for comer in comers:
            comer.start()
        comers[0].join(0.1)
    for comer in comers:
        comer.join()
    assert lease_file(place).exists()
    assert in_use(place)
    assert handles() == before + 2
    for lease in got:
        lease.release()
    assert handles() == before


def test_a_folder_that_cannot_be_written_is_lost_infrastructure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InfraError):
        use(tmp_path / "file" / "thing")
    with pytest.raises(InfraError), taken(tmp_path / "file" / "thing"):
        pass
