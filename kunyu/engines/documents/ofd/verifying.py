"""Judge the seals of an OFD: what each protects, whether that is unchanged, whose seal it is. OFD验章."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kunyu.engines.documents import judging
from kunyu.engines.documents.ofd import package
from kunyu.engines.documents.ofd.package import NAMES, bad, parsed, text_of
from kunyu.engines.documents.ofd.sealing import PROFILE
from kunyu.engines.documents.seal_errors import BadOfd, UnreadableSignature
from kunyu.engines.documents.signatures import ses
from kunyu.engines.documents.signatures.suites import SM2
from kunyu.engines.documents.verdicts import Pair, SignatureVerdict, Verdict, verdict
from kunyu.kernel.digests import Sm3

MOST_SEALS = 20
_CHECK_METHODS = {SM2.digest_oid, "SM3"}


@dataclass(frozen=True)
class _Sign:
    """One entry of the list of signatures: its files, what it protects and whether that is as it was."""

    place: str
    own: frozenset[str]
    protects: frozenset[str]
    changed: tuple[str, ...]
    value: bytes
    esl: bytes


def verify(ofd: bytes) -> Verdict:
    """Judge every seal of a package and the package as a whole; never raises for what is in the file."""
    try:
        files = package.read(ofd)
        listing, signs = _signs(files)
    except BadOfd as error:
        return verdict((), is_whole=False, faults=[(error.detail_zh, error.detail_en)])
    # what belongs to the act of sealing; anything else that no seal protects was put in afterwards
    upkeep = frozenset({listing}).union(*(one.own for one in signs))
    outside = [frozenset(files) - one.protects - upkeep for one in signs]
    judged = [_judged(files, one, extra) for one, extra in zip(signs, outside, strict=True)]
    return verdict(judged, is_whole=bool(signs) and not any(outside))


def _signs(files: Mapping[str, bytes]) -> tuple[str, list[_Sign]]:
    root = parsed(files, package.ROOT)
    bodies = root.findall("ofd:DocBody", NAMES)
    if len(bodies) != 1:
        raise bad(f"含 {len(bodies)} 个文档，只核验一个", f"it holds {len(bodies)} documents, one is verified")
    place = text_of(bodies[0], "ofd:Signatures")
    if not place:
        return "", []
    listing = package.at(package.ROOT, place)
    entries = parsed(files, listing).findall("ofd:Signature", NAMES)
    if len(entries) > MOST_SEALS:
        raise bad(f"{len(entries)} 个签章", f"{len(entries)} seals, at most {MOST_SEALS}")
    return listing, [_sign(files, listing, one) for one in entries]


def _sign(files: Mapping[str, bytes], listing: str, entry: Any) -> _Sign:
    place = package.at(listing, entry.get("BaseLoc", ""))
    root = parsed(files, place)
    value_place = package.at(place, text_of(root, "ofd:SignedValue"))
    if value_place not in files:
        raise bad(f"缺少“{value_place}”", f"'{value_place}' is missing")
    references = root.find("ofd:SignedInfo/ofd:References", NAMES)
    if references is None or references.get("CheckMethod", "") not in _CHECK_METHODS:
        raise bad("签章的杂凑算法不是SM3", "the seal's digest is not SM3")
    esl = text_of(root, "ofd:SignedInfo/ofd:Seal/ofd:BaseLoc")
    protects, changed = set(), []
    for one in references.findall("ofd:Reference", NAMES):
        name = package.at(place, one.get("FileRef", ""))
        protects.add(name)
        if name not in files or Sm3(files[name]).digest() != _decoded(text_of(one, "ofd:CheckValue")):
            changed.append(name)
    seal_place = package.at(place, esl) if esl else ""
    own = frozenset({place, value_place, *([seal_place] if esl else ())})
    seal_file = files.get(seal_place, b"")
    return _Sign(place, own, frozenset(protects), tuple(changed), files[value_place], seal_file)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def _judged(files: Mapping[str, bytes], one: _Sign, extra: frozenset[str]) -> SignatureVerdict:
    try:
        sealed = ses.read_sealed(one.value)
    except UnreadableSignature as error:
        return SignatureVerdict(one.place, PROFILE, reasons=((error.detail_zh, error.detail_en),))
    faults = _broken(files, one, sealed)
    if faults:
        return SignatureVerdict(one.place, PROFILE, changed_after=True, reasons=tuple(faults))
    claim = judging.Claim(SM2, sealed.certificate, (), sealed.signature, sealed.time_stamp, sealed.claimed_at)
    said = judging.judge(claim)
    faults = [*said.faults, *_seal_faults(sealed, one, said)]
    if extra:
        named = "、".join(sorted(extra)[:3])
        faults.append((f"签章之后加入了“{named}”。", f"Added after sealing: {named}."))
    return SignatureVerdict(
        field=one.place, profile=PROFILE, signer=said.signer, seal_code=said.seal_code or sealed.seal.code,
        seal_name=said.seal_name or sealed.seal.name, seal_state=said.seal_state, signed_at=said.signed_at,
        time_source=said.time_source, covers_whole_file=not extra, changed_after=bool(extra), is_intact=True,
        is_trusted=said.is_trusted, is_valid=not faults, reasons=(*faults, *said.remarks),
    )  # fmt: skip


def _broken(files: Mapping[str, bytes], one: _Sign, sealed: ses.SealedData) -> list[Pair]:
    if one.changed:
        named = "、".join(one.changed[:3])
        return [(f"签章后“{named}”被改动或删除。", f"Changed or removed after sealing: {named}.")]
    if sealed.about.lstrip("/") != one.place or not sealed.is_authentic(Sm3(files[one.place]).digest()):
        return [
            (
                f"签章“{one.place}”与文件不符：文件被改动、证书被替换，或签章来自另一文件。",
                f"Seal '{one.place}' does not fit the file: it was changed, its certificate exchanged, or the seal comes "
                "from another file.",
            )
        ]
    return []


def _seal_faults(sealed: ses.SealedData, one: _Sign, said: judging.Judgement) -> list[Pair]:
    """What is wrong with the seal itself: not its maker's, another picture, out of time."""
    faults: list[Pair] = []
    if not sealed.seal_is_its_makers:
        faults.append(("印章数据的制章人签名不符。", "The seal's data do not bear its maker's signature."))
    if one.esl and one.esl != sealed.seal_data:
        faults.append(
            ("所附印章文件与签章中的印章不同。", "The seal file beside it is another than the one in the signature.")
        )
    moment = said.signed_at or sealed.claimed_at
    if not sealed.seal.valid_from <= moment <= sealed.seal.valid_to:
        faults.append(("签章时印章不在有效期内。", "The seal was outside its validity when it was put on."))
    faults += judging.maker_faults(sealed.maker_certificate, (), moment)
    return faults
