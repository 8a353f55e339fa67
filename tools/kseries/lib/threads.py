# SPDX-License-Identifier: GPL-2.0
"""Threads that work side by side, ended together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

POLL_S = 0.2  # a join without an end would not let a signal through


def run(threads: Sequence[threading.Thread], abort: Callable[[BaseException], None]) -> None:
    """Start threads and wait for all of them.

    abort: has them end soon; it gets what has interrupted the wait, which is then raised.
    """
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(POLL_S)
    except BaseException as error:
        abort(error)
        for thread in threads:
            thread.join()
        raise
