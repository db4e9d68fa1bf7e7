"""An archive package as a file: what stands where in it, and verifying it offline. Pure. 归档包格式.

::

    index.html      what the package holds, readable in any browser
    metadata.json   facts, events, documents, digests: canonical JSON
    metadata.xml    the same facts for archive systems
    documents/…     what the office made
    materials/…     what the applicant handed in
    SM3SUMS         "<64 hex>  <path>" of every file above, sorted by path
    SM3SUMS.sig     SM2 signature of the node over SM3SUMS, with its certificate (JSON)

Members are stored without compression, sorted, dated 1980-01-01, so that the same content gives the same bytes on every
machine. Only ``SM3SUMS.sig`` differs between two makings, since an SM2 signature draws a random number.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from kunyu.engines.documents.errors import BadArchive
from kunyu.kernel.digests import Sm3, canonical_json
from kunyu.kernel.errors import KunyuError

SUMS, SIGNATURE, INDEX, METADATA, METADATA_XML = "SM3SUMS", "SM3SUMS.sig", "index.html", "metadata.json", "metadata.xml"
SCHEMA = "kunyu.archive.1"
_DAY_ONE = (1980, 1, 1, 0, 0, 0)
_PIECE = 1 << 20
_MEMBERS_MAX = 100_000


@dataclass(frozen=True)
class Finding:
    """Something wrong with a package."""

    code: str
    path: str
    zh: str
    en: str


@dataclass
class Report:
    """What verifying found. ``signer`` names the node's certificate, '' when nobody signed."""

    subject: str = ""
    files: int = 0
    signer: str = ""
    fingerprint: str = ""
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not self.findings

    def add(self, code: str, path: str, zh: str, en: str) -> None:
        """Note a finding."""
        self.findings.append(Finding(code, path, zh, en))

    def plain(self) -> dict[str, object]:
        """As JSON."""
        findings = [vars(one) for one in self.findings]
        return {"subject": self.subject, "files": self.files, "signer": self.signer, "fingerprint": self.fingerprint,
                "whole": self.is_whole, "findings": findings}  # fmt: skip


# -- writing ----------------------------------------------------------------------------------------------------------


class Writer:
    """Writes the members of a package in order and sums them up. Paths must come sorted; `close` adds the sums."""

    def __init__(self, target: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True)
        self._sums: list[tuple[str, str]] = []

    def add(self, path: str, content: BinaryIO, expected: str = "") -> None:
        """Add one member; ``expected`` is the digest its content must have."""
        digest = Sm3()
        with self._zip.open(_member(path), "w", force_zip64=True) as member:
            while piece := content.read(_PIECE):
                digest.update(piece)
                member.write(piece)
        found = digest.hexdigest()
        if expected and found != expected:
            raise BadArchive(
                f"文件 {path} 的SM3摘要不符，未归档。请核对对象库。",
                f"File {path} does not have its SM3 digest; nothing was archived. Look into the object store.",
                path=path,
            )
        self._sums.append((path, found))

    def sums(self) -> bytes:
        """The text of ``SM3SUMS``."""
        return "".join(f"{digest}  {path}\n" for path, digest in sorted(self._sums)).encode()

    def close(self, signature: bytes) -> None:
        """Write the sums and their signature."""
        for path, content in ((SUMS, self.sums()), (SIGNATURE, signature)):
            self._zip.writestr(_member(path), content)
        self._zip.close()


def _member(path: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, _DAY_ONE)
    info.create_system, info.external_attr = 3, 0o644 << 16
    return info


def safe_name(name: str) -> str:
    """A file name that every system can hold, without any folder."""
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in PurePosixPath(name).name)
    return kept[-100:].strip(".") or "file"


# -- verifying --------------------------------------------------------------------------------------------------------


def verify_package(path: Path) -> Report:
    """Verify a package: every digest, nothing missing, nothing added, the node's signature. Needs no node.

    Raises
    ------
    BadArchive
        The file is no zip, or holds no ``SM3SUMS``.
    """
    try:
        with zipfile.ZipFile(path) as package:
            return _verified(package)
    except (OSError, zipfile.BadZipFile, KeyError, UnicodeDecodeError, NotImplementedError) as error:
        raise BadArchive(
            f"{path.name} 不是归档包（{error}）。", f"{path.name} is no archive package ({error}).", file=path.name
        ) from error


def _verified(package: zipfile.ZipFile) -> Report:
    report = Report()
    names = package.namelist()
    if len(names) > _MEMBERS_MAX or package.getinfo(SUMS).file_size > _MEMBERS_MAX * 400:
        raise BadArchive("归档包的文件过多。", "The package holds too many files.")
    sums = package.read(SUMS)
    wanted = _read_sums(sums, report)
    report.files = len(wanted)
    for name in sorted({name for name in names if names.count(name) > 1}):
        report.add("doubled", name, f"{name} 出现多次", f"{name} stands more than once")
    for name in sorted(set(names) - set(wanted) - {SUMS, SIGNATURE}):
        report.add("added", name, f"{name} 不在 SM3SUMS 中，是后加的", f"{name} is not in SM3SUMS: it was added")
    for name, digest in sorted(wanted.items()):
        if name not in names:
            report.add("missing", name, f"缺少 {name}", f"{name} is missing")
        elif _digest(package, name) != digest:
            report.add("altered", name, f"{name} 已被改动", f"{name} was altered")
    if METADATA in wanted and METADATA in names:
        report.subject = _subject(package.read(METADATA))
    _check_signature(package.read(SIGNATURE) if SIGNATURE in names else b"", sums, report)
    return report


def _read_sums(content: bytes, report: Report) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in content.decode("utf-8").splitlines():
        digest, _, path = line.partition("  ")
        if len(digest) != 64 or not path or path in found:
            report.add(
                "sums", SUMS, f"SM3SUMS 有一行不成形：{line[:80]}", f"a line of SM3SUMS is malformed: {line[:80]}"
            )
            continue
        found[path] = digest
    return found


def _digest(package: zipfile.ZipFile, name: str) -> str:
    digest = Sm3()
    try:
        with package.open(name) as member:
            while piece := member.read(_PIECE):
                digest.update(piece)
    except zipfile.BadZipFile:
        return ""
    return digest.hexdigest()


def _subject(content: bytes) -> str:
    try:
        read = json.loads(content)
    except ValueError:
        return ""
    return str(read.get("subject", ""))[:200] if isinstance(read, dict) else ""


def signature_file(signature: bytes, certificate_pem: bytes) -> bytes:
    """The content of ``SM3SUMS.sig``."""
    return canonical_json({
        "algorithm": "SM2 with SM3", "certificate": certificate_pem.decode("ascii"), "over": SUMS,
        "signature": signature.hex(),
    })  # fmt: skip


def _check_signature(content: bytes, sums: bytes, report: Report) -> None:
    from kunyu.kernel.crypto.certificates import read_certificate
    from kunyu.kernel.crypto.software import SoftwareProvider

    if not content:
        report.add("unsigned", SIGNATURE, "没有节点签名", "the node's signature is missing")
        return
    try:
        read = json.loads(content)
        certificate = read_certificate(read["certificate"].encode("ascii"))
        is_right = SoftwareProvider().verify(certificate.public_key, sums, bytes.fromhex(read["signature"]))
    except (ValueError, KeyError, TypeError, AttributeError, KunyuError):
        is_right = False
        certificate = None
    if certificate is not None:
        report.signer, report.fingerprint = certificate.subject, certificate.fingerprint
    if not is_right:
        report.add("signature", SIGNATURE, "节点签名与 SM3SUMS 不符", "the node's signature does not fit SM3SUMS")
