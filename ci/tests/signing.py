# SPDX-License-Identifier: GPL-2.0
"""Keys and signed mails, as patatt makes them."""

from __future__ import annotations

import base64
from pathlib import Path

import patatt
from nacl.signing import SigningKey

ZOE = "zoe@example.org"


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
