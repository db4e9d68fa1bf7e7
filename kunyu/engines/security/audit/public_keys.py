"""Who may have signed: public keys in PEM, certificates of an export, keys pinned by the reader. 验签公钥."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from kunyu.engines.security.audit.findings import Finding, Verdict
from kunyu.kernel.crypto.certificates import Certificate, read_certificate, read_certificates
from kunyu.kernel.crypto.errors import MalformedCertificate, MalformedKey
from kunyu.kernel.crypto.pkcs8 import pem
from kunyu.kernel.crypto.provider import PUBLIC_KEY_BYTES
from kunyu.kernel.crypto.sm2_libcrypto import subject_public_key_info

_PUBLIC_KEY = re.compile(rb"-----BEGIN PUBLIC KEY-----(.+?)-----END PUBLIC KEY-----", re.DOTALL)


def read_public_keys(content: bytes) -> tuple[bytes, ...]:
    """Every SM2 public key (65 bytes) of a PEM text: certificates and ``PUBLIC KEY`` blocks.

    Raises
    ------
    MalformedKey
        When there is none, or one cannot be read.
    """
    found = [certificate.public_key for certificate in read_certificates(content)]
    for block in _PUBLIC_KEY.finditer(content):
        encoded = base64.b64decode(b"".join(block[1].split()))
        point = encoded[-PUBLIC_KEY_BYTES:]
        if encoded != subject_public_key_info(point):
            raise _no_key()
        found.append(point)
    if not found:
        raise _no_key()
    return tuple(dict.fromkeys(found))


def public_key_pem(certificate: Certificate) -> bytes:
    """The certificate's public key as a ``PUBLIC KEY`` block."""
    return pem("PUBLIC KEY", subject_public_key_info(certificate.public_key))


def signer_keys(certificates: Sequence[str], pinned: Sequence[bytes], verdict: Verdict) -> dict[str, bytes]:
    """Public keys by fingerprint of those signers of an export whom the reader accepts; tells about the others."""
    keys: dict[str, bytes] = {}
    verdict.signer_pinned = bool(pinned)
    for content in certificates:
        try:
            certificate = read_certificate(content.encode())
        except MalformedCertificate:
            verdict.add(Finding("header", 0, 0, 1, "文件头中的证书无法识别，被改动",
                                "A certificate in the header cannot be read: it was changed"))  # fmt: skip
            continue
        if pinned and certificate.public_key not in pinned:
            verdict.add(Finding("signer", 0, 0, 1, f"文件由另一密钥签名：证书 {certificate.fingerprint} 不是给定的公钥",
                                f"Another key signs: certificate {certificate.fingerprint} is not of a given public "
                                "key"))  # fmt: skip
            continue
        keys[certificate.fingerprint] = certificate.public_key
    verdict.signers = tuple(keys)
    if not pinned:
        listed = ", ".join(keys) or "-"
        verdict.notes.append((
            f"未给出公钥，以文件自带的证书为准。请与从别处得到的证书指纹核对：{listed}",
            "No public key was given, so the file's own certificates were taken. Compare their fingerprints with ones you "
            f"have from elsewhere: {listed}",
        ))  # fmt: skip
    return keys


def _no_key() -> MalformedKey:
    return MalformedKey(
        "文件中没有SM2公钥或证书（PEM）。请从节点 /audit/public-key 下载。",
        "There is no SM2 public key or certificate (PEM) in the file. Download it from the node, /audit/public-key.",
    )
