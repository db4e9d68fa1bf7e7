"""Key pairs of the node besides its own: an SM2 and a P-256 key under one name, for seals and time stamps. 节点密钥对.

``keys/pairs/<name>.json`` holds both private keys as encrypted PKCS#8. Their passphrase is random and itself encrypted
under the ring's key ``pairs/private``: without the ring's root the file opens for nobody. Certificates stand beside them.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kunyu.engines.security import keys
from kunyu.engines.security.key_errors import KeyPairUnreadable
from kunyu.kernel import private_json
from kunyu.kernel.crypto.errors import DecryptionFailed, MalformedKey
from kunyu.kernel.crypto.fields import FieldCipher, Place
from kunyu.kernel.crypto.kdf import MINIMUM_ITERATIONS
from kunyu.kernel.crypto.keyring import KeyRing
from kunyu.kernel.crypto.keyring_state import stamp
from kunyu.kernel.crypto.pkcs8 import read_private_key, write_private_key
from kunyu.kernel.crypto.provider import KeyHandle, KeyKind
from kunyu.kernel.crypto.software import SoftwareProvider

FOLDER, FORMAT = "pairs", 1
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{2,78}")


@dataclass(frozen=True)
class KeyPair:
    """Two private keys under one name: whoever holds this may sign with them.

    Attributes
    ----------
    certificates : mapping
        What was put beside the keys by `attach`: name to PEM text.
    provider, sm2
        The SM2 key as the crypto interface knows it.
    ecdsa : ec.EllipticCurvePrivateKey
        On P-256.
    """

    name: str
    certificates: Mapping[str, str] = field(repr=False)
    provider: SoftwareProvider = field(repr=False, compare=False)
    sm2: KeyHandle = field(repr=False, compare=False)
    ecdsa: ec.EllipticCurvePrivateKey = field(repr=False, compare=False)

    @property
    def sm2_public(self) -> bytes:
        """65 bytes, 04 ‖ x ‖ y."""
        return self.provider.public_key(self.sm2)

    def sign_sm2(self, message: bytes) -> bytes:
        """Return the DER signature of SM3(Z ‖ message), with the default signer's id."""
        return self.provider.sign(self.sm2, message)

    def sign_ecdsa(self, message: bytes) -> bytes:
        """Return the DER signature of SHA-256(message)."""
        return self.ecdsa.sign(message, ec.ECDSA(hashes.SHA256()))


_lock = RLock()
_opened: dict[Path, tuple[tuple[int, int, int], KeyPair]] = {}


def make(name: str, certificates: Mapping[str, str] | None = None) -> KeyPair:
    """Draw both keys and write them; KeyPairUnreadable when the name is taken."""
    place = path(name)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    ring = keys.node_ring()
    with private_json.locked(place):
        if place.exists():
            raise _refused(name, "名称已被使用", "the name is taken")
        private_json.write(place, _drawn(ring, name, certificates or {}))
    return open_pair(name)


def open_pair(name: str) -> KeyPair:
    """Open both keys, once per process and content of the file.

    Raises
    ------
    KeyPairUnreadable
        Missing, damaged, or of another ring.
    """
    place = path(name)
    with _lock:
        if not place.exists():
            _opened.pop(place, None)
            raise _refused(name, "文件不存在", "there is no such file")
        seen, known = stamp(place), _opened.get(place)
        if known is not None and known[0] == seen:
            return known[1]
        pair = _read(keys.node_ring(), name, place)
        _opened[place] = (seen, pair)
        return pair


def exists(name: str) -> bool:
    return path(name).exists()


def attach(name: str, certificates: Mapping[str, str]) -> KeyPair:
    """Put certificates (PEM) beside the keys."""
    private_json.update(path(name), lambda values: {**values, "certificates": dict(certificates)})
    return open_pair(name)


def destroy(name: str) -> bool:
    """Remove both keys for good; backups of the folder still hold them. Tells whether there were any."""
    place = path(name)
    with _lock:
        known = _opened.pop(place, None)
        if known is not None:
            known[1].provider.destroy(known[1].sm2)
        if not place.exists():
            return False
        place.unlink()
        return True


def renew(ring: KeyRing, folder: Path) -> int:
    """Put every passphrase under the active version of the ring's key; answers with how many were due."""
    cipher, renewed = FieldCipher(ring, keys.PAIR_SECRETS), 0
    for place in _files(folder):

        def change(values: private_json.Values) -> private_json.Values:
            return {**values, "passphrase": cipher.renew(values["passphrase"], _place(values["name"]))}

        if not cipher.is_current(_values(place)["passphrase"]):
            private_json.update(place, change)
            renewed += 1
    return renewed


def uses_of(folder: Path, version: int) -> int:
    """How many pairs' passphrases are encrypted under this version of the ring's key."""
    return sum(int(str(_values(place)["passphrase"]).split(".")[1]) == version for place in _files(folder))


def path(name: str) -> Path:
    """Return where a pair lies; names are lower-case letters, digits and hyphens."""
    if not _NAME.fullmatch(name):
        raise _refused(name, "名称只能用小写字母、数字和连字符", "names are of lower-case letters, digits and hyphens")
    return keys.home_folder() / keys.FOLDER / FOLDER / f"{name}.json"


def _files(folder: Path) -> list[Path]:
    return sorted((folder / FOLDER).glob("*.json"))


def _drawn(ring: KeyRing, name: str, certificates: Mapping[str, str]) -> dict[str, Any]:
    provider, passphrase = ring.provider, secrets.token_urlsafe(32)
    assert isinstance(provider, SoftwareProvider)
    handle = provider.generate(KeyKind.SM2, name)
    try:
        # 256 drawn bits need no slow derivation
        sm2 = write_private_key(provider, handle, passphrase.encode(), MINIMUM_ITERATIONS)
    finally:
        provider.destroy(handle)
    ecdsa = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )  # fmt: skip
    return {
        "format": FORMAT,
        "name": name,
        "sm2": sm2.decode("ascii"),
        "ecdsa": ecdsa.decode("ascii"),
        "certificates": dict(certificates),
        "passphrase": FieldCipher(ring, keys.PAIR_SECRETS).encrypt(passphrase, _place(name)),
    }


def _read(ring: KeyRing, name: str, place: Path) -> KeyPair:
    provider = ring.provider
    assert isinstance(provider, SoftwareProvider)
    try:
        values = _values(place)
        passphrase = FieldCipher(ring, keys.PAIR_SECRETS).decrypt(values["passphrase"], _place(name)).encode()
        sm2 = read_private_key(provider, values["sm2"].encode(), passphrase, production=True, label=name)
        ecdsa = serialization.load_pem_private_key(values["ecdsa"].encode(), passphrase)
        if not isinstance(ecdsa, ec.EllipticCurvePrivateKey):
            raise TypeError("not an elliptic curve key")
        return KeyPair(name, dict(values["certificates"]), provider, sm2, ecdsa)
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        UnsupportedAlgorithm,
        MalformedKey,
        DecryptionFailed,
    ) as error:
        raise _refused(
            name, f"内容损坏或属于另一密钥环（{error}）", f"damaged or of another key ring ({error})"
        ) from error


def _values(place: Path) -> dict[str, Any]:
    values = private_json.read(place)
    if values is None or values.get("format") != FORMAT:
        raise ValueError("no such file or another format / 文件不存在或格式不同")
    return values


def _place(name: str) -> Place:
    return Place("key_pairs", "passphrase", name)


def _refused(name: str, zh: str, en: str) -> KeyPairUnreadable:
    return KeyPairUnreadable(
        f"密钥对“{name}”无法使用：{zh}。请从备份恢复 keys 文件夹，或另行制作。",
        f"The key pair '{name}' cannot be used: {en}. Restore the folder keys from a backup, or make another.",
        name=name,
    )
