"""A licence of one page sealed and judged, against pyHanko signing and validating a file by itself.

One private cluster (fsync on) with a seal in use. Sealing goes the whole way of the node: the seal held in use, both
profiles (SM2 with its picture, then ECDSA), a time stamp each, the record of the use and the audit entry, committed.
Verification: both signatures, chains, time stamps, changes between the revisions, the state of the seal when it signed.
Requests go one after the other in one process; every figure is wall-clock milliseconds at the 95th percentile.

* ``seal.pdf``: both profiles; the peer is pyHanko's ``sign_pdf`` once: one ECDSA signature, the same picture, no time stamp,
  nothing on record.
* ``seal.verify``: both signatures; the peer is pyHanko's ``validate_pdf_signature`` of the ECDSA one in the same file.
* ``seal.ofd``, ``seal.ofd_verify``: a page written as OFD with its font and sealed; judged. No peer was at hand.

Run: ``python -m benchmarks.seal [rounds]``.
"""

from __future__ import annotations

import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kunyu.engines.documents.models import Seal

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "seal.json"
ROUNDS = 100
BAR_SEAL_MS, BAR_VERIFY_MS = 1000.0, 100.0
TITLE = "建设项目用地预审与选址意见书"
_cpu: dict[int, list[float]] = {}
"""Processor milliseconds beside the wall clock's: what remains where others use the machine as well."""


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Measure, print a table, write the results; answers with them."""
    rounds = int(arguments[0]) if arguments else ROUNDS
    home = Path(tempfile.mkdtemp(prefix="ky-bench-seal-"))
    home.chmod(0o711)
    from kunyu.project.runtime.cluster import PrivateCluster

    cluster = PrivateCluster(home).ensure()
    try:
        rows = _measured(_seal(cluster.addresses(), home), rounds)
    finally:
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        peer = "-" if row["peer"] is None else f"{row['peer']:.1f}"
        print(f"{row['name']:<16} p95 {row['project']:>8.1f} ms  peer {peer:>8} ms  ratio {row['ratio'] or '-'}  "
              f"bar {row['bar'] or '-'} ms  {'met' if row['met'] else 'NOT MET'}")  # fmt: skip
    return rows


def _seal(addresses: dict[str, str], home: Path) -> Seal:
    """Schema, and one seal in use."""
    os.environ.update(
        KUNYU_HOME=str(home), DATABASE_URL=addresses["database_url"], KUNYU_SERVE_DATABASE_URL=addresses["serve_database_url"],
        KUNYU_OBJECT_STORE=str(home / "objects"), DJANGO_SETTINGS_MODULE="kunyu.project.settings",
    )  # fmt: skip
    subprocess.run([sys.executable, "-m", "django", "migrate", "--skip-checks", "-v0"], check=True, cwd=ROOT)
    import django

    django.setup()
    from kunyu.engines.documents.seals import services
    from kunyu.engines.security.scope import Principal

    entry = services.SealEntry("坤舆县自然资源局", "990101", second_line="行政审批专用章")
    made = services.make(Principal("system", duty="system"), entry)
    return services.approve(Principal("security", duty="security"), made.code)


def _measured(seal: Seal, rounds: int) -> list[dict[str, Any]]:
    """Ours and the peer take turns; each licence is another file."""
    from kunyu.engines.documents import ofd, signing
    from kunyu.engines.documents.ofd import Line, Paper, Sheet
    from kunyu.engines.security.scope import Principal

    who = Principal("decider", "决定人")
    papers = [_paper(number) for number in range(rounds + 1)]
    sign_alone, validate_alone = _peer(seal)
    ms: dict[str, list[float]] = {
        name: [] for name in ("pdf", "verify", "ofd", "ofd_verify", "peer_sign", "peer_validate")
    }
    for number, paper in enumerate(papers):
        sealed = _timed(ms["pdf"], lambda paper=paper: signing.seal_pdf(who, paper, seal, subject="bench"))
        _timed(ms["peer_sign"], lambda paper=paper: sign_alone(paper))
        said = _timed(ms["verify"], lambda sealed=sealed: signing.verify_pdf(sealed))
        _timed(ms["peer_validate"], lambda sealed=sealed: validate_alone(sealed))
        page = Paper(
            TITLE, date(2026, 11, 23), (Sheet((Line(30, 40, TITLE), Line(30, 60, f"用字第9901012026{number:05d}号"))),)
        )
        package = _timed(ms["ofd"], lambda page=page: ofd.seal(who, ofd.write(page), seal, subject="bench"))
        judged = _timed(ms["ofd_verify"], lambda package=package: ofd.verify(package))
        if not (said.is_valid and judged.is_valid):
            raise SystemExit(f"not valid: {said.why_en} {judged.why_en}")
    for values in ms.values():
        del values[0]  # imports, the font and the plans of the first
    about = {"versions": _versions(), "machine": _machine()}
    return [
        _row(
            "seal.pdf", "licence of one page, SM2 and ECDSA, on record", ms["pdf"], ms["peer_sign"], BAR_SEAL_MS, about
        ),
        _row("seal.verify", "its two signatures", ms["verify"], ms["peer_validate"], BAR_VERIFY_MS, about),
        _row("seal.ofd", "one page as OFD, written and sealed", ms["ofd"], [], BAR_SEAL_MS, about),
        _row("seal.ofd_verify", "its seal", ms["ofd_verify"], [], BAR_VERIFY_MS, about),
    ]


def _paper(number: int) -> bytes:
    import weasyprint

    html = f"<title>{TITLE}</title><h1>{TITLE}</h1><p>用字第9901012026{number:05d}号</p><p>坤舆县自然资源局</p>"
    content: bytes = weasyprint.HTML(string=html).write_pdf()
    return content


def _peer(seal: Seal) -> tuple[Callable[[bytes], bytes], Callable[[bytes], object]]:
    """pyHanko by itself: sign with a key in memory and the seal's picture; validate the ECDSA signature."""
    from asn1crypto import keys, x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from PIL import Image
    from pyhanko.pdf_utils.images import PdfImage
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign import fields, signers
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
    from pyhanko.stamp import StaticStampStyle
    from pyhanko_certvalidator import ValidationContext

    from kunyu.engines.documents.seals.makers import seal_maker
    from kunyu.engines.documents.seals.services import picture_of
    from kunyu.engines.documents.signatures.suites import ECDSA
    from kunyu.kernel.crypto import p256_certificates

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    certificate = p256_certificates.self_signed(key, {"common_name": "bench"}, (now, now + timedelta(days=1)))
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    signer = signers.SimpleSigner(
        x509.Certificate.load(certificate), keys.PrivateKeyInfo.load(private), cert_registry=None
    )
    picture = picture_of(seal)
    root = x509.Certificate.load(seal_maker().roots(ECDSA)[0])

    def sign(pdf: bytes) -> bytes:
        about = signers.PdfSignatureMetadata(
            field_name="Seal", subfilter=fields.SigSeedSubFilter.PADES, md_algorithm="sha256"
        )
        place = fields.SigFieldSpec("Seal", on_page=-1, box=(360, 120, 479, 239))
        style = StaticStampStyle(
            border_width=0, background=PdfImage(Image.open(io.BytesIO(picture))), background_opacity=1
        )
        out = io.BytesIO()
        signers.PdfSigner(about, signer, stamp_style=style, new_field_spec=place).sign_pdf(
            IncrementalPdfFileWriter(io.BytesIO(pdf)), output=out
        )
        return out.getvalue()

    def validate(pdf: bytes) -> object:
        reader = PdfFileReader(io.BytesIO(pdf))
        name, _, reference = list(fields.enumerate_sig_fields(reader, filled_status=True))[1]
        embedded = EmbeddedPdfSignature(reader, reference.get_object(), name)
        status = validate_pdf_signature(embedded, ValidationContext(trust_roots=[root]))
        if not status.bottom_line:
            raise SystemExit(f"pyHanko refuses it: {status.summary()}")
        return status

    return sign, validate


def _timed(kept: list[float], act: Callable[[], Any]) -> Any:
    begin, spent = time.perf_counter(), time.process_time()
    answer = act()
    kept.append((time.perf_counter() - begin) * 1000)
    _cpu.setdefault(id(kept), []).append((time.process_time() - spent) * 1000)
    return answer


def _row(
    name: str, what: str, ours: list[float], peer: list[float], bar: float, about: dict[str, Any]
) -> dict[str, Any]:
    mine, theirs = _p95(ours), _p95(peer) if peer else None
    work = {
        "what": what, "unit": "ms, p95", "rounds": len(ours), "project_median": round(median(ours), 2),
        "project_worst": round(max(ours), 2), "project_cpu_median": round(median(_cpu[id(ours)]), 2), "peer_median": round(median(peer), 2) if peer else None,
    }  # fmt: skip
    return {
        "name": name, "work": work, "project": round(mine, 2), "peer": None if theirs is None else round(theirs, 2),
        "ratio": None if theirs is None else round(mine / theirs, 2), "bar": bar, "met": mine <= bar, **about,
    }  # fmt: skip


def _p95(values: list[float]) -> float:
    return sorted(values)[min(int(len(values) * 0.95), len(values) - 1)]


def _versions() -> dict[str, str]:
    from importlib import metadata

    import cryptography

    from kunyu.kernel.crypto.libcrypto import load

    return {"python": platform.python_version(), "libcrypto": load().version, "pyhanko": metadata.version("pyHanko"),
            "cryptography": cryptography.__version__}  # fmt: skip


def _machine() -> dict[str, Any]:
    return {"cpus": os.cpu_count(), "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
            "system": platform.platform(), "load_average": [round(one, 2) for one in os.getloadavg()]}  # fmt: skip


if __name__ == "__main__":
    sys.exit(0 if all(row["met"] for row in main(sys.argv[1:])) else 1)
