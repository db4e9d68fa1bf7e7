"""Damaged and hostile files brought for verification: a verdict each time, soon, never another error (T14, R-311).

A few hundred mutations a day, ``KUNYU_FUZZ_CASES`` of each kind (1000) in the long run.
"""

from __future__ import annotations

import io
import os
import random
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from kunyu.engines.documents import ofd, signing
from kunyu.engines.documents.ofd.layout import Line, Paper, Sheet
from kunyu.engines.documents.seals.makers import seal_maker
from kunyu.engines.documents.seals.pictures import draw_seal
from kunyu.engines.documents.seals.tests import forging
from kunyu.engines.documents.seals.tests.made import DECIDER, active_seal, paper
from kunyu.engines.documents.seals.uploads import checked_picture
from kunyu.engines.documents.signatures import pdf_writing, ses, signed_data, time_stamps
from kunyu.engines.documents.signatures.suites import ECDSA, Identity
from kunyu.engines.documents.verdicts import Verdict
from kunyu.kernel.crypto import der, p256_certificates
from kunyu.kernel.crypto.tests.mutating import Damage, mutated
from kunyu.kernel.errors import KunyuError

pytestmark = pytest.mark.django_db
SECONDS = 20.0
"""No single file may take longer, on a busy machine; one is judged in some 50 ms."""
LONG = int(os.environ.get("KUNYU_FUZZ_CASES", "1000"))
"""Files of each kind in the long run."""
DAMAGE = Damage((1, 2, 8, 64), (0, 1, 20, 400), letters=(0x80, 0x30, 0x00, 0xFF), put_in=b"\x30\x80")
"""Lengths made indefinite are likelier than chance would have them."""


def in_its_signature(pdf: bytes, chance: random.Random) -> bytes:
    """A PDF whose signed data are damaged where only their own reader sees it; the file itself stays sound."""
    signed = forging.contents(pdf)
    which = chance.randrange(len(signed))
    changed = bytearray(signed[which])
    for _ in range(chance.choice((1, 3, 12))):
        # the padding is most of it: what is damaged stands before
        changed[chance.randrange(3_000)] = chance.choice((0x80, 0x30, chance.randrange(256)))
    return forging.with_contents(pdf, which, bytes(changed))


def in_its_parts(package: bytes, chance: random.Random) -> bytes:
    """An OFD with one file of it damaged, zipped anew: the zip is sound, what is inside is not."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        files = {one: archive.read(one) for one in archive.namelist()}
    name = chance.choice(sorted(files))
    files[name] = mutated(files[name], chance, DAMAGE) if files[name] else b"\x00"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, content in files.items():
            archive.writestr(one, content)
    return made.getvalue()


def sealed_ofd() -> bytes:
    written = ofd.write(Paper("许可证", date(2026, 11, 23), (Sheet((Line(20, 20, "建设用地规划许可证"),)),)))
    return ofd.seal(DECIDER, written, active_seal(), subject="x")


def judged(verify: Callable[[bytes], Verdict], content: bytes) -> float:
    """Verify one file; the seconds it took."""
    begun = time.process_time()
    said = verify(content)
    assert said.why_zh and said.why_en
    return time.process_time() - begun


def read(reader: Callable[..., Any], *given: Any) -> float:
    """Read bytes by themselves; nothing but the house's own errors may come out."""
    begun = time.process_time()
    try:
        reader(*given)
    except KunyuError as error:
        assert error.detail_zh and error.detail_en
    return time.process_time() - begun


def files_survive(rounds: int, seed: str) -> None:
    chance = random.Random(seed)
    pdf = signing.seal_pdf(DECIDER, paper(), active_seal(), subject="x")
    package = sealed_ofd()
    for number in range(rounds):
        for verify, content in (
            (signing.verify_pdf, mutated(pdf, chance, DAMAGE)), (signing.verify_pdf, in_its_signature(pdf, chance)),
            (ofd.verify, mutated(package, chance, DAMAGE)), (ofd.verify, in_its_parts(package, chance)),
        ):  # fmt: skip
            assert judged(verify, content) < SECONDS, number


def structures_survive(rounds: int, seed: str) -> None:
    chance = random.Random(seed)
    pdf = signing.seal_pdf(DECIDER, paper(), active_seal(), subject="x")
    signed = forging.contents(pdf)
    with zipfile.ZipFile(io.BytesIO(sealed_ofd())) as archive:
        values = [archive.read(one) for one in archive.namelist() if one.endswith((".dat", ".esl"))]
    stamp = signed_data.read(signed[0]).time_stamp
    assert stamp is not None and values
    picture = draw_seal("坤舆县自然资源局", 42)
    for number in range(rounds):
        assert read(signed_data.read, mutated(chance.choice(signed), chance, DAMAGE)) < SECONDS, number
        assert read(ses.read_sealed, mutated(chance.choice(values), chance, DAMAGE)) < SECONDS, number
        assert read(checked_picture, mutated(picture, chance, DAMAGE), 42, 42) < SECONDS, number
        assert read(time_stamps.read, mutated(stamp, chance, DAMAGE), b"signature") < SECONDS, number


def test_hostile_files() -> None:
    files_survive(25, "daily")


def test_hostile_structures() -> None:
    structures_survive(100, "daily")


@pytest.mark.long
@pytest.mark.parametrize("part", range(max(LONG // 100, 1)))
def test_very_many_hostile_files(part: int) -> None:
    files_survive(100, f"long {part}")
    structures_survive(100, f"long {part}")


def test_nested_indefinite_lengths_in_a_signature_are_seen_at_once() -> None:
    """Sixty levels would be re-encoded level by level for years."""
    bomb = b"\x30\x80" * 60 + b"\x00\x00" * 60
    for content in (bomb, der.sequence(der.element(0x06, b"\x2a\x03"), der.element(0xA0, bomb))):
        for reader in (signed_data.read, ses.read_sealed):
            begun = time.process_time()
            with pytest.raises(KunyuError):
                reader(content)
            assert time.process_time() - begun < 1.0


def test_a_certificate_somebody_made_up_for_his_own_signature() -> None:
    """His signature holds; what his certificate says is read without trust: names of odd types and letters."""
    key = ec.generate_private_key(ec.SECP256R1())
    validity = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC))
    own = p256_certificates.self_signed(key, {"common_name": "e" * 40}, validity)
    judged_ones = 0
    for tag in (0x05, 0x0C, 0x13, 0x1C, 0x1E):
        odd = own.replace(b"\x0c\x28" + b"e" * 40, bytes((tag, 0x28)) + b"\xff" * 40)
        his = Identity(ECDSA, odd, (), lambda message: key.sign(message, ec.ECDSA(hashes.SHA256())))
        asked = pdf_writing.Signing(
            identity=his, clock=seal_maker().clock(ECDSA), name="x", reason="", at=datetime.now(UTC), appearance=None
        )
        try:
            signed = pdf_writing.sign(paper(), asked)
        except (ValueError, TypeError):
            continue  # the writer, which reads the name as well, could not make it
        said = signing.verify_pdf(signed)
        assert not said.is_valid and said.why_zh and said.why_en
        judged_ones += 1
    assert judged_ones
