"""A seal put on an OFD: what it protects by SM3, where it stands, and GB/T 38540 sealed data. OFD签章: GB/T 33190 §18 (recalled).

Every file of the package is protected but the list of signatures, so that later seals may be added; each later one
protects the earlier ones too.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from lxml import etree

from kunyu.engines.documents.models import Seal
from kunyu.engines.documents.ofd import package
from kunyu.engines.documents.ofd.package import NAMES, bad, parsed, tag, text_of, written
from kunyu.engines.documents.seals import uses
from kunyu.engines.documents.seals.identities import clock_at, identity_of
from kunyu.engines.documents.signatures import ses
from kunyu.engines.documents.signatures.suites import SM2
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import Sm3

PROFILE = "ofd-sm2"
USUAL_PLACE = (-60.0, 62.0)
_PROVIDER = {"ProviderName": "Kunyu", "Company": "Kunyu", "Version": "1"}


@transaction.atomic
def seal(
    principal: Principal, ofd: bytes, one: Seal, *, subject: str, page: int = -1, at: tuple[float, float] | None = None
) -> bytes:
    """Return the package with one seal more, and keep a record of it.

    Parameters
    ----------
    page : int
        Page of the picture, from 0; negative counts from the end.
    at : (x_mm, y_mm), optional
        Centre of the picture from the left and bottom edges; negative from the right and top.

    Raises
    ------
    SealUnusable, BadOfd
    """
    moment = uses.begin(principal, one)
    files = package.read(ofd)
    root = parsed(files, package.ROOT)
    bodies = root.findall("ofd:DocBody", NAMES)
    if len(bodies) != 1:
        raise bad(f"含 {len(bodies)} 个文档", f"it holds {len(bodies)} documents")
    document = package.at(package.ROOT, text_of(bodies[0], "ofd:DocRoot"))
    folder = document.rpartition("/")[0]
    listing = _listing(files, root, bodies[0], folder)
    number = int(text_of(listing, "ofd:MaxSignId") or 0) + 1
    here = f"{folder}/Signs/Sign_{number - 1}"
    with object_store().open(one.ses_seal_sm3) as stored:
        files[f"{here}/Seal.esl"] = stored.read()
    stamp = _stamp(files, document, one, page, at or USUAL_PLACE)
    files[f"{here}/Signature.xml"] = _signature(files, here, f"{folder}/Signs/Signatures.xml", stamp, moment)
    about = f"/{here}/Signature.xml"
    files[f"{here}/SignedValue.dat"] = ses.seal_data(
        identity_of(one, SM2), files[f"{here}/Seal.esl"], _sm3(files[about[1:]]), about, moment, clock_at(SM2, moment)
    )
    listing.find("ofd:MaxSignId", NAMES).text = str(number)
    etree.SubElement(listing, tag("Signature"), {"ID": str(number), "Type": "Seal", "BaseLoc": about})
    files[f"{folder}/Signs/Signatures.xml"] = written(listing)
    sealed = package.packed(files)
    uses.record(principal, one, before=ofd, after=sealed, profile=PROFILE, subject=subject, at=moment)
    return sealed


def _listing(files: dict[str, bytes], root: Any, body: Any, folder: str) -> Any:
    """The list of signatures; made and named in OFD.xml with the first."""
    place = text_of(body, "ofd:Signatures")
    if place:
        return parsed(files, package.at(package.ROOT, place))
    etree.SubElement(body, tag("Signatures")).text = f"/{folder}/Signs/Signatures.xml"
    files[package.ROOT] = written(root)
    listing = etree.Element(tag("Signatures"), nsmap=NAMES)
    etree.SubElement(listing, tag("MaxSignId")).text = "0"
    return listing


def _stamp(files: Mapping[str, bytes], document: str, one: Seal, page: int, at: tuple[float, float]) -> dict[str, str]:
    """Where the picture stands: page and box in mm from the upper left corner; never outside the page."""
    pages = parsed(files, document).findall("ofd:Pages/ofd:Page", NAMES)
    if not -len(pages) <= page < len(pages):
        raise bad(f"没有第 {page} 页", f"there is no page {page}")
    chosen = pages[page]
    content = parsed(files, package.at(document, chosen.get("BaseLoc", "")))
    box = text_of(content, "ofd:Area/ofd:PhysicalBox") or text_of(
        parsed(files, document), "ofd:CommonData/ofd:PageArea/ofd:PhysicalBox"
    )
    width, height = (float(part) for part in box.split()[2:4])
    x = at[0] if at[0] >= 0 else width + at[0]
    y = height - at[1] if at[1] >= 0 else -at[1]
    left = min(max(x - one.width_mm / 2, 0), width - one.width_mm)
    top = min(max(y - one.height_mm / 2, 0), height - one.height_mm)
    return {"ID": "1", "PageRef": chosen.get("ID", ""), "Boundary": f"{left:g} {top:g} {one.width_mm} {one.height_mm}"}


def _signature(files: Mapping[str, bytes], here: str, listing: str, stamp: dict[str, str], moment: datetime) -> bytes:
    root = etree.Element(tag("Signature"), nsmap=NAMES)
    info = etree.SubElement(root, tag("SignedInfo"))
    etree.SubElement(info, tag("Provider"), _PROVIDER)
    etree.SubElement(info, tag("SignatureMethod")).text = ses.SM2_WITH_SM3
    etree.SubElement(info, tag("SignatureDateTime")).text = f"{moment.astimezone(UTC):%Y%m%d%H%M%SZ}"
    references = etree.SubElement(info, tag("References"), {"CheckMethod": SM2.digest_oid})
    for name in sorted(files):
        if name != listing:
            reference = etree.SubElement(references, tag("Reference"), {"FileRef": f"/{name}"})
            value = base64.b64encode(_sm3(files[name])).decode("ascii")
            etree.SubElement(reference, tag("CheckValue")).text = value
    etree.SubElement(info, tag("StampAnnot"), stamp)
    etree.SubElement(etree.SubElement(info, tag("Seal")), tag("BaseLoc")).text = f"/{here}/Seal.esl"
    etree.SubElement(root, tag("SignedValue")).text = f"/{here}/SignedValue.dat"
    return written(root)


def _sm3(content: bytes) -> bytes:
    return Sm3(content).digest()
