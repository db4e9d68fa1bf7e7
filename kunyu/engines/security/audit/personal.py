"""Personal data never enters the log in clear. 审计中的个人信息 (domain facts: security §5, test T11).

Values under declared keys are masked by kind. A pack's or standard's own field names are declared with `declare`. As a
second net, any text that holds a valid resident identity number or a mobile number has it masked, whatever its key.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from kunyu.engines.security import masks
from kunyu.engines.security.masks import ADDRESS, DOCUMENT, NAME, PHONE

_KEYS: dict[str, str] = {
    **dict.fromkeys(("person_name", "holder_name", "owner_name", "applicant_name", "legal_person", "contact_name",
                     "姓名", "权利人", "申请人", "联系人"), NAME),
    **dict.fromkeys(("id_number", "document_number", "identity_number", "passport", "uscc_person", "证件号", "证件号码",
                     "身份证号"), DOCUMENT),
    **dict.fromkeys(("phone", "mobile", "telephone", "电话", "手机", "联系电话"), PHONE),
    **dict.fromkeys(("home_address", "postal_address", "住址", "地址", "通讯地址"), ADDRESS),
}  # fmt: skip

_IDENTITY = re.compile(
    r"(?<![0-9A-Za-z])[1-9]\d{5}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![0-9A-Za-z])"
)
_MOBILE = re.compile(r"(?<![0-9A-Za-z.])1[3-9]\d{9}(?![0-9A-Za-z])")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_DEPTH = 12


def declare(keys: Mapping[str, str]) -> None:
    """Add keys (field codes of a standard, names of a pack) with their kind; known keys keep theirs."""
    for key, kind in keys.items():
        masks.mask(kind, "")  # refuses an unknown kind
        _KEYS.setdefault(key.casefold(), kind)


def masked(detail: Mapping[str, Any]) -> dict[str, Any]:
    """The detail with personal data masked and every value JSON-ready; deeper than 12 levels becomes text."""
    return {storable(str(key)): _value(value, _KEYS.get(str(key).casefold()), 1) for key, value in detail.items()}


def storable(text: str) -> str:
    """The text as PostgreSQL and UTF-8 can hold it: NUL and lone surrogates become U+FFFD."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def scrubbed(text: str) -> str:
    """The text, storable, with valid identity numbers and mobile numbers masked."""
    found = _IDENTITY.sub(_identity_masked, storable(text))
    return _MOBILE.sub(lambda match: str(masks.mask(PHONE, match[0])), found)


def _value(value: Any, kind: str | None, depth: int) -> Any:
    if isinstance(value, Mapping) and depth < _DEPTH:
        return {storable(str(k)): _value(v, _KEYS.get(str(k).casefold()) or kind, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)) and depth < _DEPTH:
        members = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return [_value(one, kind, depth + 1) for one in members]
    if value is None or isinstance(value, bool):
        return value
    return _scalar(value) if kind is None else masks.mask(kind, storable(str(value)))


def _scalar(value: Any) -> Any:
    """Numbers stay numbers unless they must be masked; everything else becomes its text."""
    text = str(value)
    cleaned = scrubbed(text)
    is_number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return value if is_number and cleaned == text else cleaned


def _identity_masked(match: re.Match[str]) -> str:
    text = match[0]
    remainder = sum(int(digit) * weight for digit, weight in zip(text, _WEIGHTS, strict=False)) % 11
    return str(masks.mask(DOCUMENT, text)) if "10X98765432"[remainder] == text[-1].upper() else text
