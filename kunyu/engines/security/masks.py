"""Masked forms of personal data, in Python and in SQL, letter for letter the same. 个人信息脱敏.

| kind | shown | example |
|---|---|---|
| ``name`` | the first letter | 张三 → 张*, 欧阳修 → 欧** |
| ``document`` | first 3 and last 4 of 12 and more letters; first and last of 5 to 11; nothing of fewer | 110***********002X |
| ``phone`` | first 3 and last 4 of 11 and more; last 4 of 7 to 10; nothing of fewer | 138****1234 |
| ``address`` | up to the road, else up to village, town or subdistrict; digits hidden; then four stars | 坤舆县人民路**** |

Letters are Unicode code points in both languages, so a rare Han letter outside the basic plane (𠮷) counts once. NULL
stays NULL and the empty text stays empty. The SQL uses built-in immutable functions only. How much of each kind may be
shown follows common practice of public lists (GB/T 35273-2020 asks for de-identified display and fixes no pattern):
not verified against a rule of the ministry.
"""

from __future__ import annotations

from collections.abc import Callable

from kunyu.kernel.errors import UsageError

NAME, DOCUMENT, PHONE, ADDRESS = "name", "document", "phone", "address"
STAR = "*"
REST = "****"
_DIGITS = "0123456789０１２３４５６７８９"
_STARS = STAR * len(_DIGITS)
# letters that take a marker's place where it is part of another word: 街 in 街道, 路 in 铁路 and the like
_NOT_A_ROAD = ("街道", "铁路", "路口镇", "路南区", "路北区", "路桥区")
_HOLD = {word: "〓" * len(word) for word in _NOT_A_ROAD}
_ROADS = ("路", "街", "大道", "巷", "胡同", "弄")
_PLACES = ("村", "社区", "街道", "镇", "乡", "区", "县", "市")


def mask(kind: str, text: str | None) -> str | None:
    """Return the masked form of ``text``.

    Parameters
    ----------
    kind : str
        One of `KINDS`: what a standard's field says in ``personal``.

    Raises
    ------
    UsageError
        Unknown kind.
    """
    masked = _kind(kind)[0]
    return text if not text else masked(text)


def mask_sql(kind: str, column_sql: str) -> str:
    """Return an SQL expression of type ``text`` that masks as `mask` does.

    Parameters
    ----------
    column_sql : str
        A column or expression of a text type, quoted by the caller; it appears several times in the result.
    """
    return _kind(kind)[1](f"({column_sql})::text")


def _name(text: str) -> str:
    return STAR if len(text) == 1 else text[0] + STAR * (len(text) - 1)


def _name_sql(text: str) -> str:
    length = f"char_length({text})"
    return (
        f"(CASE WHEN {length} <= 1 THEN repeat('*', {length}) "
        f"ELSE left({text}, 1) || repeat('*', {length} - 1) END)"
    )  # fmt: skip


def _document(text: str) -> str:
    if len(text) >= 12:
        return _ends(text, 3, 4)
    return _ends(text, 1, 1) if len(text) >= 5 else STAR * len(text)


def _document_sql(text: str) -> str:
    length = f"char_length({text})"
    return (
        f"(CASE WHEN {length} >= 12 THEN {_ends_sql(text, 3, 4)} WHEN {length} >= 5 THEN {_ends_sql(text, 1, 1)} "
        f"ELSE repeat('*', {length}) END)"
    )


def _phone(text: str) -> str:
    if len(text) >= 11:
        return _ends(text, 3, 4)
    return _ends(text, 0, 4) if len(text) >= 7 else STAR * len(text)


def _phone_sql(text: str) -> str:
    length = f"char_length({text})"
    return (
        f"(CASE WHEN {length} >= 11 THEN {_ends_sql(text, 3, 4)} WHEN {length} >= 7 THEN {_ends_sql(text, 0, 4)} "
        f"ELSE repeat('*', {length}) END)"
    )


def _ends(text: str, first: int, last: int) -> str:
    return text[:first] + STAR * (len(text) - first - last) + text[len(text) - last :]


def _ends_sql(text: str, first: int, last: int) -> str:
    return f"left({text}, {first}) || repeat('*', char_length({text}) - {first + last}) || right({text}, {last})"


def _address(text: str) -> str:
    held = text
    for word, hold in _HOLD.items():
        held = held.replace(word, hold)
    end = _first_end(held, _ROADS) or _first_end(text, _PLACES)
    kept = text[:end].translate(str.maketrans(_DIGITS, _STARS))
    return kept + (REST if end < len(text) else "")


def _first_end(text: str, markers: tuple[str, ...]) -> int:
    """Letters up to and with the marker that comes first; the first kind of place found for places; 0 for none."""
    found = [text.find(word) for word in markers]
    if markers is _PLACES:
        return next((at + len(word) for at, word in zip(found, markers, strict=True) if at >= 0), 0)
    return min((at + len(word) for at, word in zip(found, markers, strict=True) if at >= 0), default=0)


def _address_sql(text: str) -> str:
    held = text
    for word, hold in _HOLD.items():
        held = f"replace({held}, '{word}', '{hold}')"
    road = f"least({', '.join(_end_sql(held, word) for word in _ROADS)})"
    place = ", ".join(_end_sql(text, word) for word in _PLACES)
    end = f"coalesce({road}, {place}, 0)"
    return (
        f"(CASE WHEN {text} = '' THEN '' ELSE translate(left({text}, {end}), '{_DIGITS}', '{_STARS}') "
        f"|| CASE WHEN {end} < char_length({text}) THEN '{REST}' ELSE '' END END)"
    )


def _end_sql(text: str, word: str) -> str:
    return f"nullif(strpos({text}, '{word}'), 0) + {len(word) - 1}"


_FORMS: dict[str, tuple[Callable[[str], str], Callable[[str], str]]] = {
    NAME: (_name, _name_sql),
    DOCUMENT: (_document, _document_sql),
    PHONE: (_phone, _phone_sql),
    ADDRESS: (_address, _address_sql),
}
KINDS = tuple(_FORMS)
"""The kinds of personal data that a field may name."""


def _kind(kind: str) -> tuple[Callable[[str], str], Callable[[str], str]]:
    try:
        return _FORMS[kind]
    except KeyError:
        raise UsageError(
            f"没有脱敏方式“{kind}”；可用：{'、'.join(KINDS)}。",
            f"There is no mask '{kind}'; there are {', '.join(KINDS)}.",
            kind=kind,
        ) from None
