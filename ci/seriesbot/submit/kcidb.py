# SPDX-License-Identifier: GPL-2.0
"""Reports to KCIDB: handed to a server, or put as files into a folder that another program empties.

Ids in a report follow from the run, so one that arrives twice adds nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from kseries.lib import atomicfile
from kseries.lib.errors import InfraError
from seriesbot.delivery import Fate, Sent
from seriesbot.submit.server import Failed, Server, note


@dataclass(frozen=True)
class Folder:
    """A folder, as the spool of KCIDB's own server is one."""

    path: Path

    def put(self, report: str) -> Sent:
        """Put a report there: whole or not at all, the same one once."""
        digest = hashlib.sha256(report.encode()).hexdigest()[:32]
        try:
            atomicfile.write_text(self.path / f"submission-{digest}.json", report)
        except InfraError as error:
            return Sent(Fate.LATER, error.what)
        return Sent(Fate.SENT)


def post(server: Server, report: str) -> Sent:
    """Hand over a report."""
    try:
        answer = server.post("/submit", report.encode()).data
    except Failed as failed:
        return failed.sent
    told = answer if isinstance(answer, dict) else {}
    if told.get("status") != "ok":
        return Sent(Fate.UNCERTAIN, "it does not say that it has it")
    return Sent(Fate.SENT, note(f"as {told.get('id', '')}"))
