"""Which certificates this node trusts for signing in: ``KUNYU_HOME/trust``. 信任根与吊销列表.

``*.pem``: self-signed certificates are roots, others are intermediates. ``*.crl``: revocation lists of their issuers
(PEM or DER, SM2 with SM3). A list that is stale or not signed by its issuer stops that issuer's certificates: when in
doubt, no. Besides, the node has a list of its own (issuer and serial) in the database.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from asn1crypto import crl
from django.conf import settings

from kunyu.engines.security.models import RevokedCertificate
from kunyu.kernel.crypto.certificates import SM2_WITH_SM3, Certificate, read_certificates
from kunyu.kernel.crypto.chains import verify_chain
from kunyu.kernel.crypto.errors import CertificateRefused, MalformedCertificate
from kunyu.kernel.crypto.software import SoftwareProvider

FOLDER = "trust"
LARGEST = 32 * 1024 * 1024
_PEM = re.compile(rb"-----BEGIN X509 CRL-----(.+?)-----END X509 CRL-----", re.DOTALL)


@dataclass(frozen=True)
class RevocationList:
    """What an issuer revoked."""

    issuer_der: bytes
    next_update: datetime | None
    serials: frozenset[int]
    signed_bytes: bytes
    signature: bytes


@dataclass(frozen=True)
class Trust:
    """What lies in the folder."""

    roots: tuple[Certificate, ...]
    intermediates: tuple[Certificate, ...]
    lists: tuple[RevocationList, ...]


def folder() -> Path:
    """Where roots and lists lie."""
    return Path(settings.KUNYU_HOME) / FOLDER


def trust() -> Trust:
    """Read the folder; again when a file in it changed."""
    place = folder()
    files = sorted(place.iterdir()) if place.is_dir() else []
    stamp = tuple((one, one.stat().st_mtime_ns, one.stat().st_size) for one in files if one.is_file())
    return _read(stamp)


@lru_cache(maxsize=4)
def _read(stamp: tuple[tuple[Path, int, int], ...]) -> Trust:
    found: list[Certificate] = []
    lists: list[RevocationList] = []
    for path, _, size in stamp:
        if size > LARGEST:
            continue
        if path.suffix == ".pem":
            found += read_certificates(path.read_bytes())
        elif path.suffix == ".crl":
            lists.append(read_list(path.read_bytes()))
    roots = tuple(one for one in found if one.subject_der == one.issuer_der)
    return Trust(roots, tuple(one for one in found if one not in roots), tuple(lists))


def read_list(content: bytes) -> RevocationList:
    """Read a revocation list (RFC 5280 §5); nothing is proven until its issuer's key has been tried on it."""
    pem = _PEM.search(content)
    try:
        encoded = base64.b64decode(b"".join(pem[1].split()), validate=True) if pem else content
        whole = crl.CertificateList.load(encoded, strict=True)
        if whole["signature_algorithm"]["algorithm"].dotted != SM2_WITH_SM3:
            raise ValueError("not SM2 with SM3")
        signed = whole["tbs_cert_list"]
        revoked = signed["revoked_certificates"]
        serials = frozenset(one["user_certificate"].native for one in revoked) if len(revoked) else frozenset()
        return RevocationList(
            signed["issuer"].hashable.encode("utf-8"), signed["next_update"].native, serials, signed.dump(),
            whole["signature"].native,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedCertificate(
            f"不是可读的证书吊销列表（SM2WithSM3）：{error}", f"Not a readable revocation list (SM2 with SM3): {error}"
        ) from error


def require_trusted(certificate: Certificate) -> None:
    """Refuse a certificate that does not lead to a root, is out of time, or is revoked.

    Raises
    ------
    CertificateRefused
        ``context['reason']``: those of ``verify_chain``, or ``revoked``, ``list_stale``, ``list_forged``.
    """
    known, provider, now = trust(), SoftwareProvider(), datetime.now(UTC)
    chain = verify_chain(
        provider, certificate, known.roots, known.intermediates, at=now, usage="digital_signature"
    )  # fmt: skip
    for one, issuer in pairwise(chain):
        for listed in known.lists:
            if listed.issuer_der == one.issuer_der:
                _require_not_listed(provider, listed, one, issuer, now)
        if RevokedCertificate.objects.filter(issuer=one.issuer[:300], serial=f"{one.serial:x}").exists():
            raise _refused(one, "revoked", "已被吊销", "it was revoked")


def _require_not_listed(
    provider: SoftwareProvider, listed: RevocationList, one: Certificate, issuer: Certificate, now: datetime
) -> None:
    may_sign = not issuer.key_usage or "crl_sign" in issuer.key_usage
    if not may_sign or not provider.verify(issuer.public_key, listed.signed_bytes, listed.signature):
        raise _refused(one, "list_forged", "吊销列表的签名与签发者不符", "the revocation list is not its issuer's")
    if listed.next_update is not None and listed.next_update < now:
        day = listed.next_update.date().isoformat()
        raise _refused(one, "list_stale", f"吊销列表已于 {day} 过期，请系统管理员更新",
                       f"the revocation list ended on {day}; the system administrator renews it")  # fmt: skip
    if one.serial in listed.serials:
        raise _refused(one, "revoked", "已被签发机构吊销", "its issuer revoked it")


def _refused(one: Certificate, reason: str, zh: str, en: str) -> CertificateRefused:
    return CertificateRefused(
        f"证书“{one.subject}”（序列号 {one.serial:x}）不可用：{zh}。",
        f"Certificate '{one.subject}' (serial {one.serial:x}) is refused: {en}.",
        reason=reason,
    )
