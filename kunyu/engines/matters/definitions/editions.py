"""Editions of matters: published, found, kept. 事项版本.

An edition never changes once published; a running case points at its edition and stays on it. A division's edition is
an overlay over the nearest one above and is carried over when that one changes, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from kunyu.engines.matters.definitions import canonical, owners
from kunyu.engines.matters.definitions.faults import Place, bad
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.definitions.overlays import Content, laid_over, overlay_of
from kunyu.engines.matters.definitions.whole import check_content
from kunyu.engines.matters.models import Matter, MatterEdition
from kunyu.engines.security import audit, zones
from kunyu.engines.security.scope import Principal

_LENGTHS = (12, 9, 6, 4, 2)
_LONG = ("definition", "flow", "decisions", "overlay")
REASON_LONG = 500
State = MatterEdition.State


# -- finding --------------------------------------------------------------------------------------------------------


def edition_in_use(matter_code: str, division: str = "") -> MatterEdition:
    """The edition that holds in a division: its own, or the nearest above it, or the one as shipped.

    Raises
    ------
    UnknownMatter
    """
    found = find_in_use(matter_code, division)
    if found is None:
        raise owners.unknown(matter_code)
    return found


def find_in_use(matter_code: str, division: str = "") -> MatterEdition | None:
    """As :func:`edition_in_use`; None where there is none."""
    return _in_use(matter_code, prefixes_of(division))


def _in_use(matter_code: str, prefixes: list[str]) -> MatterEdition | None:
    """Without what is long: definition, flow and tables are kept by digest, and read where that edition is new."""
    rows = MatterEdition.objects.filter(
        matter__code=matter_code, division_code__in=prefixes, state=State.PUBLISHED
    ).select_related("matter").defer(*_LONG)  # fmt: skip
    return max(rows, key=lambda one: len(one.division_code), default=None)


def editions_in_use(division: str = "") -> list[MatterEdition]:
    """The edition of every matter that holds in a division, by code."""
    rows = MatterEdition.objects.filter(division_code__in=prefixes_of(division), state=State.PUBLISHED)
    found = {
        one.matter.code: one for one in sorted(rows.select_related("matter"), key=lambda one: len(one.division_code))
    }
    return [found[code] for code in sorted(found)]


def prefixes_of(division: str) -> list[str]:
    """Divisions whose edition may hold in this one, itself first: village, township, county, city, province, ''."""
    return [division[:length] for length in _LENGTHS if len(division) >= length] + [""]


def is_of_this_zone(definition: Definition) -> bool:
    """May it be handled, and shown to the public, on a node of this network zone (R-310)?"""
    return not definition.zones or zones.current_zone().code in definition.zones


def definition_of(edition: MatterEdition) -> Definition:
    """What the edition says the matter is."""
    return canonical.definition_of_content(edition.digest, lambda: edition.definition)


def content_of(edition: MatterEdition) -> Content:
    """Definition, flow file and decision tables of an edition."""
    return Content(definition_of(edition), edition.flow, edition.decisions)


def history(matter_code: str, division: str | None = None) -> QuerySet[MatterEdition]:
    """Editions of a matter, newest first; of one division, or of all."""
    rows = MatterEdition.objects.filter(matter__code=matter_code).select_related("matter")
    if division is not None:
        rows = rows.filter(division_code=division)
    return rows.order_by("division_code", "-number")


# -- publishing -----------------------------------------------------------------------------------------------------


@transaction.atomic
def publish(
    principal: Principal, definition: Definition, flow_xml: str | bytes = "", decisions: Mapping[str, str] | None = None,
    division: str = "", reason: str = "", pack: str | None = None,
) -> MatterEdition:  # fmt: skip
    """Put an edition into use from now on; running cases stay on theirs.

    The same content again is the edition that stands. Editions of divisions below are carried over.

    Parameters
    ----------
    division : '' for the edition as shipped, else 2 to 12 digits: an overlay over the nearest edition above.
    pack : name of the folder that defines the matter, kept with it; None leaves what is kept.

    Raises
    ------
    NotAllowed, BadMatter, BadFlow
    """
    flow = flow_xml.decode("utf-8") if isinstance(flow_xml, bytes) else flow_xml
    content = Content(definition, flow, dict(decisions or {}))
    owners.require_change(principal, _branch(content.definition), division)
    check_content(content)
    matter = _matter(content, division, pack)
    standing = _published(matter, division)
    if standing is not None and standing.digest == _digest(content):
        return standing
    draft = _write(principal, matter, content, division)
    return _put_into_use(principal, draft, content, reason)


@transaction.atomic
def prepare(principal: Principal, content: Content, division: str) -> MatterEdition:
    """Keep a draft, whole and valid, for its maker to look at before publishing; an earlier draft of his goes.

    Raises
    ------
    NotAllowed, BadMatter, BadFlow
    """
    owners.require_change(principal, _branch(content.definition), division)
    check_content(content)
    matter = _matter(content, division, None)
    MatterEdition.objects.filter(
        matter=matter, division_code=division, state=State.DRAFT, made_by=principal.name
    ).delete()
    draft = _write(principal, matter, content, division)
    audit.record(principal, "prepare-matter", "matter", matter.code, division=division, after_digest=draft.digest)
    return draft


@transaction.atomic
def publish_draft(principal: Principal, edition_id: int, reason: str) -> MatterEdition:
    """Put one's draft into use.

    Raises
    ------
    NotAllowed, UnknownMatter, BadMatter
        BadMatter: the edition above changed meanwhile so that the draft no longer fits it.
    """
    draft = own_draft(principal, edition_id)
    owners.require_change(principal, draft.matter.branch, draft.division_code)
    content = content_of(draft)
    check_content(content)
    _matter(content, draft.division_code, None)
    return _put_into_use(principal, draft, content, reason)


@transaction.atomic
def discard_draft(principal: Principal, edition_id: int) -> None:
    """Forget one's draft."""
    draft = own_draft(principal, edition_id)
    audit.record(principal, "discard-matter-draft", "matter", draft.matter.code, division=draft.division_code)
    draft.delete()


def own_draft(principal: Principal, edition_id: int) -> MatterEdition:
    """A draft that the principal made. Raises UnknownMatter."""
    draft = (
        MatterEdition.objects.select_for_update(of=("self",)).select_related("matter")
        .filter(pk=edition_id, state=State.DRAFT, made_by=principal.name).first()
    )  # fmt: skip
    if draft is None:
        raise owners.unknown(str(edition_id))
    return draft


def _branch(definition: Definition) -> str:
    """The branch whose rights decide: of the matter as it stands, so that nobody changes it by giving another."""
    kept = Matter.objects.filter(code=definition.code).values_list("branch", flat=True).first()
    return definition.branch if kept is None else kept


def _matter(content: Content, division: str, pack: str | None) -> Matter:
    """The matter, locked; made or brought up to date by its edition as shipped."""
    one = content.definition
    if not division:
        facts = {
            "name_zh": one.name_zh, "name_en": one.name_en, "kind": one.kind, "basic_code": one.basic_code,
            "branch": one.branch, "is_open": one.is_complete and is_of_this_zone(one),
        }  # fmt: skip
        Matter.objects.update_or_create(code=one.code, defaults=facts | ({} if pack is None else {"pack": pack}))
    found = Matter.objects.select_for_update().filter(code=one.code).first()
    if found is None:
        raise owners.unknown(one.code)
    return found


def _write(principal: Principal, matter: Matter, content: Content, division: str) -> MatterEdition:
    overlay = overlay_of(_above(matter, division), content, division) if division else {}
    latest = MatterEdition.objects.filter(matter=matter, division_code=division).aggregate(Max("number"))["number__max"]
    stored = canonical.to_json(content.definition)
    return MatterEdition.objects.create(
        matter=matter, number=(latest or 0) + 1, division_code=division, overlay=overlay, definition=stored,
        statutory_days=content.definition.statutory_days, promised_days=content.definition.promised_days,
        flow=content.flow, decisions=content.tables, digest=_digest(content), made_by=principal.name,
    )  # fmt: skip


def _digest(content: Content) -> str:
    return canonical.digest_of_edition(canonical.to_json(content.definition), content.flow, content.tables)


def edition_above(matter_code: str, division: str) -> MatterEdition | None:
    """The edition that a division's own is laid over; None without one."""
    return _in_use(matter_code, [one for one in prefixes_of(division) if one != division])


def _above(matter: Matter, division: str) -> Content:
    upper = edition_above(matter.code, division)
    if upper is None:
        raise bad(Place(matter.code), division, "上级还没有这个事项的版本", "there is no edition of it above",
                  "先发布上级版本", "Publish the one above first")  # fmt: skip
    return content_of(upper)


def _published(matter: Matter, division: str) -> MatterEdition | None:
    return MatterEdition.objects.filter(matter=matter, division_code=division, state=State.PUBLISHED).first()


def _put_into_use(principal: Principal, draft: MatterEdition, content: Content, reason: str) -> MatterEdition:
    division = draft.division_code
    if division:
        draft.overlay = overlay_of(_above(draft.matter, division), content, division)
    before = _published(draft.matter, division)
    if before is not None:
        before.state = State.RETIRED
        before.save(update_fields=["state"])
    draft.state, draft.published_by, draft.published_at = State.PUBLISHED, principal.name, timezone.now()
    draft.reason = reason.strip()[:REASON_LONG]
    draft.save(update_fields=["state", "published_by", "published_at", "reason", "overlay"])
    audit.record(
        principal, "publish-matter", "matter", draft.matter.code, edition=draft.number, division=division, reason=draft.reason,
        changed=sorted(draft.overlay), before_digest=before.digest if before else "", after_digest=draft.digest,
    )  # fmt: skip
    _carry_over(principal, draft)
    return draft


def _carry_over(principal: Principal, upper: MatterEdition) -> None:
    """New editions for the divisions below, uppermost first: their own values over what changed above."""
    below = MatterEdition.objects.filter(
        matter=upper.matter, state=State.PUBLISHED, division_code__startswith=upper.division_code
    ).exclude(pk=upper.pk)
    for old in sorted(below, key=lambda one: len(one.division_code)):
        local = laid_over(_above(upper.matter, old.division_code), old.overlay, content_of(old))
        if _digest(local) == old.digest:
            continue
        check_content(local)
        old.state = State.RETIRED
        old.save(update_fields=["state"])
        made = _write(principal, upper.matter, local, old.division_code)
        made.state, made.published_by, made.published_at = State.PUBLISHED, principal.name, timezone.now()
        made.reason = f"随上级版本 {upper.division_code or '（系统）'} 第 {upper.number} 版更新"
        made.save(update_fields=["state", "published_by", "published_at", "reason"])
        audit.record(
            principal, "carry-matter-over", "matter", upper.matter.code, edition=made.number, division=old.division_code,
            before_digest=old.digest, after_digest=made.digest,
        )  # fmt: skip
