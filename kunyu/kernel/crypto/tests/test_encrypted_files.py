"""Files at rest: every cut, exchange and change is found; random access (R-132; T7)."""

from __future__ import annotations

import io
import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kunyu.kernel.crypto.encrypted_files import (
    EncryptedFile,
    decrypt_file,
    encrypt_file,
    encrypt_named,
    encrypt_stream,
    rewrap_file,
)
from kunyu.kernel.crypto.errors import FileDamaged, KeyDestroyed, UnknownKey, WrongKey
from kunyu.kernel.crypto.keyring import KeyRing

pytestmark = pytest.mark.quick

KEY = "personal/files"
CHUNK = 16
SEALED = CHUNK + 16
shared_ring = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def encrypted(ring: KeyRing, text: bytes, context: str = "secret/1", chunk: int = CHUNK) -> bytes:
    target = io.BytesIO()
    encrypt_stream(ring, KEY, io.BytesIO(text), target, context=context, chunk=chunk)
    return target.getvalue()


def decrypted(ring: KeyRing, content: bytes, context: str | None = None) -> bytes:
    return b"".join(EncryptedFile(ring, io.BytesIO(content), context=context).chunks())


def header_end(content: bytes) -> int:
    return 8 + int.from_bytes(content[4:8], "big")


@pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK - 1, 3 * CHUNK, 3 * CHUNK + 1])
def test_round_trip_at_every_boundary(ring, length):
    text = os.urandom(length)
    content = encrypted(ring, text)
    opened = EncryptedFile(ring, io.BytesIO(content), context="secret/1")

    assert (opened.size, opened.context) == (length, "secret/1")
    assert opened.read() == text
    assert opened.read() == b""
    chunks = max(1, -(-length // CHUNK))
    assert len(content) - header_end(content) == length + 16 * chunks


@shared_ring
@given(text=st.binary(max_size=200), chunk=st.integers(1, 70), data=st.data())
def test_random_access(ring, text, chunk, data):
    opened = io.BufferedReader(EncryptedFile(ring, io.BytesIO(encrypted(ring, text, chunk=chunk))), 32)
    for _ in range(5):
        start = data.draw(st.integers(0, len(text) + 10))
        count = data.draw(st.integers(0, 100))
        assert opened.seek(start) == start
        assert opened.read(count) == text[start : start + count]
    assert opened.seek(-min(3, len(text)), io.SEEK_END) == len(text) - min(3, len(text))
    assert opened.read() == text[-3:]


def test_any_flipped_byte_is_found(ring):
    content = encrypted(ring, b"0123456789" * 5)
    for at in range(len(content)):
        for flip in (0x01, 0x20, 0x80):
            changed = bytearray(content)
            changed[at] ^= flip
            with pytest.raises((FileDamaged, UnknownKey)):
                decrypted(ring, bytes(changed))


def test_every_cut_is_found_when_opening(ring):
    """Also at the ends of chunks, where what remains is authentic; nothing is read before the refusal."""
    content = encrypted(ring, b"0123456789" * 5)
    for length in range(len(content)):
        with pytest.raises(FileDamaged):
            EncryptedFile(ring, io.BytesIO(content[:length]))


def test_every_appendix_is_found_when_opening(ring):
    content = encrypted(ring, b"0123456789" * 5)
    last = content[-(2 + 16) :]
    for appendix in (b"\x00", bytes(16), bytes(SEALED), last, content[header_end(content) :], content):
        with pytest.raises(FileDamaged):
            EncryptedFile(ring, io.BytesIO(content + appendix))


@shared_ring
@given(order=st.permutations(range(5)))
def test_reordered_chunks_are_found(ring, order):
    text = bytes(range(80))
    content = encrypted(ring, text)
    start = header_end(content)
    pieces = [content[start + i * SEALED : start + (i + 1) * SEALED] for i in range(5)]
    shuffled = content[:start] + b"".join(pieces[i] for i in order)

    if list(order) == sorted(order):
        assert decrypted(ring, shuffled) == text
    else:
        with pytest.raises(FileDamaged):
            decrypted(ring, shuffled)


def test_repeated_dropped_and_foreign_chunks_are_found(ring):
    one, two = encrypted(ring, bytes(64)), encrypted(ring, bytes(64))
    start = header_end(one)
    chunk = [one[start + i * SEALED : start + (i + 1) * SEALED] for i in range(4)]
    foreign = two[header_end(two) :][SEALED : 2 * SEALED]
    head = one[:start]
    for body in (
        [chunk[0], chunk[0], chunk[2], chunk[3]],
        [chunk[0], chunk[2], chunk[3]],
        [chunk[0], foreign, chunk[2], chunk[3]],
        [chunk[0], chunk[1], chunk[1], chunk[2], chunk[3]],
    ):
        with pytest.raises(FileDamaged):
            decrypted(ring, head + b"".join(body))
    with pytest.raises(FileDamaged):
        decrypted(ring, two[: header_end(two)] + one[start:])


def test_a_changed_chunk_is_found_at_random_access_too(ring):
    content = bytearray(encrypted(ring, bytes(80)))
    content[header_end(content) + 2 * SEALED] ^= 1
    opened = EncryptedFile(ring, io.BytesIO(bytes(content)))
    opened.seek(0)

    assert opened.read(CHUNK) == bytes(CHUNK)
    opened.seek(2 * CHUNK + 3)
    with pytest.raises(FileDamaged, match="第2块"):
        opened.read(1)


def test_a_file_under_another_name_is_refused(ring):
    """Two files exchanged on disk: each is authentic, but not what was asked for."""
    content = encrypted(ring, b"text", context="secret/1")

    assert decrypted(ring, content, context="secret/1") == b"text"
    with pytest.raises(FileDamaged):
        decrypted(ring, content, context="secret/2")


def test_rotation_wraps_the_files_key_anew_and_copies_the_chunks(ring, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(encrypted(ring, b"0123456789" * 5))
    before = path.read_bytes()
    assert rewrap_file(ring, path) is False
    assert path.read_bytes() == before

    ring.rotate_key(KEY)
    assert decrypted(ring, before) == b"0123456789" * 5
    assert rewrap_file(ring, path) is True
    after = path.read_bytes()
    assert after[header_end(after) :] == before[header_end(before) :]
    ring.destroy_version(KEY, 1)
    assert decrypted(ring, after) == b"0123456789" * 5
    with pytest.raises(KeyDestroyed):
        decrypted(ring, before)
    assert rewrap_file(ring, path) is False


def test_files_appear_whole_or_not_at_all(ring, tmp_path):
    plain, sealed, opened = tmp_path / "plain", tmp_path / "sealed", tmp_path / "opened"
    text = random.Random(1).randbytes(200_000)
    plain.write_bytes(text)
    encrypt_file(ring, KEY, plain, sealed, context="a")
    decrypt_file(ring, sealed, opened, context="a")
    assert opened.read_bytes() == text
    assert sealed.stat().st_mode & 0o777 == 0o600
    assert text[1000:1016] not in sealed.read_bytes()

    opened.unlink()
    content = bytearray(sealed.read_bytes())
    content[header_end(content) + 70_000] ^= 1  # in the second of four chunks: the first is right
    sealed.write_bytes(bytes(content))
    with pytest.raises(FileDamaged):
        decrypt_file(ring, sealed, opened)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["plain", "ring.json", "ring.json.lock", "sealed"]


class Dribble(io.RawIOBase):
    """A pipe that gives one byte at a time."""

    def __init__(self, text: bytes) -> None:
        self._rest = text

    def read(self, count: int = -1) -> bytes:
        piece, self._rest = self._rest[:1], self._rest[1:]
        return piece


def test_a_slow_pipe_gives_the_same_chunks(ring):
    target = io.BytesIO()
    encrypt_stream(ring, KEY, Dribble(b"x" * 40), target, chunk=CHUNK)

    assert decrypted(ring, target.getvalue()) == b"x" * 40
    assert len(target.getvalue()) - header_end(target.getvalue()) == 40 + 3 * 16


def test_closing_zeroises_the_files_key(ring):
    opened = EncryptedFile(ring, io.BytesIO(encrypted(ring, b"text")))
    key = opened._key
    opened.close()
    opened.close()

    with pytest.raises(WrongKey):
        ring.provider.unseal(key, bytes(12), bytes(16))
    with pytest.raises(ValueError):
        opened.read(1)


@shared_ring
@given(rubbish=st.binary(max_size=300), length=st.integers(0, 400))
def test_rubbish_is_never_anything_but_damaged(ring, rubbish, length):
    for content in (rubbish, b"KYF1" + length.to_bytes(4, "big") + rubbish):
        with pytest.raises(FileDamaged):
            EncryptedFile(ring, io.BytesIO(content))


def test_keys_of_another_purpose_and_wrong_chunks_are_refused(ring):
    with pytest.raises(WrongKey):
        encrypt_stream(ring, "personal/party", io.BytesIO(), io.BytesIO())
    for chunk in (0, (1 << 24) + 1):
        with pytest.raises(WrongKey):
            encrypt_stream(ring, KEY, io.BytesIO(), io.BytesIO(), chunk=chunk)
    with pytest.raises(WrongKey):
        encrypt_stream(ring, KEY, io.BytesIO(), io.BytesIO(), context="x" * 70_000)


def test_named_file_opens_under_its_name_only(ring, tmp_path):
    """The name is known last; a header that claims another one does not open, rotated or not."""
    text = b"x" * 200_000
    with (tmp_path / "named").open("w+b") as target:
        encrypt_named(ring, KEY, io.BytesIO(text), target, name=lambda: "abcd", length=4, context="object")
    for _ in range(2):
        with (tmp_path / "named").open("rb") as stream:
            assert EncryptedFile(ring, stream, name="abcd", context="object").read() == text
        with (tmp_path / "named").open("rb") as stream, pytest.raises(FileDamaged):
            EncryptedFile(ring, stream, name="abce")
        forged = (tmp_path / "named").read_bytes().replace(b'"name":"abcd"', b'"name":"abce"')
        with pytest.raises(FileDamaged):
            EncryptedFile(ring, io.BytesIO(forged), name="abce")
        ring.rotate_key(KEY)
        assert rewrap_file(ring, tmp_path / "named")


def test_name_of_another_length_is_refused(ring):
    with pytest.raises(WrongKey):
        encrypt_named(ring, KEY, io.BytesIO(b"x"), io.BytesIO(), name=lambda: "abc", length=4)
