"""Labels of single records, stricter than their dataset's: proposed, decided, applied to the rows. 要素级标记 (R-041).

A record's label belongs to its key, not to one row: it is set on every row of the key, also on what was believed
before, and a later version of the same key bears it again (:func:`reapply`, called where every version is published).
The approved :class:`RecordLabel` rows are the truth; the column ``label`` of the layer tables follows them. (0, 0, 0)
takes a record's own label away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone

from kunyu.engines.catalogue.errors import UnknownDataset
from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.table_names import partition_name
from kunyu.engines.catalogue.tables import owner_role, qualified, standard_layer
from kunyu.engines.security import audit, duties, epochs, label_services, zones
from kunyu.engines.security.label_errors import (
    LabelDecided,
    LabelNeedsReason,
    OwnProposal,
    UnknownProposal,
    UnknownRecords,
)
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import LabelState, RecordLabel
from kunyu.engines.security.scope import APPROVE, EDIT, Principal, may, require_division, resolve
from kunyu.kernel.errors import UsageError
from kunyu.kernel.outbox.services import emit

PROPOSED_TOPIC, DECIDED_TOPIC = "catalogue.record_label_proposed", "catalogue.record_label_decided"
MOST_KEYS = 10_000


@dataclass(frozen=True)
class RecordProposal:
    """What somebody wants single records of one county to bear; ``keys`` are values of the layer's key (BSM)."""

    collection: str
    county: str
    keys: tuple[str, ...]
    label: Label
    reason: str


@transaction.atomic
def propose(proposal: RecordProposal, actor: Principal) -> RecordLabel:
    """Propose a label for records; the same proposal again, while it waits, answers with the first.

    Raises
    ------
    LabelNeedsReason, UsageError
        No reason; no keys, or more than ``MOST_KEYS``.
    SignInNeeded, NotVisible, NotAllowed
        The actor may neither deliver nor approve this layer in the county.
    UnknownDataset, UnknownRecords
        No such layer; keys that no record believed now has.
    """
    keys = tuple(dict.fromkeys(proposal.keys))
    if not proposal.reason.strip():
        raise LabelNeedsReason("请写明要素标记的理由。", "Give the reason for the label of these records.")
    if not 0 < len(keys) <= MOST_KEYS:
        raise UsageError(
            f"一次给出 1 至 {MOST_KEYS} 个要素的标识码，现为 {len(keys)} 个。",
            f"Name 1 to {MOST_KEYS} records at a time, not {len(keys)}.",
        )
    action = EDIT if may(actor, proposal.collection, EDIT) else APPROVE
    require_division(resolve(actor, proposal.collection, action), proposal.county)
    layer = _layer(proposal.collection)
    _require_known(layer, proposal.county, keys)
    values = {
        "collection": layer.collection, "county": proposal.county, "secrecy": proposal.label.secrecy,
        "grading": proposal.label.grading, "sharing": proposal.label.sharing, "reason": proposal.reason.strip(),
        "proposed_by": actor.name,
    }  # fmt: skip
    waiting = RecordLabel.objects.filter(state=LabelState.PROPOSED, keys=list(keys), **values).first()
    if waiting is not None:
        return waiting
    row = RecordLabel.objects.create(keys=list(keys), **values)
    audit.record(
        actor, "propose-record-label", "record-label", row.pk, collection=row.collection, county=row.county,
        label=proposal.label.code, keys=len(keys), first_keys=list(keys[:20]), reason=row.reason,
    )  # fmt: skip
    emit(
        PROPOSED_TOPIC,
        {
            "record_label_id": row.pk, "collection": row.collection, "proposed_by": actor.name,
            "href": f"/admin/record-labels/{row.pk}/",
        },
    )  # fmt: skip
    return row


@transaction.atomic
def approve(proposal_id: int, actor: Principal, reason: str = "") -> RecordLabel:
    """Put the label on the rows; features, tiles and exports follow at once. Approving again changes nothing.

    Raises
    ------
    SignInNeeded, NotVisible, NotAllowed
        The actor is no security administrator of the county.
    UnknownProposal, OwnProposal, LabelDecided
    NotInThisZone
        With its dataset's label the record would be stricter than this zone may hold.
    """
    row = _for_decision(proposal_id, actor, LabelState.APPROVED)
    if row.state == LabelState.APPROVED:
        return row
    label_services.hold_label(row.collection)
    label = Label(row.secrecy, row.grading, row.sharing)
    together = label_services.require_approved(row.collection).join(label)
    zones.require_admitted(together, f"{row.collection} 的要素", f"These records of {row.collection}")
    row.state, row.decided_by, row.decided_at = LabelState.APPROVED, actor.name, timezone.now()
    row.decision_reason = reason.strip()[:500]
    layer = _layer(row.collection)
    row.applied = _set(layer, row.county, label, row.keys)
    row.save()
    return _decided(row, actor)


@transaction.atomic
def reject(proposal_id: int, actor: Principal, reason: str) -> RecordLabel:
    """Return a proposal with a reason.

    Raises
    ------
    LabelNeedsReason, SignInNeeded, NotVisible, NotAllowed, UnknownProposal, OwnProposal, LabelDecided
    """
    if not reason.strip():
        raise LabelNeedsReason("退回标记时必须写明原因。", "A label is returned with a reason.")
    row = _for_decision(proposal_id, actor, LabelState.REJECTED)
    if row.state == LabelState.REJECTED:
        return row
    row.state, row.decided_by, row.decided_at = LabelState.REJECTED, actor.name, timezone.now()
    row.decision_reason = reason.strip()[:500]
    row.save()
    return _decided(row, actor)


def waiting() -> list[RecordLabel]:
    """Proposals without a decision, oldest first."""
    return list(RecordLabel.objects.filter(state=LabelState.PROPOSED).order_by("proposed_at", "id"))


def in_force(collection: str, county: str) -> dict[str, Label]:
    """The label of every record that was ever given one, by key: the decision made last counts."""
    rows = RecordLabel.objects.filter(collection=collection, county=county, state=LabelState.APPROVED)
    found: dict[str, Label] = {}
    decided = rows.order_by("decided_at", "id").values_list("secrecy", "grading", "sharing", "keys")
    for secrecy, grading, sharing, keys in decided:
        found.update(dict.fromkeys(keys, Label(secrecy, grading, sharing)))
    return found


def reapply(layer: Layer, county: str) -> int:
    """Give new rows of labelled keys their label again; returns how many rows were touched.

    Called in the transaction that publishes a version, so no row of a labelled record is ever seen without it.
    """
    by_label: dict[Label, list[str]] = {}
    for key, label in in_force(layer.collection, county).items():
        by_label.setdefault(label, []).append(key)
    return sum(_set(layer, county, label, keys) for label, keys in by_label.items())


def _set(layer: Layer, county: str, label: Label, keys: Sequence[str]) -> int:
    """Write the label on all rows of the keys as the owner of the tables; rows that bear it already stay as they are."""
    key = standard_layer(layer).key
    partition = qualified(partition_name(layer.table_name, county))
    with connection.cursor() as cursor, owner_role(cursor):
        cursor.execute(
            f'UPDATE {partition} SET label = %s WHERE "{key}" = ANY(%s::text[]) AND label <> %s',
            [label.code, list(keys), label.code],
        )
        return int(cursor.rowcount)


def _require_known(layer: Layer, county: str, keys: tuple[str, ...]) -> None:
    key = standard_layer(layer).key
    partition = qualified(partition_name(layer.table_name, county))
    missing: list[str] = list(keys)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [partition])
        if cursor.fetchone()[0]:
            with owner_role(cursor):
                cursor.execute(
                    f'SELECT k FROM unnest(%s::text[]) k EXCEPT SELECT "{key}" FROM {partition} '
                    f'WHERE upper_inf(known) AND "{key}" = ANY(%s::text[]) ORDER BY 1',
                    [list(keys), list(keys)],
                )
                missing = [row[0] for row in cursor.fetchall()]
    if missing:
        listed = "、".join(missing[:5])
        raise UnknownRecords(
            f"{layer.collection} {county} 没有标识码为 {listed} 的要素（共 {len(missing)} 个）；请核对后再提出。",
            f"{layer.collection} {county} has no record {', '.join(missing[:5])} ({len(missing)} in all); check the keys.",
            keys=missing[:20],
        )


def _layer(collection: str) -> Layer:
    layer = Layer.objects.filter(collection=collection).first()
    if layer is None:
        raise UnknownDataset(f"目录中没有图层 {collection}。", f"The catalogue has no layer {collection}.")
    return layer


def _for_decision(proposal_id: int, actor: Principal, wanted: str) -> RecordLabel:
    duties.require(actor, duties.SECURITY)
    row = RecordLabel.objects.select_for_update().filter(pk=proposal_id).first()
    if row is None:
        raise UnknownProposal(f"没有要素标记申请 {proposal_id}。", f"There is no proposal {proposal_id}.")
    duties.require(actor, duties.SECURITY, row.county)
    if row.state == wanted:
        return row
    if row.state != LabelState.PROPOSED:
        raise LabelDecided(
            f"要素标记申请 {row.pk} {row.get_state_display()}，不能再审批；请重新提出。",
            f"Proposal {row.pk} is {row.state}; propose anew.",
            proposal=row.pk,
        )
    if row.proposed_by == actor.name:
        raise OwnProposal(
            "要素标记由您本人提出，须由另一位安全管理员审批。",
            "You proposed this yourself; another security administrator decides.",
            proposal=row.pk,
        )
    return row


def _decided(row: RecordLabel, actor: Principal) -> RecordLabel:
    label = Label(row.secrecy, row.grading, row.sharing)
    act = "approve" if row.state == LabelState.APPROVED else "reject"
    audit.record(
        actor, f"{act}-record-label", "record-label", row.pk, collection=row.collection, county=row.county,
        label=label.code, proposed_by=row.proposed_by, applied=row.applied, reason=row.decision_reason,
    )  # fmt: skip
    emit(
        DECIDED_TOPIC,
        {
            "record_label_id": row.pk, "collection": row.collection, "county": row.county, "label": label.code,
            "decision": str(row.state), "by": actor.name,
        },
    )  # fmt: skip
    epochs.raise_labels()
    return row
