"""Archive packages: everything one subject left, in a file that is read without the system. 归档.

What the office made stands in this engine; what is above it (a case: its facts, materials, trace) is handed in by a
provider, so that this engine knows no cases. Made again with nothing changed it is the same file, byte for byte.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from kunyu.engines.documents import archive_file
from kunyu.engines.documents.errors import BadArchive
from kunyu.engines.documents.models import Archive, Document, Licence
from kunyu.engines.documents.settings import documents_settings
from kunyu.engines.security import audit, keys
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import canonical_json
from kunyu.kernel.private_folder import private_folder

SUFFIXES = {"application/pdf": ".pdf", "application/ofd": ".ofd", "image/png": ".png", "image/jpeg": ".jpg"}


@dataclass(frozen=True)
class ArchivedFile:
    """One file handed in: an object of the store. ``title_zh`` is what it is, ``name`` what it was called."""

    name: str
    title_zh: str
    sm3: str
    media_type: str = ""
    note_zh: str = ""


@dataclass(frozen=True)
class ArchivedEvent:
    """One line of the trace."""

    at: datetime
    who: str
    what_zh: str
    detail_zh: str = ""


@dataclass(frozen=True)
class Contents:
    """What a provider hands in. ``records`` are further JSON values, kept in ``metadata.json`` only."""

    subject: str
    title_zh: str
    facts: tuple[tuple[str, str], ...] = ()
    materials: tuple[ArchivedFile, ...] = ()
    events: tuple[ArchivedEvent, ...] = ()
    records: dict[str, Any] = field(default_factory=dict)


Provider = Callable[[str], Contents]
"""Answers with the parts of a subject, e.g. ``case:990101202611230001``; given by whoever owns the subject."""


@dataclass(frozen=True)
class _Member:
    path: str
    title_zh: str
    sm3: str
    note_zh: str = ""


def make(principal: Principal, contents: Contents) -> Archive:
    """Make the package of a subject, or make it anew after something was added; on record.

    Raises
    ------
    BadArchive
        An object does not have its digest any more, or the package would be too large.
    """
    documents = _documents(contents.subject)
    materials = _placed("materials", contents.materials)
    described = _described(contents, documents, materials)
    earlier = Archive.objects.filter(subject=contents.subject).first()
    with private_folder(Path(settings.KUNYU_HOME) / "plain") as folder:
        package = folder / "package.zip"
        _write(package, described, [*documents, *materials], earlier)
        size, count = package.stat().st_size, len(documents) + len(materials)
        if size > documents_settings().archive_bytes_max:
            raise BadArchive(f"归档包 {size} 字节，超过上限。", f"The package has {size} bytes: too many.")
        stored = object_store().put_file(package, protect=True)
    return _kept(principal, contents.subject, stored.sm3, size, count)


@transaction.atomic
def _kept(principal: Principal, subject: str, sm3: str, size: int, files: int) -> Archive:
    values = {"sm3": sm3, "size": size, "files": files, "made_by": principal.name}
    found = Archive.objects.select_for_update().filter(subject=subject, sm3=sm3).first()
    if found is not None:
        return found
    made, _ = Archive.objects.update_or_create(subject=subject, defaults=values)
    audit.record(principal, "archive-made", "archive", subject, sm3=sm3, size=size, files=files)
    return made


def _documents(subject: str) -> list[_Member]:
    """What the office made, oldest first; of a licence the sealed file, not the one before its seal."""
    made = Document.objects.filter(subject=subject).order_by("id")
    files = tuple(
        ArchivedFile(f"{one.title_zh}{SUFFIXES.get(one.media_type, '.docx')}", f"{one.title_zh} {one.number}".strip(), one.sm3,
                     one.media_type, "已盖章" if one.is_sealed else "")
        for one in made if one.is_sealed or one.kind != "licence"
    )  # fmt: skip
    return _placed("documents", files)


def _placed(folder: str, files: tuple[ArchivedFile, ...]) -> list[_Member]:
    """Each file under its number, so that no two names meet."""
    return [
        _Member(f"{folder}/{number:03d}_{archive_file.safe_name(one.name)}", one.title_zh, one.sm3, one.note_zh)
        for number, one in enumerate(files, 1)
    ]


def _described(contents: Contents, documents: list[_Member], materials: list[_Member]) -> dict[str, Any]:
    return {
        "schema": archive_file.SCHEMA, "subject": contents.subject, "title": contents.title_zh,
        "facts": [list(fact) for fact in contents.facts], "licences": [_licence(one) for one in _licences(contents.subject)],
        "documents": [vars(one) for one in documents], "materials": [vars(one) for one in materials],
        "events": [
            {"at": _instant(one.at), "who": one.who, "what": one.what_zh, "detail": one.detail_zh} for one in contents.events
        ],
        "records": contents.records,
    }  # fmt: skip


def _licences(subject: str) -> list[Licence]:
    return list(Licence.objects.filter(subject=subject).exclude(state=Licence.State.ISSUING).order_by("id"))


def _licence(one: Licence) -> dict[str, Any]:
    events = [
        {"at": _instant(event.at), "act": event.act, "state": event.state, "reason": event.reason, "basis": event.basis,
         "who": event.actor}
        for event in one.events.all()
    ]  # fmt: skip
    return {
        "number": one.number, "identifier": one.identifier, "version": one.version, "state": one.state,
        "issuer": one.issuer_zh, "holder": one.holder_name, "issued_on": one.issued_on.isoformat(),
        "valid_to": one.valid_to.isoformat() if one.valid_to else "", "facts": [[name.partition("|")[0], str(value)] for name, value in one.ordered_facts], "events": events,
    }  # fmt: skip


def _instant(at: datetime) -> str:
    return timezone.localtime(at).isoformat(timespec="seconds")


def _write(target: Path, described: dict[str, Any], members: list[_Member], earlier: Archive | None) -> None:
    texts = {
        archive_file.INDEX: render_to_string("documents/archive.html", {"one": described}).encode(),
        archive_file.METADATA: canonical_json(described),
        archive_file.METADATA_XML: _xml(described),
    }
    held = {one.path: one.sm3 for one in members}
    store = object_store()
    with target.open("wb") as file:
        writer = archive_file.Writer(file)
        for path in sorted([*texts, *held]):
            if path in texts:
                writer.add(path, io.BytesIO(texts[path]))
            else:
                with store.open(held[path]) as content:
                    writer.add(path, content, held[path])
        sums = writer.sums()
        writer.close(_signature_before(earlier, sums) or _signed(sums))


def _signed(sums: bytes) -> bytes:
    signer = keys.node_signer()
    return archive_file.signature_file(signer.sign(sums), signer.certificate.pem())


def _signature_before(earlier: Archive | None, sums: bytes) -> bytes:
    """The signature that the same sums got before: nothing changed, so the file stays the same."""
    if earlier is None or not object_store().exists(earlier.sm3):
        return b""
    with object_store().open(earlier.sm3) as file, zipfile.ZipFile(file) as package:
        return package.read(archive_file.SIGNATURE) if package.read(archive_file.SUMS) == sums else b""


def _xml(described: dict[str, Any]) -> bytes:
    """Facts, files and trace as XML for archive systems; element names are this product's own."""
    root = ElementTree.Element("archive", schema=archive_file.SCHEMA, subject=described["subject"])
    ElementTree.SubElement(root, "title").text = described["title"]
    for name, value in described["facts"]:
        ElementTree.SubElement(root, "fact", name=name).text = value
    for kind in ("documents", "materials"):
        for one in described[kind]:
            ElementTree.SubElement(root, kind[:-1], path=one["path"], sm3=one["sm3"]).text = one["title_zh"]
    for one in described["licences"]:
        ElementTree.SubElement(root, "licence", identifier=one["identifier"], state=one["state"]).text = one["number"]
    for one in described["events"]:
        ElementTree.SubElement(
            root, "event", at=one["at"], who=one["who"]
        ).text = f"{one['what']} {one['detail']}".strip()
    ElementTree.indent(root)
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content
