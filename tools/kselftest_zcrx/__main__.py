# SPDX-License-Identifier: GPL-2.0
"""Write the selftest folder: `python -m kselftest_zcrx FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path

from kselftest_zcrx import FIRST_LEVEL, LAST_LEVEL, write

parser = argparse.ArgumentParser(prog="kselftest_zcrx", description=__doc__)
parser.add_argument("folder", type=Path, help="is made when it is not there")
parser.add_argument(
    "--level",
    type=int,
    choices=range(FIRST_LEVEL, LAST_LEVEL + 1),
    default=LAST_LEVEL,
    help="last patch of the series that the kernel has",
)
options = parser.parse_args()
write(options.folder, options.level)
