"""What protects the root key of a key ring. 根密钥保护.

The root key itself is random; a protector only wraps it, so a passphrase or a device can be changed without touching
anything below.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from kunyu.kernel.crypto import kdf
from kunyu.kernel.crypto.errors import DecryptionFailed, KeyRingDamaged, PlainKeyRefused
from kunyu.kernel.crypto.provider import CryptoProvider, KeyHandle, KeyKind
from kunyu.kernel.crypto.software import SoftwareProvider

_SALT_BYTES = 16
_MAXIMUM_ITERATIONS = 10_000_000


class RootProtector(Protocol):
    """Gives the SM4 key that wraps the root key."""

    def describe(self, provider: CryptoProvider) -> dict[str, Any]:
        """Return what a new ring stores beside the wrapped root; nothing secret, except for `PlainRoot`."""

    def open(self, provider: CryptoProvider, description: Mapping[str, Any], *, production: bool) -> KeyHandle:
        """Return the wrapping key for a stored description."""


@dataclass(frozen=True)
class PassphraseRoot:
    """A passphrase from the operator or from the service manager's credentials; never from a settings file."""

    passphrase: bytes = field(repr=False)
    iterations: int = kdf.ITERATIONS

    def describe(self, provider: CryptoProvider) -> dict[str, Any]:
        """Return a fresh salt and the iterations."""
        salt = base64.b64encode(provider.random(_SALT_BYTES)).decode("ascii")
        return {"protection": "passphrase", "salt": salt, "iterations": self.iterations}

    def open(self, provider: CryptoProvider, description: Mapping[str, Any], *, production: bool) -> KeyHandle:
        """Derive the wrapping key."""
        _require("passphrase", description)
        iterations = description.get("iterations")
        # the file is not yet authenticated here: an attacker's count must neither weaken nor block
        if not isinstance(iterations, int) or not kdf.MINIMUM_ITERATIONS <= iterations <= _MAXIMUM_ITERATIONS:
            raise KeyRingDamaged(
                f"密钥环的迭代次数{iterations}不在{kdf.MINIMUM_ITERATIONS}至{_MAXIMUM_ITERATIONS}之间。请从备份恢复。",
                f"The ring's iterations {iterations} are not between {kdf.MINIMUM_ITERATIONS} and "
                f"{_MAXIMUM_ITERATIONS}. Restore it from backup.",
            )
        return provider.from_passphrase(self.passphrase, _decode(description, "salt"), iterations, "root wrapping")


@dataclass(frozen=True)
class DeviceRoot:
    """An SM4 key that lives in the provider, as a certified device's key does."""

    key: KeyHandle
    name: str

    def describe(self, provider: CryptoProvider) -> dict[str, Any]:
        """Return the device key's name."""
        return {"protection": "device", "name": self.name}

    def open(self, provider: CryptoProvider, description: Mapping[str, Any], *, production: bool) -> KeyHandle:
        """Return the device's key."""
        _require("device", description)
        return self.key


@dataclass(frozen=True)
class PlainRoot:
    """The wrapping key lies in the ring's file, for a laptop and for tests. Refused in production."""

    def describe(self, provider: CryptoProvider) -> dict[str, Any]:
        """Return a fresh key in the clear."""
        return {"protection": "none", "key": base64.b64encode(provider.random(16)).decode("ascii")}

    def open(self, provider: CryptoProvider, description: Mapping[str, Any], *, production: bool) -> KeyHandle:
        """Return the stored key; PlainKeyRefused in production."""
        _require("none", description)
        if production:
            raise PlainKeyRefused(
                "生产环境不接受以明文保存的根密钥。请用口令或密码设备保护密钥环 (KeyRing.rotate_root)。",
                "A root key stored in the clear is refused in production. Protect the ring with a passphrase or a "
                "device (KeyRing.rotate_root).",
            )
        if not isinstance(provider, SoftwareProvider):
            raise PlainKeyRefused(
                "密码设备不接受明文密钥。请用设备密钥保护密钥环。",
                "A device takes no key in the clear. Protect the ring with the device's key.",
            )
        return provider.take_secret(bytearray(_decode(description, "key")), KeyKind.SM4, "plain root wrapping")


def _require(protection: str, description: Mapping[str, Any]) -> None:
    found = description.get("protection")
    if found != protection:
        raise DecryptionFailed(
            f"密钥环的根密钥以“{found}”方式保护, 提供的是“{protection}”。请按密钥环的方式提供。",
            f"The ring's root is protected by '{found}', but '{protection}' was given. Give what the ring asks for.",
            protection=str(found),
        )


def _decode(description: Mapping[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(description[name], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise KeyRingDamaged(
            f"密钥环的根描述缺少可读的“{name}”。请从备份恢复。",
            f"The ring's root description has no readable '{name}'. Restore it from backup.",
        ) from error
