# SPDX-License-Identifier: GPL-2.0
"""What tells a patch from others wherever it was posted: `git patch-id --stable`."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from email.policy import compat32
from pathlib import Path

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.series.mailbox import GIT_ENV
from kseries.series.mailinfo import take_apart

LIMIT_S = 60.0


@dataclass(frozen=True)
class Identity:
    """A mail, as it can be found again. message_id: without <>. "" for what it has not."""

    message_id: str
    patch_id: str


def of_file(file: Path) -> str:
    """Give it of a diff, or of a mail that holds one as plain text; "" where it changes nothing."""
    with file.open("rb") as stdin:
        done = proc.run(
            ["git", "patch-id", "--stable"],
            cwd=file.parent,
            deadline=Deadline.after(LIMIT_S),
            env=GIT_ENV,
            stdin=stdin,
        )
    return done.output.split(" ")[0].strip()


def identify(data: bytes, named: str) -> Identity:
    """Say what a mail can be found by. named: what messages call it.

    Raises UserError where git cannot read it.
    """
    told = BytesHeaderParser(policy=compat32).parsebytes(data).get("Message-ID", "")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        diff = scratch / "diff"
        diff.write_bytes(take_apart(data, scratch, named).diff)
        return Identity(str(told).strip().strip("<>"), of_file(diff))
