"""What is said about a signed file: each signature, and the whole. 签名核验结论."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

Pair = tuple[str, str]


@dataclass(frozen=True)
class SignatureVerdict:
    """One signature.

    Attributes
    ----------
    field : str
        Where it stands in the file.
    profile : str
        ``pades-ecdsa``, ``pdf-sm2``, ``ofd-sm2``; '' when it could not be read.
    signer : str
        Subject of the certificate.
    seal_code, seal_name : str
        '' when no seal of this node.
    seal_state : str
        At the time of signing: ``active``, ``suspended``, ``destroyed``, ``prepared``; ``not_checked`` for seals of
        others, whose register this node does not hold; '' when unknown.
    signed_at : datetime or None
        ``time_source`` says how it is known: ``time_stamp`` (proven) or ``claimed``.
    covers_whole_file : bool
        Nothing in the file is outside this signature.
    changed_after : bool
        Something else than further signatures was added, or what it covers was changed.
    reasons : tuple of (zh, en)
        Why it is not valid, or what was not checked; empty when there is nothing to say.
    """

    field: str
    profile: str = ""
    signer: str = ""
    seal_code: str = ""
    seal_name: str = ""
    seal_state: str = ""
    signed_at: datetime | None = None
    time_source: str = ""
    covers_whole_file: bool = False
    changed_after: bool = False
    is_intact: bool = False
    is_trusted: bool = False
    is_valid: bool = False
    reasons: tuple[Pair, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The whole file. ``is_whole``: nothing stands in it that no signature covers; ``is_valid``: that, and all hold."""

    signatures: tuple[SignatureVerdict, ...] = field(default=())
    is_whole: bool = False
    is_valid: bool = False
    why_zh: str = ""
    why_en: str = ""


def verdict(signatures: Sequence[SignatureVerdict], *, is_whole: bool, faults: Sequence[Pair] = ()) -> Verdict:
    """Sum up: valid when there is a signature, every one holds, and nothing lies outside them."""
    reasons = [*faults, *(one for each in signatures for one in each.reasons)]
    if not signatures and not faults:
        reasons.append(("文件没有签名。", "The file bears no signature."))
    if signatures and not is_whole and not any(each.changed_after for each in signatures):
        reasons.append(("文件中有未被签名覆盖的内容。", "The file holds content that no signature covers."))
    is_valid = bool(signatures) and is_whole and not faults and all(each.is_valid for each in signatures)
    if is_valid and not reasons:
        reasons = [("签名有效，文件未被改动。", "The signatures hold; the file is unchanged.")]
    unique = list(dict.fromkeys(reasons))
    return Verdict(
        tuple(signatures), is_whole, is_valid, "".join(zh for zh, _ in unique), " ".join(en for _, en in unique)
    )
