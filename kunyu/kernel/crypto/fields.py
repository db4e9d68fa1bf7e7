"""Personal data in columns: encrypted, and findable by equality. 个人信息字段加密与盲索引.

A token is bound to its table, column and row, so a value copied to another row does not decrypt. Equality is answered
by a second column, the blind index: HMAC-SM3 under a key of that column. It shows which rows hold equal values (that
is its purpose), and a holder of the index key could try all identity numbers: keep the index key from those who only
query. Lengths of values stay visible.
"""

from __future__ import annotations

import base64
import binascii
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from weakref import WeakKeyDictionary

from kunyu.kernel.crypto.errors import DecryptionFailed, WrongKey
from kunyu.kernel.crypto.keyring import KeyRing, VersionedKey
from kunyu.kernel.crypto.keyring_state import KeyPurpose
from kunyu.kernel.crypto.provider import NONCE_BYTES, TAG_BYTES, KeyHandle, KeyKind

_SEALED = "kf1"
_INDEX = "ki1"
_INDEX_BYTES = 16


@dataclass(frozen=True)
class Place:
    """Where a value lives. ``row`` is a key that never changes and is known before the row is written (a UUID)."""

    table: str
    column: str
    row: str


class FieldCipher:
    """Encrypts values of one data key.

    A token reads ``kf1.<version>.<base64url of nonce, ciphertext, tag>``. Nonces are random, 96 bits: rotate a key
    before 2**32 values (NIST SP 800-38D §8.3).

    Parameters
    ----------
    ring : KeyRing
    key_name : str
        A data key of purpose ``field``.
    """

    def __init__(self, ring: KeyRing, key_name: str) -> None:
        self._ring = ring
        self._key_name = key_name
        _require_purpose(ring.active(key_name), KeyPurpose.FIELD)

    def encrypt(self, value: str, place: Place) -> str:
        """Return a token for ``value`` under the active version. Equal values give different tokens."""
        key, provider = self._ring.active(self._key_name), self._ring.provider
        nonce = provider.random(NONCE_BYTES)
        sealed = provider.seal(key.handle, nonce, value.encode("utf-8"), _aad(key, place))
        return f"{_SEALED}.{key.version}.{_base64(nonce + sealed)}"

    def decrypt(self, token: str, place: Place) -> str:
        """Return the value.

        Raises
        ------
        DecryptionFailed
            Changed, cut, of another place or another key.
        UnknownKey, KeyDestroyed
            The version does not exist or was destroyed.
        """
        version, content = _read(token)
        key = self._ring.version(self._key_name, version)
        nonce, sealed = content[:NONCE_BYTES], content[NONCE_BYTES:]
        plain = self._ring.provider.unseal(key.handle, nonce, sealed, _aad(key, place))
        return plain.decode("utf-8")

    def is_current(self, token: str) -> bool:
        """Tell whether the token is under the active version; what is not, `renew` renews."""
        return _read(token)[0] == self._ring.active(self._key_name).version

    def renew(self, token: str, place: Place) -> str:
        """Return the same value under the active version; a current token is returned as it is."""
        return token if self.is_current(token) else self.encrypt(self.decrypt(token, place), place)


def plain_form(value: str) -> str:
    """Return the form in which values are compared: NFKC, no spaces at the ends, case folded.

    Full-width digits of an identity number and a small ``x`` at its end thus find the same person.
    """
    return unicodedata.normalize("NFKC", value).strip().casefold()


class BlindIndex:
    """Digests for equality of one column.

    A digest reads ``ki1.<version>.<32 hexadecimal digits>``. While a rotation runs, rows carry digests of two
    versions: query ``column = ANY(candidates(value))``; a job writes `digest` anew row by row; then the old version
    is destroyed and `candidates` returns one again.

    Parameters
    ----------
    ring : KeyRing
    key_name : str
        A data key of purpose ``index``; every column derives its own key from it.
    table, column : str
    normalise : callable, optional
        How values are made comparable.
    """

    def __init__(
        self, ring: KeyRing, key_name: str, table: str, column: str, normalise: Callable[[str], str] = plain_form
    ) -> None:
        self._ring = ring
        self._key_name = key_name
        self._context = _joined("kunyu.index.1", table, column)
        self._normalise = normalise
        # weak: when the ring destroys a version, its columns' keys go with it
        self._derived: WeakKeyDictionary[KeyHandle, KeyHandle] = WeakKeyDictionary()
        self._lock = Lock()
        _require_purpose(ring.active(key_name), KeyPurpose.INDEX)

    def digest(self, value: str) -> str:
        """Return the digest to store: under the active version."""
        return self._digest(self._ring.active(self._key_name), value)

    def candidates(self, value: str) -> tuple[str, ...]:
        """Return the digests to look for: under every usable version, newest first."""
        versions = self._ring.usable_versions(self._key_name)
        return tuple(self._digest(self._ring.version(self._key_name, version), value) for version in versions)

    def is_current(self, digest: str) -> bool:
        """Tell whether a stored digest is under the active version."""
        return digest.startswith(f"{_INDEX}.{self._ring.active(self._key_name).version}.")

    def _digest(self, key: VersionedKey, value: str) -> str:
        mac = self._ring.provider.mac(self._column_key(key), self._normalise(value).encode("utf-8"))
        return f"{_INDEX}.{key.version}.{mac[:_INDEX_BYTES].hex()}"

    def _column_key(self, key: VersionedKey) -> KeyHandle:
        with self._lock:
            derived = self._derived.get(key.handle)
            if derived is None:
                label = f"{key.name} v{key.version} column"
                derived = self._ring.provider.derive(key.handle, self._context, KeyKind.MAC, label)
                self._derived[key.handle] = derived
            return derived


def _aad(key: VersionedKey, place: Place) -> bytes:
    return _joined("kunyu.field.1", key.name, str(key.version), place.table, place.column, place.row)


def _joined(*parts: str) -> bytes:
    """Join with lengths, so that no two lists of parts give the same bytes."""
    encoded = [part.encode("utf-8") for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _read(token: str) -> tuple[int, bytes]:
    kind, _, rest = token.partition(".")
    number, _, text = rest.partition(".")
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _unreadable() from None
    # one token, one spelling: Base64 with stray bits, or 007 for 7, would be a second one
    if kind != _SEALED or not (number.isascii() and number.isdigit()) or str(int(number)) != number:
        raise _unreadable()
    if len(content) < NONCE_BYTES + TAG_BYTES or _base64(content) != text:
        raise _unreadable()
    return int(number), content


def _unreadable() -> DecryptionFailed:
    return DecryptionFailed(
        "字段密文无法读取: 不是本系统的密文或已被改动。请核对数据并查看审计记录。",
        "The encrypted field is unreadable: not of this system, or changed. Check the data and the audit.",
    )


def _require_purpose(key: VersionedKey, purpose: KeyPurpose) -> None:
    if key.purpose is not purpose:
        raise WrongKey(
            f"密钥“{key.name}”的用途是{key.purpose}, 此处需要{purpose}。请换用相应密钥。",
            f"Key '{key.name}' is for {key.purpose}; this needs one for {purpose}.",
            name=key.name,
        )
