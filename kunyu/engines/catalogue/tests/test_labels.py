"""Labels of datasets and of records: proposed, decided by another, in force before anything is published.

R-041 (labels on three axes with reason and approver), R-142 and R-058 (a zone holds only what belongs there), R-022.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as node_settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from kunyu.engines.catalogue import record_labels, versions
from kunyu.engines.catalogue.level_labels import proposal_of
from kunyu.engines.catalogue.loading import load_catalogue
from kunyu.engines.catalogue.models import Dataset, DatasetVersion, Layer
from kunyu.engines.catalogue.record_labels import RecordProposal
from kunyu.engines.security import label_services, labels, zones
from kunyu.engines.security.errors import NotAllowed, NotInThisZone, NotVisible, SignInNeeded
from kunyu.engines.security.label_errors import (
    DataStandHere,
    LabelDecided,
    LabelNeedsReason,
    LabelPending,
    NotLabelled,
    OwnProposal,
    UnknownCollection,
    UnknownRecords,
)
from kunyu.engines.security.label_registry import approved_label
from kunyu.engines.security.label_services import Proposal
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import AuditEntry, LabelState
from kunyu.engines.security.models import Label as LabelRow
from kunyu.engines.security.scope import ANONYMOUS, EDIT, SEE, Principal, Right, operator
from kunyu.kernel.outbox.models import Event

PARCELS = "10401-003"
OWNER = Principal(
    "steward", user_id=1, rights=(Right("104", "", EDIT, labels.EVERY), Right("104", "", SEE, labels.EVERY))
)
OTHER_OWNER = Principal("other", user_id=2, rights=(Right("", "", EDIT, labels.EVERY),))
SECURITY = Principal("security", user_id=3, duty="security")
SECOND_SECURITY = Principal("security-2", user_id=4, duty="security")
COUNTY_SECURITY = Principal("security-990101", user_id=5, duty="security", duty_division="990101")
SYSTEM = Principal("system", user_id=6, duty="system")
IMPORTANT = Label(labels.SENSITIVE, labels.IMPORTANT, labels.CONDITIONAL)
SECRET = Label(labels.SECRET, labels.IMPORTANT, labels.NOT_SHARED)
Published = Callable[..., DatasetVersion]


def important(reason: str = "全县图斑级成果") -> Proposal:
    return Proposal(PARCELS, IMPORTANT, reason)


@pytest.fixture
def unlabelled(db: None) -> None:
    load_catalogue()


def test_the_catalogue_proposes_and_nobody_but_a_person_decides(unlabelled: None) -> None:
    """R-041: every dataset has a proposal after its catalogue text, verbatim; none is in force by itself."""
    rows = {row.collection: row for row in LabelRow.objects.all()}
    assert set(rows) == set(Dataset.objects.values_list("code", flat=True))
    assert {row.state for row in rows.values()} == {LabelState.PROPOSED} and approved_label(PARCELS) is None
    assert (rows[PARCELS].secrecy, rows[PARCELS].grading, rows[PARCELS].sharing) == (2, 0, 1)
    assert rows[PARCELS].reason == "数据目录：敏感(c,e)：图斑级；汇总面积公开（原文含多个级别，取最严，未核实）"
    assert label_services.label_of_row(rows["10101-001"]) == SECRET and rows["10101-001"].basis
    assert label_services.label_of_row(rows["10302-901@990101"]).is_open
    before = list(LabelRow.objects.order_by("pk").values())
    load_catalogue()
    assert list(LabelRow.objects.order_by("pk").values()) == before


def test_bulk_approval_leaves_state_secrets_alone(unlabelled: None) -> None:
    """R-041: 定密 is a procedure of people; the bulk approval of a demonstration node never makes a state secret."""
    count = label_services.approve_proposed("security")
    waiting = LabelRow.objects.filter(state=LabelState.PROPOSED)
    assert (
        count == Dataset.objects.exclude(level="涉密").count()
        and count == LabelRow.objects.filter(state=LabelState.APPROVED, decided_by="security").count()
    )
    assert {row.secrecy for row in waiting} == {labels.SECRET} and waiting.count() == 16
    assert label_services.approve_proposed("security") == 0


def test_the_catalogue_never_overrides_a_decision(unlabelled: None) -> None:
    """A dataset whose label a person proposed, approved or rejected keeps it when the catalogue is loaded again."""
    catalogued = LabelRow.objects.get(collection=PARCELS)
    label_services.reject(catalogued.pk, SECURITY, "级别待核")
    own = label_services.propose(Proposal("10401-004", IMPORTANT, "试"), OWNER)
    Dataset.objects.filter(code="10401-005").update(level="敏感", classification="敏感(c)")
    label_services.propose_from_catalogue(map(proposal_of, Dataset.objects.all()))
    assert LabelRow.objects.filter(collection=PARCELS).count() == 1
    assert LabelRow.objects.get(collection="10401-004", state=LabelState.PROPOSED).pk == own.pk
    follows = LabelRow.objects.get(collection="10401-005", state=LabelState.PROPOSED)
    assert (follows.secrecy, follows.reason) == (2, "数据目录：敏感(c)")


def test_proposed_by_one_approved_by_another_on_record(catalogue: Any) -> None:
    """Four eyes: the label changes when another person approves; the earlier one is replaced; audit and events stand."""
    row = label_services.propose(important(), OWNER)
    assert approved_label(PARCELS) == Label(2, 0, 1)
    done = label_services.approve(row.pk, SECURITY, "同意")
    assert approved_label(PARCELS) == IMPORTANT and (done.proposed_by, done.decided_by) == ("steward", "security")
    assert LabelRow.objects.filter(collection=PARCELS, state=LabelState.REPLACED).count() == 1
    acts = AuditEntry.objects.filter(object_kind="label", object_id=str(row.pk)).order_by("id")
    assert list(acts.values_list("action", "actor")) == [("propose-label", "steward"), ("approve-label", "security")]
    events = Event.objects.filter(payload__label_id=row.pk).order_by("id").values_list("topic", flat=True)
    assert list(events) == [label_services.PROPOSED_TOPIC, label_services.DECIDED_TOPIC]
    assert {*events, record_labels.PROPOSED_TOPIC, record_labels.DECIDED_TOPIC} <= set(
        import_string(node_settings.KUNYU_OUTBOX_HANDLERS)
    )


def test_the_second_click_is_harmless(catalogue: Any) -> None:
    """Proposing, approving and rejecting twice leave one row, one audit entry each."""
    first = label_services.propose(important(), OWNER)
    assert label_services.propose(important(), OWNER).pk == first.pk
    label_services.approve(first.pk, SECURITY)
    assert label_services.approve(first.pk, SECURITY).state == LabelState.APPROVED
    assert label_services.propose(important(), OWNER).pk == first.pk
    other = label_services.propose(important("另一理由"), OWNER)
    label_services.reject(other.pk, SECURITY, "不同意")
    label_services.reject(other.pk, SECURITY, "不同意")
    assert AuditEntry.objects.filter(action="approve-label").count() == 1
    assert AuditEntry.objects.filter(action="reject-label").count() == 1
    with pytest.raises(LabelDecided):
        label_services.approve(other.pk, SECURITY)


@pytest.mark.parametrize(
    ("actor", "error"),
    [(ANONYMOUS, SignInNeeded), (Principal("li", user_id=9), NotVisible), (SYSTEM, NotVisible),
     (Principal("looks", user_id=9, rights=(Right("", "", SEE),)), NotAllowed)],
)  # fmt: skip
def test_only_who_answers_for_the_data_proposes(catalogue: Any, actor: Principal, error: type[Exception]) -> None:
    with pytest.raises(error):
        label_services.propose(important(), actor)
    assert not LabelRow.objects.filter(collection=PARCELS, state=LabelState.PROPOSED).exists()


@pytest.mark.parametrize(
    ("actor", "error"),
    [(ANONYMOUS, SignInNeeded), (OWNER, NotVisible), (SYSTEM, NotVisible), (operator(), NotVisible),
     (COUNTY_SECURITY, NotAllowed)],
)  # fmt: skip
def test_only_a_security_administrator_of_the_whole_decides(
    catalogue: Any, actor: Principal, error: type[Exception]
) -> None:
    """Neither the owner, nor the operator, nor another administrator, nor one of a single county for shared data."""
    row = label_services.propose(important(), OWNER)
    for act in (lambda: label_services.approve(row.pk, actor), lambda: label_services.reject(row.pk, actor, "不")):
        with pytest.raises(error):
            act()
    local = label_services.propose(Proposal("10302-901@990101", IMPORTANT, "试"), OTHER_OWNER)
    assert label_services.approve(local.pk, COUNTY_SECURITY).state == LabelState.APPROVED


def test_nobody_approves_his_own(catalogue: Any) -> None:
    same_name = Principal("steward", user_id=1, duty="security")
    row = label_services.propose(important(), OWNER)
    with pytest.raises(OwnProposal):
        label_services.approve(row.pk, same_name)


def test_proposals_wait_for_each_other(catalogue: Any) -> None:
    """Another's proposal waits for its decision; an own one is replaced."""
    label_services.propose(important(), OWNER)
    with pytest.raises(LabelPending, match="steward"):
        label_services.propose(Proposal(PARCELS, SECRET, "试", basis="第十八项"), OTHER_OWNER)
    again = label_services.propose(important("改写理由"), OWNER)
    assert list(LabelRow.objects.filter(collection=PARCELS, state=LabelState.PROPOSED)) == [again]


def test_reasons_are_needed(catalogue: Any) -> None:
    row = label_services.propose(important(), OWNER)
    for act in (
        lambda: label_services.propose(important("  "), OWNER),
        lambda: label_services.propose(Proposal(PARCELS, SECRET, "试"), OWNER),
        lambda: label_services.reject(row.pk, SECURITY, ""),
    ):
        with pytest.raises(LabelNeedsReason):
            act()
    with pytest.raises(UnknownCollection):
        label_services.propose(Proposal("10401-777", IMPORTANT, "试"), OWNER)


def test_nothing_is_published_without_an_approved_label(county: Published) -> None:
    """R-041: publishing passes one function, and that asks for the label; with the remedy; nothing is written."""
    LabelRow.objects.filter(collection=PARCELS).update(state=LabelState.PROPOSED)
    with pytest.raises(NotLabelled, match="安全管理员批准后再发布") as refused, transaction.atomic():
        county("2024-12-31", "2025-01-10T00:00:00+08:00", {"a": "0101"})
    assert "待审批" in refused.value.detail_zh and "Its owner proposes" in refused.value.detail_en
    assert (
        not DatasetVersion.objects.filter(status="published").exists()
        and not Event.objects.filter(topic=versions.PUBLISHED_TOPIC).exists()
    )


def test_what_a_zone_may_not_hold_is_not_published_there(county: Published, settings: Any) -> None:
    """R-142: the same data, the same release, on an internet node."""
    settings.KUNYU_ZONE = "internet"
    with pytest.raises(NotInThisZone, match="互联网"), transaction.atomic():
        county("2024-12-31", "2025-01-10T00:00:00+08:00", {"a": "0101"})


def test_a_label_above_the_zone_is_refused_while_data_stand_here(county: Published) -> None:
    """R-058, R-142: first move the data, then label them; with nothing here the label may be approved."""
    county("2024-12-31", "2025-01-10T00:00:00+08:00", {"a": "0101"})
    row = label_services.propose(Proposal(PARCELS, SECRET, "测绘成果", basis="第十八项"), OWNER)
    with pytest.raises(DataStandHere, match="10401-003 990101 v1") as refused:
        label_services.approve(row.pk, SECURITY)
    assert "移交" in refused.value.detail_zh and approved_label(PARCELS) == Label(2, 0, 1)
    empty = label_services.propose(Proposal("10401-004", SECRET, "试", basis="第十八项"), OWNER)
    assert label_services.approve(empty.pk, SECURITY).state == LabelState.APPROVED


@pytest.mark.parametrize("zone", list(zones.ZONES))
def test_every_zone_against_every_label(db: None, settings: Any, zone: str) -> None:
    """T1: 5 zones x 54 labels; a zone admits exactly what its ceiling dominates on all three axes."""
    settings.KUNYU_ZONE = zone
    ceiling = zones.ZONES[zone].ceiling
    for code in range(labels.COUNT):
        label = labels.label_of_code(code)
        inside = (
            label.secrecy <= ceiling.secrecy and label.grading <= ceiling.grading and label.sharing <= ceiling.sharing
        )
        assert labels.holds(zones.current_zone().labels, label) == inside == zones.current_zone().holds(label)
        if inside:
            zones.require_admitted(label, "数据", "Data")
        else:
            with pytest.raises(NotInThisZone):
                zones.require_admitted(label, "数据", "Data")


# --- single records ---


def stored(key: str) -> set[tuple[int, bool]]:
    """(label, believed now) of the rows of a key."""
    with connection.cursor() as cursor:
        cursor.execute('SELECT label, upper_inf(known) FROM onemap.dltb_tdt1057_2020 WHERE "BSM" = %s', [key])
        return set(cursor.fetchall())


def of_records(*keys: str, label: Label = IMPORTANT) -> RecordProposal:
    return RecordProposal(PARCELS, "990101", keys, label, "军事设施周边图斑")


@pytest.fixture
def two_parcels(county: Published) -> Published:
    county("2024-12-31", "2025-01-10T00:00:00+08:00", {"a": "0101", "b": "0103"})
    return county


def test_a_records_label_reaches_every_row_of_its_key(two_parcels: Published) -> None:
    """R-041: applied on approval, on record; other records keep theirs; what was believed before is covered too."""
    two_parcels("2025-06-30", "2025-07-10T00:00:00+08:00", {"a": "0102", "b": "0103"})
    row = record_labels.propose(of_records("a"), OWNER)
    assert stored("a") == {(0, False), (0, True)}
    done = record_labels.approve(row.pk, COUNTY_SECURITY)
    assert stored("a") == {(IMPORTANT.code, False), (IMPORTANT.code, True)} and stored("b") == {(0, False), (0, True)}
    assert done.applied == 3 and record_labels.approve(row.pk, COUNTY_SECURITY).applied == 3
    entry = AuditEntry.objects.get(action="approve-record-label")
    assert (entry.actor, entry.detail["applied"]) == ("security-990101", 3)


def test_a_later_version_of_the_key_keeps_the_label(two_parcels: Published) -> None:
    """R-041: a re-delivery never drops a record's label silently, also when the key was gone for a year."""
    record_labels.approve(record_labels.propose(of_records("a"), OWNER).pk, SECURITY)
    two_parcels("2025-12-31", "2026-01-10T00:00:00+08:00", {"b": "0103"})
    two_parcels("2026-06-30", "2026-07-10T00:00:00+08:00", {"a": "0201", "b": "0201"})
    assert {label for label, _ in stored("a")} == {IMPORTANT.code} and {label for label, _ in stored("b")} == {0}
    lifted = record_labels.propose(of_records("a", label=Label()), OWNER)
    record_labels.approve(lifted.pk, SECURITY)
    two_parcels("2026-12-31", "2027-01-10T00:00:00+08:00", {"a": "0301"})
    assert {label for label, _ in stored("a")} == {0}


def test_record_labels_have_two_people_and_known_keys(two_parcels: Published) -> None:
    row = record_labels.propose(of_records("a"), OWNER)
    assert record_labels.propose(of_records("a"), OWNER).pk == row.pk
    for actor, error in (
        (OWNER, NotVisible),
        (SYSTEM, NotVisible),
        (Principal("far", user_id=8, duty="security", duty_division="9902"), NotAllowed),
        (Principal("steward", user_id=1, duty="security"), OwnProposal),
    ):
        with pytest.raises(error):
            record_labels.approve(row.pk, actor)
    with pytest.raises(UnknownRecords, match="zzz"):
        record_labels.propose(of_records("a", "zzz"), OWNER)
    with pytest.raises(NotAllowed):
        far = Principal("far", user_id=8, rights=(Right("104", "9902", EDIT),))
        record_labels.propose(of_records("a"), far)
    record_labels.reject(row.pk, SECOND_SECURITY, "不必")
    assert stored("a") == {(0, True)}


def test_a_record_above_the_zone_is_refused(two_parcels: Published) -> None:
    """R-142: the record with its dataset's label together must belong in this zone."""
    row = record_labels.propose(of_records("a", label=SECRET), OWNER)
    with pytest.raises(NotInThisZone):
        record_labels.approve(row.pk, SECURITY)
    assert stored("a") == {(0, True)}


def test_layers_of_a_dataset_share_its_label(catalogue: Any) -> None:
    """A further layer without a label of its own bears its dataset's."""
    further = Layer.objects.exclude(collection__in=Dataset.objects.values("code")).filter(
        collection__startswith="10401-001."
    )[0]  # fmt: skip
    assert approved_label(further.collection) == approved_label("10401-001") == Label(1, 0, 1)
    version = versions.open_version(further, "990101", datetime.date(2024, 12, 31))
    assert versions.require_publishable(version.layer.collection) == Label(1, 0, 1)
