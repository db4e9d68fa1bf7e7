"""Questions about divisions in time."""

from datetime import date

from django.db.models import F, Q, QuerySet

from kunyu.engines.reference.errors import UnknownDivision
from kunyu.engines.reference.models import Division, DivisionChange

LEVEL_DIGITS = {2: 1, 4: 2, 6: 3, 9: 4, 12: 5}


def valid_at(day: date | None = None) -> QuerySet[Division]:
    """Divisions that exist on ``day`` (today when None)."""
    day = day or date.today()
    return Division.objects.filter(Q(valid_from=None) | Q(valid_from__lte=day)).filter(
        Q(valid_to=None) | Q(valid_to__gt=day)
    )


def division(code: str, day: date | None = None) -> Division:
    """The division that bears ``code`` on ``day``; :class:`UnknownDivision` names where an ended code went."""
    found = valid_at(day).filter(code=code).first()
    if found is not None:
        return found
    heirs = successors(code, day)
    hint_zh = f"；该代码已撤销，现为 {'、'.join(f'{d.name_zh} {d.code}' for d in heirs)}" if heirs else "，请核对代码"
    hint_en = f"; the code ended, its land is now {', '.join(d.code for d in heirs)}" if heirs else "; check the code"
    raise UnknownDivision(f"没有区划代码 {code}{hint_zh}。", f"No division has code {code}{hint_en}.", code=code)


def successors(code: str, day: date | None = None) -> list[Division]:
    """Divisions of ``day`` that hold the land of ``code``, following merges and splits; old codes resolve for ever."""
    seen, frontier, now = {code}, [code], []
    while frontier:
        now += list(valid_at(day).filter(code__in=frontier))
        found = {d.code for d in now}
        ended = [c for c in frontier if c not in found]
        frontier = [
            change.to_code
            for change in DivisionChange.objects.filter(from_code__in=ended, effective_on__lte=day or date.today())
            if change.to_code not in seen
        ]
        seen.update(frontier)
    return sorted(now, key=lambda d: d.code)


def children(code: str, day: date | None = None) -> QuerySet[Division]:
    """Direct children of ``code`` ('0' is the nation)."""
    return valid_at(day).filter(parent_code=code).order_by("code")


def path(code: str, day: date | None = None) -> list[Division]:
    """The division and its ancestors, nation first."""
    codes = ["0", *(code[:digits] for digits in LEVEL_DIGITS if digits <= len(code))]
    return list(valid_at(day).filter(code__in=codes).order_by("level"))


def search(text: str, limit: int = 10) -> QuerySet[Division]:
    """Divisions whose name contains ``text`` or whose code starts with it, highest level first."""
    condition = Q(code__startswith=text) if text.isdigit() else Q(name_zh__contains=text)
    return valid_at().filter(condition).order_by("level", F("code"))[:limit]
