# SPDX-License-Identifier: GPL-2.0
"""What holds for the toolkit's tests holds here: nothing of the caller's, no settings, no fsync.

Only what tests share that pytest has to find is here: it is not checked by mypy, which takes it for
the toolkit's conftest.
"""

from tests.conftest import _cache, no_settings, nothing_of_the_callers

__all__ = ["_cache", "no_settings", "nothing_of_the_callers"]
