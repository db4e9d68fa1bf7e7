"""Is this file what the office issued? Digest, signatures, present state, in this order. 文件核验.

The file is looked at in memory and forgotten. Whoever asks learns nothing that the number alone would not tell.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any, Literal

from django.core.files.uploadedfile import UploadedFile

from kunyu.engines.documents import signing, verifying
from kunyu.engines.documents.errors import BadUpload, BusyVerifying
from kunyu.engines.documents.models import Document, Licence
from kunyu.engines.documents.ofd import verifying as ofd_verifying
from kunyu.engines.documents.settings import documents_settings
from kunyu.engines.documents.verdicts import SignatureVerdict, Verdict
from kunyu.engines.documents.verifying import Verification
from kunyu.kernel.digests import sm3_hex

Answer = Literal["valid", "genuine", "suspended", "expired", "replaced", "revoked", "altered", "forged", "unknown"]
_PDF, _ZIP = b"%PDF-", b"PK\x03\x04"
_PAGES_READ = 5
_IDENTIFIER = re.compile(r"1\.2\.156\.3005\.2\.[0-9A-Z]+\.[0-9A-Z]+\.[0-9A-Z]+\.[0-9]{3}\.[0-9A-Z]")
_CODE = re.compile(r"KY[0-9A-Z]{13}")
_NUMBER = re.compile(r"[\u4e00-\u9fff]{1,6}(?:〔[0-9]{4}〕[0-9]{0,12}|字)第[0-9A-Z]{1,40}号")

WORDS: dict[str, tuple[str, str]] = {
    **verifying.WORDS,
    "altered": ("文件已被改动", "The file was altered"),
    "forged": ("伪造的文件", "Forged"),
    "unknown": ("不是本节点制发的文件", "Not issued by this node"),
}  # fmt: skip
ADVICE: dict[str, tuple[str, str]] = {
    **verifying.ADVICE,
    "altered": ("签章之后内容被改动，或文件不是登记的那一份；请勿采信，可按编号核验原证。",
                "It was changed after it was sealed, or is not the file that was registered; verify the original by its number."),
    "forged": ("文件自称是本节点登记的证照，但没有有效的签章，也不是登记的那一份；请勿采信。",
               "It claims to be a licence of this register, but bears no seal that holds and is not the registered file."),
    "unknown": ("登记簿中没有这份文件，它也没有写明本节点登记的编号。",
                "The register has no such file, and it names no number of this register."),
}  # fmt: skip


@dataclass(frozen=True)
class FileVerdict:
    """The answer about a file. ``licence`` is what is public of the licence or document it is, or claims to be."""

    answer: Answer
    sm3: str
    licence: Verification | None
    signatures: tuple[tuple[str, str], ...]
    why: tuple[str, str]

    @property
    def words(self) -> tuple[str, str]:
        return WORDS[self.answer]

    @property
    def advice(self) -> tuple[str, str]:
        return ADVICE[self.answer]


_at_once = BoundedSemaphore(documents_settings().verify_at_once)


def verify_upload(given: UploadedFile[Any] | None) -> FileVerdict:
    """Verify an uploaded file.

    Raises
    ------
    BadUpload
        Nothing, too large, neither PDF nor OFD.
    BusyVerifying
        As many as may be verified at once are.
    """
    limit = documents_settings().verify_bytes_max
    if given is None or not given.size:
        raise BadUpload("请选择要核验的 PDF 或 OFD 文件。", "Choose the PDF or OFD file to verify.")
    if given.size > limit:
        raise BadUpload(f"文件 {given.size} 字节，上限 {limit}。", f"The file has {given.size} bytes, at most {limit}.")
    if not _at_once.acquire(timeout=2):
        raise BusyVerifying(
            "核验的人较多，请稍候再试。", "Many files are being verified; try again in a moment.", retry_after=5
        )
    try:
        return verify_file(given.read())
    finally:
        _at_once.release()


def verify_file(content: bytes) -> FileVerdict:
    """Verify a PDF or OFD held in memory. Raises BadUpload for anything else."""
    is_pdf = content[:1024].lstrip().startswith(_PDF)
    if not is_pdf and not content.startswith(_ZIP):
        raise BadUpload("只能核验 PDF 或 OFD 文件。", "Only PDF and OFD files are verified.")
    sm3 = sm3_hex(content)
    judged = signing.verify_pdf(content) if is_pdf else ofd_verifying.verify(content)
    said = tuple(_said(one, number) for number, one in enumerate(judged.signatures, 1))
    why = (judged.why_zh, judged.why_en)
    known = _registered(sm3)
    if known is not None:
        answer: Answer = known.answer  # type: ignore[assignment]
        return FileVerdict(answer, sm3, known, said, why)
    claimed = _claimed(content) if is_pdf else None
    return FileVerdict(_unregistered(judged, claimed), sm3, claimed, said, why)


def _registered(sm3: str) -> Verification | None:
    """The licence or document whose file this is, byte for byte; what was never handed out is not one."""
    found = Document.objects.filter(sm3=sm3).order_by("-id").first()
    if found is None:
        return None
    if found.kind != "licence":
        return verifying.of_document(found.proof, found, verifying.timezone.now()) if found.proof else None
    licence = Licence.objects.filter(pdf=found).first() or Licence.objects.filter(ofd=found).first()
    if licence is None or not found.is_sealed:
        return None
    answer = verifying.verify(licence.identifier)
    return answer if answer.is_found else None


def _unregistered(judged: Verdict, claimed: Verification | None) -> Answer:
    """A file that is not registered: altered if our seal was on it, forged if it claims a number of ours."""
    if any(one.seal_code or (one.changed_after and one.profile) for one in judged.signatures):
        return "altered"
    if judged.signatures and claimed is not None and not judged.is_valid and not judged.is_whole:
        return "altered"
    return "forged" if claimed is not None else "unknown"


def _claimed(content: bytes) -> Verification | None:
    """What the text of the file claims to be, if that is registered here."""
    text = _text(content)
    for pattern in (_IDENTIFIER, _CODE, _NUMBER):
        for found in dict.fromkeys(pattern.findall(text)):
            answer = verifying.verify(found)
            if answer.is_found:
                return answer
    return None


def _text(content: bytes) -> str:
    """The text of the first pages without spaces; '' where there is none or the file is broken."""
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(io.BytesIO(content)) as document:
            pages = [
                document[number].get_textpage().get_text_bounded() for number in range(min(len(document), _PAGES_READ))
            ]
    except (pypdfium2.PdfiumError, ValueError, IndexError):
        return ""
    return "".join("".join(pages).split())


def _said(one: SignatureVerdict, number: int) -> tuple[str, str]:
    """One signature in a line: whose seal, when, whether it holds; by its number where it does not tell whose it is."""
    name = one.seal_name or one.signer
    zh_name, en_name = name or f"第 {number} 个签章", name or f"signature {number}"
    at = f" {verifying.timezone.localtime(one.signed_at):%Y-%m-%d %H:%M}" if one.signed_at else ""
    kind = {"pdf-sm2": "SM2", "pades-ecdsa": "ECDSA", "ofd-sm2": "SM2"}.get(one.profile, one.profile)
    zh = "有效" if one.is_valid else "无效"
    en = "holds" if one.is_valid else "does not hold"
    return " ".join(f"{zh_name}{at} {kind} {zh}".split()), " ".join(f"{en_name}{at} {kind} {en}".split())
