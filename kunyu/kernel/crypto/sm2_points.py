"""SM2 with public data only, in Python. SM2公钥运算: GB/T 32918.1/.2-2016, curve sm2p256v1 of GB/T 32918.5-2017.

Verifying a signature touches no secret, so it needs no constant-time care: this lets a laptop without OpenSSL verify
packages and certificates (about 5 ms each). Nothing here may ever be given a private key.
"""

from __future__ import annotations

from kunyu.kernel.crypto.errors import MalformedKey, WrongKey
from kunyu.kernel.crypto.provider import DEFAULT_USER_ID, PUBLIC_KEY_BYTES
from kunyu.kernel.digests import Sm3

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
GX = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7
GY = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0

USER_ID_LIMIT = 8190
"""Bytes of a user id. Its length in bits is written in two bytes, which would allow 8191; OpenSSL stops one earlier."""

Jacobian = tuple[int, int, int]
"""X, Y, Z with x = X/Z², y = Y/Z³; Z = 0 is infinity."""
_INFINITY: Jacobian = (0, 1, 0)


def read_point(public_key: bytes) -> tuple[int, int]:
    """Return x and y of a public key.

    Raises
    ------
    MalformedKey
        Not 65 bytes beginning with 0x04, a coordinate not below p, or not on the curve.
    """
    if len(public_key) != PUBLIC_KEY_BYTES or public_key[0] != 4:
        raise MalformedKey(
            f"SM2公钥应为65字节并以04开头, 实为{len(public_key)}字节, 以{public_key[:1].hex()}开头。请提供未压缩公钥。",
            f"An SM2 public key has 65 bytes and begins with 04; found {len(public_key)} bytes beginning with "
            f"{public_key[:1].hex()}. Give the uncompressed point.",
            length=len(public_key),
        )
    x, y = int.from_bytes(public_key[1:33], "big"), int.from_bytes(public_key[33:], "big")
    if x >= P or y >= P or (y * y - (x * x * x + A * x + B)) % P:
        raise MalformedKey(
            "SM2公钥不在曲线sm2p256v1上。请核对来源。", "The SM2 public key is not on sm2p256v1. Check its origin."
        )
    return x, y


def identity_digest(public_key: bytes, user_id: bytes = DEFAULT_USER_ID) -> bytes:
    """Return Z: SM3(ENTL || ID || a || b || xG || yG || xA || yA), GB/T 32918.2-2016 §5.5."""
    require_user_id(user_id)
    digest = Sm3((len(user_id) * 8).to_bytes(2, "big") + user_id)
    for number in (A, B, GX, GY):
        digest.update(number.to_bytes(32, "big"))
    digest.update(public_key[1:])
    return digest.digest()


def require_user_id(user_id: bytes) -> None:
    """Raise WrongKey when the id is too long."""
    if len(user_id) > USER_ID_LIMIT:
        raise WrongKey(
            f"用户标识最长{USER_ID_LIMIT}字节, 实为{len(user_id)}字节。请缩短。",
            f"A user id has at most {USER_ID_LIMIT} bytes; found {len(user_id)}. Shorten it.",
            length=len(user_id),
            limit=USER_ID_LIMIT,
        )


def verify(public_key: bytes, message: bytes, r: int, s: int, user_id: bytes = DEFAULT_USER_ID) -> bool:
    """Tell whether (r, s) signs ``message``: GB/T 32918.2-2016 §7.1.

    Raises
    ------
    MalformedKey
        When the public key is none.
    """
    point = read_point(public_key)
    if not (0 < r < N and 0 < s < N):
        return False
    t = (r + s) % N
    if t == 0:
        return False
    digest = Sm3(identity_digest(public_key, user_id))
    digest.update(message)
    e = int.from_bytes(digest.digest(), "big")
    x, _, z = _double_multiple(s, (GX, GY, 1), t, (*point, 1))
    if z == 0:
        return False
    x1 = x * pow(z, -2, P) % P
    return (e + x1) % N == r


def _double_multiple(u: int, p: Jacobian, v: int, q: Jacobian) -> Jacobian:
    """Return u·p + v·q, both scalars read from the top together (Shamir's trick)."""
    table = (_INFINITY, q, p, _add(p, q))
    total = _INFINITY
    for bit in range(max(u.bit_length(), v.bit_length()) - 1, -1, -1):
        total = _double(total)
        chosen = (u >> bit & 1) << 1 | (v >> bit & 1)
        if chosen:
            total = _add(total, table[chosen])
    return total


def _double(point: Jacobian) -> Jacobian:
    x, y, z = point
    if z == 0 or y == 0:
        return _INFINITY
    yy = y * y % P
    s = 4 * x * yy % P
    m = (3 * x * x + A * pow(z, 4, P)) % P
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * yy * yy) % P, 2 * y * z % P


def _add(first: Jacobian, second: Jacobian) -> Jacobian:
    if first[2] == 0:
        return second
    if second[2] == 0:
        return first
    (x1, y1, z1), (x2, y2, z2) = first, second
    zz1, zz2 = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * zz2 % P, x2 * zz1 % P
    s1, s2 = y1 * zz2 * z2 % P, y2 * zz1 * z1 % P
    if u1 == u2:
        return _double(first) if s1 == s2 else _INFINITY
    h, r = (u2 - u1) % P, (s2 - s1) % P
    hh = h * h % P
    hhh, v = h * hh % P, u1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - s1 * hhh) % P, h * z1 * z2 % P
