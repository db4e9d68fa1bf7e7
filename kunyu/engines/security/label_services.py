"""Acts on the labels of datasets: proposed by who answers for the data, decided by a security administrator.

One dataset has at most one label in force and at most one proposal waiting (database constraints). A decision replaces
the label in force; a change holds at the next request, because caches are keyed by the epoch that the table's trigger
raises. 数据集标记的提出与审批 (R-041).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from django.db import connection, transaction
from django.utils import timezone

from kunyu.engines.security import audit, duties, epochs, holdings, scope, zones
from kunyu.engines.security import labels as axes
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.label_errors import (
    DataStandHere,
    LabelDecided,
    LabelNeedsReason,
    LabelPending,
    NotLabelled,
    OwnProposal,
    UnknownCollection,
    UnknownProposal,
)
from kunyu.engines.security.label_registry import approved_label
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import Label as LabelRow
from kunyu.engines.security.models import LabelState
from kunyu.engines.security.scope import Principal
from kunyu.kernel.outbox.services import emit

PROPOSED_TOPIC, DECIDED_TOPIC = "security.label_proposed", "security.label_decided"
CATALOGUE = "catalogue"
"""Who proposes what the catalogue's own text says."""


@dataclass(frozen=True)
class Proposal:
    """What somebody wants a dataset to bear. ``basis`` names the item of the list of state secrets (定密依据)."""

    collection: str
    label: Label
    reason: str
    basis: str = ""
    secret_until: datetime.date | None = None


def label_of_row(row: LabelRow) -> Label:
    """The point on the axes that a row says."""
    return Label(row.secrecy, row.grading, row.sharing)


def waiting() -> list[LabelRow]:
    """Proposals without a decision, oldest first."""
    return list(LabelRow.objects.filter(state=LabelState.PROPOSED).order_by("proposed_at", "id"))


def history(collection: str) -> list[LabelRow]:
    """Every proposal for a collection, newest first."""
    return list(LabelRow.objects.filter(collection=collection).order_by("-id"))


@transaction.atomic
def propose(proposal: Proposal, actor: Principal) -> LabelRow:
    """Propose a label; the same proposal again answers with the one that stands.

    Who may: whoever may deliver or approve data under this code (who answers for them), or the node's operator. An own
    proposal that waits is replaced, and so is the catalogue's; another person's waits for its decision first.

    Raises
    ------
    LabelNeedsReason
        No reason, or a state secret without its basis.
    UnknownCollection
        The catalogue has no such dataset or layer.
    SignInNeeded, NotVisible, NotAllowed
        The actor does not answer for these data.
    LabelPending
        Another person's proposal waits.
    """
    _require_reason(proposal)
    require_answers_for(actor, proposal.collection)
    if not holdings.current().exists(proposal.collection):
        raise UnknownCollection(
            f"目录中没有 {proposal.collection}，不能为它提出标记。",
            f"The catalogue has no {proposal.collection}; nothing can be labelled under that code.",
            collection=proposal.collection,
        )
    _lock(proposal.collection)
    rows = LabelRow.objects.filter(collection=proposal.collection)
    for row in rows.filter(state__in=(LabelState.PROPOSED, LabelState.APPROVED)):
        if _says(row, proposal) and (row.state == LabelState.APPROVED or row.proposed_by == actor.name):
            return row
    open_row = rows.filter(state=LabelState.PROPOSED).first()
    if open_row is not None:
        if open_row.proposed_by not in (actor.name, CATALOGUE):
            raise LabelPending(
                f"{proposal.collection} 已有 {open_row.proposed_by} 提出的标记“{label_of_row(open_row).name_zh}”待审批；"
                "请先由安全管理员审批或退回，再提出新的标记。",
                f"{proposal.collection} has a proposal by {open_row.proposed_by} waiting "
                f"(“{label_of_row(open_row).name_en}”); have it decided first, then propose again.",
                collection=proposal.collection,
                proposal=open_row.pk,
            )
        open_row.state = LabelState.REPLACED
        open_row.save(update_fields=["state"])
        _tell_decided(open_row, actor.name)
    row = LabelRow.objects.create(
        collection=proposal.collection, secrecy=proposal.label.secrecy, grading=proposal.label.grading,
        sharing=proposal.label.sharing, reason=proposal.reason.strip(), basis=proposal.basis.strip(),
        secret_until=proposal.secret_until, proposed_by=actor.name,
    )  # fmt: skip
    audit.record(
        actor, "propose-label", "label", row.pk, collection=row.collection, label=proposal.label.code, reason=row.reason
    )
    emit(
        PROPOSED_TOPIC,
        {
            "label_id": row.pk,
            "collection": row.collection,
            "label": proposal.label.code,
            "proposed_by": actor.name,
            "href": f"/admin/labels/{quote(row.collection, safe='@')}/",
        },
    )
    epochs.forget()
    return row


def require_answers_for(actor: Principal, collection: str) -> None:
    """Refuse who may neither deliver nor approve data under this code.

    Raises
    ------
    SignInNeeded, NotVisible, NotAllowed
    """
    if not scope.may(actor, collection, scope.EDIT) and not scope.may(actor, collection, scope.APPROVE):
        scope.resolve(actor, collection, scope.APPROVE)


@transaction.atomic
def approve(proposal_id: int, actor: Principal, reason: str = "") -> LabelRow:
    """Put a proposed label in force in place of the earlier one; approving again answers with the same row.

    Raises
    ------
    SignInNeeded, NotVisible, NotAllowed
        The actor is no security administrator of this division.
    UnknownProposal, OwnProposal, LabelDecided
    DataStandHere
        The zone may not hold the label, and data of this collection stand here.
    """
    row = _for_decision(proposal_id, actor)
    if row.state == LabelState.APPROVED:
        return row
    _require_open(row)
    _require_another(row, actor)
    _require_admissible(row)
    LabelRow.objects.filter(collection=row.collection, state=LabelState.APPROVED).update(state=LabelState.REPLACED)
    return _decide(row, LabelState.APPROVED, actor.name, reason, actor)


@transaction.atomic
def reject(proposal_id: int, actor: Principal, reason: str) -> LabelRow:
    """Return a proposal with a reason; the label in force stays.

    Raises
    ------
    SignInNeeded, NotVisible, NotAllowed, UnknownProposal, OwnProposal, LabelDecided, LabelNeedsReason
    """
    if not reason.strip():
        raise LabelNeedsReason("退回标记时必须写明原因。", "A label is returned with a reason.")
    row = _for_decision(proposal_id, actor)
    if row.state == LabelState.REJECTED:
        return row
    _require_open(row)
    _require_another(row, actor)
    return _decide(row, LabelState.REJECTED, actor.name, reason, actor)


def require_approved(collection: str) -> Label:
    """The label in force, for publishing.

    Raises
    ------
    NotLabelled
        Nobody approved one (R-041).
    """
    label = approved_label(collection)
    if label is None:
        waits = LabelRow.objects.filter(collection=collection.partition(".")[0], state=LabelState.PROPOSED).first()
        proposed_zh = f"；已提出“{label_of_row(waits).name_zh}”，待审批" if waits else ""
        proposed_en = f"; “{label_of_row(waits).name_en}” waits for approval" if waits else ""
        raise NotLabelled(
            f"{collection} 还没有经批准的数据标记（密级、分级、共享类型）{proposed_zh}，不能发布；"
            "请由数据负责人提出、安全管理员批准后再发布。",
            f"{collection} bears no approved label (secrecy, grading, sharing){proposed_en}: nothing is published "
            "without one. Its owner proposes, a security administrator approves, then publish again.",
            collection=collection,
        )
    return label


def expected_label(collection: str) -> Label | None:
    """The label in force, or else the one proposed: what decides whether data may be taken into this zone."""
    label = approved_label(collection)
    if label is not None:
        return label
    codes = {collection, collection.partition(".")[0]}
    rows = LabelRow.objects.filter(collection__in=codes, state=LabelState.PROPOSED)
    found = sorted(rows, key=lambda one: -len(one.collection))
    return label_of_row(found[0]) if found else None


def propose_from_catalogue(proposals: Iterable[Proposal]) -> int:
    """Propose what the catalogue's text says for datasets that nobody labelled; returns how many rows were written.

    It never touches what a person proposed or decided; its own waiting proposal follows the text.
    """
    wanted = {one.collection: one for one in proposals}
    stands = LabelRow.objects.filter(collection__in=wanted).exclude(state=LabelState.REPLACED)
    settled = set()
    outdated = []
    for row in stands:
        if row.proposed_by == CATALOGUE and row.state == LabelState.PROPOSED and not _says(row, wanted[row.collection]):
            outdated.append(row.pk)
        else:
            settled.add(row.collection)
    if outdated:
        LabelRow.objects.filter(pk__in=outdated).update(state=LabelState.REPLACED)
    fresh = [
        LabelRow(
            collection=one.collection, secrecy=one.label.secrecy, grading=one.label.grading, sharing=one.label.sharing,
            reason=one.reason[:500], basis=one.basis, secret_until=one.secret_until, proposed_by=CATALOGUE,
        )
        for code, one in wanted.items()
        if code not in settled
    ]  # fmt: skip
    LabelRow.objects.bulk_create(fresh)
    if fresh or outdated:
        epochs.forget()
    return len(fresh)


@transaction.atomic
def approve_proposed(actor_name: str, reason: str = "示范数据，按目录分级批量批准") -> int:
    """Approve every waiting proposal of the catalogue at once, in the name of a security administrator.

    For demonstration nodes, benchmarks and tests only: in production each is decided on its page. State secrets are
    left waiting, whatever the text says: they are decided by the procedure of 定密, never by a program.
    """
    rows = LabelRow.objects.filter(state=LabelState.PROPOSED, proposed_by=CATALOGUE, secrecy__lt=axes.SECRET)
    count = rows.update(
        state=LabelState.APPROVED, decided_by=actor_name, decided_at=timezone.now(), decision_reason=reason
    )
    if count:
        audit.record(Principal(actor_name), "approve-labels", "label", CATALOGUE, count=count, reason=reason)
        emit(
            DECIDED_TOPIC,
            {"label_id": None, "collection": "", "decision": "approved", "count": count, "by": actor_name},
        )
        epochs.forget()
    return count


def _require_reason(proposal: Proposal) -> None:
    if not proposal.reason.strip():
        raise LabelNeedsReason(
            f"请写明 {proposal.collection} 标记的理由。", f"Give the reason for the label of {proposal.collection}."
        )
    if proposal.label.is_state_secret and not proposal.basis.strip():
        raise LabelNeedsReason(
            f"{proposal.collection} 标为“{proposal.label.name_zh}”须写明定密依据（保密事项范围的条目）。",
            f"{proposal.collection} is to be a state secret: name the item of the list of state secrets it rests on.",
        )


def _says(row: LabelRow, proposal: Proposal) -> bool:
    said = (label_of_row(row), row.reason, row.basis, row.secret_until)
    return said == (proposal.label, proposal.reason.strip()[:500], proposal.basis.strip(), proposal.secret_until)


def _for_decision(proposal_id: int, actor: Principal) -> LabelRow:
    duties.require(actor, duties.SECURITY)
    collection = LabelRow.objects.filter(pk=proposal_id).values_list("collection", flat=True).first()
    if collection is None:
        raise UnknownProposal(f"没有标记申请 {proposal_id}。", f"There is no proposal {proposal_id}.")
    # a dataset of one division is decided there; one that many divisions share only by who answers for the node
    duties.require(actor, duties.SECURITY, collection.partition("@")[2].partition(".")[0])
    _lock(collection)
    row = LabelRow.objects.select_for_update().filter(pk=proposal_id).first()
    if row is None:
        raise NotVisible(f"没有标记申请 {proposal_id}。", f"There is no proposal {proposal_id}.")
    return row


def _require_open(row: LabelRow) -> None:
    if row.state != LabelState.PROPOSED:
        raise LabelDecided(
            f"标记申请 {row.pk}（{row.collection}）{row.get_state_display()}，不能再审批；请重新提出。",
            f"Proposal {row.pk} for {row.collection} is {row.state}; propose anew.",
            proposal=row.pk,
            state=row.state,
        )


def _require_another(row: LabelRow, actor: Principal) -> None:
    if row.proposed_by == actor.name:
        raise OwnProposal(
            f"{row.collection} 的标记由您本人提出，须由另一位安全管理员审批。",
            f"You proposed this label of {row.collection} yourself; another security administrator decides.",
            proposal=row.pk,
        )


def _require_admissible(row: LabelRow) -> None:
    zone, label = zones.current_zone(), label_of_row(row)
    here = holdings.current()
    standing = here.stands(row.collection)
    if not standing or zone.holds(label.join(here.strictest_record(row.collection))):
        return
    raise DataStandHere(
        f"本节点在{zone.name_zh}，不能存放标记为“{label.name_zh}”的数据，而 {row.collection} 在此已有数据："
        f"{'、'.join(standing[:5])}。请先把数据移交到相应网络的节点并从本节点清除，再批准此标记。",
        f"This node stands in the {zone.name_en} and may not hold “{label.name_en}”, but data of {row.collection} stand "
        f"here: {', '.join(standing[:5])}. Move them to a node of the right zone and clear them here, then approve.",
        collection=row.collection,
        zone=zone.code,
        label=label.code,
    )


def _decide(row: LabelRow, state: str, decided_by: str, reason: str, actor: Principal) -> LabelRow:
    row.state, row.decided_by, row.decided_at = state, decided_by, timezone.now()
    row.decision_reason = reason.strip()[:500]
    row.save(update_fields=["state", "decided_by", "decided_at", "decision_reason"])
    label = label_of_row(row)
    audit.record(
        actor, f"{'approve' if state == LabelState.APPROVED else 'reject'}-label", "label", row.pk,
        collection=row.collection, label=label.code, proposed_by=row.proposed_by, reason=row.decision_reason,
    )  # fmt: skip
    _tell_decided(row, decided_by)
    epochs.forget()
    return row


def _tell_decided(row: LabelRow, by: str) -> None:
    """Say that a proposal waits no longer: approved, rejected, or replaced by a newer one of its proposer."""
    emit(
        DECIDED_TOPIC,
        {
            "label_id": row.pk, "collection": row.collection, "label": label_of_row(row).code,
            "decision": str(row.state), "by": by,
        },
    )  # fmt: skip


def _lock(collection: str, function: str = "pg_advisory_xact_lock") -> None:
    """Two acts on one dataset's labels, and a publication of it, wait for one another until commit."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [f"label {collection.partition('.')[0]}"])


def hold_label(collection: str) -> None:
    """Keep the label of a dataset as it is until the caller's transaction ends: called where data are published."""
    _lock(collection, "pg_advisory_xact_lock_shared")
    epochs.forget()
