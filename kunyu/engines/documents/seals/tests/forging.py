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
from kunyu.kernel.crypto import der

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
    other = x509.Certificate.load(certificate)
    sid = der.sequence(other.issuer.dump(), der.integer(other.serial_number))
    return rebuilt(encoded, certificates=certificate, sid=sid)


def without_time_stamp(encoded: bytes) -> bytes:
    """Signed data whose token was taken out; it is not signed itself, so nothing else shows it."""
    return rebuilt(encoded, unsigned_attrs=b"")


def with_time_stamp_of(encoded: bytes, other: bytes) -> bytes:
    """Signed data with another signature's token."""
    return rebuilt(encoded, unsigned_attrs=_signer(other)["unsigned_attrs"].dump())


def rebuilt(encoded: bytes, *, certificates: bytes | None = None, signers: int = 1, **changed: bytes) -> bytes:
    """Signed data put together anew from the parts of others; ``changed`` takes the place of parts of the signer."""
    outer = signed_data._Outer.load(encoded)
    signed, old = outer["content"], _signer(encoded)
    names = [name for name, *_ in cms.SignerInfo._fields]
    signer = der.sequence(*(changed[name] if name in changed else old[name].dump() for name in names))
    kept = signed["certificates"].dump() if certificates is None else der.element(0xA0, certificates)
    parts = (signed["version"].dump(), signed["digest_algorithms"].dump(), signed["encap_content_info"].dump(), kept)
    content = der.sequence(*parts, der.element(0x31, signer * signers))
    return der.sequence(outer["content_type"].dump(), der.element(0xA0, content))


def _signer(encoded: bytes) -> Any:
    return signed_data._Outer.load(encoded)["content"]["signer_infos"][0]


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
