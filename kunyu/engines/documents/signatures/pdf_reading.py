"""Signatures read from a PDF: what each covers, what came after it, whether it holds. PDF签名读取.

pyHanko reads the file's revisions and decides whether later ones changed anything (incremental updates, shadow attacks);
the signatures themselves are read by `signed_data`, SM2 and ECDSA alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyhanko.pdf_utils import generic, misc
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields
from pyhanko.sign.diff_analysis import DEFAULT_DIFF_POLICY, DiffResult, ModificationLevel
from pyhanko.sign.validation import pdf_embedded
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.status import SignatureCoverageLevel

from kunyu.engines.documents.seal_errors import UnreadableSignature
from kunyu.engines.documents.signatures import signed_data
from kunyu.engines.documents.signatures.pdf_plain import BROKEN, opened
from kunyu.engines.documents.signatures.signed_data import SignedContent

MOST_SIGNATURES = 20
_BROKEN = (SignatureValidationError, *BROKEN)


@dataclass(frozen=True)
class PdfSignature:
    """One signature of a PDF.

    Attributes
    ----------
    signed : SignedContent or None
        None when it cannot be read; ``fault`` says why.
    holds : bool
        The bytes it covers are what was signed, by the certificate it names.
    covers_all : bool
        It covers the whole file; otherwise ``covers_revision`` says that it covers all that stood when it was made.
    only_signed_since : bool
        What came later is signatures and nothing else.
    claimed_at : datetime or None
        What the file says; the signed attributes win.
    """

    name: str
    signed: SignedContent | None = field(repr=False)
    fault: tuple[str, str] | None
    holds: bool
    covers_all: bool
    covers_revision: bool
    only_signed_since: bool
    claimed_at: datetime | None


def read_signatures(pdf: bytes) -> tuple[PdfSignature, ...]:
    """Return every signature, in the order of the fields.

    Raises
    ------
    NotSealable
        No sound PDF, or encrypted.
    UnreadableSignature
        More signatures than anybody needs.
    """
    reader = opened(pdf)
    try:
        found = [
            (name, reference)
            for name, value, reference in fields.enumerate_sig_fields(reader, filled_status=True)
            if value is not None
        ]
    except _BROKEN as error:
        raise signed_data.unreadable(f"签名域损坏（{error}）", f"its signature fields are damaged ({error})") from error
    if len(found) > MOST_SIGNATURES:
        raise signed_data.unreadable(f"{len(found)} 个签名", f"{len(found)} signatures, at most {MOST_SIGNATURES}")
    names = {name for name, _ in found}
    return tuple(_read(reader, reference.get_object(), name, names) for name, reference in found)


def _read(reader: PdfFileReader, one: Any, name: str, names: set[str]) -> PdfSignature:
    try:
        embedded = _Embedded(reader, one, name)
        signed = signed_data.read(embedded.pkcs7_content)
        coverage = embedded.coverage = embedded.evaluate_signature_coverage()
        return PdfSignature(
            name=name,
            signed=signed,
            fault=None,
            holds=signed.is_authentic(embedded.compute_digest("sm3" if signed.suite.name == "sm2" else "sha256")),
            covers_all=coverage == SignatureCoverageLevel.ENTIRE_FILE,
            covers_revision=coverage >= SignatureCoverageLevel.ENTIRE_REVISION,
            only_signed_since=_only_signed(embedded, names),
            claimed_at=signed.claimed_at or embedded.written_at,
        )
    except UnreadableSignature as error:
        return _unread(name, error.detail_zh, error.detail_en)
    except _BROKEN as error:
        return _unread(name, f"签名域“{name}”损坏（{error}）。", f"Signature field '{name}' is damaged ({error}).")


def _only_signed(embedded: _Embedded, names: set[str]) -> bool:
    changes = embedded.evaluate_modifications(DEFAULT_DIFF_POLICY)
    return (
        isinstance(changes, DiffResult)
        and changes.modification_level <= ModificationLevel.FORM_FILLING
        and changes.changed_form_fields <= names
    )


def _unread(name: str, zh: str, en: str) -> PdfSignature:
    return PdfSignature(name, None, (zh, en), False, False, False, False, None)


class _Embedded(pdf_embedded.EmbeddedPdfSignature):
    """pyHanko's view of one signature without its reading of the signed data, which knows no SM2."""

    def __init__(self, reader: PdfFileReader, sig_field: Any, name: str) -> None:  # the base reads the signed data
        self.reader, self.sig_field, self.fq_name = reader, sig_field, name
        reference = sig_field.raw_get("/V")
        if not isinstance(reference, generic.IndirectObject):
            raise ValueError("the signature is no object of its own / 签名不是独立对象")
        self.sig_object = reference.get_object()
        if self.sig_object.get("/Type", "/Sig") != "/Sig":
            raise ValueError("a document time stamp is not read here / 不读取文档级时间戳")
        self.byte_range = [int(one) for one in self.sig_object.raw_get("/ByteRange")]
        self.pkcs7_content = pdf_embedded.extract_contents(self.sig_object)
        self.signed_revision = reader.xrefs.get_last_change(reference.reference)
        self.coverage: Any = None
        self.diff_result = None
        self.external_digests: dict[str, bytes] = {}
        self._docmdp = self._fieldmdp = None
        self._docmdp_queried = self._fieldmdp_queried = self._integrity_checked = False

    @property
    def written_at(self) -> datetime | None:
        """The time in the signature's dictionary."""
        try:
            written: datetime = generic.parse_pdf_date(self.sig_object["/M"])
        except (KeyError, ValueError, misc.PdfError):
            return None
        return written if written.tzinfo else None
