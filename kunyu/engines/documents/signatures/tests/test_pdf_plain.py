"""What is not sealed: scripts, actions, fields, layers, attachments, encryption, broken files."""

from __future__ import annotations

import io
import zlib
from typing import Any

import pypdf
import pytest
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, TextStringObject

from kunyu.engines.documents.seal_errors import NotSealable
from kunyu.engines.documents.seals.tests.made import paper
from kunyu.engines.documents.signatures.pdf_plain import opened, require_plain


def changed(change: Any) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(paper()))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def named(**values: Any) -> DictionaryObject:
    return DictionaryObject({NameObject(f"/{name}"): value for name, value in values.items()})


def script(writer: pypdf.PdfWriter) -> None:
    code = named(S=NameObject("/JavaScript"), JS=TextStringObject("app.alert(1)"))
    writer.root_object[NameObject("/Names")] = named(JavaScript=named(Names=ArrayObject([TextStringObject("a"), code])))


def launch(writer: pypdf.PdfWriter) -> None:
    writer.root_object[NameObject("/OpenAction")] = named(S=NameObject("/Launch"), F=TextStringObject("cmd.exe"))


def attachment(writer: pypdf.PdfWriter) -> None:
    writer.add_attachment("a.txt", b"x")


def layers(writer: pypdf.PdfWriter) -> None:
    writer.root_object[NameObject("/OCProperties")] = named(OCGs=ArrayObject())


def fields(writer: pypdf.PdfWriter) -> None:
    field = writer._add_object(named(FT=NameObject("/Tx"), T=TextStringObject("面积")))
    writer.root_object[NameObject("/AcroForm")] = named(Fields=ArrayObject([field]))


def note(writer: pypdf.PdfWriter) -> None:
    rect = ArrayObject(NumberObject(one) for one in (0, 0, 9, 9))
    one = writer._add_object(named(Subtype=NameObject("/FreeText"), Rect=rect))
    writer.pages[0][NameObject("/Annots")] = ArrayObject([one])


def page_action(writer: pypdf.PdfWriter) -> None:
    writer.pages[0][NameObject("/AA")] = named(O=named(S=NameObject("/JavaScript")))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (script, "scripts"), (launch, "an action on opening"), (attachment, "embedded files"),
        (layers, "layers that can be switched"), (fields, "form fields"), (note, r"annotations \(/FreeText\)"),
        (page_action, "automatic actions of a page"),
    ],
)  # fmt: skip
def test_what_could_change_what_it_shows_is_named(change: Any, said: str) -> None:
    with pytest.raises(NotSealable, match=said):
        require_plain(opened(changed(change)))


def test_a_plain_paper_passes() -> None:
    require_plain(opened(paper()))
    require_plain(opened(changed(lambda writer: None)))


def test_encrypted_and_broken_files() -> None:
    with pytest.raises(NotSealable, match="it is encrypted"):
        opened(changed(lambda writer: writer.encrypt("geheim")))
    for junk in (b"", b"%PDF-1.7\n", b"PK\x03\x04" + bytes(200), paper()[: len(paper()) // 2]):
        with pytest.raises(NotSealable, match="it is no sound PDF"):
            opened(junk)


def bomb(filters: str, content: bytes) -> bytes:
    """A page whose content unpacks to more than any paper."""
    head = f"4 0 obj\n<</Length {len(content)}/Filter{filters}>>stream\n".encode()
    return b"%PDF-1.7\n" + head + content + b"\nendstream\nendobj\n"


def test_what_grows_beyond_a_paper_is_refused_before_it_is_unpacked() -> None:
    once = zlib.compress(bytes(300 << 20), 1)
    with pytest.raises(NotSealable, match="more than 268435456 bytes unpacked"):
        opened(bomb("/FlateDecode", once))
    with pytest.raises(NotSealable, match="a stream is compressed twice"):
        opened(bomb("[/FlateDecode /FlateDecode]", zlib.compress(once)))
