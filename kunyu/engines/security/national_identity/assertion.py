"""The provider's word about who is there: written, signed, read, judged. 身份断言.

A text of three parts in base64url without padding, joined by dots, as a compact JWS (RFC 7515) is::

    {"typ": "kunyu-identity-1", "alg": "SM2-SM3", "certificate": SM3 of the certificate, hexadecimal}
    {"iss", "aud", "sub", "nonce", "jti", "iat", "exp", "kind", "name", "code", "agent"?}
    SM2 signature (64 bytes, r and s) over the first two parts with their dot

``kind`` is ``person`` or ``organisation``, ``code`` a citizen id or a unified social credit code, ``iat`` and ``exp``
seconds since 1970. The national platform's own format was not at hand: this one carries what its sign-in must say.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kunyu.engines.security.sign_in_errors import NationalIdentityRefused
from kunyu.kernel.crypto.certificates import Certificate
from kunyu.kernel.crypto.provider import CryptoProvider, KeyHandle, SignatureForm
from kunyu.kernel.digests import canonical_json

TYPE, ALGORITHM = "kunyu-identity-1", "SM2-SM3"
LONGEST = 16 * 1024
LONGEST_LIFE = timedelta(minutes=10)
"""An assertion that says it holds longer is refused: it would be worth stealing."""


@dataclass(frozen=True)
class Claims:
    """What is asserted; names as in RFC 7519 where it has one."""

    iss: str
    aud: str
    sub: str
    nonce: str
    jti: str
    iat: int
    exp: int
    kind: str
    name: str
    code: str
    agent: str = ""


@dataclass(frozen=True)
class Expected:
    """What an assertion must be to be believed here and now."""

    signers: tuple[Certificate, ...]
    issuer: str
    audience: str
    nonce: str
    at: datetime
    clock: timedelta = timedelta(seconds=60)


def write(provider: CryptoProvider, key: KeyHandle, certificate: Certificate, claims: Claims) -> str:
    """Sign claims as the provider does."""
    header = {"typ": TYPE, "alg": ALGORITHM, "certificate": certificate.fingerprint}
    signed = f"{_pack(canonical_json(header))}.{_pack(canonical_json(asdict(claims)))}"
    return f"{signed}.{_pack(provider.sign(key, signed.encode(), form=SignatureForm.RAW))}"


def read(provider: CryptoProvider, text: str, expected: Expected) -> Claims:
    """Judge an assertion; nothing of it is believed before its signature is.

    Raises
    ------
    NationalIdentityRefused
        ``context['reason']``: ``format``, ``signer``, ``certificate``, ``signature``, ``issuer``, ``audience``,
        ``time``, ``nonce``.
    """
    signed, header, body, signature = _parts(text)
    signer = _signer(expected.signers, str(header.get("certificate", "")))
    if not signer.not_before <= expected.at <= signer.not_after:
        raise _refused("certificate", "签发者的证书不在有效期内", "the signer's certificate is out of time")
    if not provider.verify(signer.public_key, signed.encode(), signature, form=SignatureForm.RAW):
        raise _refused("signature", "签名不符，内容可能被改动", "the signature does not fit: it may have been altered")
    claims = _claims(body)
    _require_meant_for(claims, expected)
    return claims


def _parts(text: str) -> tuple[str, dict[str, Any], dict[str, Any], bytes]:
    parts = text.split(".") if len(text) <= LONGEST else []
    if len(parts) != 3:
        raise _format()
    try:
        header, body = (json.loads(_unpack(part)) for part in parts[:2])
        signature = _unpack(parts[2])
    except ValueError:
        raise _format() from None
    if not (isinstance(header, dict) and isinstance(body, dict)):
        raise _format()
    if header.get("typ") != TYPE or header.get("alg") != ALGORITHM:
        raise _format()
    return f"{parts[0]}.{parts[1]}", header, body, signature


def _signer(signers: Iterable[Certificate], fingerprint: str) -> Certificate:
    for one in signers:
        if one.fingerprint == fingerprint:
            return one
    raise _refused("signer", "签发者的证书不在本节点信任之列", "this node does not trust the signer's certificate")


def _claims(body: dict[str, Any]) -> Claims:
    texts = ("iss", "aud", "sub", "nonce", "jti", "kind", "name", "code")
    whole = all(isinstance(body.get(name), str) and body[name] for name in texts)
    whole = whole and all(type(body.get(name)) is int for name in ("iat", "exp"))
    if not (whole and isinstance(body.get("agent", ""), str)):
        raise _format()
    return Claims(**{name: body[name] for name in (*texts, "iat", "exp")}, agent=body.get("agent", ""))


def _require_meant_for(claims: Claims, expected: Expected) -> None:
    if claims.iss != expected.issuer:
        raise _refused("issuer", "签发机构不是本节点配置的身份平台", "another issuer than the one configured")
    if claims.aud != expected.audience:
        raise _refused("audience", "它是给别的系统的", "it is meant for another system")
    try:
        begun, ends = datetime.fromtimestamp(claims.iat, UTC), datetime.fromtimestamp(claims.exp, UTC)
    except (OverflowError, ValueError, OSError):
        raise _format() from None
    early, late = begun > expected.at + expected.clock, ends <= expected.at - expected.clock
    if early or late or not timedelta(0) < ends - begun <= LONGEST_LIFE:
        raise _refused("time", "已过期或时间不对，请重新登录", "it is out of time; sign in again")
    if claims.nonce != expected.nonce:
        raise _refused("nonce", "它不是对这次登录的应答", "it does not answer this sign-in")


def _refused(reason: str, zh: str, en: str) -> NationalIdentityRefused:
    return NationalIdentityRefused(
        f"统一身份认证的结果不被接受：{zh}。", f"The assertion is refused: {en}.", reason=reason
    )


def _format() -> NationalIdentityRefused:
    return _refused("format", "格式不对", "it is malformed")


def _pack(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _unpack(text: str) -> bytes:
    if "=" in text or "+" in text or "/" in text:
        raise ValueError(text[:1])
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
