# SPDX-License-Identifier: GPL-2.0
"""The command `b4`: what runs have found, for the check commands of b4."""

from __future__ import annotations

import sys
from argparse import Namespace

from kseries.lib.paths import Project
from kseries.report import b4check
from kseries.run import stored
from kseries.series.patchid import identify


def check(arguments: Namespace) -> int:
    """Look up the mail on standard input. Nothing is run."""
    mail = identify(sys.stdin.buffer.read(), "the mail on standard input")
    found = stored.newest(Project.find(arguments.workspace).runs, mail)
    if arguments.kind == "prep":
        text = b4check.prep(found.result if found else None, found.index if found else 0)
    elif found is None:
        # b4 review keeps nothing then, and asks again.
        text = ""
    elif arguments.kind == "patch" and found.index:
        text = b4check.patch(found.result, found.index)
    else:
        text = b4check.series(found.result)
    sys.stdout.write(text)
    return 0
