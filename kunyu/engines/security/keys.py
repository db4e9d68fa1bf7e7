"""The node's keys, opened once per process: ring for fields and files, signing key for audit and messages. 节点密钥.

``node_ring()`` and ``node_signer()`` are all that other modules need. Both are safe for threads and notice at their
next use what another process rotated; neither ever hands out key material.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock

from kunyu.engines.security import key_passphrase, node_identity
from kunyu.engines.security.key_errors import KeyRingMissing
from kunyu.kernel import private_json
from kunyu.kernel.crypto.certificates import Certificate
from kunyu.kernel.crypto.errors import PlainKeyRefused
from kunyu.kernel.crypto.keyring import KeyRing
from kunyu.kernel.crypto.keyring_state import KeyPurpose, exclusive, stamp
from kunyu.kernel.crypto.provider import KeyHandle
from kunyu.kernel.crypto.software import SoftwareProvider

FOLDER, RING_FILE = "keys", "ring.json"
MADE_MARK = "key_ring_made"

PERSONAL_FIELDS, PERSONAL_INDEX = "personal/fields", "personal/index"
ACCOUNT_SECRETS = "accounts/secrets"
FILE_KEY = "files/objects"
NODE_SECRETS = "audit/node"
PAIR_SECRETS = "pairs/private"
NODE_KEYS = {
    PERSONAL_FIELDS: KeyPurpose.FIELD,
    PERSONAL_INDEX: KeyPurpose.INDEX,
    ACCOUNT_SECRETS: KeyPurpose.FIELD,
    FILE_KEY: KeyPurpose.FILE,
    NODE_SECRETS: KeyPurpose.FIELD,
    PAIR_SECRETS: KeyPurpose.FIELD,
}
"""The data keys of every node, by ``domain/name``. A release that adds one adds it here; the ring gets it at ``up``."""


@dataclass(frozen=True)
class NodeSigner:
    """The node's signing key: whoever holds this may sign in the node's name.

    Attributes
    ----------
    node_id, name : str
        Identity (a UUID, made once) and name of the node, as the certificate's subject has them.
    certificate : Certificate
        Self-signed, SM2 with SM3.
    public_key : bytes
        65 bytes, 04 ‖ x ‖ y.
    former : tuple of Certificate
        Certificates of earlier signing keys, oldest first: what they signed stays verifiable.
    """

    node_id: str
    name: str
    certificate: Certificate = field(repr=False)
    public_key: bytes = field(repr=False)
    former: tuple[Certificate, ...] = field(repr=False)
    _provider: SoftwareProvider = field(repr=False, compare=False)
    _key: KeyHandle = field(repr=False, compare=False)

    def sign(self, message: bytes) -> bytes:
        """Return the SM2 signature in DER; the signer's id is the default one (GM/T 0009)."""
        return self._provider.sign(self._key, message)


_lock = RLock()
_rings: dict[Path, KeyRing] = {}
_signers: dict[Path, tuple[tuple[int, int, int], NodeSigner]] = {}


def node_ring(home: Path | None = None) -> KeyRing:
    """Return this process's key ring, opened at the first call.

    Outside production a missing ring is made; in production only ``kunyu up`` makes one.

    Raises
    ------
    KeyRingMissing
        It is not there although it was once made, or this is production.
    KeyPassphraseMissing, KeyPassphraseExposed, crypto errors
        It cannot be opened, or production refuses how it is protected.
    """
    place = home or home_folder()
    with _lock:
        ring = _rings.get(place)
        if ring is None:
            production = is_production()
            if not ring_path(place).exists():
                if production:
                    raise _missing(place)
                make_ring(place, production=False)
            ring = _rings[place] = open_ring(place, production=production)
            _complete(place, ring)
        return ring


def node_signer(home: Path | None = None) -> NodeSigner:
    """Return the node's signing key; made at first use outside production, else by ``kunyu up``."""
    place = home or home_folder()
    path = node_identity.path(place / FOLDER)
    with _lock:
        known = _signers.get(place)
        if known is not None and known[0] == stamp(path):
            return known[1]
        ring = node_ring(place)
        if not path.exists():
            make_identity(place, ring)
        seen = stamp(path)
        signer = _signer(ring, node_identity.read(ring, place / FOLDER))
        _signers[place] = (seen, signer)
        return signer


def make_keys(home: Path, *, production: bool) -> bool:
    """Make ring and identity where they are missing, and prove that they open: what ``kunyu up`` does.

    Returns
    -------
    bool
        Whether a new ring was made.

    Raises
    ------
    As `node_ring`; production is refused here, before anything serves.
    """
    if production:
        key_passphrase.require_safe(home)
    made = not ring_path(home).exists()
    if made:
        make_ring(home, production=production)
    ring = open_ring(home, production=production)
    _complete(home, ring)
    if not node_identity.path(home / FOLDER).exists():
        make_identity(home, ring)
    node_identity.read(ring, home / FOLDER)
    ring.close()
    return made


def make_ring(home: Path, *, production: bool) -> None:
    """Make the key ring; two processes at once make one. A ring that was lost is never replaced by an empty one."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    with exclusive(folder / "setup"):
        if ring_path(home).exists():
            return
        if (private_json.read(home / key_passphrase.SECRET_FILE) or {}).get(MADE_MARK):
            raise _lost(home)
        root = key_passphrase.passphrase_for_new(home, production=production).root
        KeyRing.create(SoftwareProvider(), ring_path(home), root, production=production).close()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        private_json.update(home / key_passphrase.SECRET_FILE, lambda values: {**values, MADE_MARK: now})


def open_ring(home: Path, *, production: bool) -> KeyRing:
    """Open the ring anew with whatever passphrase fits; for commands that rotate and for checks."""
    if not ring_path(home).exists():
        raise _lost(home)
    if production:
        key_passphrase.require_safe(home)
        _require_protected_root(home)
    protectors = key_passphrase.protectors(home)
    return KeyRing.open(SoftwareProvider(), ring_path(home), *protectors, production=production)


def make_identity(home: Path, ring: KeyRing) -> None:
    """Make the node's id and first signing key; two processes at once make one."""
    with exclusive(home / FOLDER / "setup"):
        if not node_identity.path(home / FOLDER).exists():
            node_identity.make(ring, home / FOLDER, os.environ.get("KUNYU_NODE_NAME") or node_identity.DEFAULT_NAME)


def ring_path(home: Path) -> Path:
    """Return where the key ring lies."""
    return home / FOLDER / RING_FILE


def is_production() -> bool:
    """Tell whether this process serves in production (``KUNYU_PRODUCTION=1``)."""
    return os.environ.get("KUNYU_PRODUCTION") == "1"


def forget() -> None:
    """Close what this process opened and zeroise it; the next call opens it again."""
    with _lock:
        for _, signer in _signers.values():
            signer._provider.destroy(signer._key)
        for ring in _rings.values():
            ring.close()
        _signers.clear()
        _rings.clear()


def _signer(ring: KeyRing, identity: node_identity.Identity) -> NodeSigner:
    assert isinstance(ring.provider, SoftwareProvider)
    return NodeSigner(
        identity.node_id, identity.name, identity.certificate, identity.certificate.public_key, identity.former,
        ring.provider, identity.key,
    )  # fmt: skip


def _require_protected_root(home: Path) -> None:
    try:
        root = (private_json.read(ring_path(home)) or {}).get("root")
    except ValueError:
        return  # opening it says what is wrong
    if isinstance(root, dict) and root.get("protection") == "none":
        raise PlainKeyRefused(
            f"密钥环 {ring_path(home)} 的根密钥以明文保存，生产环境拒绝使用。请在非生产方式下执行 kunyu keys rotate-root，"
            f"并用 {key_passphrase.FILE_VARIABLE} 指明口令文件。",
            f"The root key of {ring_path(home)} lies in the clear; production refuses it. Run kunyu keys rotate-root "
            f"outside production, with a passphrase file named in {key_passphrase.FILE_VARIABLE}.",
        )


def _complete(home: Path, ring: KeyRing) -> None:
    """Add the keys that a newer release wants."""
    if set(NODE_KEYS) <= set(ring.names()):
        return
    with exclusive(home / FOLDER / "setup"):
        known = set(ring.names())
        domains = {name.partition("/")[0] for name in known}
        for name, purpose in NODE_KEYS.items():
            domain = name.partition("/")[0]
            if name not in known:
                if domain not in domains:
                    ring.add_domain(domain)
                    domains.add(domain)
                ring.add_key(name, purpose)


def home_folder() -> Path:
    """Return the node's state folder."""
    from django.conf import settings

    return Path(settings.KUNYU_HOME)


def _missing(home: Path) -> KeyRingMissing:
    return KeyRingMissing(
        f"节点没有密钥环 {ring_path(home)}。请先执行 kunyu up。",
        f"The node has no key ring {ring_path(home)}. Run kunyu up first.",
    )


def _lost(home: Path) -> KeyRingMissing:
    return KeyRingMissing(
        f"密钥环 {ring_path(home)} 不见了，但本节点曾经建立过。已加密的数据离开它无法读取，因此不会新建空的密钥环。请从备份恢复 keys 文件夹。",
        f"The key ring {ring_path(home)} is gone, but this node once made one. What is encrypted cannot be read without "
        "it, so no empty one is made. Restore the folder keys from a backup.",
    )
