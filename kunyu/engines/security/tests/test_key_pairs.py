"""Key pairs under the node's key ring (R-070, R-133): never in the clear on disk, renewed, destroyed for good."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kunyu.engines.security import key_pairs, keys
from kunyu.engines.security.key_errors import KeyPairUnreadable
from kunyu.kernel.crypto.errors import WrongKey
from kunyu.kernel.crypto.software import SoftwareProvider

MESSAGE = "用地预审".encode()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("KUNYU_KEY_PASSPHRASE", "KUNYU_KEY_PASSPHRASE_FILE", "KUNYU_PRODUCTION"):
        monkeypatch.delenv(name, raising=False)
    settings.KUNYU_HOME = tmp_path
    yield tmp_path
    keys.forget()


def test_both_keys_sign_and_stay_the_same_when_opened_again() -> None:
    made = key_pairs.make("seal-a1")
    keys.forget()
    key_pairs._opened.clear()
    again = key_pairs.open_pair("seal-a1")
    assert SoftwareProvider().verify(made.sm2_public, MESSAGE, again.sign_sm2(MESSAGE))
    again.ecdsa.public_key().verify(made.sign_ecdsa(MESSAGE), MESSAGE, ec.ECDSA(hashes.SHA256()))
    assert again.sm2_public == made.sm2_public and len(again.sm2_public) == 65


def test_the_file_holds_no_key_in_the_clear() -> None:
    pair = key_pairs.make("seal-a1")
    path = key_pairs.path("seal-a1")
    text = path.read_text("utf-8")
    values = json.loads(text)
    assert path.stat().st_mode & 0o777 == 0o600
    assert "BEGIN ENCRYPTED PRIVATE KEY" in values["sm2"] and "BEGIN ENCRYPTED PRIVATE KEY" in values["ecdsa"]
    assert values["passphrase"].startswith("kf1.")
    plain = pair.ecdsa.private_numbers().private_value.to_bytes(32, "big")
    assert plain.hex() not in text and plain not in path.read_bytes()
    with pytest.raises((ValueError, TypeError)):
        serialization.load_pem_private_key(values["ecdsa"].encode(), b"wrong")
    refused = subprocess.run(
        ["openssl", "pkey", "-in", "-", "-passin", "pass:wrong"], input=values["ecdsa"].encode(), capture_output=True
    )
    assert refused.returncode != 0


def test_a_name_is_used_once() -> None:
    first = key_pairs.make("seal-a1").sm2_public
    with pytest.raises(KeyPairUnreadable, match="the name is taken"):
        key_pairs.make("seal-a1")
    assert key_pairs.open_pair("seal-a1").sm2_public == first


@pytest.mark.parametrize("name", ["../node", "a", "Seal", "seal_1", "x" * 80, ""])
def test_names_lead_nowhere_else(name: str) -> None:
    with pytest.raises(KeyPairUnreadable, match="lower-case letters"):
        key_pairs.path(name)


def test_a_changed_or_missing_file_is_refused() -> None:
    key_pairs.make("seal-a1")
    path = key_pairs.path("seal-a1")
    values = json.loads(path.read_text("utf-8"))
    values["passphrase"] = values["passphrase"][:-4] + "AAAA"
    path.write_text(json.dumps(values), "utf-8")
    with pytest.raises(KeyPairUnreadable, match="damaged or of another key ring"):
        key_pairs.open_pair("seal-a1")
    path.unlink()
    with pytest.raises(KeyPairUnreadable, match="there is no such file"):
        key_pairs.open_pair("seal-a1")


def test_a_pair_copied_under_another_name_does_not_open() -> None:
    """The passphrase is bound to the name: a seal's keys cannot be given to another seal."""
    key_pairs.make("seal-a1")
    key_pairs.path("seal-b2").write_bytes(key_pairs.path("seal-a1").read_bytes())
    with pytest.raises(KeyPairUnreadable, match="damaged or of another key ring"):
        key_pairs.open_pair("seal-b2")


def test_rotation_renews_the_passphrase_and_nothing_else(home: Path) -> None:
    before = key_pairs.make("seal-a1").sm2_public
    ring, folder = keys.node_ring(), home / keys.FOLDER
    ring.rotate_key(keys.PAIR_SECRETS)
    assert key_pairs.uses_of(folder, 1) == 1
    assert key_pairs.renew(ring, folder) == 1
    assert (key_pairs.uses_of(folder, 1), key_pairs.uses_of(folder, 2)) == (0, 1)
    assert key_pairs.renew(ring, folder) == 0
    ring.destroy_version(keys.PAIR_SECRETS, 1)
    assert key_pairs.open_pair("seal-a1").sm2_public == before


def test_destroyed_keys_are_gone() -> None:
    pair = key_pairs.make("seal-a1")
    assert key_pairs.destroy("seal-a1") is True
    assert key_pairs.destroy("seal-a1") is False
    assert not key_pairs.exists("seal-a1")
    with pytest.raises(KeyPairUnreadable):
        key_pairs.open_pair("seal-a1")
    with pytest.raises(WrongKey, match="was destroyed"):
        pair.sign_sm2(MESSAGE)


def test_certificates_stand_beside_the_keys() -> None:
    key_pairs.make("seal-a1")
    assert key_pairs.attach("seal-a1", {"sm2": "PEM"}).certificates == {"sm2": "PEM"}
    assert key_pairs.open_pair("seal-a1").certificates == {"sm2": "PEM"}
