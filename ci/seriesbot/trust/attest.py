# SPDX-License-Identifier: GPL-2.0
"""Check the signatures of mails by patatt, in a process of its own.

`python -m seriesbot.trust.attest KEYRING FOLDER` prints a JSON list with an entry for each file of
the folder. Mails are hostile, patatt starts programs without a deadline, and a key that it does not
find in a keyring it looks for in the user's: so who starts this gives it a deadline and no home.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import patatt

MAX_FILE = 64 << 20  # bytes
MAX_MEMORY = 2 << 30

KIND = {
    patatt.RES_NOSIG: "is not signed",
    patatt.RES_NOKEY: "is signed by a key that is not in the keyring",
    patatt.RES_ERROR: "has a signature that cannot be read",
    patatt.RES_BADSIG: "has a signature that does not fit it",
}


def attest(raw: bytes, keyring: Path) -> tuple[list[str], str]:
    """Give the identities whose keys have signed a mail, and why there are none."""
    why = KIND[patatt.RES_NOSIG]
    good = []
    try:
        for result, identity, _, source, algorithm, _ in patatt.validate_message(
            raw, [str(keyring)]
        ):
            if result != patatt.RES_VALID:
                why = KIND.get(result, KIND[patatt.RES_ERROR])
            elif source is None or not Path(source).is_relative_to(keyring):
                why = KIND[patatt.RES_NOKEY]
            elif identity and algorithm:
                good.append(identity.lower())
    except Exception as error:  # whatever a mail makes of patatt: it is not attested
        return [], f"{KIND[patatt.RES_ERROR]} ({type(error).__name__})"
    return good, "" if good else why


def _limit() -> None:
    """Bound what a signature can make of this process, and of those that it starts.

    One by OpenPGP can hold data that are packed: a little of it becomes a full disk.
    """
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE, MAX_FILE))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _main(keyring: Path, folder: Path) -> None:
    found = []
    for file in sorted(folder.iterdir()):
        identities, why = attest(file.read_bytes(), keyring)
        found.append({"name": file.name, "identities": identities, "why": why})
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    _limit()
    _main(Path(sys.argv[1]), Path(sys.argv[2]))
