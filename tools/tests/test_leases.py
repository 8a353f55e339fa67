# SPDX-License-Identifier: GPL-2.0
"""What is in use is told from what is not, across processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kseries.lib import leases
from kseries.lib.errors import InfraError
from kseries.lib.leases import in_use, taken, use
from kseries.lib.locks import locked
from kseries.lib.progress import Silent


def test_many_use_a_thing_and_nobody_removes_it(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    assert not in_use(place)
    first, second = use(place), use(place)
    first.release()
    first.release()
    assert in_use(place)
    with taken(place) as free:
        assert not free
    second.release()
    assert not in_use(place)
    with taken(place) as free:
        assert free
        assert in_use(place)


def test_a_process_that_dies_uses_nothing(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    script = (
        "import sys, pathlib, kseries.lib.leases as l\n"
        "l.use(pathlib.Path(sys.argv[1]))\n"
        "print(flush=True)\n"
        "input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        # The value was dropped at once: the lease is the process's.
        assert in_use(place)
        child.kill()
    assert not in_use(place)


def test_programs_that_a_user_starts_hold_no_lease(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    lease = use(place)
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
        lease.release()
        assert not in_use(place)
        child.kill()


def test_what_is_made_is_in_use(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    with locked(place, Silent()):
        assert in_use(place)
        with taken(place) as free:
            assert not free
    assert not in_use(place)


def test_who_comes_while_a_thing_is_removed_waits_and_holds_what_is_there_then(
    tmp_path: Path,
) -> None:
    place = tmp_path / "thing"
    place.touch()
    got: list[leases.Lease] = []
    comer = threading.Thread(target=lambda: got.append(use(place)))
    with taken(place) as free:
        assert free
        comer.start()
        comer.join(0.2)
        assert got == []
        place.unlink()
    comer.join()
    assert in_use(place)
    got[0].release()


def test_the_files_of_locks_go_with_the_thing(tmp_path: Path) -> None:
    place = tmp_path / ("n" * 255)
    place.touch()
    with locked(place, Silent()):
        use(place).release()
    with taken(place) as free:
        assert free
    assert len(list(tmp_path.iterdir())) == 3
    with taken(place) as free:
        place.unlink()
    assert list(tmp_path.iterdir()) == []


def test_use_is_remembered(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    assert leases.used(place) == 0
    place.touch()
    os.utime(place, (1, 1))
    assert leases.used(place) == 1
    lease = use(place)
    os.utime(leases.lease_file(place), (2, 2))
    assert leases.used(place) == 2
    lease.release()
    assert leases.used(place) > 2


def test_a_link_in_the_place_of_a_lease_is_not_followed(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    leases.lease_file(place).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InfraError):
        use(place)
    assert not (tmp_path / "elsewhere").exists()
