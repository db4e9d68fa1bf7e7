"""What is shared by all identifiers: the error they raise and the checks they have in common."""

from __future__ import annotations

from collections.abc import Callable

from kunyu.kernel.errors import UsageError

PROVINCES = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
    ]
)
"""First two digits of GB/T 2260 (from memory, see registers.md §2.4)."""

SAMPLE_PROVINCE = "99"
"""The fictional province of the sample county: no GB/T 2260 code begins so."""


class BadIdentifier(UsageError):
    """An identifier is not what its standard asks. ``reason`` in the context is stable."""

    code = "identifier.bad"
    title_zh, title_en = "标识码错误", "Bad identifier"

    @property
    def reason(self) -> str:
        """Return the reason code: length, characters, check, division, date, structure."""
        return str(self.context["reason"])


def holds(parse: Callable[[], object]) -> bool:
    try:
        parse()
    except BadIdentifier:
        return False
    return True


def bad(zh: str, en: str, code: str, reason: str, why_zh: str, why_en: str) -> BadIdentifier:
    shown = code[:80]
    return BadIdentifier(f"{zh} {shown}: {why_zh}。", f"{en} {shown}: {why_en}.", reason=reason, value=shown)


def wrong_length(zh: str, en: str, code: str, wanted: str, found: int | None = None) -> BadIdentifier:
    length = len(code) if found is None else found
    return bad(zh, en, code, "length", f"长度 {length}, 应为 {wanted}", f"length {length}, should be {wanted}")


def require_length(zh: str, en: str, code: str, length: int) -> None:
    if len(code) != length:
        raise wrong_length(zh, en, code, str(length))


def require_letters(zh: str, en: str, code: str, alphabet: str) -> None:
    strange = sorted(set(code) - set(alphabet))
    if strange:
        found = " ".join(strange)
        raise bad(zh, en, code, "characters", f"含不允许的字符 {found}", f"contains characters not allowed: {found}")


def require_digits(zh: str, en: str, code: str) -> None:
    if not (code.isascii() and code.isdigit()):
        raise bad(zh, en, code, "characters", "须全为数字", "must be digits only")


def require_province(zh: str, en: str, code: str, real_only: bool) -> None:
    province = code[:2]
    if province not in PROVINCES and (real_only or province != SAMPLE_PROVINCE):
        raise bad(zh, en, code, "division", f"省级代码 {province} 不存在", f"there is no province {province}")


def require_check(zh: str, en: str, code: str, expected: str) -> None:
    if code[-1] != expected:
        why_zh, why_en = (f"校验码 {code[-1]} 应为 {expected}", f"check character {code[-1]} should be {expected}")
        raise bad(zh, en, code, "check", why_zh, why_en)
