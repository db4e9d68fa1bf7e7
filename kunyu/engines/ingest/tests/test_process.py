"""From received to a verdict: second click, resumption, one worker at a time, who and why on record."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from kunyu.engines.ingest import process as processing
from kunyu.engines.ingest.errors import AlreadyOpen, InProgress, ReasonNeeded, TooLarge, UnknownTarget, WrongStatus
from kunyu.engines.ingest.models import CheckRun, DeliveredLayer, Delivery, Finding
from kunyu.engines.ingest.process import process
from kunyu.engines.ingest.publish import publish
from kunyu.engines.ingest.receive import Request, receive
from kunyu.engines.ingest.running import Run, is_held
from kunyu.engines.ingest.services import Status, change_status, reject
from kunyu.engines.ingest.settings import ingest_settings
from kunyu.engines.ingest.storage import object_store
from kunyu.engines.ingest.tests.delivered_files import (
    COUNTY,
    OPEN_STANDARD,
    OPERATOR,
    SURVEY,
    Y2024,
    Y2025,
    Cover,
    accepted,
    hand_in,
    write_cover,
)
from kunyu.engines.security.models import AuditEntry
from kunyu.kernel.errors import UsageError


def test_receiving_writes_delivery_event_audit_and_object(node: None, tmp_path: Path) -> None:
    path = write_cover(tmp_path / "a.gpkg")
    delivery = hand_in(path)
    with object_store().open(delivery.input_sm3) as stored:
        assert stored.read() == path.read_bytes()
    assert [(e.status, e.actor) for e in delivery.events.all()] == [("received", "operator")]
    entry = AuditEntry.objects.get(action="deliver")
    assert (entry.object_id, entry.result, entry.detail["sm3"]) == (str(delivery.pk), "done", delivery.input_sm3)


def test_second_click_answers_with_the_first_delivery(node: None, tmp_path: Path) -> None:
    path = write_cover(tmp_path / "a.gpkg")
    request = Request(path.name, COUNTY, OPEN_STANDARD, valid_from=Y2024)
    first, second = receive(path, request, OPERATOR), receive(path, request, OPERATOR)
    assert (first.existing, second.existing, second.delivery.pk) == (False, True, first.delivery.pk)
    assert Delivery.objects.count() == 1 and AuditEntry.objects.filter(action="deliver").count() == 1

    with pytest.raises(AlreadyOpen):
        receive(path, Request(path.name, COUNTY, OPEN_STANDARD, valid_from=Y2025), OPERATOR)
    reject(first.delivery.pk, "日期有误", OPERATOR)
    third = receive(path, Request(path.name, COUNTY, OPEN_STANDARD, valid_from=Y2025), OPERATOR)
    assert not third.existing and third.delivery.pk != first.delivery.pk


def test_the_database_lets_only_one_of_two_clicks_in(node: None, tmp_path: Path) -> None:
    delivery = hand_in(write_cover(tmp_path / "a.gpkg"))
    delivery.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        delivery.save(force_insert=True)


def test_a_clean_survey_is_accepted_with_reports(node: None, sample: Path) -> None:
    delivery = accepted(sample / "county.gpkg", standard=SURVEY, valid_from=None)
    run = CheckRun.objects.get(delivery=delivery)
    assert (delivery.status, delivery.summary["S"], delivery.valid_from) == ("accepted", 0, datetime.date(2024, 12, 31))
    assert {"json", "html", "gpkg", "docx"} <= run.reports.keys()
    assert all(object_store().exists(digest) for digest in run.reports.values())
    assert DeliveredLayer.objects.get(delivery=delivery, layer_code="DLTB").records == 400


def test_findings_of_severity_s_return_a_survey(node: None, tmp_path: Path) -> None:
    """Scoring of the 质检规则: any S fails the package; the findings stand as rows with geometry."""
    from django.db import connection

    from kunyu.project.sample_county.generate import generate_county

    generate_county(tmp_path, 200, 5, defects="Q303:2")
    delivery = accepted(tmp_path / "county.gpkg", standard=SURVEY, valid_from=None)
    assert delivery.status == "returned" and delivery.summary["S"] >= 2
    overlaps = Finding.objects.filter(run__delivery=delivery, rule="Q303")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ingest_finding WHERE rule = 'Q303' AND ST_IsValid(geom) AND ST_X(ST_Centroid(geom)) "
                       "BETWEEN 112 AND 116")  # fmt: skip
        assert cursor.fetchone()[0] == overlaps.count() == 2
    assert "S" in delivery.events.latest("id").reason_zh
    with pytest.raises(WrongStatus):
        publish(delivery.pk, OPERATOR)


@pytest.mark.parametrize("crash_after", ["received", "mapped"])
def test_a_killed_worker_is_taken_up_where_it_stood(
    node: None, sample: Path, monkeypatch: pytest.MonkeyPatch, crash_after: str
) -> None:
    """A step is all or nothing, so a worker that dies inside one leaves the delivery at the step before."""
    delivery = hand_in(sample / "county.gpkg", standard=SURVEY, valid_from=None)
    broken = "map_layers" if crash_after == "received" else "_check"
    with monkeypatch.context() as patch:
        patch.setattr(processing, broken, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            process(delivery.pk)
    assert Delivery.objects.get(pk=delivery.pk).status == crash_after and not is_held(delivery.pk)
    assert processing.unfinished() == [delivery.pk]

    assert process(delivery.pk).status == "accepted"
    assert process(delivery.pk).status == "accepted"  # and once more changes nothing
    assert [e.status for e in delivery.events.all()] == ["received", "mapped", "checked", "accepted"]
    assert CheckRun.objects.count() == 1 and processing.unfinished() == []


def test_a_starting_worker_queues_what_has_no_verdict(node: None, tmp_path: Path) -> None:
    from django.db import connection

    from kunyu.engines.ingest.tasks import take_up_unfinished

    done = accepted(write_cover(tmp_path / "a.gpkg"))
    waiting = hand_in(write_cover(tmp_path / "b.gpkg", Cover(rows=5)))
    assert take_up_unfinished() == [waiting.pk]
    with connection.cursor() as cursor:
        cursor.execute("SELECT args FROM procrastinate_jobs WHERE task_name = 'ingest.process_delivery'")
        jobs = [str(row[0]) for row in cursor.fetchall()]
    assert any(str(waiting.pk) in job for job in jobs) and done.status == "accepted"


def test_one_worker_at_a_time(node: None, tmp_path: Path) -> None:
    delivery = hand_in(write_cover(tmp_path / "a.gpkg"))
    with Run(delivery.pk):
        assert is_held(delivery.pk)
        with pytest.raises(InProgress):
            process(delivery.pk)
    assert not is_held(delivery.pk) and process(delivery.pk).status == "accepted"


def test_status_changes_are_whole_or_refused(node: None, tmp_path: Path) -> None:
    delivery = hand_in(write_cover(tmp_path / "a.gpkg"))
    with pytest.raises(WrongStatus):
        change_status(delivery.pk, Status.PUBLISHED, OPERATOR)
    assert delivery.events.count() == 1 and not AuditEntry.objects.filter(action="delivery-published").exists()
    with pytest.raises(ReasonNeeded):
        reject(delivery.pk, "  ", OPERATOR)
    done = reject(delivery.pk, "重复汇交", OPERATOR)
    assert (done.status, done.events.latest("id").reason_zh) == ("rejected", "重复汇交")


def test_targets_that_make_no_sense(node: None, tmp_path: Path) -> None:
    path = write_cover(tmp_path / "a.gpkg")
    with pytest.raises(UnknownTarget):
        hand_in(path, standard="")
    with pytest.raises(UsageError):
        hand_in(path, division="99")
    assert Delivery.objects.count() == 0
    assert AuditEntry.objects.filter(action="deliver", result="refused").count() == 2


def test_a_file_beyond_the_limit_is_refused_on_record(
    node: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUNYU_INGEST_MAX_FILE_BYTES", "1000")
    ingest_settings.cache_clear()
    try:
        with pytest.raises(TooLarge) as refused:
            hand_in(write_cover(tmp_path / "a.gpkg"))
    finally:
        ingest_settings.cache_clear()
    assert "1000" in refused.value.detail_zh and Delivery.objects.count() == 0
    assert AuditEntry.objects.get(action="deliver").detail["code"] == "delivery.too_large"


def test_a_dataset_code_delivers_one_layer(node: None, sample: Path) -> None:
    delivery = accepted(sample / "county.gpkg", dataset="10401-003", valid_from=None)
    assert [one.layer_code for one in delivery.layers.all()] == ["DLTB"]


def test_a_shapefile_travels_with_its_parts(node: None, tmp_path: Path) -> None:
    import pyogrio

    table = pyogrio.read_arrow(write_cover(tmp_path / "a.gpkg", Cover(rows=5)))[1]
    pyogrio.write_arrow(table.drop_columns(["fid"]) if "fid" in table.schema.names else table,
                        tmp_path / "landcover.shp", geometry_name="geom", geometry_type="Polygon", crs="EPSG:4526")  # fmt: skip
    first = hand_in(tmp_path / "landcover.shp")
    assert first.file_name == "landcover.zip" and process(first.pk).status == "accepted"
    assert hand_in(tmp_path / "landcover.shp").pk == first.pk  # same content, same digest
