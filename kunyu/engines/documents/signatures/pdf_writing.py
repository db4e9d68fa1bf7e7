"""Signatures written into a PDF as incremental updates, with the seal's picture. PDF签名: ISO 32000-2, PAdES (ETSI EN 319 142).

pyHanko writes the PDF; the signed data are ours (`signed_data`). ECDSA: PAdES baseline B-T. SM2: the same file structure with
signed data of GB/T 35275, because no PAdES profile knows SM2.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import datetime

from PIL import Image
from pyhanko.pdf_utils import images, layout
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields
from pyhanko.sign.signers import cms_embedder, pdf_byterange
from pyhanko.stamp import StaticStampStyle

from kunyu.engines.documents.signatures import signed_data, time_stamps
from kunyu.engines.documents.signatures.pdf_plain import opened, require_plain
from kunyu.engines.documents.signatures.suites import Identity


@dataclass(frozen=True)
class _Form:
    """How a suite stands in a PDF. PAdES keeps the claimed time out of the signed attributes (EN 319 142-1 §6.3)."""

    subfilter: fields.SigSeedSubFilter
    digest: str
    signs_time: bool


_FORMS = {
    "ecdsa": _Form(fields.SigSeedSubFilter.PADES, "sha256", False),
    "sm2": _Form(fields.SigSeedSubFilter.ADOBE_PKCS7_DETACHED, "sm3", True),
}
_BESIDE_CERTIFICATES = 2048
"""Bytes of signed data and token besides their certificates: names, digests, two signatures; about 1,000 are used."""
_POINTS_PER_MM = 72 / 25.4


@dataclass(frozen=True)
class Appearance:
    """The picture (PNG) of a seal on a page: ``box`` is left, bottom, right, top in points from the lower left corner."""

    picture: bytes = field(repr=False)
    page: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Signing:
    """What is said with a signature: who, why, when (aware), who stamps the time, and what is seen (None: nothing)."""

    identity: Identity
    clock: Identity
    name: str
    reason: str
    at: datetime
    appearance: Appearance | None


def sign(pdf: bytes, asked: Signing) -> bytes:
    """Return the PDF with one signature more, appended; the bytes given stay as they are.

    The first signature certifies the document (DocMDP): later ones may be added, nothing else.

    Raises
    ------
    NotSealable
        Broken, encrypted, or with scripts, actions, fields, layers or attachments.
    """
    reader = opened(pdf)
    require_plain(reader)
    count = sum(1 for _ in fields.enumerate_sig_fields(reader, filled_status=True))
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf), strict=True)
    place = fields.SigFieldSpec(
        sig_field_name=f"KunyuSeal{count + 1}",
        on_page=asked.appearance.page if asked.appearance else 0,
        box=tuple(round(one) for one in asked.appearance.box) if asked.appearance else None,  # type: ignore[arg-type]
    )
    return _written(writer, place, asked, is_first=count == 0)


def signature_count(pdf: bytes) -> int:
    """How many signatures a PDF carries already."""
    return sum(1 for _ in fields.enumerate_sig_fields(opened(pdf), filled_status=True))


def box_at(pdf: bytes, page: int, x_mm: float, y_mm: float, width_mm: float, height_mm: float) -> tuple[float, ...]:
    """Return the box (points) of a picture whose centre stands ``x_mm`` from the left and ``y_mm`` from the bottom.

    A negative place counts from the right and from the top. The box never leaves the page.
    """
    left, bottom, right, top = _media_box(pdf, page)
    width, height = width_mm * _POINTS_PER_MM, height_mm * _POINTS_PER_MM
    x = (left if x_mm >= 0 else right) + x_mm * _POINTS_PER_MM
    y = (bottom if y_mm >= 0 else top) + y_mm * _POINTS_PER_MM
    x = min(max(x, left + width / 2), right - width / 2)
    y = min(max(y, bottom + height / 2), top - height / 2)
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _media_box(pdf: bytes, page: int) -> tuple[float, float, float, float]:
    found = opened(pdf).find_page_for_modification(page)[0].get_object()
    while "/MediaBox" not in found:  # inherited from the tree of pages
        found = found["/Parent"]
    left, bottom, right, top = (float(one) for one in found["/MediaBox"])
    return left, bottom, right, top


def _written(writer: IncrementalPdfFileWriter, place: fields.SigFieldSpec, asked: Signing, *, is_first: bool) -> bytes:
    steps = cms_embedder.PdfCMSEmbedder(new_field_spec=place).write_cms(place.sig_field_name, writer)
    next(steps)
    style, form = _style(asked.appearance), _FORMS[asked.identity.suite.name]
    steps.send(
        cms_embedder.SigObjSetup(
            sig_placeholder=pdf_byterange.SignatureObject(
                timestamp=asked.at, subfilter=form.subfilter, name=asked.name,
                reason=asked.reason, bytes_reserved=_reserved(asked),
            ),
            mdp_setup=cms_embedder.SigMDPSetup(
                md_algorithm=form.digest, certify=is_first, docmdp_perms=fields.MDPPerm.FILL_FORMS if is_first else None
            ),
            appearance_setup=cms_embedder.SigAppearanceSetup(style=style, timestamp=asked.at, name=asked.name)
            if style
            else None,
        )
    )  # fmt: skip
    out = io.BytesIO()
    prepared, _ = steps.send(cms_embedder.SigIOSetup(md_algorithm=form.digest, output=out))
    steps.send(
        signed_data.build(
            asked.identity, prepared.document_digest, claimed_at=asked.at if form.signs_time else None,
            stamp=time_stamps.stamper(asked.clock, asked.at),
        )
    )  # fmt: skip
    return out.getvalue()


def _reserved(asked: Signing) -> int:
    """Hexadecimal digits kept for the signed data. Readers walk through every one of them, so no more than needed."""
    who = (asked.identity, asked.clock)
    return 2 * (_BESIDE_CERTIFICATES + sum(len(one) for each in who for one in (each.certificate, *each.chain)))


def _style(appearance: Appearance | None) -> StaticStampStyle | None:
    if appearance is None:
        return None
    picture = Image.open(io.BytesIO(appearance.picture)).convert("RGBA")
    return StaticStampStyle(
        border_width=0,
        background=images.PdfImage(picture),
        background_opacity=1.0,
        background_layout=layout.SimpleBoxLayoutRule(
            x_align=layout.AxisAlignment.ALIGN_MID, y_align=layout.AxisAlignment.ALIGN_MID
        ),
    )
