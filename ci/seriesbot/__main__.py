# SPDX-License-Identifier: GPL-2.0
"""`python -m seriesbot`."""

import sys

from seriesbot.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
