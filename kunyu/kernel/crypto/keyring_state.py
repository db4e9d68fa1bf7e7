"""What a key ring's file holds. 密钥环文件: JSON, every key wrapped, the whole under one HMAC-SM3.

Format 1::

    {"format": 1, "serial": 7, "root": {...protector...}, "root_key": wrapped under the protector,
     "mac_key": wrapped under the root key, "mac": HMAC-SM3 of all the rest as canonical JSON,
     "domains": {"personal": [version, ...]}, "keys": {"personal/party": {"purpose": "field", "versions": [...]}}}
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from kunyu.kernel.crypto.errors import KeyRingDamaged, PlainKeyRefused
from kunyu.kernel.crypto.provider import KeyKind
from kunyu.kernel.digests import canonical_json

FORMAT = 1


class KeyPurpose(StrEnum):
    """What a data key is for; one key has one purpose."""

    FIELD = "field"
    INDEX = "index"
    FILE = "file"

    @property
    def kind(self) -> KeyKind:
        """The provider's kind of such a key."""
        return KeyKind.MAC if self is KeyPurpose.INDEX else KeyKind.SM4


class KeyStatus(StrEnum):
    """A version's life (GB/T 17901.1): encrypts and decrypts; only decrypts; gone."""

    ACTIVE = "active"
    RETIRED = "retired"
    DESTROYED = "destroyed"


@dataclass(frozen=True)
class KeyVersion:
    """One version of a domain or data key.

    Attributes
    ----------
    version : int
        From 1.
    status : KeyStatus
    created : str
        RFC 3339, UTC.
    wrapped : str
        Base64; empty when destroyed.
    domain_version : int
        Which version of the domain key wraps it; 0 for domain keys themselves.
    """

    version: int
    status: KeyStatus
    created: str
    wrapped: str
    domain_version: int = 0


@dataclass(frozen=True)
class DataKey:
    """A named data key: purpose and versions, oldest first."""

    purpose: KeyPurpose
    versions: tuple[KeyVersion, ...]


@dataclass(frozen=True)
class RingState:
    """The whole file."""

    root: Mapping[str, Any]
    root_key: str
    mac_key: str
    serial: int = 0
    domains: Mapping[str, tuple[KeyVersion, ...]] = field(default_factory=dict)
    keys: Mapping[str, DataKey] = field(default_factory=dict)
    mac: str = ""

    def authenticated_bytes(self) -> bytes:
        """Return what the MAC covers: everything but the MAC."""
        content = self.as_json()
        del content["mac"]
        return canonical_json(content)

    def as_json(self) -> dict[str, Any]:
        """Return the file's content as JSON values."""
        return {
            "format": FORMAT,
            "serial": self.serial,
            "root": dict(self.root),
            "root_key": self.root_key,
            "mac_key": self.mac_key,
            "domains": {name: [asdict(v) for v in versions] for name, versions in self.domains.items()},
            "keys": {
                name: {"purpose": key.purpose.value, "versions": [asdict(v) for v in key.versions]}
                for name, key in self.keys.items()
            },
            "mac": self.mac,
        }

    def with_key(self, name: str, key: DataKey) -> RingState:
        """Return the state with one data key added or replaced."""
        return replace(self, keys={**self.keys, name: key})

    def with_domain(self, name: str, versions: tuple[KeyVersion, ...]) -> RingState:
        """Return the state with one domain added or replaced."""
        return replace(self, domains={**self.domains, name: versions})


def read(path: Path, *, production: bool) -> RingState:
    """Read a ring's file; the MAC is checked by `keyring`, which holds the root.

    Raises
    ------
    KeyRingDamaged
        Missing, not JSON, or another format.
    PlainKeyRefused
        In production, when others than the owner may read or write it.
    """
    try:
        mode = path.stat().st_mode
        content = json.loads(path.read_bytes())
        if content.get("format") != FORMAT:
            raise ValueError(f"format {content.get('format')!r}")
        state = _from_json(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyRingDamaged(
            f"密钥环文件 {path.name} 无法读取: {error}。请从备份恢复。",
            f"The key ring {path.name} cannot be read: {error}. Restore it from backup.",
        ) from error
    if production and os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise PlainKeyRefused(
            f"密钥环文件 {path.name} 的权限为 {stat.S_IMODE(mode):04o}, 应为 0600。请执行 chmod 600。",
            f"The key ring {path.name} has mode {stat.S_IMODE(mode):04o}; it must be 0600. Run chmod 600.",
            mode=f"{stat.S_IMODE(mode):04o}",
        )
    return state


def write(path: Path, state: RingState) -> None:
    """Replace the file at once and for good: readers see the old or the new one, also after a power cut."""
    number, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(json.dumps(state.as_json(), ensure_ascii=False, indent=1, sort_keys=True).encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Let one process at a time change the ring (POSIX; on Windows only one process may)."""
    if os.name != "posix":
        yield
        return
    import fcntl

    number = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def stamp(path: Path) -> tuple[int, int, int]:
    """Return what changes when the file is replaced; zeros when it is missing."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_ino, found.st_size


def encode(blob: bytes) -> str:
    """Return a wrapped key as text."""
    return base64.b64encode(blob).decode("ascii")


def decode(text: str) -> bytes:
    """Undo `encode`; KeyRingDamaged when it is no Base64."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise KeyRingDamaged(
            "密钥环含有无法读取的密钥。请从备份恢复。", "The key ring holds an unreadable key. Restore it from backup."
        ) from error


def _from_json(content: dict[str, Any]) -> RingState:
    return RingState(
        root=content["root"],
        root_key=content["root_key"],
        mac_key=content["mac_key"],
        serial=int(content["serial"]),
        domains={name: _versions(versions) for name, versions in content["domains"].items()},
        keys={
            name: DataKey(KeyPurpose(key["purpose"]), _versions(key["versions"]))
            for name, key in content["keys"].items()
        },
        mac=content["mac"],
    )


def _versions(rows: list[dict[str, Any]]) -> tuple[KeyVersion, ...]:
    return tuple(KeyVersion(**{**row, "status": KeyStatus(row["status"])}) for row in rows)
