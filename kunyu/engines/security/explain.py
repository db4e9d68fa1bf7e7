"""Why somebody may do something, or why not; and who may. 为什么能看、谁能看.

Answers come from the sources of rights (``RightSource``), the approved labels and the zone: the very definitions that
:func:`scope.resolve` decides by, so that an explanation and a decision never differ (a property test compares them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone

from kunyu.engines.pages.words import Pair
from kunyu.engines.security import data_names, label_registry, labels, scope, zones
from kunyu.engines.security.grant_services import grantors
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import AdminDuty, RightSource, User
from kunyu.engines.security.rights_words import (
    ACTIONS,
    CLEARANCE,
    actions_words,
    ceiling_words,
    division_names,
    prefixes_of,
    reveals_words,
    until_words,
)
from kunyu.engines.security.zones import Zone

WAYS_SHOWN = 20
NEAREST_SHOWN = 3
NEAREST_READ = 30
_PATHS = ("user", "grant", "role", "post__organisation", "appointment")
_CONDITIONS = ("is_active", "is_unexpired", "is_appointed", "is_post_open", "is_within")


@dataclass(frozen=True)
class Link:
    """One link of a chain. ``remedy`` says, for a broken one, who could mend it and how."""

    kind: str
    holds: bool
    title: Pair
    detail: Pair
    remedy: Pair = ("", "")


@dataclass(frozen=True)
class Way:
    """One way from the person to the data, whole or broken. ``source`` is None where no grant is involved."""

    links: tuple[Link, ...]
    source: RightSource | None = None

    @property
    def holds(self) -> bool:
        return all(link.holds for link in self.links)

    @property
    def broken(self) -> tuple[Link, ...]:
        return tuple(link for link in self.links if not link.holds)


@dataclass(frozen=True)
class Answer:
    """``ways`` are whole when ``allowed``, otherwise the nearest broken ones; ``count`` is how many whole ways exist."""

    allowed: bool
    ways: tuple[Way, ...]
    count: int
    label: Label
    label_approved: bool
    zone: Zone
    grantors: tuple[User, ...] = ()


@dataclass(frozen=True)
class Question:
    """May ``user`` do ``action`` to ``collection`` in ``division`` ('' asks for any)? ``public``: opened to all."""

    user: User
    collection: str
    action: str
    division: str = ""
    public: bool = False


def who(collection: str, action: str = "", division: str = "") -> QuerySet[RightSource]:
    """Every way by which anybody may do ``action`` ('' any) to ``collection`` in ``division`` ('' anywhere), now."""
    label, zone = label_registry.label_of(collection), zones.current_zone()
    if not zone.holds(label):
        return RightSource.objects.none()
    found = RightSource.objects.filter(holds=True, branch__in=prefixes_of(collection))
    if action:
        found = found.filter(action=action)
    if division:
        found = found.filter(division__in=prefixes_of(division))
    return found.annotate(hit=F("allowed").bitand(1 << label.code)).exclude(hit=0)


def everything(user: User) -> QuerySet[RightSource]:
    """Every right a person has now, with where it comes from."""
    return RightSource.objects.filter(user=user, holds=True)


def why(question: Question) -> Answer:
    """Answer a question with its chain: the whole ways, or the nearest broken ones and who could mend them."""
    label, zone = label_registry.label_of(question.collection), zones.current_zone()
    mine = who(question.collection, question.action, question.division).filter(user=question.user)
    count = mine.count()
    opened = _opened(question, label, zone)
    sources = list(mine.select_related(*_PATHS).order_by("-expires_at", "id")[:WAYS_SHOWN])
    allowed = bool(sources) or opened is not None
    acts: dict[str, tuple[str, ...]] = {}
    if not allowed:
        sources, acts = _apart(_nearest(question, label))
    chains = [_way(question, one, label, zone, acts.get(one.id, (one.action,))) for one in sources]
    if opened is not None:
        chains.insert(0, opened)
    if not chains:
        chains = [_nothing(question)]
    return Answer(
        allowed, tuple(chains), count + (opened is not None), label,
        label_registry.approved_label(question.collection) is not None, zone,
        () if allowed else tuple(grantors(question.division or question.user.division_code)),
    )  # fmt: skip


def _opened(question: Question, label: Label, zone: Zone) -> Way | None:
    """Data opened to everybody needs no grant; the label decides whether it still is."""
    if not (question.public and label.is_open and question.action in scope.READING):
        return None
    return Way((
        Link("label", True, ("数据标记", "Label"), (label.name_zh, label.name_en)),
        Link("public", True, ("向社会开放", "Open to everybody"),
             ("数据集已开放，不需要登录。", "The dataset is open; nobody needs to sign in.")),
    ))  # fmt: skip


def _nearest(question: Question, label: Label) -> list[RightSource]:
    """The sources that miss least: those on the data first, then with the action, the division, the label."""
    bit = 1 << label.code
    conditions = [
        Q(branch__in=prefixes_of(question.collection)), Q(action=question.action), *(Q(**{one: True}) for one in _CONDITIONS)
    ]  # fmt: skip
    if question.division:
        conditions.append(Q(division__in=prefixes_of(question.division)))
    missing: F | Case | object = Value(0)
    for condition in conditions:
        missing = missing + Case(When(condition, then=0), default=1, output_field=IntegerField())  # type: ignore[operator]
    for column in ("labels", "cleared"):
        missing = missing + Case(  # type: ignore[operator]
            When(**{f"{column}_hit": 0}, then=1), default=0, output_field=IntegerField()
        )
    found = RightSource.objects.filter(user=question.user).annotate(
        labels_hit=F("labels").bitand(bit), cleared_hit=F("cleared").bitand(bit)
    )
    return list(found.annotate(missing=missing).select_related(*_PATHS).order_by("missing", "id")[:NEAREST_READ])


def _apart(sources: Sequence[RightSource]) -> tuple[list[RightSource], dict[str, tuple[str, ...]]]:
    """The first few that differ in more than their action, and the actions of each."""
    kept: dict[tuple[object, ...], list[RightSource]] = {}
    for one in sources:
        key = (one.appointment_id, one.role_id, one.branch, one.division, one.labels, one.is_unexpired, one.is_within)
        kept.setdefault(key, []).append(one)
    groups = list(kept.values())[:NEAREST_SHOWN]
    return [group[0] for group in groups], {group[0].id: tuple(one.action for one in group) for group in groups}


def _nothing(question: Question) -> Way:
    """No grant reaches the person at all."""
    user = question.user
    if AdminDuty.objects.filter(user=user).exists():
        link = Link(
            "duty", False, ("管理员", "Administrator"),
            ("三员不持有数据权限。", "Administrators hold no rights on data."),
            ("由经办人员使用数据。", "Whoever does the work uses the data."),
        )  # fmt: skip
    else:
        link = Link(
            "grant", False, ("授权", "Grant"), ("没有任何授权，也没有带角色的岗位。", "No grant, and no post with a role."),
            ("请安全管理员授权，或请系统管理员任命到带角色的岗位。",
             "Ask a security administrator for a grant, or a system administrator for a post with a role."),
        )  # fmt: skip
    return Way((_person(user, user.is_active), link))


def _person(user: User, is_active: bool) -> Link:
    return Link(
        "person", is_active, ("人员", "Person"), (f"{user.name_zh}（{user.username}）", f"{user.name_zh} ({user.username})"),
        ("账号已停用，由系统管理员启用。", "The account is disabled; a system administrator can enable it."),
    )  # fmt: skip


def _way(question: Question, one: RightSource, label: Label, zone: Zone, acts: Sequence[str]) -> Way:
    links = [_person(one.user, one.is_active), *_post(one), _grant(question, one, acts), _branch(question, one)]
    links += [_division(question, one), *_label(one, label, zone), _masks(one)]
    return Way(tuple(links), one)


def _post(one: RightSource) -> Sequence[Link]:
    if one.post is None or one.appointment is None or one.role is None:
        return ()
    held, post, role = one.appointment, one.post, one.role
    begin, end = held.starts_on.isoformat(), held.ends_on.isoformat() if held.ends_on else ""
    return (
        Link("appointment", one.is_appointed, ("任职", "Appointment"),
             (f"{begin} 起{'，至 ' + end if end else '，现任'}", f"from {begin}{' to ' + end if end else ''}"),
             ("今天不在任职期内，由系统管理员任命。", "Today is outside it; a system administrator appoints.")),
        Link("post", one.is_post_open, ("岗位", "Post"), (str(post), f"{post.organisation.name_zh} {post.name_en or post}"),
             ("岗位或单位已撤销，由系统管理员处理。", "The post or its unit is closed; a system administrator's matter.")),
        Link("role", True, ("角色", "Role"), (role.name_zh, role.name_en or role.name_zh)),
    )  # fmt: skip


def _grant(question: Question, one: RightSource, acts: Sequence[str]) -> Link:
    has, wanted = actions_words(acts), ACTIONS[question.action]
    zh, en = until_words(one.expires_at)
    who_gave = one.grant.granted_by or "—"
    day = timezone.localtime(one.grant.granted_at).date().isoformat()
    holds = one.is_unexpired and one.action == question.action
    remedy = ("", "")
    if not one.is_unexpired:
        remedy = ("授权已到期，由安全管理员重新授予。", "The grant has ended; a security administrator can renew it.")
    if one.action != question.action:
        remedy = (
            f"只有“{has[0]}”，缺“{wanted[0]}”，由安全管理员授予。",
            f"It gives “{has[1]}”, not “{wanted[1]}”; a security administrator can grant it.",
        )
    reason = f"：{one.grant.reason}" if one.grant.reason else ""
    return Link(
        "grant", holds, ("授权", "Grant"),
        (f"{has[0]}，{zh}；{who_gave} 于 {day} 授予{reason}", f"{has[1]}, {en}; by {who_gave} on {day}{reason}"), remedy,
    )  # fmt: skip


def _branch(question: Question, one: RightSource) -> Link:
    name = data_names.names_of([one.branch])[one.branch]
    shown = f"（{one.branch}）" if one.branch else ""
    return Link(
        "branch", question.collection.startswith(one.branch), ("数据范围", "Data"), (name[0] + shown, f"{name[1]} {one.branch}"),
        ("不包括这份数据，由安全管理员授予。", "It does not hold this data; a security administrator can grant it."),
    )  # fmt: skip


def _division(question: Question, one: RightSource) -> Link:
    asked, has = question.division, one.division
    names = division_names([asked, has])
    holds = one.is_within and (not asked or asked.startswith(has))
    return Link(
        "division", holds, ("区划", "Division"), (f"{names[has][0]} {has}".strip(), f"{names[has][1]} {has}".strip()),
        (f"不包括 {names[asked][0]} {asked}，由该区划的安全管理员授予。",
         f"It does not hold {names[asked][1]} {asked}; that division's security administrator can grant it.")
        if one.is_within else
        ("授权限于岗位所在区划，而岗位不在其中。", "The grant is narrowed to the division of the post, which lies elsewhere."),
    )  # fmt: skip


def _label(one: RightSource, label: Label, zone: Zone) -> Sequence[Link]:
    grant = one.grant
    ceiling = Label(grant.max_secrecy, grant.max_grading, grant.max_sharing)
    cleared = CLEARANCE[one.user.clearance]
    zh, en = ceiling_words(ceiling)
    return (
        Link("ceiling", labels.holds(one.labels, label), ("标记上限", "Label ceiling"), (zh, en),
             (f"数据标记为“{label.name_zh}”，超出授权上限，由安全管理员授予。",
              f"The data is labelled “{label.name_en}”, above the ceiling; a security administrator can grant more.")),
        Link("clearance", labels.holds(one.cleared, label), ("涉密等级", "Clearance"), cleared,
             (f"数据为“{label.name_zh}”，需要相应涉密等级，由安全管理员核定。",
              f"The data is “{label.name_en}”; the person needs a clearance, set by a security administrator.")),
        Link("zone", zone.holds(label), ("网络分区", "Zone"), (zone.name_zh, zone.name_en),
             (f"“{label.name_zh}”的数据不得在{zone.name_zh}出现，任何人都不能授予。",
              f"Data labelled “{label.name_en}” must not appear in the {zone.name_en}; nobody can grant that.")),
    )  # fmt: skip


def _masks(one: RightSource) -> Link:
    return Link("masks", True, ("脱敏", "Masks"), reveals_words(one.reveals))
