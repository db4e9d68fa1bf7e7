"""Acts on exceptions: propose, confirm, refuse, withdraw. 检查例外.

Each is one transaction of the row, its audit entry, its task and its notice. Two people are needed: the database refuses
a decision by whoever proposed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.record_labels import in_force
from kunyu.engines.ingest import access
from kunyu.engines.ingest.errors import (
    BadEvidence,
    ExceptionDecided,
    ExceptionStands,
    OwnException,
    ReasonNeeded,
    UnknownException,
    UnknownFinding,
)
from kunyu.engines.ingest.models import Delivery, Finding, FindingException
from kunyu.engines.ingest.queries import last_run
from kunyu.engines.ingest.storage import object_store, protects_delivery
from kunyu.engines.security import audit, scope
from kunyu.engines.security.errors import NotAllowed, SignInNeeded
from kunyu.engines.security.label_registry import record_labels
from kunyu.engines.security.labels import holds
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import APPROVE, EDIT, QUERY, Principal
from kunyu.engines.worklist.notices import Notice, notify
from kunyu.engines.worklist.services import NewTask, Subject, create_task, settle

Status = FindingException.Status
MOST_FILES, MOST_BYTES = 20, 50 << 20
"""Evidence of one exception: files, and bytes of all of them together."""


@dataclass(frozen=True)
class EvidenceFile:
    """A file somebody gives as evidence; ``content`` is read once."""

    name: str
    size: int
    content: BinaryIO


def collections_behind(standard_id: str, layer: str) -> list[str]:
    """Collections that decide who sees findings of a layer: its own, or all of the standard for the package as a whole."""
    rows = Layer.objects.filter(standard_id=standard_id).order_by("collection")
    own = list(rows.filter(code=layer).values_list("collection", flat=True))
    return own or access.collections_of(standard_id, "")


def visible(principal: Principal) -> QuerySet[FindingException]:
    """Exceptions whose data the caller may query, in the divisions of the grant; single stricter records left out."""
    if principal.is_anonymous:
        raise SignInNeeded("请先登录，或在请求中带上访问令牌。", "Sign in, or send an access token with the request.")
    allowed = Q(pk__in=[])
    for standard_id, layer, county in _places():
        for collection in collections_behind(standard_id, layer):
            clauses = [one for one in scope.clauses_of(principal, collection, QUERY) if _touches(one.prefix, county)]
            if clauses:
                reached = Q(pk__in=[])
                for one in clauses:
                    reached |= Q(division_code__startswith=one.prefix)
                here = Q(standard_id=standard_id, layer=layer, division_code__startswith=county) & reached
                allowed |= here & ~_hidden(clauses, collection, county)
    return FindingException.objects.filter(allowed)


def _places() -> list[tuple[str, str, str]]:
    rows = FindingException.objects.order_by().values_list("standard_id", "layer", "division_code").distinct()
    return sorted({(standard_id, layer, division[:6]) for standard_id, layer, division in rows})


def _touches(prefix: str, county: str) -> bool:
    return prefix.startswith(county) or county.startswith(prefix)


def _hidden(clauses: Sequence[scope.Clause], collection: str, county: str) -> Q:
    if collection not in record_labels():
        return Q(pk__in=[])
    labelled = in_force(collection, county)
    keys = [key for key, label in labelled.items() if not any(holds(one.row_labels, label) for one in clauses)]
    return Q(ids__has_any_keys=keys) if keys else Q(pk__in=[])


def visible_exception(principal: Principal, number: int) -> FindingException:
    """The exception, or the same answer as for a number that does not exist."""
    found = visible(principal).select_related("delivery").filter(pk=number).first()
    if found is None:
        raise UnknownException(
            f"没有检查例外 {number}，或者您无权查看。", f"There is no exception {number}, or you may not see it."
        )
    return found


def may_propose(principal: Principal, delivery: Delivery, layer: str) -> bool:
    """Whether the principal delivers, or approves, data of the layer a finding is about."""
    return any(
        _reaches(principal, action, delivery.standard_id, layer, delivery.division_code) for action in (EDIT, APPROVE)
    )


def require_may_propose(principal: Principal, delivery: Delivery, layer: str) -> None:
    """Refuse whoever may neither deliver nor approve such data. Raises NotAllowed."""
    if not may_propose(principal, delivery, layer):
        raise NotAllowed(
            "提出例外需要该数据的汇交或审核权限。",
            "To propose an exception takes the right to deliver or approve these data.",
        )


def may_decide(principal: Principal, one: FindingException) -> bool:
    """Whether the principal holds the right to approve the data concerned, in the division."""
    return _reaches(principal, APPROVE, one.standard_id, one.layer, one.division_code)


def _reaches(principal: Principal, action: str, standard_id: str, layer: str, division: str) -> bool:
    return all(
        any(division.startswith(prefix) for prefix in principal.divisions(collection, action))
        for collection in collections_behind(standard_id, layer)
    )


def has_place(one: FindingException) -> bool:
    """Whether the finding lies somewhere on the map."""
    return geometry_of(one) is not None


def geometry_of(one: FindingException) -> dict[str, Any] | None:
    """GeoJSON of the finding (longitude, latitude)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ST_AsGeoJSON(geom, 9) FROM ingest_findingexception WHERE id = %s", [one.pk])
        row = cursor.fetchone()
    found: dict[str, Any] | None = json.loads(row[0]) if row and row[0] else None
    return found


def finding_of(principal: Principal, delivery_id: int, finding_id: int) -> tuple[Delivery, Finding]:
    """A finding of the delivery's last check, as far as the caller may see it.

    Raises
    ------
    UnknownDelivery, UnknownFinding
    """
    delivery = access.visible_delivery(principal, delivery_id)
    run, unseen = last_run(delivery), access.hidden(principal, delivery)
    found = Finding.objects.filter(pk=finding_id, run=run).first() if run else None
    if found is None or found.layer in unseen.layers or unseen.keys & set(found.ids):
        raise UnknownFinding(
            f"批次 {delivery_id} 最近一次检查中没有发现 {finding_id}，或者您无权查看。",
            f"The last check of delivery {delivery_id} has no finding {finding_id}, or you may not see it.",
        )
    return delivery, found


def propose(
    principal: Principal, delivery_id: int, finding_id: int, reason: str, evidence: Iterable[EvidenceFile] = ()
) -> FindingException:
    """Propose that a finding is right as it is; somebody who approves such data is asked to confirm.

    Raises
    ------
    UnknownDelivery, UnknownFinding, NotAllowed
    ReasonNeeded, BadEvidence
    ExceptionStands
        It is proposed or confirmed already.
    """
    delivery, found = finding_of(principal, delivery_id, finding_id)
    require_may_propose(principal, delivery, found.layer)
    why = _reason(reason)
    files = [_kept(one, delivery) for one in _checked(list(evidence))]
    try:
        with transaction.atomic():
            made = FindingException.objects.create(
                delivery=delivery, standard_id=delivery.standard_id, division_code=delivery.division_code,
                rule=found.rule, severity=found.severity, layer=found.layer, ids=found.ids, measured=found.measured,
                limit=found.limit, unit=found.unit, fingerprint=found.fingerprint, message_zh=found.message_zh,
                message_en=found.message_en, reason=why, evidence=files, proposed_by=principal.name,
            )  # fmt: skip
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE ingest_findingexception SET geom = f.geom FROM ingest_finding f "
                    "WHERE ingest_findingexception.id = %s AND f.id = %s",
                    [made.pk, found.pk],
                )
            _record(principal, "propose-exception", made, why, evidence=[str(one["sm3"]) for one in files])
            create_task(_confirmation(made), principal)
    except IntegrityError as error:
        raise ExceptionStands(
            f"该发现（{found.rule}）已提出或已确认为例外，请在例外列表中查看。",
            f"This finding ({found.rule}) is proposed or confirmed as an exception already; see the list of exceptions.",
            fingerprint=found.fingerprint,
        ) from error
    return made


def require_may_act(principal: Principal, one: FindingException) -> None:
    """Refuse whoever may neither decide nor, having proposed it, withdraw. Raises NotAllowed."""
    if one.proposed_by != principal.name:
        _require_decider(principal, one)


def confirm(principal: Principal, number: int, reason: str = "") -> FindingException:
    """Confirm: the next check of the county honours it. By another person than the proposer. Errors as `refuse`."""
    return _decide(principal, number, Status.CONFIRMED, reason.strip())


def refuse(principal: Principal, number: int, reason: str) -> FindingException:
    """Refuse, with a reason for the proposer.

    Raises
    ------
    UnknownException, NotAllowed, OwnException, ExceptionDecided, ReasonNeeded
    """
    return _decide(principal, number, Status.REFUSED, _reason(reason))


@transaction.atomic
def _decide(principal: Principal, number: int, status: str, reason: str) -> FindingException:
    visible_exception(principal, number)
    one = FindingException.objects.select_for_update().get(pk=number)
    _require_decider(principal, one)
    if one.proposed_by == principal.name:
        raise OwnException(
            "例外须由提出人以外的人确认，请交另一位有审核权限的人办理。",
            "Whoever proposed an exception does not decide it; leave it to another person who may approve.",
        )
    _require_status(one, Status.PROPOSED)
    one.status, one.decided_by, one.decided_at, one.decision_reason = status, principal.name, timezone.now(), reason
    one.save(update_fields=["status", "decided_by", "decided_at", "decision_reason"])
    _record(principal, "confirm-exception" if status == Status.CONFIRMED else "refuse-exception", one, reason)
    settle(_key(one), principal, status, reason)
    _tell(
        one,
        principal,
        ("已确认", "was confirmed") if status == Status.CONFIRMED else ("未获确认", "was refused"),
        reason,
    )
    return one


@transaction.atomic
def withdraw(principal: Principal, number: int, reason: str) -> FindingException:
    """Withdraw what is proposed (by its proposer) or confirmed (also by whoever may approve); later checks find it again.

    Raises
    ------
    UnknownException, NotAllowed, ExceptionDecided, ReasonNeeded
    """
    visible_exception(principal, number)
    one = FindingException.objects.select_for_update().get(pk=number)
    if one.proposed_by != principal.name:
        _require_decider(principal, one)
    _require_status(one, Status.PROPOSED, Status.CONFIRMED)
    why = _reason(reason)
    one.status, one.withdrawn_by, one.withdrawn_at, one.withdrawal_reason = (
        Status.WITHDRAWN, principal.name, timezone.now(), why,
    )  # fmt: skip
    one.save(update_fields=["status", "withdrawn_by", "withdrawn_at", "withdrawal_reason"])
    _record(principal, "withdraw-exception", one, why)
    settle(_key(one), principal, Status.WITHDRAWN, why, cancelled=True)
    _tell(one, principal, ("已撤回", "was withdrawn"), why)
    return one


def _require_decider(principal: Principal, one: FindingException) -> None:
    if not may_decide(principal, one):
        raise NotAllowed(
            f"例外 {one.pk} 须由对区划 {one.division_code} 该数据有审核权限的人办理。",
            f"Exception {one.pk} is for whoever may approve these data in division {one.division_code}.",
        )


def _require_status(one: FindingException, *allowed: str) -> None:
    if one.status not in allowed:
        raise ExceptionDecided(
            f"例外 {one.pk} 的状态是“{one.get_status_display()}”，不能再这样办理。",
            f"Exception {one.pk} is {one.status}: this cannot be done any more.",
            status=one.status,
        )


def _reason(text: str) -> str:
    why = text.replace("\0", "").strip()
    if not why:
        raise ReasonNeeded("请写明理由。", "Give a reason.", field="reason")
    return why


def _checked(files: list[EvidenceFile]) -> list[EvidenceFile]:
    total = sum(one.size for one in files)
    if len(files) > MOST_FILES or total > MOST_BYTES:
        raise BadEvidence(
            f"佐证文件 {len(files)} 个共 {total} 字节，上限 {MOST_FILES} 个、{MOST_BYTES} 字节。",
            f"{len(files)} files of evidence with {total} bytes; at most {MOST_FILES} files and {MOST_BYTES} bytes.",
            field="evidence",
        )
    empty = next((one.name for one in files if not one.size), None)
    if empty is not None:
        raise BadEvidence(f"佐证文件 {empty} 是空的。", f"The file {empty} is empty.", field="evidence")
    return files


def _kept(one: EvidenceFile, delivery: Delivery) -> dict[str, object]:
    stored = object_store().put_bytes(one.content.read(), protect=protects_delivery(delivery))
    name = one.name.replace("\\", "/").rsplit("/", 1)[-1].replace("\0", "")[-120:] or "evidence"
    return {"name": name, "sm3": stored.sm3, "size": one.size}


def _record(
    principal: Principal, action: str, one: FindingException, reason: str, evidence: Sequence[str] = ()
) -> None:
    audit.record(
        principal, action, "exception", one.pk, rule=one.rule, fingerprint=one.fingerprint, reason=reason,
        division=one.division_code, standard=one.standard_id, evidence=list(evidence),
    )  # fmt: skip


def _key(one: FindingException) -> str:
    return f"exception:{one.pk}"


def _confirmation(one: FindingException) -> NewTask:
    return NewTask(
        key=_key(one),
        kind="exception_confirmation",
        subject=Subject(
            "exception", str(one.pk), f"检查例外 {one.pk}：{one.rule} {one.layer}（{one.division_code}）待确认",
            f"Exception {one.pk}: {one.rule} {one.layer} ({one.division_code}) awaits confirmation",
            f"/exceptions/{one.pk}/",
        ),
        division=one.division_code,
        collections=tuple(collections_behind(one.standard_id, one.layer)),
    )  # fmt: skip


def _tell(one: FindingException, actor: Principal, words: tuple[str, str], reason: str) -> None:
    """Tell the proposer, unless he did it himself."""
    if one.proposed_by == actor.name:
        return
    people = User.objects.filter(username=one.proposed_by).values_list("pk", flat=True)
    notify(
        people,
        Notice(
            kind="exception_decided", key=f"exception:{one.pk}:{one.status}",
            title_zh=f"检查例外 {one.pk}（{one.rule} {one.layer}）{words[0]}",
            title_en=f"Exception {one.pk} ({one.rule} {one.layer}) {words[1]}",
            body_zh=reason, body_en=reason, href=f"/exceptions/{one.pk}/",
        ),
    )  # fmt: skip
