"""Labels, zones and rights along the path of a delivery.

R-041 (label before publishing), R-142 and R-058 (a zone stores, shows and publishes only what belongs there), and the
attack "a background job after its owner lost the grant".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyogrio
import pytest
from django.db import connection

from kunyu.engines.catalogue.loading import load_labelled_catalogue
from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.catalogue.tests.personal_standard import STANDARD, write_standard
from kunyu.engines.ingest import access, queries
from kunyu.engines.ingest.api import start_publishing
from kunyu.engines.ingest.errors import RightGone
from kunyu.engines.ingest.models import Delivery
from kunyu.engines.ingest.process import process
from kunyu.engines.ingest.publish import publish
from kunyu.engines.ingest.tasks import publish_delivery
from kunyu.engines.ingest.tests.delivered_files import (
    OPERATOR,
    SURVEY,
    Y2024,
    Cover,
    accepted,
    hand_in,
    write_cover,
)
from kunyu.engines.security import epochs, label_services, labels
from kunyu.engines.security.errors import FieldMasked, NotAllowed, NotInThisZone
from kunyu.engines.security.label_errors import NotLabelled
from kunyu.engines.security.label_services import Proposal
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import AuditEntry, Grant, LabelState, RecordLabel, User
from kunyu.engines.security.models import Label as LabelRow
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.scope import APPROVE, DOWNLOAD, EDIT, QUERY, SEE, Principal, Right
from kunyu.engines.security.session import principal_of
from kunyu.project.sample_county.generate import generate_county

COVER = "10302-901@990101"
SECURITY = Principal("security", user_id=3, duty="security")
SECRET = Label(labels.SECRET, labels.IMPORTANT, labels.NOT_SHARED)
SENSITIVE = Label(labels.SENSITIVE, labels.GENERAL, labels.CONDITIONAL)


def relabel(label: Label) -> None:
    row = label_services.propose(Proposal(COVER, label, "试", basis="第十八项"), OPERATOR)
    label_services.approve(row.pk, SECURITY)


def objects() -> set[str]:
    return set(object_store().names())


def test_a_dataset_of_another_zone_is_not_taken_in(node: None, tmp_path: Path) -> None:
    """R-142: refused with the remedy, on record, and nothing of the file is stored."""
    relabel(SECRET)
    before = objects()
    path = write_cover(tmp_path / "cover.gpkg")
    with pytest.raises(NotInThisZone, match="业务网") as refused:
        hand_in(path, dataset=COVER)
    assert "相应网络" in refused.value.detail_zh and objects() == before and not Delivery.objects.exists()
    entry = AuditEntry.objects.get(action="deliver")
    assert (entry.result, entry.detail["code"]) == ("refused", "not_in_this_zone")


def test_a_proposed_state_secret_is_not_taken_in_either(node: None, tmp_path: Path) -> None:
    """Before anybody decided, the proposed label counts: better refused than stored in the wrong network."""
    LabelRow.objects.filter(collection=COVER).delete()
    label_services.propose(Proposal(COVER, SECRET, "试", basis="第十八项"), OPERATOR)
    with pytest.raises(NotInThisZone):
        hand_in(write_cover(tmp_path / "cover.gpkg"), dataset=COVER)


def test_a_secret_layer_in_a_package_fails_it_and_leaves_nothing(node: None, tmp_path: Path) -> None:
    """A whole standard is received; once a layer shows that does not belong here, the delivery fails and its file goes."""
    relabel(SECRET)
    delivery = hand_in(write_cover(tmp_path / "cover.gpkg", Cover(names={1: "held by no other test"})))
    assert delivery.input_sm3 in objects()
    with pytest.raises(NotInThisZone):
        process(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.events.latest("id").code) == ("failed", "not_in_this_zone")
    assert delivery.input_sm3 not in objects() and not delivery.layers.exists()


def test_a_file_that_another_delivery_holds_is_kept(node: None, tmp_path: Path) -> None:
    path = write_cover(tmp_path / "cover.gpkg")
    held = accepted(path)
    relabel(SECRET)
    again = hand_in(path, valid_from=Y2024, division="990102")
    with pytest.raises(NotInThisZone):
        process(again.pk)
    assert held.input_sm3 == again.input_sm3 and held.input_sm3 in objects()


@pytest.mark.parametrize(("zone", "taken"), [("internet", False), ("business", True), ("secret", True)])
def test_the_same_delivery_in_three_editions(node: None, settings: Any, tmp_path: Path, zone: str, taken: bool) -> None:
    """R-058: one release; only the zone decides whether sensitive data are taken in."""
    relabel(SENSITIVE)
    settings.KUNYU_ZONE = zone
    path = write_cover(tmp_path / "cover.gpkg")
    if taken:
        assert hand_in(path, dataset=COVER).status == "received"
    else:
        with pytest.raises(NotInThisZone):
            hand_in(path, dataset=COVER)


def test_without_a_label_it_is_taken_in_with_a_warning_and_not_published(node: None, tmp_path: Path) -> None:
    """R-041: said early on the delivery's page, refused at publishing with the reason on the delivery."""
    LabelRow.objects.filter(collection=COVER).update(state=LabelState.PROPOSED)
    delivery = accepted(write_cover(tmp_path / "cover.gpkg"))
    assert queries.detail(OPERATOR, delivery.pk)["label_warnings"] == [
        {"collection": COVER, "proposed_zh": "公开·一般·无条件共享",
         "proposed_en": "public, general, shared unconditionally"}
    ]  # fmt: skip
    with pytest.raises(NotLabelled):
        publish(delivery.pk, OPERATOR)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.events.latest("id").code) == ("accepted", "label.not_approved")
    assert not DatasetVersion.objects.exists()
    waiting = LabelRow.objects.get(collection=COVER)
    label_services.approve(waiting.pk, SECURITY)
    assert publish(delivery.pk, OPERATOR).status == "published"
    assert queries.detail(OPERATOR, delivery.pk)["label_warnings"] == []


def test_the_delivered_file_is_for_who_sees_it_in_clear(
    node: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-071: nothing in the file is masked, so it is handed out only to whoever's grant reveals what it holds."""
    monkeypatch.setenv("KUNYU_STANDARDS", str(write_standard(tmp_path / "standards")))
    load_labelled_catalogue("security")
    delivery = Delivery.objects.create(
        standard_id=STANDARD, division_code="990101", file_name="x.gpkg", input_sm3="0" * 64, input_size=1,
        valid_from=Y2024, created_by="operator",
    )  # fmt: skip
    kinds = frozenset({"name", "document", "phone", "address"})
    for reveals, refused in ((frozenset(), True), (kinds - {"phone"}, True), (kinds, False)):
        reader = Principal("li", user_id=9, rights=(Right("302", "", DOWNLOAD, reveals=reveals),))
        if refused:
            with pytest.raises(FieldMasked):
                access.require_clear(reader, delivery)
        else:
            access.require_clear(reader, delivery)


# --- jobs ---


@pytest.fixture
def person(node: None) -> User:
    user = User.objects.create_user("wang", "a-long-password", name_zh="王")
    for action in (SEE, QUERY, EDIT, APPROVE):
        Grant.objects.create(user=user, action=action, branch="103")
    epochs.forget()
    return user


def queued() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT args FROM procrastinate_jobs WHERE task_name = 'ingest.publish_delivery' ORDER BY id DESC LIMIT 1"
        )
        args = cursor.fetchone()[0]
    return dict(json.loads(args) if isinstance(args, str) else args)


def revoke(user: User) -> None:
    Grant.objects.filter(user=user, action=APPROVE).delete()


def disable(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def keep(user: User) -> None:
    """Nothing changes."""


@pytest.mark.parametrize(
    ("meanwhile", "status", "code"),
    [
        (keep, "published", ""),
        (revoke, "accepted", "delivery.right_gone"),
        (disable, "accepted", "delivery.right_gone"),
    ],
)
def test_a_publish_job_asks_again(
    person: User, tmp_path: Path, meanwhile: Callable[[User], None], status: str, code: str
) -> None:
    """The right that held when the job was queued must hold when it runs; else nothing is published and it says why."""
    delivery = accepted(write_cover(tmp_path / "cover.gpkg"), dataset=COVER, actor=principal_of(person))
    start_publishing(principal_of(person), delivery.pk)
    meanwhile(person)
    publish_delivery(**queued())
    delivery.refresh_from_db()
    last = delivery.events.latest("id")
    assert (delivery.status, last.code, last.actor) == (status, code, "wang")
    assert DatasetVersion.objects.filter(status="published").exists() == (status == "published")
    assert bool(code) == ("重新发布" in last.reason_zh)


def test_processing_asks_again_too(person: User, tmp_path: Path) -> None:
    """A delivery whose deliverer lost the right while it waited is not processed for him."""
    delivery = hand_in(write_cover(tmp_path / "cover.gpkg"), dataset=COVER, actor=principal_of(person))
    Grant.objects.filter(user=person, action=EDIT).delete()
    with pytest.raises(RightGone):
        process(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.events.latest("id").code) == ("failed", "delivery.right_gone")
    assert not delivery.layers.exists()


def test_nobody_poses_as_the_operator(person: User, tmp_path: Path) -> None:
    """A job that names an account acts for that account, whatever name stands beside it."""
    delivery = accepted(write_cover(tmp_path / "cover.gpkg"), dataset=COVER)
    revoke(person)
    publish_delivery(delivery_id=delivery.pk, actor="operator", origin="", user_id=person.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.events.latest("id").code) == ("accepted", "delivery.right_gone")


# --- parts of a delivery ---


@pytest.fixture
def checked(node: None, tmp_path: Path) -> Delivery:
    """Two layers of different labels with findings: land cover, and buildings that bear an important label."""
    path = write_cover(tmp_path / "both.gpkg")
    table = pyogrio.read_arrow(path)[1]
    pyogrio.write_arrow(
        table, path, layer="BUILDING", driver="GPKG", geometry_name="geom", geometry_type="Unknown", crs="EPSG:4526",
    )  # fmt: skip
    row = label_services.propose(Proposal("10303-901@990101", Label(1, 1, 1), "试"), OPERATOR)
    label_services.approve(row.pk, SECURITY)
    return accepted(path)


def test_findings_of_layers_above_ones_rights_are_hidden(checked: Delivery) -> None:
    """R-041, R-360: who sees a part of a delivery sees that part; files about the whole are not his."""
    viewer = Principal(
        "li", user_id=9, rights=(Right("10", "", QUERY), Right("10", "", DOWNLOAD), Right("10", "", SEE))
    )
    everything = queries.detail(OPERATOR, checked.pk)
    part = queries.detail(viewer, checked.pk)
    assert {one["layer"] for one in everything["layers"]} == {"LANDCOVER", "BUILDING"}
    assert [one["layer"] for one in part["layers"]] == ["LANDCOVER"] and set(part["summary"]["layers"]) == {"LANDCOVER"}
    found = {name: queries.findings_page(who, checked.pk)["features"] for name, who in
             (("all", OPERATOR), ("part", viewer))}  # fmt: skip
    layers = {name: {one["properties"]["layer"] for one in features} for name, features in found.items()}
    assert "BUILDING" in layers["all"] and layers["part"] and "BUILDING" not in layers["part"]
    assert "BUILDING" not in {row["layer"] for row in part["check"]["by_rule"]}
    for action in (QUERY, DOWNLOAD):
        with pytest.raises(NotAllowed):
            access.require_whole(viewer, checked, action)
        access.require_whole(OPERATOR, checked, action)


def test_findings_about_a_labelled_record_are_hidden(node: None, tmp_path: Path) -> None:
    """R-041: a record stricter than its dataset is named in no finding that somebody below its label reads."""
    generate_county(tmp_path / "county", 200, 5, defects="Q303:3")
    returned = accepted(tmp_path / "county" / "county.gpkg", standard=SURVEY, valid_from=None)
    viewer = Principal("li", user_id=9, rights=(Right("", "", QUERY),))

    def named() -> list[tuple[str, ...]]:
        features = queries.findings_page(viewer, returned.pk)["features"]
        return [tuple(one["properties"]["ids"]) for one in features if one["properties"]["layer"] == "DLTB"]

    before = named()
    key = next(ids[0] for ids in before if ids)
    RecordLabel.objects.create(
        collection="10401-003", county="990101", keys=[key], secrecy=2, grading=2, sharing=1, reason="要害部位",
        state=LabelState.APPROVED, proposed_by="a", decided_by="b",
    )  # fmt: skip
    epochs.raise_labels()
    assert named() == [ids for ids in before if key not in ids] != before
    with pytest.raises(NotAllowed):
        access.require_whole(viewer, returned, QUERY)
