# SPDX-License-Identifier: GPL-2.0
"""Keys and signed mails, as patatt makes them."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import patatt
from nacl.signing import SigningKey

ZOE = "zoe@example.org"


class PgpSigner:
    """Somebody with a key of GnuPG's, in a folder of his own."""

    def __init__(self, home: Path, identity: str = ZOE) -> None:
        self._home = home
        self.identity = identity
        home.mkdir(mode=0o700)
        self.gpg("--passphrase", "", "--quick-gen-key", f"Zoe <{identity}>", "ed25519", "sign", "0")

    def gpg(self, *words: str, stdin: bytes = b"") -> bytes:
        argv = ["gpg", "--homedir", str(self._home), "--batch", "--quiet", *words]
        return subprocess.run(argv, input=stdin, check=True, capture_output=True).stdout

    def sign(self, raw: bytes) -> bytes:
        before = os.environ.get("GNUPGHOME")
        os.environ["GNUPGHOME"] = str(self._home)
        try:
            return patatt.sign_message(raw, "openpgp", self.identity, self.identity, "default")
        finally:
            os.environ.pop("GNUPGHOME")
            if before is not None:
                os.environ["GNUPGHOME"] = before

    def join(self, keyring: Path) -> None:
        """Put the public key into a keyring."""
        local, _, domain = self.identity.partition("@")
        place = keyring / "openpgp" / domain / local / "default"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(self.gpg("--armor", "--export", self.identity))

    def end(self) -> None:
        """End what GnuPG has started for the key."""
        subprocess.run(["gpgconf", "--homedir", str(self._home), "--kill", "all"], check=False)


class Signer:
    """Somebody with an ed25519 key."""

    def __init__(self, seed: int, identity: str = ZOE) -> None:
        self._key = SigningKey(bytes([seed]) * 32)
        self.identity = identity

    def sign(self, raw: bytes) -> bytes:
        private = base64.b64encode(bytes(self._key))
        return patatt.sign_message(raw, "ed25519", private, self.identity, "default")

    def join(self, keyring: Path) -> None:
        """Put the public key into a keyring."""
        local, _, domain = self.identity.partition("@")
        place = keyring / "ed25519" / domain / local / "default"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(base64.b64encode(bytes(self._key.verify_key)))
