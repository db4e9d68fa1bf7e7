"""Acts on the tree of organisations: make, rename, move, close; each with its audit entry in one transaction. 单位管理."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace

from django.db import connection, transaction
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat, Substr
from django.utils import timezone

from kunyu.engines.reference.models import Division, Organisation
from kunyu.engines.security import audit, managing
from kunyu.engines.security.models import Appointment, Post
from kunyu.engines.security.organisation_errors import AlreadyDone, BadEntry, StillHeld
from kunyu.engines.security.scope import Principal
from kunyu.kernel import identifiers
from kunyu.kernel.errors import KunyuError

CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,23}")
LONGEST_PATH = 200
NAMED_AT_MOST = 10
_TREE_LOCK = 0x6B796F72  # one change of the tree's shape at a time: two moves could close a ring


@dataclass(frozen=True)
class UnitEntry:
    """What an organisation is told to be. ``division_code`` '' takes the parent's; ``parent_id`` None is a root."""

    code: str
    name_zh: str
    kind: str
    name_en: str = ""
    parent_id: int | None = None
    division_code: str = ""
    uscc: str | None = None
    position: int = 0


def bad(field: str, zh: str, en: str) -> BadEntry:
    return BadEntry(zh, en, field=field)


@transaction.atomic
def create(principal: Principal, given: UnitEntry) -> Organisation:
    """Make an organisation under one of the administrator's, or a root in his own division.

    Raises
    ------
    UnknownUnit
        The parent is not under the administrator.
    BadEntry
    """
    prefix = managing.reach(principal)
    lock_tree()
    parent = None if given.parent_id is None else managing.unit(principal, given.parent_id)
    entry = _checked(_tidy(given, parent), parent, prefix)
    if Organisation.objects.filter(code=entry.code).exists():
        raise bad("code", f"单位代码 {entry.code} 已被使用。", f"Code {entry.code} is taken.")
    if entry.uscc and Organisation.objects.filter(uscc=entry.uscc).exists():
        raise bad("uscc", f"统一社会信用代码 {entry.uscc} 已登记在另一单位。", f"{entry.uscc} belongs to another unit.")
    unit = Organisation.objects.create(**asdict(entry))
    unit.path = f"{parent.path if parent else ''}{unit.pk}/"
    if len(unit.path) > LONGEST_PATH:
        raise bad("parent_id", "单位层级过深。", "The tree is too deep here.")
    unit.save(update_fields=["path"])
    audit.record(principal, "create", "organisation", unit.code, name=unit.name_zh, division=unit.division_code,
                 parent=parent.code if parent else "")  # fmt: skip
    return unit


def lock_tree() -> None:
    """Wait until nobody else changes the shape of the tree, until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TREE_LOCK])


def _tidy(given: UnitEntry, parent: Organisation | None) -> UnitEntry:
    return replace(
        given, code=given.code.strip(), name_zh=given.name_zh.strip(), name_en=given.name_en.strip(),
        division_code=given.division_code.strip() or (parent.division_code if parent else ""),
        uscc=(given.uscc or "").strip().upper() or None,
    )  # fmt: skip


def _checked(entry: UnitEntry, parent: Organisation | None, prefix: str) -> UnitEntry:
    for field, zh, en in faults(entry, parent.division_code if parent else "", prefix):
        raise bad(field, zh, en)
    if parent is not None and parent.closed_on is not None:
        raise bad("parent_id", f"上级单位 {parent} 已撤销。", f"The parent {parent} is closed.")
    if entry.division_code and not Division.objects.filter(code=entry.division_code).exists():
        raise bad("division_code", f"区划代码 {entry.division_code} 不存在。", f"No division {entry.division_code}.")
    return entry


def faults(entry: UnitEntry, parent_division: str, prefix: str) -> list[tuple[str, str, str]]:
    """What is wrong with an entry taken alone: (field, Chinese, English); no query. Used by forms and by the import."""
    found = []
    if not CODE.fullmatch(entry.code):
        found.append(("code", f"单位代码“{entry.code}”应为 1 至 24 位字母、数字、点、横线。",
                      f"Code “{entry.code}” must be 1 to 24 letters, digits, dots or dashes."))  # fmt: skip
    if not 2 <= len(entry.name_zh) <= 120:
        found.append(("name_zh", f"名称“{entry.name_zh}”应为 2 至 120 字。", "The name must have 2 to 120 characters."))
    if entry.kind not in Organisation.Kind.values:
        found.append(("kind", f"类别“{entry.kind}”应为：{'、'.join(Organisation.Kind.labels)}。",
                      f"Kind “{entry.kind}” must be one of {', '.join(Organisation.Kind.values)}."))  # fmt: skip
    if entry.division_code and not re.fullmatch(r"\d{2}|\d{4}|\d{6}|\d{9}|\d{12}", entry.division_code):
        found.append(("division_code", f"区划代码“{entry.division_code}”应为 2、4、6、9 或 12 位数字。",
                      f"Division “{entry.division_code}” must have 2, 4, 6, 9 or 12 digits."))  # fmt: skip
    elif not entry.division_code.startswith(prefix):
        found.append(("division_code", f"区划 {entry.division_code or '全国'} 不在您的管理范围 {prefix} 内。",
                      f"Division {entry.division_code or 'nation'} is not under yours ({prefix})."))  # fmt: skip
    elif not entry.division_code.startswith(parent_division):
        found.append(("division_code", f"区划 {entry.division_code} 不在上级单位的区划 {parent_division} 内。",
                      f"Division {entry.division_code} is not under the parent's ({parent_division})."))  # fmt: skip
    return found + _uscc_faults(entry.uscc)


def _uscc_faults(uscc: str | None) -> list[tuple[str, str, str]]:
    if not uscc:
        return []
    try:
        identifiers.parse_credit_code(uscc)
    except KunyuError as error:
        return [("uscc", error.detail_zh, error.detail_en)]
    return []


@transaction.atomic
def rename(principal: Principal, unit_id: int, name_zh: str, name_en: str, reason: str) -> Organisation:
    """Give an open organisation another name; its posts and people stay."""
    unit = _open(managing.unit(principal, unit_id, lock=True))
    before, why = unit.name_zh, managing.reason_of(reason)
    if not 2 <= len(name_zh.strip()) <= 120:
        raise bad("name_zh", f"名称“{name_zh}”应为 2 至 120 字。", "The name must have 2 to 120 characters.")
    unit.name_zh, unit.name_en = name_zh.strip(), name_en.strip()[:160]
    unit.save(update_fields=["name_zh", "name_en"])
    audit.record(principal, "rename", "organisation", unit.code, before=before, after=unit.name_zh, reason=why)
    return unit


@transaction.atomic
def move(principal: Principal, unit_id: int, parent_id: int, reason: str) -> Organisation:
    """Hang an organisation with everything below it under another parent. Its division, and so its rights, stay.

    Raises
    ------
    UnknownUnit
        One of the two is not under the administrator.
    BadEntry
        The new parent lies below the unit, is closed, or its division does not hold the unit's.
    """
    managing.reach(principal)
    why = managing.reason_of(reason)
    lock_tree()
    unit = _open(managing.unit(principal, unit_id, lock=True))
    parent = _open(managing.unit(principal, parent_id, lock=True))
    if parent.path.startswith(unit.path):
        raise bad("parent_id", f"{parent} 就在 {unit} 之下，不能作为它的上级。", f"{parent} lies below {unit}.")
    if not unit.division_code.startswith(parent.division_code):
        raise bad("parent_id", f"{unit} 的区划 {unit.division_code} 不在 {parent} 的区划 {parent.division_code} 内。",
                  f"Division {unit.division_code} of {unit} is not under {parent.division_code} of {parent}.")  # fmt: skip
    old, new = unit.path, f"{parent.path}{unit.pk}/"
    below = Organisation.objects.filter(path__startswith=old)
    if max(len(path) for path in below.values_list("path", flat=True)) - len(old) + len(new) > LONGEST_PATH:
        raise bad("parent_id", "单位层级过深。", "The tree is too deep here.")
    before = Organisation.objects.filter(pk=unit.parent_id).values_list("code", flat=True).first() or ""  # type: ignore[misc]
    below.update(path=Concat(Value(new), Substr("path", len(old) + 1)))
    Organisation.objects.filter(pk=unit.pk).update(parent=parent)
    audit.record(principal, "move", "organisation", unit.code, before=before, after=parent.code, reason=why)
    unit.refresh_from_db()
    return unit


def below(unit: Organisation) -> QuerySet[Organisation]:
    """The unit and everything under it that is open."""
    return Organisation.objects.filter(path__startswith=unit.path, closed_on=None)


def held(unit: Organisation) -> QuerySet[Appointment]:
    """Appointments of today and later to posts of the unit or of any below it."""
    return (
        Appointment.objects.filter(post__organisation__path__startswith=unit.path)
        .filter(Q(ends_on=None) | Q(ends_on__gte=timezone.localdate()))
        .select_related("user", "post__organisation").order_by("post__organisation__path", "user__name_zh")
    )  # fmt: skip


@transaction.atomic
def close(principal: Principal, unit_id: int, reason: str) -> tuple[int, int]:
    """Close an organisation, the open ones below it and all their posts; counts of both.

    Raises
    ------
    StillHeld
        Somebody holds a post there; the text names who, at most ten.
    """
    managing.reach(principal)
    why = managing.reason_of(reason)
    lock_tree()
    unit = _open(managing.unit(principal, unit_id, lock=True))
    # a lock on the posts: an appointment made meanwhile refers to one and waits
    open_posts = Post.objects.filter(organisation__path__startswith=unit.path, closed_on=None)
    locked = list(open_posts.select_for_update(of=("self",)).values_list("pk", flat=True))
    require_unheld(str(unit), held(unit))
    today = timezone.localdate()
    codes = list(below(unit).values_list("code", flat=True))
    Post.objects.filter(pk__in=locked).update(closed_on=today)
    units = below(unit).update(closed_on=today)
    audit.record(principal, "close", "organisation", unit.code, units=codes[:200], posts=len(locked), reason=why)
    return units, len(locked)


def require_unheld(what: str, found: QuerySet[Appointment]) -> None:
    """Refuse while anybody is appointed, and name them."""
    holders = [f"{one.user}（{one.post.organisation} {one.post.name_zh}）" for one in found[: NAMED_AT_MOST + 1]]
    if holders:
        more = found.count() - NAMED_AT_MOST
        names = "、".join(holders[:NAMED_AT_MOST]) + (f" 等，另有 {more} 人" if more > 0 else "")
        raise StillHeld(
            f"{what} 还有人在任：{names}。请先办理离岗或调整任职。",
            f"{what} still has holders: {names}. Let them leave their posts first.",
            holders=[one.user.username for one in found[:NAMED_AT_MOST]],
        )


def _open(unit: Organisation) -> Organisation:
    if unit.closed_on is not None:
        raise AlreadyDone(f"{unit} 已于 {unit.closed_on} 撤销。", f"{unit} was closed on {unit.closed_on}.")
    return unit
