"""The reference pack as a file (``.kyref``): written and signed by a node, verified and read anywhere. 参考包文件.

A zip without compression, members in this order: ``manifest.json`` (canonical JSON), ``parts/<name>.parquet``
(GeoParquet, geometry WKB in EPSG:4490), ``signature.json``. The manifest names every part with rows, SM3 and source, so
its own SM3, the *content digest*, stands for everything; the same knowledge of the same node gives the same digest. The
time of issue stands in what is signed, outside the digest. Nothing is believed before the signature is right: first the
signature, then its signer, then the digest of each part, then its rows. Django-free.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from kunyu.engines.ingest import geoparquet
from kunyu.engines.ingest.checks.reference import Reference, ReferencePart
from kunyu.engines.ingest.checks.reference_errors import ReferenceAltered, ReferenceUnreadable
from kunyu.engines.ingest.unpacking import GIB, MIB, UnpackLimits
from kunyu.kernel.crypto.certificates import Certificate, read_certificate
from kunyu.kernel.crypto.errors import MalformedCertificate
from kunyu.kernel.crypto.software import SoftwareProvider
from kunyu.kernel.digests import Sm3, canonical_json, sm3_file, sm3_hex

SCHEMA = 1
KIND = "kunyu.reference.1"
SUFFIX = ".kyref"
MANIFEST, SIGNATURE = "manifest.json", "signature.json"
GEOMETRY = geoparquet.GEOMETRY
LIMITS = UnpackLimits(max_bytes=16 * GIB, max_files=500)
_SMALL_BYTES = 4 * MIB
"""Limit of manifest and signature, which are read before anything is verified."""
_NAME = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?")
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)
_BATCH_ROWS, _BATCH_VERTICES = 100_000, 2_000_000


class Signer(Protocol):
    """Who signs for the node: ``sign`` gives an SM2 signature in DER over the certificate's key."""

    @property
    def node_id(self) -> str:
        """Identifier of the node."""

    @property
    def name(self) -> str:
        """Name of the node."""

    @property
    def certificate(self) -> Certificate:
        """The certificate of the signing key."""

    def sign(self, message: bytes) -> bytes:
        """SM2 with SM3 over the message, DER."""


@dataclass(frozen=True)
class PartContent:
    """A part to be written: Arrow batches of ``schema``, with a binary column ``geometry`` (WKB) where it is spatial.

    ``geometry`` is the standard's kind (Polygon, LineString, Point), empty for a table. Rows must come in an order that
    follows from their content, or the same knowledge would have two digests.
    """

    schema: pa.Schema
    batches: Iterable[pa.RecordBatch]
    source: Mapping[str, Any] = field(default_factory=dict)
    geometry: str = ""

    @classmethod
    def of(cls, part: ReferencePart, geometry: str = "Polygon") -> PartContent:
        """The content of a part in memory; ``geometry`` counts for spatial parts only."""
        rows = part.rows
        if part.geometry is not None:
            rows = rows.append_column(GEOMETRY, pa.array(shapely.to_wkb(part.geometry), pa.binary()))
        return cls(rows.schema, rows.to_batches(), part.source, geometry if part.geometry is not None else "")


@dataclass(frozen=True)
class Heading:
    """For what a pack is issued. ``year`` is the survey year of the delivery it was made for, if for one."""

    standard: str
    standard_digest: str
    division: str
    year: int | None = None


@dataclass(frozen=True)
class Signed:
    """What a pack says of itself, its signature being right; whether its signer is trusted is for the reader to say.

    ``digest`` is that of the content; ``certificate`` the signer's, taken from the pack itself.
    """

    heading: Heading
    node: str
    node_name: str
    issued_at: datetime
    digest: str
    certificate: Certificate
    parts: tuple[Mapping[str, Any], ...]


Accept = Callable[[Signed], None]
"""Raises when the signer is not one the reader trusts."""


def write_pack(
    path: Path, heading: Heading, parts: Mapping[str, PartContent], signer: Signer, issued_at: datetime
) -> str:
    """Write and sign a pack; ``path`` is replaced only once all of it stands.

    Parameters
    ----------
    path : Path
        In a folder with room for the pack twice.
    parts : mapping
        By name; written in the order of names.
    issued_at : datetime
        Aware.

    Returns
    -------
    str
        The content digest.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".kyref-") as name:
        folder = Path(name)
        described = [_write_part(folder / f"{one}.parquet", one, parts[one]) for one in sorted(parts)]
        manifest = canonical_json({
            "schema": SCHEMA, "standard": heading.standard, "standard_digest": heading.standard_digest,
            "division": heading.division, "year": heading.year,
            "issued_by": {"node": signer.node_id, "name": signer.name}, "parts": described,
        })  # fmt: skip
        digest = sm3_hex(manifest)
        whole = folder / "pack"
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED, allowZip64=True) as packed:
            _add(packed, MANIFEST, manifest)
            for one in sorted(parts):
                _add(packed, _member(one), folder / f"{one}.parquet")
            _add(packed, SIGNATURE, _signature(digest, signer, issued_at))
        os.replace(whole, path)
    return digest


def _write_part(path: Path, name: str, part: PartContent) -> dict[str, Any]:
    rows = geoparquet.write(
        path, part.schema, iter(part.batches), crs="EPSG:4490", geometry=part.geometry,
        batch_vertices=_BATCH_VERTICES, batch_rows=_BATCH_ROWS,
    )  # fmt: skip
    kind = "layer" if part.geometry else "table"
    return {"name": name, "kind": kind, "rows": rows, "sm3": sm3_file(path), "source": dict(part.source)}


def _signature(digest: str, signer: Signer, issued_at: datetime) -> bytes:
    said = {
        "kind": KIND, "content": digest, "issued_at": issued_at.astimezone(UTC).isoformat(timespec="seconds"),
        "signer": signer.certificate.fingerprint,
    }  # fmt: skip
    return canonical_json({
        "signed": said, "signature": signer.sign(canonical_json(said)).hex(),
        "certificate": signer.certificate.pem().decode("ascii"),
    })  # fmt: skip


def _add(packed: zipfile.ZipFile, name: str, content: bytes | Path) -> None:
    info = zipfile.ZipInfo(name, _FIXED_DATE)
    info.external_attr = 0o100644 << 16
    if isinstance(content, bytes):
        packed.writestr(info, content)
        return
    with content.open("rb") as source, packed.open(info, "w", force_zip64=True) as out:
        while piece := source.read(MIB):
            out.write(piece)


def _member(name: str) -> str:
    return f"parts/{name}.parquet"


# --- reading ---
def read_pack(content: Path | Callable[[], BinaryIO], accept: Accept, limits: UnpackLimits = LIMITS) -> Reference:
    """Read a pack whose signature is right and whose signer ``accept`` lets pass.

    Raises
    ------
    ReferenceUnreadable
        No pack, cut short, damaged, or larger than the limits.
    ReferenceAltered
        Not signed, a wrong signature, or a part that is not the one signed for.
    ReferenceNotTrusted
        As ``accept`` says.
    """
    with _opened(content) as (packed, name):
        _check_claims(packed, name, limits)
        signed = _signed(packed, name)
        accept(signed)
        parts = {str(one["name"]): _part(packed, one, name) for one in signed.parts}
    return Reference(
        signed.heading.standard, signed.heading.division, parts, signed.digest, signed.certificate.subject,
        signed.heading.year,
    )  # fmt: skip


def inspect_pack(content: Path | Callable[[], BinaryIO]) -> Signed:
    """What a pack says of itself, once its signature is seen to be right; parts are not read. Errors as `read_pack`."""
    with _opened(content) as (packed, name):
        _check_claims(packed, name, LIMITS)
        return _signed(packed, name)


@contextmanager
def _opened(content: Path | Callable[[], BinaryIO]) -> Iterator[tuple[zipfile.ZipFile, str]]:
    """The archive, on one open file from the first byte verified to the last one read."""
    name = content.name if isinstance(content, Path) else "reference" + SUFFIX
    try:
        with content.open("rb") if isinstance(content, Path) else content() as file, zipfile.ZipFile(file) as packed:
            yield packed, name
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError) as error:
        raise _unreadable(name, f"文件已损坏或不完整（{error}）", f"is damaged or incomplete ({error})") from error


def _check_claims(packed: zipfile.ZipFile, name: str, limits: UnpackLimits) -> None:
    members = packed.infolist()
    if len(members) > limits.max_files:
        raise _unreadable(name, f"含 {len(members)} 个成员，上限 {limits.max_files}",
                          f"holds {len(members)} members, the limit is {limits.max_files}")  # fmt: skip
    claimed = sum(one.file_size for one in members)
    if claimed > limits.max_bytes:
        raise _unreadable(name, f"声称 {claimed} 字节，上限 {limits.max_bytes}",
                          f"claims {claimed} bytes, the limit is {limits.max_bytes}")  # fmt: skip
    named = [one.filename for one in members]
    if len(set(named)) != len(named):
        raise _unreadable(name, "含重名成员", "holds a member twice")
    if any(one.compress_type != zipfile.ZIP_STORED or one.flag_bits & 0x1 for one in members):
        raise _unreadable(
            name, "成员被压缩或加密，不是节点签发的格式", "has compressed or encrypted members: no node wrote it"
        )


def _signed(packed: zipfile.ZipFile, name: str) -> Signed:
    manifest = _small(packed, MANIFEST, name)
    if SIGNATURE not in packed.namelist():
        raise _altered(name, "没有签名", "is not signed")
    signature = _document(_small(packed, SIGNATURE, name), name)
    try:
        said = signature["signed"]
        certificate = read_certificate(str(signature["certificate"]).encode())
        right = SoftwareProvider().verify(
            certificate.public_key, canonical_json(said), bytes.fromhex(signature["signature"])
        )
        right = right and said["kind"] == KIND and said["signer"] == certificate.fingerprint
        issued_at = datetime.fromisoformat(said["issued_at"])
    except (KeyError, TypeError, ValueError, MalformedCertificate) as error:
        raise _altered(name, f"签名无法识别（{error}）", f"has a signature that cannot be read ({error})") from error
    if not right:
        raise _altered(name, "签名不符，内容或签名被改动", "has a wrong signature: it was changed")
    if said["content"] != sm3_hex(manifest):
        raise _altered(name, "清单不是签名时的清单", "holds another manifest than the one signed")
    if not certificate.not_before <= issued_at <= certificate.not_after:
        raise _altered(
            name, f"签发时间 {issued_at} 不在证书有效期内", f"was issued at {issued_at}, outside its certificate's time"
        )
    return _described(_document(manifest, name), issued_at, sm3_hex(manifest), certificate, name)


def _described(said: dict[str, Any], issued_at: datetime, digest: str, certificate: Certificate, name: str) -> Signed:
    try:
        if said["schema"] != SCHEMA:
            raise _unreadable(name, f"的格式版本是 {said['schema']}，本程序识别 {SCHEMA}，请升级程序",
                              f"has format {said['schema']}, this program knows {SCHEMA}: update it")  # fmt: skip
        year = said["year"]
        heading = Heading(
            str(said["standard"]),
            str(said["standard_digest"]),
            str(said["division"]),
            None if year is None else int(year),
        )
        parts = tuple(said["parts"])
        if not all(_NAME.fullmatch(one["name"]) and is_count(one["rows"]) for one in parts):
            raise ValueError("a part without a proper name or number of rows")
        node = said["issued_by"]
        return Signed(heading, str(node["node"]), str(node["name"]), issued_at, digest, certificate, parts)
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(
            name, f"的清单无法识别（{error}）", f"has a manifest that cannot be read ({error})"
        ) from error


def is_count(value: object) -> bool:
    """Whether a value is a whole number from 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _part(packed: zipfile.ZipFile, said: Mapping[str, Any], name: str) -> ReferencePart:
    member = _member(said["name"])
    if member not in packed.namelist():
        raise _altered(name, f"缺少部分 {said['name']}", f"lacks its part {said['name']}")
    content = _verified(packed, member, str(said["sm3"]), name)
    try:
        rows = pq.read_table(pa.BufferReader(content))
        if rows.num_rows != said["rows"]:
            raise ValueError(f"{rows.num_rows} rows, {said['rows']} expected")
        source = dict(said.get("source") or {})
        rows = rows.replace_schema_metadata(None)
        if said["kind"] != "layer":
            return ReferencePart(rows, None, source)
        geometry = shapely.from_wkb(rows.column(GEOMETRY).to_numpy())
        return ReferencePart(rows.drop_columns([GEOMETRY]), geometry, source)
    except (pa.ArrowException, KeyError, ValueError, shapely.errors.ShapelyError) as error:
        raise _unreadable(name, f"的部分 {said['name']} 无法读取（{error}）",
                          f"has a part {said['name']} that cannot be read ({error})") from error  # fmt: skip


def _verified(packed: zipfile.ZipFile, member: str, sm3: str, name: str) -> pa.Buffer:
    """The bytes of a member whose digest is ``sm3``."""
    digest, out = Sm3(), pa.BufferOutputStream()
    try:
        with packed.open(member) as source:
            while piece := source.read(MIB):
                digest.update(piece)
                out.write(piece)
        same = digest.hexdigest() == sm3
    except zipfile.BadZipFile:  # its checksum is wrong: so is the digest
        same = False
    if not same:
        raise _altered(name, f"的 {member} 不是签名时的内容", f"holds another {member} than the one signed for")
    return out.getvalue()


def _small(packed: zipfile.ZipFile, member: str, name: str) -> bytes:
    if member not in packed.namelist():
        raise _unreadable(name, f"中没有 {member}，不是参考包", f"holds no {member}: it is no reference pack")
    if packed.getinfo(member).file_size > _SMALL_BYTES:
        raise _unreadable(name, f"的 {member} 超过 {_SMALL_BYTES} 字节", f"has a {member} beyond {_SMALL_BYTES} bytes")
    try:
        return packed.read(member)
    except zipfile.BadZipFile as error:
        raise _altered(
            name, f"的 {member} 被改动或已损坏", f"holds a {member} that was changed or is damaged"
        ) from error


def _document(content: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _unreadable(name, f"的JSON无法识别（{error}）", f"holds JSON that cannot be read ({error})") from error
    if not isinstance(found, dict):
        raise _unreadable(name, "的JSON不是对象", "holds JSON that is no object")
    return found


def _unreadable(name: str, zh: str, en: str) -> ReferenceUnreadable:
    return ReferenceUnreadable(
        f"参考包 {name} {zh}。请从节点重新下载。",
        f"Reference pack {name} {en}. Download it from the node again.",
        file=name,
    )


def _altered(name: str, zh: str, en: str) -> ReferenceAltered:
    return ReferenceAltered(
        f"参考包 {name} {zh}，已拒绝。请从节点重新下载。",
        f"Reference pack {name} {en}: refused. Download it from the node again.",
        file=name,
    )
