"""Which certificates to trust. 证书链验证: RFC 5280 §6 without policies and name constraints.

A certificate with a critical extension that is not understood is refused. Revocation lists are not read here: the
certificate authority of a later step brings them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from kunyu.kernel.crypto.certificates import Certificate
from kunyu.kernel.crypto.errors import CertificateRefused
from kunyu.kernel.crypto.provider import CryptoProvider

LONGEST_CHAIN = 8
_MOST_SIGNATURES = 32
"""Signatures tried for one chain: many cross-signed helpers must not keep the machine busy."""


def verify_chain(
    provider: CryptoProvider,
    certificate: Certificate,
    trusted: Iterable[Certificate],
    intermediates: Iterable[Certificate] = (),
    *,
    at: datetime,
    usage: str | None = None,
) -> tuple[Certificate, ...]:
    """Return the chain from ``certificate`` to a trusted one.

    Parameters
    ----------
    trusted : iterable of Certificate
        Roots accepted for what they are; their validity in time is checked too.
    intermediates : iterable of Certificate
        Untrusted helpers on the way, in any order.
    at : datetime
        The aware moment to judge at (the moment of signing, not always now).
    usage : str, optional
        What the first certificate must allow: ``"digital_signature"``, ``"key_encipherment"``...

    Raises
    ------
    CertificateRefused
        ``context['reason']``: ``expired``, ``not_yet_valid``, ``usage``, ``critical_extension``, ``no_issuer``,
        ``not_an_authority``, ``path_length``, ``signature``, ``too_long``. With several ways to a root, the reason
        is that of the way that came furthest.
    """
    if usage is not None and certificate.key_usage and usage not in certificate.key_usage:
        raise _refused(certificate, "usage", f"密钥用途不含{usage}", f"its key usage lacks {usage}")
    roots = tuple(trusted)
    search = _Search(provider, frozenset(root.der for root in roots), (*roots, *intermediates), at)
    found = search.extend((certificate,))
    if found is None:
        raise search.furthest
    return found


class _Search:
    """Depth-first search for a way to a root."""

    def __init__(
        self, provider: CryptoProvider, roots: frozenset[bytes], known: Sequence[Certificate], at: datetime
    ) -> None:
        self._provider, self._roots, self._known, self._at = provider, roots, known, at
        self._signatures = 0
        self._depth = -1
        self.furthest: CertificateRefused

    def extend(self, chain: tuple[Certificate, ...]) -> tuple[Certificate, ...] | None:
        last = chain[-1]
        if refusal := _own_faults(last, self._at):
            self._note(chain, refusal)
            return None
        if last.der in self._roots:
            return chain
        if len(chain) >= LONGEST_CHAIN:
            zh, en = f"证书链超过{LONGEST_CHAIN}级", f"the chain exceeds {LONGEST_CHAIN}"
            self._note(chain, _refused(last, "too_long", zh, en))
            return None
        issuers = [c for c in self._known if _may_have_issued(c, last) and all(c.der != seen.der for seen in chain)]
        if not issuers:
            en = f"no trusted issuer '{last.issuer}' was given"
            self._note(chain, _refused(last, "no_issuer", "找不到受信任的签发者", en))
            return None
        for issuer in issuers:
            refusal = self._link_faults(issuer, chain)
            if refusal is None and (found := self.extend((*chain, issuer))):
                return found
            if refusal is not None:
                self._note((*chain, issuer), refusal)
        return None

    def _link_faults(self, issuer: Certificate, chain: tuple[Certificate, ...]) -> CertificateRefused | None:
        if not issuer.is_ca or (issuer.key_usage and "key_cert_sign" not in issuer.key_usage):
            return _refused(issuer, "not_an_authority", "不是签发证书的机构", "it may not issue certificates")
        # self-issued certificates (a root's renewal) do not count: RFC 5280 §4.2.1.9
        between = sum(c.subject_der != c.issuer_der for c in chain[1:])
        if issuer.path_length is not None and between > issuer.path_length:
            return _refused(
                issuer, "path_length", "其下级证书层数超限", f"more than {issuer.path_length} stand below it"
            )
        self._signatures += 1
        if self._signatures > _MOST_SIGNATURES:
            return _refused(issuer, "too_long", "候选证书过多", "too many candidate certificates")
        if not self._provider.verify(issuer.public_key, chain[-1].signed_bytes, chain[-1].signature):
            return _refused(chain[-1], "signature", "签名与签发者不符", "its signature is not its issuer's")
        return None

    def _note(self, chain: tuple[Certificate, ...], refusal: CertificateRefused) -> None:
        if len(chain) > self._depth:
            self._depth, self.furthest = len(chain), refusal


def _own_faults(certificate: Certificate, at: datetime) -> CertificateRefused | None:
    if at < certificate.not_before:
        moment = certificate.not_before.isoformat()
        return _refused(certificate, "not_yet_valid", f"{moment}才生效", f"it is valid only from {moment}")
    if at > certificate.not_after:
        moment = certificate.not_after.isoformat()
        return _refused(certificate, "expired", f"已于{moment}过期", f"it expired at {moment}")
    if certificate.unknown_critical:
        listing = ", ".join(certificate.unknown_critical)
        return _refused(
            certificate,
            "critical_extension",
            f"含无法识别的关键扩展{listing}",
            f"critical extension {listing} is unknown",
        )
    return None


def _may_have_issued(issuer: Certificate, certificate: Certificate) -> bool:
    if issuer.subject_der != certificate.issuer_der:
        return False
    wanted, own = certificate.authority_key_id, issuer.subject_key_id
    return wanted is None or own is None or wanted == own


def _refused(certificate: Certificate, reason: str, zh: str, en: str) -> CertificateRefused:
    return CertificateRefused(
        f"证书“{certificate.subject}” (序列号{certificate.serial:x}) 不可信: {zh}。请更换证书或补齐证书链。",
        f"Certificate '{certificate.subject}' (serial {certificate.serial:x}) is refused: {en}. Replace it or complete "
        "the chain.",
        reason=reason,
        subject=certificate.subject,
        serial=f"{certificate.serial:x}",
    )
