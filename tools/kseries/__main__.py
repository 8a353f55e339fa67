# SPDX-License-Identifier: GPL-2.0
"""`python -m kseries`."""

import sys

from kseries.cli.main import main

sys.exit(main())
