"""The little DER that SM2 needs, strict. 编码: GB/T 16263.1 (ISO/IEC 8825-1), structures of GM/T 0009-2012.

Signatures and ciphertexts are read here and not by a general ASN.1 library, so that one value has exactly one
encoding: a second encoding of the same signature would let a record change without its signature failing.
"""

from __future__ import annotations

from kunyu.kernel.crypto.errors import MalformedSignature

_INTEGER, _OCTETS, _SEQUENCE = 0x02, 0x04, 0x30
SCALAR_BYTES = 32


class NotDer(ValueError):
    """Bytes that are not the one DER encoding of what was expected; callers turn it into their own error."""


def element(tag: int, content: bytes) -> bytes:
    """Return one DER element."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def integer(value: int) -> bytes:
    """Return a non-negative INTEGER."""
    return element(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(value: bytes) -> bytes:
    """Return an OCTET STRING."""
    return element(_OCTETS, value)


def sequence(*parts: bytes) -> bytes:
    """Return a SEQUENCE."""
    return element(_SEQUENCE, b"".join(parts))


def take(tag: int, data: bytes, at: int = 0) -> tuple[bytes, int]:
    """Return the content of the element at ``at`` and the offset after it; NotDer unless minimal and complete."""
    if len(data) < at + 2 or data[at] != tag:
        raise NotDer("unexpected element")
    size, start = data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        start += count
        size = int.from_bytes(data[at + 2 : start], "big")
        if not 1 <= count <= 4 or start > len(data) or size < 0x80 or size.bit_length() <= 8 * (count - 1):
            raise NotDer("length not minimal")
    if start + size > len(data):
        raise NotDer("cut short")
    return data[start : start + size], start + size


def take_integer(data: bytes, at: int = 0) -> tuple[int, int]:
    """Return the non-negative INTEGER at ``at`` and the offset after it."""
    content, end = take(_INTEGER, data, at)
    if not content or content[0] & 0x80 or (len(content) > 1 and content[0] == 0 and not content[1] & 0x80):
        raise NotDer("integer not minimal or negative")
    return int.from_bytes(content, "big"), end


def take_whole(tag: int, data: bytes) -> bytes:
    """Return the content of the one element that ``data`` is; nothing may follow it."""
    content, end = take(tag, data)
    if end != len(data):
        raise NotDer("bytes after the end")
    return content


def read_signature(signature: bytes) -> tuple[int, int]:
    """Return r and s of a DER signature; NotDer when it is none."""
    content = take_whole(_SEQUENCE, signature)
    r, at = take_integer(content)
    s, end = take_integer(content, at)
    if end != len(content) or max(r, s).bit_length() > 8 * SCALAR_BYTES:
        raise NotDer("not r and s")
    return r, s


def signature_to_raw(signature: bytes) -> bytes:
    """Turn a DER signature into r || s, 64 bytes.

    Raises
    ------
    MalformedSignature
    """
    try:
        r, s = read_signature(signature)
    except NotDer as error:
        raise MalformedSignature(
            "签名不是DER编码的SM2签名。请核对签名格式 (DER或r||s)。",
            "The signature is not an SM2 signature in DER. Check its form (DER or r||s).",
        ) from error
    return r.to_bytes(SCALAR_BYTES, "big") + s.to_bytes(SCALAR_BYTES, "big")


def signature_from_raw(signature: bytes) -> bytes:
    """Turn r || s (64 bytes) into a DER signature.

    Raises
    ------
    MalformedSignature
    """
    if len(signature) != 2 * SCALAR_BYTES:
        raise MalformedSignature(
            f"r||s签名应为64字节, 实为{len(signature)}字节。请核对签名格式。",
            f"A signature r||s has 64 bytes; found {len(signature)}. Check its form.",
            length=len(signature),
        )
    r, s = signature[:SCALAR_BYTES], signature[SCALAR_BYTES:]
    return sequence(integer(int.from_bytes(r, "big")), integer(int.from_bytes(s, "big")))


def ciphertext_to_plain_c1c3c2(ciphertext: bytes) -> bytes:
    """Turn an ASN.1 SM2 ciphertext into 04 || x || y || C3 || C2, as devices without ASN.1 want it; NotDer if none."""
    content = take_whole(_SEQUENCE, ciphertext)
    x, at = take_integer(content)
    y, at = take_integer(content, at)
    c3, at = take(_OCTETS, content, at)
    c2, at = take(_OCTETS, content, at)
    if at != len(content) or len(c3) != SCALAR_BYTES or max(x, y).bit_length() > 8 * SCALAR_BYTES or not c2:
        raise NotDer("not an SM2 ciphertext")
    return b"\x04" + x.to_bytes(SCALAR_BYTES, "big") + y.to_bytes(SCALAR_BYTES, "big") + c3 + c2


def ciphertext_from_plain_c1c3c2(plain: bytes) -> bytes:
    """Turn 04 || x || y || C3 || C2 into the ASN.1 form; NotDer if it is too short or compressed."""
    if len(plain) < 98 or plain[0] != 4:
        raise NotDer("not 04 || x || y || C3 || C2")
    x, y = int.from_bytes(plain[1:33], "big"), int.from_bytes(plain[33:65], "big")
    return sequence(integer(x), integer(y), octets(plain[65:97]), octets(plain[97:]))
