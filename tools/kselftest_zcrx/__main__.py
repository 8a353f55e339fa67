# SPDX-License-Identifier: GPL-2.0
"""Write the selftest folder, or the page of all cases: `python -m kselftest_zcrx FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path

from kselftest_zcrx import DIALECTS, FIRST_LEVEL, LAST_LEVEL, write
from kselftest_zcrx.table import page

parser = argparse.ArgumentParser(prog="kselftest_zcrx", description=__doc__)
what = parser.add_mutually_exclusive_group(required=True)
what.add_argument("folder", type=Path, nargs="?", help="is made when it is not there")
what.add_argument("--cases", type=Path, metavar="FILE", help="write the page of all cases")
parser.add_argument(
    "--level",
    type=int,
    choices=range(FIRST_LEVEL, LAST_LEVEL + 1),
    default=LAST_LEVEL,
    help="last patch of the series that the kernel has",
)
parser.add_argument("--dialect", choices=DIALECTS, default=DIALECTS[0], help="of the user API")
options = parser.parse_args()
if options.cases:
    options.cases.write_text(page())
else:
    write(options.folder, options.level, options.dialect)
