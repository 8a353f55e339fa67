# SPDX-License-Identifier: GPL-2.0
"""Who may cause work: signatures, results of DKIM, lists; and what proves nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.series.headers import all_values
from seriesbot.config import TrustFile
from seriesbot.trust import attest, authresults
from seriesbot.trust.standing import Letter, Level, Standing, stand
from tests.archives import mail, patch_body
from tests.signing import ZOE, PgpSigner, Signer

SERVER = "mx.example.net"
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
PASS = f"{SERVER}; dkim=pass (2048-bit key) header.d=example.org header.i=@example.org"


def letters(*raws: bytes, authserv: str = "") -> list[Letter]:
    return [Letter(f"patch {n}", raw, authserv) for n, raw in enumerate(raws, start=1)]


def patches(count: int = 2, headers: Sequence[tuple[str, str]] = ()) -> list[bytes]:
    return [
        mail(f"[PATCH {n}/{count}] x", f"{n}@x", patch_body(f"f{n}"), headers=headers)
        for n in range(1, count + 1)
    ]


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    Signer(1).join(tmp_path / "keyring")
    return tmp_path / "keyring"


def standing(mails: list[Letter], keyring: Path, trust: TrustFile | None = None) -> Standing:
    return stand(ZOE, mails, trust or TrustFile(), keyring)


def test_who_signs_each_mail_with_a_key_of_the_keyring_is_known(keyring: Path) -> None:
    found = standing(letters(*map(Signer(1).sign, patches())), keyring)
    assert found.level is Level.KNOWN
    assert found.reason == "signed with a key of zoe@example.org from the keyring"


def test_one_mail_that_is_not_signed_makes_a_stranger(keyring: Path) -> None:
    one, two = patches()
    found = standing(letters(Signer(1).sign(one), two), keyring)
    assert found.level is Level.STRANGER
    assert "patch 2 is not signed" in found.reason


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"a = 1;", b"a = 2;"),
        (b"Add f1.", b"Add f2."),
        (b"Subject: [PATCH 1/2] x", b"Subject: [PATCH 1/2] y"),
        (b"zoe@example.org>\nTo", b"eve@example.org>\nTo"),
    ],
)
def test_a_signed_mail_that_was_changed_makes_a_stranger(
    keyring: Path, old: bytes, new: bytes
) -> None:
    signed = Signer(1).sign(patches()[0])
    assert old in signed
    found = standing(letters(signed.replace(old, new, 1)), keyring)
    assert found.level is Level.STRANGER
    assert "does not fit it" in found.reason


def test_another_key_proves_nothing(keyring: Path) -> None:
    found = standing(letters(Signer(2).sign(patches()[0])), keyring)
    assert found.level is Level.STRANGER
    unknown = Signer(2, "eve@example.org")
    found = standing(letters(unknown.sign(patches()[0])), keyring)
    assert "by a key that is not in the keyring" in found.reason


def test_a_known_person_cannot_speak_for_another(keyring: Path) -> None:
    eve = Signer(2, "eve@example.org")
    eve.join(keyring)
    found = standing(letters(eve.sign(patches()[0])), keyring)
    assert found.level is Level.STRANGER
    assert "is signed by eve@example.org, not by zoe@example.org" in found.reason


def test_the_users_own_keys_are_not_asked(
    tmp_path: Path, keyring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    Signer(3).join(tmp_path / ".local/share/patatt/public")
    assert standing(letters(Signer(3).sign(patches()[0])), keyring).level is Level.STRANGER


@pytest.fixture
def pgp(tmp_path: Path) -> Iterator[PgpSigner]:
    signer = PgpSigner(tmp_path / "gnupg")
    yield signer
    signer.end()


def test_keys_of_openpgp(pgp: PgpSigner, keyring: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = pgp.sign(patches()[0])
    # That the user who runs the bot has the key says nothing: patatt would ask GnuPG for it.
    monkeypatch.setenv("GNUPGHOME", str(keyring.parent / "gnupg"))
    found = standing(letters(signed), keyring)
    assert found.level is Level.STRANGER
    pgp.join(keyring)
    assert standing(letters(signed), keyring).level is Level.KNOWN
    found = standing(letters(signed.replace(b"a = 1;", b"a = 2;")), keyring)
    assert found.level is Level.STRANGER


def test_a_signature_cannot_fill_the_disk(tmp_path: Path) -> None:
    # A message of OpenPGP in place of a signature holds what gpg unpacks: so it inherits limits.
    filling = f"dd if=/dev/zero of={tmp_path}/file bs=1M count=100"
    code = f"from seriesbot.trust import attest; import os; attest._limit(); os.system('{filling}')"
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    assert done.returncode == 0
    assert (tmp_path / "file").stat().st_size == attest.MAX_FILE


def test_headers_that_come_twice_prove_nothing(keyring: Path) -> None:
    signed = Signer(1).sign(patches()[0])
    for header in (b"From: Eve <eve@x.org>\n", b"Subject: [PATCH 2/2] y\n", b"Message-ID: <y@x>\n"):
        for twice in (header + signed, signed.replace(b"\nTo:", b"\n" + header + b"To:")):
            found = standing(letters(twice), keyring)
            assert found.level is Level.STRANGER
            assert "2 headers" in found.reason


def test_who_is_allowed_needs_the_archive_to_vouch(keyring: Path) -> None:
    trust = TrustFile(allowed=("*@example.org",))
    signed = patches(headers=[("Authentication-Results", PASS)])
    assert standing(letters(*signed, authserv=SERVER), keyring, trust).level is Level.KNOWN
    for mails, why in (
        (letters(*signed), "vouches for nobody (no authserv)"),
        (letters(*signed, authserv="mx.other.net"), "there is no result of mx.other.net"),
        (letters(signed[0], patches()[1], authserv=SERVER), "of patch 2 there is no result"),
    ):
        found = standing(mails, keyring, trust)
        assert found.level is Level.STRANGER
        assert why in found.reason
    found = stand("zoe@example.com", letters(*signed, authserv=SERVER), trust, keyring)
    assert found.level is Level.STRANGER


def test_who_is_refused_is_refused_whatever_he_signs(keyring: Path) -> None:
    trust = TrustFile(refused=("zoe@*",), allowed=("*",))
    found = standing(letters(Signer(1).sign(patches()[0])), keyring, trust)
    assert found.level is Level.REFUSED
    assert "zoe@*" in found.reason


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([PASS], ""),
        ([f"{SERVER} 1; spf=pass smtp.mailfrom=a@b; dkim=pass header.d=example.org"], ""),
        ([f'{SERVER}; dkim=pass reason="x; y" header.i=@example.org header.b="a="'], ""),
        ([f"{SERVER}; dmarc=pass (p=none (dis)) header.from=example.org", PASS], ""),
        ([f"{SERVER}; dkim=pass header.d=org"], ""),  # a domain above
        ([f"{SERVER}; none"], "of no DKIM signature"),
        ([f"{SERVER}; dkim=pass header.d=evil.org"], "of no DKIM signature"),
        ([f"{SERVER}; dkim=pass header.d=ample.org"], "of no DKIM signature"),
        ([f"{SERVER}; dkim=pass header.d=a.example.org"], "of no DKIM signature"),
        ([f"{SERVER}; dkim=pass header.d=example.org header.i=@evil.org"], "of no DKIM signature"),
        ([f"{SERVER}; dkim=fail header.d=example.org"], "says dkim=fail"),
        ([PASS, f"{SERVER}; dkim=fail header.d=example.org"], "says dkim=fail, too"),
        ([PASS, f"{SERVER}; dmarc=fail header.from=example.org"], "says dmarc=fail"),
        (["evil.net; dkim=pass header.d=example.org"], "there is no result of"),
        ([f"({SERVER}) evil.net; dkim=pass header.d=example.org"], "there is no result of"),
        ([f'{SERVER}; spf=fail smtp.mailfrom="; dkim=pass header.d=example.org"'], "of no DKIM"),
        ([f"{SERVER}; spf=fail (; dkim=pass header.d=example.org)"], "of no DKIM"),
        ([f"{SERVER}; dkim=pass header.d=example.org header.d=evil.org"], "there is no result"),
        ([f"{SERVER}; dkim=pass header.d"], "there is no result"),
        ([f"{SERVER}; dkim=pass (header.d=example.org"], "there is no result"),
        ([f"{SERVER}; dkim = pass header.d = example.org"], ""),
        ([""], "there is no result"),
    ],
)
def test_what_an_archive_vouches_for(values: list[str], why: str) -> None:
    found = authresults.vouches(values, SERVER, "example.org")
    assert why in found
    assert bool(found) == bool(why)


@given(st.text(alphabet='ab;="()\\ \n.', max_size=40))
def test_any_header_is_read(value: str) -> None:
    found = authresults.parse(value)
    assert found is None or found.authserv


@pytest.mark.parametrize("piece", ["(", '"', "\\", "a=b ", "; ", "(\\)", 'a="', "()"])
def test_long_headers_are_read_in_no_time(piece: str) -> None:
    # 64 KiB are looked at; what grows with the square of the length ends by the test's timeout.
    value = f"{SERVER}; " + piece * ((64 << 10) // len(piece))
    found = authresults.parse(value)
    assert found is None or found.authserv == SERVER


def test_all_values_of_a_header() -> None:
    raw = b"A: 1\nb: x\n folded\na: 2\n\nA: 3\n"
    assert all_values(raw, "a") == ["1", "2"]
    assert all_values(raw, "B") == ["x\n folded"]
    assert all_values(raw, "c") == []
