# SPDX-License-Identifier: GPL-2.0
"""Attack the toolkit and print what was attempted and what was contained."""

from __future__ import annotations

import sys

from attack.runner import main

if __name__ == "__main__":
    sys.exit(main())
