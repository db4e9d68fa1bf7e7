"""How licences are forged, for tests: bytes changed, updates appended, certificates and signatures moved."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from asn1crypto import cms, x509
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from kunyu.engines.documents.signatures import signed_data

_CONTENTS = re.compile(rb"/Contents\s*<([0-9A-Fa-f]+)>")


def contents(pdf: bytes) -> list[bytes]:
    """The signed data of every signature, in the order of the file, padding left on."""
    return [bytes.fromhex(found[1].decode()) for found in _CONTENTS.finditer(pdf)]


def contents_span(pdf: bytes, at: int) -> range:
    """Where the hexadecimal digits of the ``at``-th signature stand."""
    found = list(_CONTENTS.finditer(pdf))[at]
    return range(found.start(1), found.end(1))


def with_contents(pdf: bytes, at: int, encoded: bytes) -> bytes:
    """The PDF with another signed data in the place of the ``at``-th."""
    found = list(_CONTENTS.finditer(pdf))[at]
    room = found.end(1) - found.start(1)
    text = encoded.hex().upper().encode().ljust(room, b"0")
    assert len(text) == room
    return pdf[: found.start(1)] + text + pdf[found.end(1) :]


def with_certificate(encoded: bytes, certificate: bytes) -> bytes:
    """Signed data that name and carry another certificate for the same signature."""
    outer = signed_data._Outer.load(encoded)
    other = x509.Certificate.load(certificate)
    outer["content"]["certificates"] = [other]
    outer["content"]["signer_infos"][0]["sid"] = cms.SignerIdentifier(
        {"issuer_and_serial_number": {"issuer": other.issuer, "serial_number": other.serial_number}}
    )
    return bytes(outer.dump(force=True))


def without_time_stamp(encoded: bytes) -> bytes:
    """Signed data whose token was taken out; it is not signed itself, so nothing else shows it."""
    outer = signed_data._Outer.load(encoded)
    signer = outer["content"]["signer_infos"][0]
    del signer["unsigned_attrs"]
    return bytes(outer.dump(force=True))


def with_time_stamp_of(encoded: bytes, other: bytes) -> bytes:
    """Signed data with another signature's token."""
    outer, giver = signed_data._Outer.load(encoded), signed_data._Outer.load(other)
    outer["content"]["signer_infos"][0]["unsigned_attrs"] = giver["content"]["signer_infos"][0]["unsigned_attrs"]
    return bytes(outer.dump(force=True))


def updated(pdf: bytes, change: Callable[[IncrementalPdfFileWriter], Any]) -> bytes:
    """The PDF with an incremental update that nobody signed."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def page_rewritten(writer: IncrementalPdfFileWriter) -> None:
    """Another content on page 0: the licence says something else."""
    page_ref = writer.find_page_for_modification(0)[0]
    page = page_ref.get_object()
    stream = generic.StreamObject(stream_data=b"BT /F1 24 Tf 72 700 Td (10000 ha) Tj ET")
    page["/Contents"] = writer.add_object(stream)
    writer.update_container(page)


def note_laid_over(writer: IncrementalPdfFileWriter) -> None:
    """An annotation over the text: a shadow attack of the simple kind."""
    page = writer.find_page_for_modification(0)[0].get_object()
    note = generic.DictionaryObject(
        {
            generic.pdf_name("/Type"): generic.pdf_name("/Annot"),
            generic.pdf_name("/Subtype"): generic.pdf_name("/FreeText"),
            generic.pdf_name("/Rect"): generic.ArrayObject(generic.NumberObject(one) for one in (0, 0, 500, 500)),
            generic.pdf_name("/Contents"): generic.TextStringObject("100 公顷"),
        }
    )
    notes = generic.ArrayObject([*page.get("/Annots", generic.ArrayObject()), writer.add_object(note)])
    page[generic.pdf_name("/Annots")] = notes
    writer.update_container(page)


def catalogue_touched(writer: IncrementalPdfFileWriter) -> None:
    """A script in the catalogue, run at opening."""
    writer.root[generic.pdf_name("/OpenAction")] = generic.DictionaryObject(
        {
            generic.pdf_name("/S"): generic.pdf_name("/JavaScript"),
            generic.pdf_name("/JS"): generic.TextStringObject("app.alert(1)"),
        }
    )
    writer.update_root()
