"""Publishing: history by difference, one transaction or nothing (issue part 6; architecture.md §2)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.ingest.errors import NotUniqueInTime, WrongStatus
from kunyu.engines.ingest.models import Delivery
from kunyu.engines.ingest.publish import publish
from kunyu.engines.ingest.services import reject
from kunyu.engines.ingest.tests.delivered_files import (
    OPERATOR,
    TABLE,
    Y2024,
    Y2025,
    Y2026,
    Cover,
    accepted,
    key,
    square,
    write_cover,
)
from kunyu.engines.security.models import AuditEntry
from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.kernel.outbox.models import Event

Sql = Callable[..., list[tuple[Any, ...]]]

BELIEVED = f"""SELECT "NAME" FROM {TABLE} WHERE upper_inf(known) AND valid @> %s::date ORDER BY "BSM" """


def published(folder: Path, cover: Cover, day: Any) -> Delivery:
    path = write_cover(folder / "cover.gpkg", cover)
    return publish(accepted(path, valid_from=day).pk, OPERATOR)


def test_first_load_stores_rows_areas_version_and_event(node: None, sql: Sql, tmp_path: Path) -> None:
    done = published(tmp_path, Cover(), Y2024)

    version = DatasetVersion.objects.get()
    ((count, area, crs, counties),) = sql(
        f"SELECT count(*), sum(area_m2), min(source_crs), count(DISTINCT county) FROM {TABLE}_current"
    )
    expected = float(ellipsoidal_area([square(row) for row in range(60)], "EPSG:4526").sum())
    assert (done.status, count, crs, counties) == ("published", 60, 4526, 1)
    assert area == pytest.approx(expected, rel=1e-12) and version.area_m2 == pytest.approx(expected, rel=1e-12)
    assert (version.number, version.record_count, version.inserted, version.closed) == (1, 60, 60, 0)
    assert version.delivery_id == done.pk and version.extent is not None and 112 < version.extent[0] < 116
    assert Event.objects.filter(topic="catalogue.version_published", payload__delivery=done.pk).count() == 1
    assert AuditEntry.objects.filter(action="delivery-published", object_id=str(done.pk), actor="operator").exists()
    assert [event.status for event in done.events.all()] == ["received", "mapped", "checked", "accepted", "published"]
    assert {"copy", "index", "prepare", "commit"} <= done.summary["stage_seconds"].keys()


def test_first_load_has_the_indexes_and_is_a_partition(node: None, sql: Sql, tmp_path: Path) -> None:
    published(tmp_path, Cover(), Y2024)
    ((indexes,),) = sql("SELECT count(*) FROM pg_indexes WHERE tablename = 'landcover_kunyu_open_2026_p990101'")
    ((attached,),) = sql("SELECT relispartition FROM pg_class WHERE relname = 'landcover_kunyu_open_2026_p990101'")
    ((invalid,),) = sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
    assert (indexes, attached, invalid) == (3, True, 0)
    storage = sql(
        "SELECT attstorage FROM pg_attribute WHERE attname = 'geom' AND attrelid IN"
        " ('onemap.landcover_kunyu_open_2026'::regclass, 'onemap.landcover_kunyu_open_2026_p990101'::regclass)"
    )
    assert [row[0] for row in storage] == ["e", "e"]  # not compressed: COPY takes half the time


def test_a_later_year_is_stored_as_a_difference(node: None, sql: Sql, tmp_path: Path) -> None:
    published(tmp_path, Cover(), Y2024)
    before = {row[0] for row in sql(f'SELECT fid FROM {TABLE} WHERE "BSM" <> ALL(%s)', [key(1), key(5)])}

    published(tmp_path, Cover(rows=61, names={1: "changed"}, without={5}), Y2025)

    version = DatasetVersion.objects.latest("id")
    assert (version.inserted, version.closed, version.record_count) == (2, 2, 60)
    rows = sql(
        f"SELECT \"BSM\", \"NAME\", valid::text, upper_inf(known), version_id FROM {TABLE} WHERE fid <> ALL(%s)"
        ' ORDER BY "BSM", upper_inf(known), lower(valid)', sorted(before),
    )  # fmt: skip
    first, second = (v.pk for v in DatasetVersion.objects.order_by("id"))
    assert rows == [
        (key(1), "plot 1", "[2024-12-31,)", False, first),
        (key(1), "plot 1", "[2024-12-31,2025-12-31)", True, second),
        (key(1), "changed", "[2025-12-31,)", True, second),
        (key(5), "plot 5", "[2024-12-31,)", False, first),
        (key(5), "plot 5", "[2024-12-31,2025-12-31)", True, second),
        (key(60), "plot 60", "[2025-12-31,)", True, second),
    ]
    ((untouched,),) = sql(f"SELECT count(*) FROM {TABLE} WHERE version_id = %s AND upper_inf(known)", first)
    assert untouched == 58


def test_what_was_believed_before_can_still_be_asked(node: None, sql: Sql, tmp_path: Path) -> None:
    published(tmp_path, Cover(), Y2024)
    ((instant,),) = sql("SELECT clock_timestamp()")
    published(tmp_path, Cover(names={1: "changed"}), Y2025)
    then = sql(
        f'SELECT "NAME" FROM {TABLE} WHERE known @> %s::timestamptz AND valid @> %s::date AND "BSM" = %s',
        instant, Y2026, key(1),
    )  # fmt: skip
    assert then == [("plot 1",)]


def test_a_correction_of_the_same_date_replaces(node: None, sql: Sql, tmp_path: Path) -> None:
    published(tmp_path, Cover(), Y2024)
    published(tmp_path, Cover(names={3: "corrected"}), Y2024)
    assert sql(f'SELECT "NAME", valid::text FROM {TABLE} WHERE "BSM" = %s AND upper_inf(known)', key(3)) == [
        ("corrected", "[2024-12-31,)")
    ]
    assert DatasetVersion.objects.latest("id").closed == 1


def test_a_late_correction_leaves_later_years_alone(node: None, sql: Sql, tmp_path: Path) -> None:
    published(tmp_path, Cover(), Y2024)
    published(tmp_path, Cover(names={1: "of 2025"}, without={5}), Y2025)
    in_2025 = sql(BELIEVED, Y2025)

    published(tmp_path, Cover(names={1: "corrected", 2: "corrected"}), Y2024)

    assert sql(BELIEVED, Y2025) == in_2025
    in_2024 = [row[0] for row in sql(BELIEVED, Y2024)]
    assert (in_2024[1], in_2024[2], in_2024[5], len(in_2024)) == ("corrected", "corrected", "plot 5", 60)


def test_the_same_content_again_writes_no_row(
    node: None, map_digest: Callable[[], str], sql: Sql, tmp_path: Path
) -> None:
    published(tmp_path, Cover(), Y2024)
    rows = sql(f"SELECT t::text FROM {TABLE} t ORDER BY fid")
    published(tmp_path, Cover(), Y2024)
    first, second = DatasetVersion.objects.order_by("id")
    assert sql(f"SELECT t::text FROM {TABLE} t ORDER BY fid") == rows
    assert (second.inserted, second.closed) == (0, 0) and first.digest == second.digest


def test_a_moved_vertex_is_a_change(node: None, tmp_path: Path) -> None:
    published(tmp_path, Cover(), Y2024)
    import shapely

    moved = shapely.transform(square(7), lambda xy: xy + [[0.0001, 0]] * len(xy))
    published(tmp_path, Cover(geometry={7: moved}), Y2024)
    assert DatasetVersion.objects.latest("id").inserted == 1


@pytest.mark.parametrize("second", [False, True], ids=["first load", "replacement"])
def test_a_doubled_key_changes_nothing(node: None, map_digest: Callable[[], str], tmp_path: Path, second: bool) -> None:
    """Q204: two rows of one BSM never stand at the same time; all of the publication is taken back."""
    if second:
        published(tmp_path, Cover(), Y2024)
    before = map_digest()
    delivery = accepted(write_cover(tmp_path / "d.gpkg", Cover(keys={4: key(3)})), valid_from=Y2025)

    with pytest.raises(NotUniqueInTime) as refused:
        publish(delivery.pk, OPERATOR)

    assert key(3) in refused.value.detail_zh and key(3) in refused.value.detail_en
    assert map_digest() == before
    last = Delivery.objects.get(pk=delivery.pk).events.latest("id")
    assert (last.status, last.code) == ("accepted", "delivery.not_unique_in_time")
    assert not DatasetVersion.objects.filter(delivery_id=delivery.pk).exists()


def test_only_accepted_deliveries_are_published(node: None, tmp_path: Path) -> None:
    delivery = accepted(write_cover(tmp_path / "a.gpkg"))
    reject(delivery.pk, "试验", OPERATOR)
    with pytest.raises(WrongStatus):
        publish(delivery.pk, OPERATOR)


def test_publishers_of_one_county_queue(node: None, sql: Sql, tmp_path: Path) -> None:
    """Two at once: both succeed, one after the other, and the county is consistent."""
    one = accepted(write_cover(tmp_path / "one.gpkg", Cover(names={1: "one"})), valid_from=Y2024)
    two = accepted(write_cover(tmp_path / "two.gpkg", Cover(names={1: "two"})), valid_from=Y2025)
    failures: list[BaseException] = []

    def work(delivery: Delivery) -> None:
        try:
            publish(delivery.pk, OPERATOR)
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(one,)), threading.Thread(target=work, args=(two,))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

    assert failures == []
    assert [row[0] for row in sql(BELIEVED, Y2024)][1] == "one" and [row[0] for row in sql(BELIEVED, Y2025)][1] == "two"
    assert sorted(DatasetVersion.objects.values_list("number", flat=True)) == [1, 2]
    assert sql(
        f'SELECT a."BSM" FROM {TABLE} a JOIN {TABLE} b ON a."BSM" = b."BSM" AND a.fid < b.fid AND a.valid && b.valid'
        " WHERE upper_inf(a.known) AND upper_inf(b.known)"
    ) == []  # fmt: skip
