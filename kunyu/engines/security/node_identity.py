"""Who this node is: an id made once, a name, and an SM2 signing key with a self-signed certificate. 节点身份.

``keys/node.json`` holds the private key as encrypted PKCS#8 (PBES2, SM4-CBC). Its passphrase is random and itself
encrypted under the ring's key ``audit/node``: without the ring's root the file opens for nobody. A certificate of a
recognised authority takes the self-signed one's place in a later step.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kunyu.engines.security.key_errors import NodeIdentityUnreadable
from kunyu.kernel import private_json
from kunyu.kernel.crypto.certificates import SIGNING, Certificate, read_certificate, self_signed
from kunyu.kernel.crypto.errors import MalformedCertificate, MalformedKey
from kunyu.kernel.crypto.fields import FieldCipher, Place
from kunyu.kernel.crypto.kdf import MINIMUM_ITERATIONS
from kunyu.kernel.crypto.keyring import KeyRing
from kunyu.kernel.crypto.pkcs8 import read_private_key, write_private_key
from kunyu.kernel.crypto.provider import KeyHandle, KeyKind
from kunyu.kernel.crypto.software import SoftwareProvider

FILE = "node.json"
FORMAT = 1
SECRETS_KEY = "audit/node"
VALID = timedelta(days=5 * 365)
DEFAULT_NAME = "坤舆节点"


@dataclass(frozen=True)
class Identity:
    """The node's id, name, signing key and certificates (``former``: of earlier keys, oldest first)."""

    node_id: str
    name: str
    certificate: Certificate
    former: tuple[Certificate, ...]
    key: KeyHandle = field(repr=False)


def path(folder: Path) -> Path:
    """Return the identity's file in the folder of keys."""
    return folder / FILE


def make(ring: KeyRing, folder: Path, name: str) -> None:
    """Draw an id and a first signing key. The caller holds the lock and knows that there is none."""
    private_json.write(path(folder), {"format": FORMAT, "former": [], **_new_key(ring, str(uuid.uuid4()), name)})


def rotate(ring: KeyRing, folder: Path) -> Certificate:
    """Make a new signing key and certificate for the same node; the old certificate is kept, the old key is gone."""

    def change(values: private_json.Values) -> private_json.Values:
        former = [*values["former"], values["certificate"]]
        return {**values, "former": former, **_new_key(ring, values["node_id"], values["name"])}

    return read_certificate(private_json.update(path(folder), change)["certificate"].encode())


def renew(ring: KeyRing, folder: Path) -> bool:
    """Put the key's passphrase under the active version of the ring's key; tells whether that was due."""
    cipher, renewed = FieldCipher(ring, SECRETS_KEY), False

    def change(values: private_json.Values) -> private_json.Values:
        nonlocal renewed
        renewed = not cipher.is_current(values["passphrase"])
        return {**values, "passphrase": cipher.renew(values["passphrase"], _place(values["node_id"]))}

    private_json.update(path(folder), change)
    return renewed


def secret_version(folder: Path) -> int:
    """Return the version of the ring's key under which the signing key's passphrase is encrypted."""
    return int(str(_values(folder)["passphrase"]).split(".")[1])


def certificates(folder: Path) -> tuple[Certificate, ...]:
    """Return the present certificate and the former ones, newest first; needs no key."""
    values = _values(folder)
    texts = [values["certificate"], *reversed(values["former"])]
    return tuple(read_certificate(text.encode()) for text in texts)


def read(ring: KeyRing, folder: Path) -> Identity:
    """Open the identity and see that key and certificate belong together.

    Raises
    ------
    NodeIdentityUnreadable
        Missing, damaged, or of two different keys.
    DecryptionFailed
        Of another ring.
    """
    values, provider = _values(folder), ring.provider
    assert isinstance(provider, SoftwareProvider)
    try:
        place = _place(values["node_id"])
        passphrase = FieldCipher(ring, SECRETS_KEY).decrypt(values["passphrase"], place).encode()
        key = read_private_key(
            provider, values["private_key"].encode(), passphrase, production=True, label="node signing"
        )
        certificate = read_certificate(values["certificate"].encode())
        former = tuple(read_certificate(text.encode()) for text in values["former"])
    except (KeyError, TypeError, AttributeError, MalformedKey, MalformedCertificate) as error:
        raise _unreadable(folder, error) from error
    if provider.public_key(key) != certificate.public_key:
        provider.destroy(key)
        raise _unreadable(folder, ValueError("key and certificate differ / 密钥与证书不符"))
    return Identity(values["node_id"], values["name"], certificate, former, key)


def _new_key(ring: KeyRing, node_id: str, name: str) -> dict[str, Any]:
    provider = ring.provider
    assert isinstance(provider, SoftwareProvider)
    key, passphrase = provider.generate(KeyKind.SM2, "node signing"), secrets.token_urlsafe(32)
    try:
        # an hour back: the clock of whoever verifies may be a little behind
        now = datetime.now(UTC) - timedelta(hours=1)
        subject = {"country_name": "CN", "organization_name": name, "common_name": node_id}
        certificate = self_signed(provider, key, subject, (now, now + VALID), SIGNING)
        # 256 drawn bits need no slow derivation
        private = write_private_key(provider, key, passphrase.encode(), MINIMUM_ITERATIONS)
    finally:
        provider.destroy(key)
    return {
        "node_id": node_id,
        "name": name,
        "certificate": certificate.pem().decode("ascii"),
        "private_key": private.decode("ascii"),
        "passphrase": FieldCipher(ring, SECRETS_KEY).encrypt(passphrase, _place(node_id)),
    }


def _place(node_id: str) -> Place:
    return Place("node", "signing_key_passphrase", node_id)


def _values(folder: Path) -> dict[str, Any]:
    try:
        values = private_json.read(path(folder))
        if values is None or values.get("format") != FORMAT:
            raise ValueError("no such file or another format / 文件不存在或格式不同")
    except (OSError, ValueError) as error:
        raise _unreadable(folder, error) from error
    return values


def _unreadable(folder: Path, error: Exception) -> NodeIdentityUnreadable:
    return NodeIdentityUnreadable(
        f"节点身份文件 {path(folder)} 无法使用：{error}。请从备份恢复 keys 文件夹。",
        f"The node's identity {path(folder)} cannot be used: {error}. Restore the folder keys from a backup.",
    )
