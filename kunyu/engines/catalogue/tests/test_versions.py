"""Versions, uniqueness in time, lineage, and the event that tells others."""

import datetime
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from kunyu.engines.catalogue import tables, versions
from kunyu.engines.catalogue.errors import BadCounty, OverlapInTime, VersionNotOpen, VersionOutOfOrder
from kunyu.engines.catalogue.lineage import ancestry, descendants
from kunyu.engines.catalogue.loading import Loaded
from kunyu.engines.catalogue.models import DatasetVersion, Layer
from kunyu.kernel.outbox.models import Event

Published = Callable[..., DatasetVersion]
DAY = datetime.date(2024, 12, 31)
NOTHING = versions.Content(0, 0, 0)


def dltb() -> Layer:
    return Layer.objects.get(collection="10401-003")


def test_versions_are_numbered_per_layer_and_county(catalogue: Loaded) -> None:
    """1, 2, 3 … per layer and county; an abandoned number is not used again."""
    first = versions.open_version(dltb(), "990101", DAY)
    versions.abandon_version(first)
    second = versions.open_version(dltb(), "990101", DAY)
    other = versions.open_version(dltb(), "990102", DAY)

    assert [first.number, second.number, other.number] == [1, 2, 1]
    with pytest.raises(BadCounty):
        versions.open_version(dltb(), "9901", DAY)


def test_publishing_writes_the_event_in_the_same_transaction(county: Published) -> None:
    """R-039: a published version is current and announced once, with what listeners need."""
    version = county("2024-12-31", "2025-01-10T00:00:00+08:00", {"a": "0101", "b": "0103"})

    version.refresh_from_db()
    assert (version.status, version.record_count, version.area_m2) == ("published", 2, 2049.0)
    event = Event.objects.get(topic="catalogue.version_published")
    assert event.payload["version"] == version.pk
    assert event.payload["collection"] == "10401-003"
    assert event.payload["county"] == "990101"


def test_a_version_is_published_once(county: Published) -> None:
    """A published version can be neither published nor abandoned again; nothing is written."""
    version = county("2024-12-31", "2025-01-10T00:00:00+08:00", {"a": "0101"})

    with pytest.raises(VersionNotOpen, match="已发布"):
        versions.publish_version(version, NOTHING)
    with pytest.raises(VersionNotOpen):
        versions.abandon_version(version)

    assert Event.objects.filter(topic=versions.PUBLISHED_TOPIC).count() == 1


def test_an_overtaken_version_is_refused(county: Published) -> None:
    """Two loads side by side: the one computed against the older state must be loaded again."""
    slow = versions.open_version(dltb(), "990101", DAY)
    county("2024-12-31", "2025-01-10T00:00:00+08:00", {"a": "0101"})

    with pytest.raises(VersionOutOfOrder, match="第 2 版已先发布"), transaction.atomic():
        versions.publish_version(slow, NOTHING)

    slow.refresh_from_db()
    assert slow.status == DatasetVersion.Status.OPEN


@pytest.mark.parametrize(
    ("ranges", "overlaps"),
    [
        (["[2024-12-31,2025-12-31)", "[2025-12-31,)"], False),
        (["[2024-12-31,2026-01-01)", "[2025-12-31,)"], True),
        (["[2024-12-31,)", "[2024-12-31,)"], True),
        (["[2020-01-01,)", "[2021-01-01,2022-01-01)", "[2023-01-01,2024-01-01)"], True),
        (["(,2024-01-01)", "[2023-12-31,)"], True),
        (["(,2024-01-01)", "[2024-01-01,)"], False),
    ],
)
def test_a_key_is_true_once_a_day(catalogue: Loaded, ranges: list[str], overlaps: bool) -> None:
    """Q204 in time: two rows of one BSM that share a day stop publishing; meeting ends do not."""
    version = versions.open_version(dltb(), "990101", DAY)
    partition = tables.ensure_partition(dltb(), "990101")
    with connection.cursor() as cursor:
        for valid in ranges:
            cursor.execute(
                f'INSERT INTO {partition} (county, "BSM", valid, known, version_id, digest) '
                "VALUES ('990101', 'twice', %s::daterange, tstzrange(now(), NULL), %s, '\\x00')",
                [valid, version.pk],
            )
    if not overlaps:
        assert versions.publish_version(version, NOTHING).status == "published"
        return
    with pytest.raises(OverlapInTime, match="twice"), transaction.atomic():
        versions.publish_version(version, NOTHING)
    version.refresh_from_db()
    assert version.status == "open"
    assert not Event.objects.filter(topic=versions.PUBLISHED_TOPIC).exists()


def test_lineage_both_ways(county: Published) -> None:
    """Where a version comes from and what was made of it, over two steps; files by digest."""
    base = county("2024-12-31", "2025-01-10T00:00:00+08:00", {"a": "0101"},
                  inputs=[{"sm3": "66c7f0f4", "name": "county.gpkg"}])  # fmt: skip
    middle = county("2025-06-30", "2025-07-10T00:00:00+08:00", {"a": "0103"}, inputs=[{"version": base.pk}])
    last = county("2025-12-31", "2026-01-10T00:00:00+08:00", {"a": "0601"}, inputs=[{"version": middle.pk}])

    found = ancestry(last)

    assert [(one.depth, one.version and one.version.pk, one.name) for one in found] == [
        (1, middle.pk, ""),
        (2, base.pk, ""),
        (3, None, "county.gpkg"),
    ]
    assert [one.pk for one in descendants(base)] == [middle.pk, last.pk]
    assert descendants(last) == []
