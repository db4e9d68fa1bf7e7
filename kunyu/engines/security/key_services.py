"""Acts on the node's keys, each on record: rotate, renew, destroy. 密钥管理.

The node's operator or a security administrator acts. The audit entry and the change of the ring stand or fall
together, save for a database that dies in the instant between the ring's file and the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import transaction

from kunyu.engines.security import audit, duties, key_passphrase, key_renewal, keys, node_identity, protection
from kunyu.engines.security.key_errors import KeyInUse, KeyPassphraseMissing
from kunyu.engines.security.scope import Principal
from kunyu.kernel import private_json
from kunyu.kernel.crypto.errors import DecryptionFailed
from kunyu.kernel.crypto.keyring import KeyRing
from kunyu.kernel.crypto.software import SoftwareProvider

SIGNING_KEY = "node/signing"
"""The name under which the node's signing key is rotated; it is no key of the ring."""


def described() -> dict[str, Any]:
    """Return the ring and the signing key for people: names, purposes, versions, dates; no key material."""
    state = keys.node_ring().state()
    certificate, *former = node_identity.certificates(keys.home_folder() / keys.FOLDER)
    return {
        "serial": state.serial,
        "root": state.root.get("protection"),
        "domains": {name: versions[-1].version for name, versions in sorted(state.domains.items())},
        "keys": [
            {
                "name": name,
                "purpose": key.purpose.value,
                "versions": [
                    {"version": v.version, "status": v.status.value, "created": v.created} for v in key.versions
                ],
            }
            for name, key in sorted(state.keys.items())
        ],
        "signing": {
            "subject": certificate.subject,
            "fingerprint": certificate.fingerprint,
            "not_after": certificate.not_after.isoformat(),
            "former": len(former),
        },
    }


def rotate(name: str, actor: Principal) -> int:
    """Give a data key, or the signing key, a new version; old data stays readable. Answers with the version's number."""
    if name == SIGNING_KEY:
        with _act(actor, "signing-key-rotated", name):
            certificate = node_identity.rotate(keys.node_ring(), keys.home_folder() / keys.FOLDER)
            audit.record(actor, "signing-key-made", "key", name, fingerprint=certificate.fingerprint)
        return len(node_identity.certificates(keys.home_folder() / keys.FOLDER))
    keys.node_ring().active(name)  # an unknown name is refused before anything is written
    with _act(actor, "key-rotated", name, version=keys.node_ring().active(name).version + 1):
        return keys.node_ring().rotate_key(name)


def rotate_domain(domain: str, actor: Principal) -> int:
    """Give a domain a new key and wrap its data keys anew; no data is touched. Answers with how many were wrapped."""
    with _act(actor, "key-domain-rotated", domain):
        return keys.node_ring().rotate_domain(domain)


def rotate_root(actor: Principal) -> str:
    """Protect the ring with a new root under the coming passphrase; answers with where that one was found.

    Running processes follow by themselves when they find the coming passphrase where they look: in the passphrase file
    (second line) or in ``secret.json``.

    Raises
    ------
    KeyPassphraseMissing
        Nothing but the present passphrase is known.
    """
    home = keys.home_folder()
    present = _present(home)
    coming = _coming(home, present)
    with _act(actor, "key-root-rotated", "root", source=coming.source):
        ring = KeyRing.open(SoftwareProvider(), keys.ring_path(home), present.root, production=False)
        try:
            ring.rotate_root(coming.root)
        finally:
            ring.close()
    _settle_secret(home, coming)
    return coming.source


def leaves_secret_file() -> bool:
    """Tell whether `rotate_root` would move the ring from ``secret.json`` to a passphrase given otherwise.

    Processes that run now were not told that one, so the node must be stopped for it.
    """
    home = keys.home_folder()
    present = _present(home)
    return present.source == key_passphrase.SECRET_FILE and _known(home, present) is not None


def renew(actor: Principal, say: key_renewal.Say, further: Callable[[], int] | None = None) -> key_renewal.Renewed:
    """Bring rows, files and the signing key's passphrase under the active versions (`key_renewal`).

    Parameters
    ----------
    further : callable, optional
        Encrypts what higher engines keep in plain against its label; answers with the number of files.
    """
    _require(actor)
    ring, done = keys.node_ring(), key_renewal.Renewed()
    key_renewal.renew_rows(ring, done, say)
    if further is not None:
        done.files += further()
    key_renewal.renew_files(protection.object_store(), done, say)
    key_renewal.renew_identity(ring, done)
    with transaction.atomic():
        audit.record(
            actor, "keys-renewed", "key", "all", "done" if not done.failed else "failed", rows=done.rows,
            files=done.files, failed=len(done.failed),
        )  # fmt: skip
    return done


def destroy(name: str, version: int, actor: Principal) -> None:
    """Destroy a retired version for good; refused while anything is encrypted under it.

    Raises
    ------
    KeyInUse
        Names what still needs it. Backups are not looked at: what they hold under this version opens no more.
    """
    _require(actor)
    ring = keys.node_ring()
    uses = key_renewal.uses_of(ring, protection.object_store(), name, version)
    if uses:
        told = "、".join(f"{place} {count}" for place, count in uses.items())
        raise KeyInUse(
            f"密钥“{name}”第{version}版仍用于：{told}。请先执行 kunyu keys renew。",
            f"Key '{name}' version {version} is still needed by: {told}. Run kunyu keys renew first.",
            name=name,
            uses=uses,
        )
    with _act(actor, "key-destroyed", name, version=version):
        ring.destroy_version(name, version)


@contextmanager
def _act(actor: Principal, action: str, name: str, **detail: object) -> Iterator[None]:
    _require(actor)
    with transaction.atomic():
        audit.record(actor, action, "key", name, "done", **detail)
        yield


def _require(actor: Principal) -> None:
    if not actor.is_operator:
        duties.require(actor, duties.SECURITY)


def _present(home: Path) -> key_passphrase.Passphrase:
    """The passphrase that opens the ring now."""
    for known in key_passphrase.candidates(home):
        try:
            KeyRing.open(SoftwareProvider(), keys.ring_path(home), known.root, production=False).close()
        except DecryptionFailed:
            continue
        return known
    raise DecryptionFailed(
        f"已知的口令都打不开密钥环 {keys.ring_path(home)}。请核对 {key_passphrase.FILE_VARIABLE}。",
        f"No known passphrase opens the key ring {keys.ring_path(home)}. Check {key_passphrase.FILE_VARIABLE}.",
    )


def _known(home: Path, present: key_passphrase.Passphrase) -> key_passphrase.Passphrase | None:
    """Another passphrase that the operator gave: in a file or the environment."""
    given = (one for one in key_passphrase.candidates(home) if one.source != key_passphrase.SECRET_FILE)
    return next((one for one in given if one.text != present.text), None)


def _coming(home: Path, present: key_passphrase.Passphrase) -> key_passphrase.Passphrase:
    known = _known(home, present)
    if known is not None:
        return known
    if present.source != key_passphrase.SECRET_FILE or keys.is_production():
        raise KeyPassphraseMissing(
            f"没有找到新口令。请在 {key_passphrase.FILE_VARIABLE} 所指文件中加第二行写入新口令（第一行保留现口令），"
            "再执行本命令；完成后删除第一行。",
            f"There is no coming passphrase. Add it as a second line to the file named in "
            f"{key_passphrase.FILE_VARIABLE} (the present one stays first), run this again, then remove the first line.",
        )
    return key_passphrase.draw_next(home)


def _settle_secret(home: Path, now: key_passphrase.Passphrase) -> None:
    """After the change: ``secret.json`` keeps the passphrase only when that is where it is found."""

    def settled(values: private_json.Values) -> private_json.Values:
        kept = {name: v for name, v in values.items()
                if name not in (key_passphrase.SECRET_NAME, key_passphrase.SECRET_NEXT)}  # fmt: skip
        return {**kept, key_passphrase.SECRET_NAME: now.text} if now.source == key_passphrase.SECRET_FILE else kept

    private_json.update(home / key_passphrase.SECRET_FILE, settled)
