"""Errors of the cryptography. 密码错误.

Texts never contain key material, plaintext or passphrases, and a failed decryption never tells why it failed.
"""

from __future__ import annotations

from kunyu.kernel.errors import KunyuError, NodeUnavailable, NotFound, Refused, UnreadableInput, UsageError


class LibcryptoMissing(NodeUnavailable):
    """OpenSSL 3 with SM2 is not on this machine."""

    code = "crypto.libcrypto_missing"
    title_zh, title_en = "缺少密码库", "Cryptographic library missing"


class LibcryptoFailed(KunyuError):
    """OpenSSL refused a call that should succeed."""

    code = "crypto.libcrypto_failed"
    title_zh, title_en = "密码库调用失败", "Cryptographic library failed"


class WrongKey(UsageError):
    """A key of the wrong kind, of another provider, or already destroyed."""

    code = "crypto.wrong_key"
    title_zh, title_en = "密钥不适用", "Key does not fit"


class MalformedKey(UnreadableInput):
    """Bytes that are no key: wrong length, not on the curve, not PKCS#8."""

    code = "crypto.malformed_key"
    title_zh, title_en = "密钥格式错误", "Malformed key"


class MalformedSignature(UnreadableInput):
    """A signature that cannot be converted. Verification itself only answers no."""

    code = "crypto.malformed_signature"
    title_zh, title_en = "签名格式错误", "Malformed signature"


class DecryptionFailed(Refused):
    """Wrong key, wrong place, or changed bytes; which of them is deliberately not told."""

    code = "crypto.decryption_failed"
    title_zh, title_en = "解密失败", "Decryption failed"


class FileDamaged(DecryptionFailed):
    """An encrypted file was cut, reordered, spliced or changed."""

    code = "crypto.file_damaged"
    title_zh, title_en = "加密文件已损坏或被改动", "Encrypted file damaged"


class UnknownKey(NotFound):
    """The key ring holds no such key or version."""

    code = "crypto.unknown_key"
    title_zh, title_en = "密钥不存在", "No such key"


class KeyDestroyed(Refused):
    """The version was destroyed: what it encrypted is gone on purpose."""

    code = "crypto.key_destroyed"
    title_zh, title_en = "密钥已销毁", "Key destroyed"


class PlainKeyRefused(Refused):
    """Unprotected key material in a file, in production."""

    code = "crypto.plain_key_refused"
    title_zh, title_en = "生产环境拒绝明文密钥", "Plain key refused in production"


class KeyRingDamaged(UnreadableInput):
    """The key ring's file cannot be read or was changed by someone who does not hold the root key."""

    code = "crypto.key_ring_damaged"
    title_zh, title_en = "密钥环已损坏或被改动", "Key ring damaged"


class MalformedCertificate(UnreadableInput):
    """Bytes that are no certificate or request this project can read."""

    code = "crypto.malformed_certificate"
    title_zh, title_en = "证书格式错误", "Malformed certificate"


class CertificateRefused(Refused):
    """A chain that does not lead to a trusted certificate; ``context['reason']`` is a stable word."""

    code = "crypto.certificate_refused"
    title_zh, title_en = "证书不可信", "Certificate refused"
