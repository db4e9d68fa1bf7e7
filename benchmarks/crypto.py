"""Signatures, verification and SM4 through the provider, against ``openssl speed`` on the same machine.

Both sides take turns, round by round, each on one core, and both are counted in CPU seconds as ``openssl speed`` does,
so that other work on the machine weighs on both alike; the ratio is the median of the rounds. Ours goes the whole way a
caller goes: key handle, provider, user id, DER. OpenSSL 3.0's command knows no SM4-GCM; its SM4-CTR, which does less,
stands in. Run: ``python -m benchmarks.crypto [rounds]``.
"""

from __future__ import annotations

import io
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "crypto.json"
ROUNDS, SECONDS = 5, 2
BAR_RATIO, BAR_SIGNATURES, BAR_MEGABYTES = 2 / 3, 1000, 80
MESSAGE = bytes(20)  # what openssl speed signs
PIECE = bytes(1 << 20)
STORED_PIECES = 32
SM2_LINE = re.compile(r"SM2.*?s\s+[\d.]+s\s+([\d.]+)\s+([\d.]+)")


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Run every comparison and write the results; answers with them."""
    rounds = int(arguments[0]) if arguments else ROUNDS
    with tempfile.TemporaryDirectory(prefix="ky-bench-") as folder:
        rows = measure(rounds, Path(folder))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        peer = "-" if row["peer"] is None else f"{row['peer']:.1f}"
        print(f"{row['name']:<26} {row['project']:>10.1f} {peer:>10} {row['work']['unit']:<6} ratio {row['ratio'] or '-'}  "
              f"bar {row['bar'] or '-'}  {'met' if row['met'] else 'NOT MET'}")  # fmt: skip
    return rows


def measure(rounds: int, folder: Path) -> list[dict[str, Any]]:
    """Take turns with the peer and return the rows of the report."""
    acts = our_acts(folder)
    ours: dict[str, list[float]] = {name: [] for name in acts}
    peer: dict[str, list[float]] = {"sign": [], "verify": [], "sm4_gcm": []}
    for _ in range(rounds):
        sign, verify = openssl_sm2()
        peer["sign"].append(sign)
        ours["sign"].append(per_cpu_second(acts["sign"]))
        peer["verify"].append(verify)
        ours["verify"].append(per_cpu_second(acts["verify"]))
        peer["sm4_gcm"].append(openssl_sm4_ctr())
        ours["sm4_gcm"].append(per_cpu_second(acts["sm4_gcm"]) * len(PIECE) / 1e6)
        ours["file"].append(per_cpu_second(acts["file"]) * 8 * len(PIECE) / 1e6)
        ours["field"].append(per_cpu_second(acts["field"]))
        ours["store_put"].append(per_cpu_second(acts["store_put"]) * STORED_PIECES * len(PIECE) / 1e6)
        ours["store_read"].append(per_cpu_second(acts["store_read"]) * STORED_PIECES * len(PIECE) / 1e6)
    sign, gcm = median(ours["sign"]), median(ours["sm4_gcm"])
    ratio = median(a / b for a, b in zip(ours["sign"], peer["sign"], strict=True))
    about = {"versions": versions(), "machine": machine()}
    return [
        row("crypto.sign", "SM2 signatures, 20 bytes, DER", "1/s", ours, peer, BAR_RATIO, ratio >= BAR_RATIO, about),
        row("crypto.sign_absolute", "SM2 signatures on one core", "1/s", {"sign_absolute": ours["sign"]}, {},
            BAR_SIGNATURES, sign >= BAR_SIGNATURES, about),
        row("crypto.verify", "SM2 verifications of one signer", "1/s", ours, peer, None, True, about),
        row("crypto.sm4_gcm", "SM4-GCM, pieces of 1 MiB; peer: SM4-CTR", "MB/s", ours, peer, BAR_MEGABYTES,
            gcm >= BAR_MEGABYTES, about),
        row("crypto.file", "encrypted file of 8 MiB in chunks of 64 KiB, in memory", "MB/s", ours, peer, BAR_MEGABYTES,
            median(ours["file"]) >= BAR_MEGABYTES, about),
        row("crypto.field", "encrypted field and its blind index", "1/s", ours, peer, None, True, about),
        row("crypto.store_put", "file of 32 MiB into the object store, SM3 and SM4-GCM, on disk", "MB/s", ours, peer, None,
            True, about),
        row("crypto.store_read", "the same file read back from the object store", "MB/s", ours, peer, BAR_MEGABYTES,
            median(ours["store_read"]) >= BAR_MEGABYTES, about),
    ]  # fmt: skip


def row(
    name: str, what: str, unit: str, ours: dict[str, list[float]], peer: dict[str, list[float]],
    bar: float | None, met: bool, about: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """One line of the report; ``work`` keeps the figure of every round."""
    key = name.partition(".")[2]
    mine, theirs = ours[key], peer.get(key)
    ratio = round(median(a / b for a, b in zip(mine, theirs, strict=True)), 3) if theirs else None
    work = {"what": what, "unit": unit, "counted": "per CPU second, one core, median of rounds",
            "project_rounds": [round(v, 1) for v in mine], "peer_rounds": [round(v, 1) for v in theirs or []]}  # fmt: skip
    return {"name": name, "work": work, "project": round(median(mine), 1),
            "peer": round(median(theirs), 1) if theirs else None, "ratio": ratio,
            "bar": None if bar is None else round(bar, 3), "met": met, **about}  # fmt: skip


def our_acts(folder: Path) -> dict[str, Callable[[], object]]:
    """What is repeated, each the whole way a caller goes."""
    from kunyu.kernel.crypto.encrypted_files import encrypt_stream
    from kunyu.kernel.crypto.fields import BlindIndex, FieldCipher, Place
    from kunyu.kernel.crypto.keyring import KeyRing
    from kunyu.kernel.crypto.keyring_state import KeyPurpose
    from kunyu.kernel.crypto.provider import KeyKind
    from kunyu.kernel.crypto.roots import PassphraseRoot
    from kunyu.kernel.crypto.software import SoftwareProvider
    from kunyu.kernel.objects import FolderStore
    from kunyu.kernel.protected_store import ProtectedStore

    provider = SoftwareProvider()
    ring = KeyRing.create(provider, folder / "ring.json", PassphraseRoot(b"benchmark"), production=True)
    ring.add_domain("bench")
    for purpose in KeyPurpose:
        ring.add_key(f"bench/{purpose}", purpose)
    signer, secret = provider.generate(KeyKind.SM2), provider.generate(KeyKind.SM4)
    public, signature = provider.public_key(signer), provider.sign(signer, MESSAGE)
    cipher, index = FieldCipher(ring, "bench/field"), BlindIndex(ring, "bench/index", "person", "number")
    stored = folder / "stored.bin"
    stored.write_bytes(os.urandom(len(PIECE)) * STORED_PIECES)
    store = ProtectedStore(FolderStore(folder / "objects"), lambda: ring, "bench/file", folder / "plain")
    name = store.put_file(stored, protect=True).sm3
    place, text = Place("person", "number", "1"), PIECE * 8
    assert provider.verify(public, MESSAGE, signature)

    def seal_field() -> None:
        cipher.encrypt("11010119900307002X", place)
        index.digest("11010119900307002X")

    def read_stored() -> None:
        with store.open(name) as content:
            while content.read(len(PIECE)):
                pass

    return {
        "sign": lambda: provider.sign(signer, MESSAGE),
        "verify": lambda: provider.verify(public, MESSAGE, signature),
        "sm4_gcm": lambda: provider.seal(secret, provider.random(12), PIECE),
        "file": lambda: encrypt_stream(ring, "bench/file", io.BytesIO(text), io.BytesIO()),
        "field": seal_field,
        "store_put": lambda: store.put_file(stored, protect=True),
        "store_read": read_stored,
    }


def per_cpu_second(act: Callable[[], object]) -> float:
    """Repeat for about two CPU seconds; return acts per CPU second."""
    act()
    count, start = 0, time.process_time()
    while (spent := time.process_time() - start) < SECONDS:
        act()
        count += 1
    return count / spent


def openssl_sm2() -> tuple[float, float]:
    """Return signatures and verifications per CPU second of ``openssl speed sm2``."""
    found = SM2_LINE.search(_speed("sm2"))
    if found is None:
        raise RuntimeError("openssl speed printed no line for SM2: is this OpenSSL 3 with SM2?")
    return float(found[1]), float(found[2])


def openssl_sm4_ctr() -> float:
    """Return megabytes per CPU second of SM4-CTR in blocks of 1 MiB."""
    last = _speed("-bytes", str(len(PIECE)), "-evp", "sm4-ctr").strip().splitlines()[-1]
    return float(last.split()[-1].rstrip("k")) / 1000


def _speed(*arguments: str) -> str:
    command = ["openssl", "speed", "-seconds", str(SECONDS), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def versions() -> dict[str, str]:
    """What was measured with what."""
    import cryptography
    from cryptography.hazmat.backends.openssl import backend

    from kunyu.kernel.crypto.libcrypto import load

    command = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout
    return {"python": platform.python_version(), "libcrypto": load().version, "openssl": command.strip(),
            "cryptography": f"{cryptography.__version__} ({backend.openssl_version_text()})"}  # fmt: skip


def machine() -> dict[str, Any]:
    """Where it was measured."""
    return {"cpus": os.cpu_count(), "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
            "system": platform.platform(), "load_average": [round(one, 2) for one in os.getloadavg()]}  # fmt: skip


if __name__ == "__main__":
    sys.exit(0 if all(row["met"] for row in main(sys.argv[1:])) else 1)
