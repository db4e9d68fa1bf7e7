"""The catalogue, loaded. Django is imported inside: the tests of the standards run without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kunyu.engines.catalogue.loading import Loaded
    from kunyu.engines.catalogue.models import DatasetVersion


@pytest.fixture
def catalogue(db: None) -> Loaded:
    """The catalogue as it ships, in the test's transaction."""
    from kunyu.engines.catalogue.loading import load_labelled_catalogue

    return load_labelled_catalogue("security")


@pytest.fixture
def county(catalogue: Loaded) -> Publish:
    """Publish parcels of county 990101: call with version valid-from day, instant, and {BSM: DLBM}."""
    return Publish("990101")


class Publish:
    """Loads tiny full deliveries of DLTB the way ingest does, through the same catalogue functions."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __call__(self, valid_from: str, known_from: str, parcels: dict[str, str], **lineage: Any) -> DatasetVersion:
        import datetime

        from django.db import connection

        from kunyu.engines.catalogue import tables, versions
        from kunyu.engines.catalogue.models import Layer

        layer = Layer.objects.get(collection="10401-003")
        version = versions.open_version(
            layer, self.code, datetime.date.fromisoformat(valid_from), lineage=lineage or None
        )
        partition = tables.ensure_partition(layer, self.code)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {partition} SET known = tstzrange(lower(known), %s) WHERE upper_inf(known) "
                "AND upper_inf(valid) RETURNING fid",
                [known_from],
            )
            closed = [row[0] for row in cursor.fetchall()]
            cursor.execute(
                f'INSERT INTO {partition} (county, "BSM", "DLBM", "TBMJ", geom, valid, known, version_id, digest) '
                f'SELECT county, "BSM", "DLBM", "TBMJ", geom, daterange(lower(valid), %s), tstzrange(%s, NULL), '
                f"version_id, digest FROM {partition} WHERE fid = ANY(%s)",
                [valid_from, known_from, closed],
            )
            for number, (bsm, dlbm) in enumerate(parcels.items()):
                west = 113 + number / 100
                cursor.execute(
                    f'INSERT INTO {partition} (county, "BSM", "DLBM", "TBMJ", geom, valid, known, version_id, digest) '
                    "VALUES (%s, %s, %s, 1024.5, ST_Multi(ST_MakeEnvelope(%s, 34, %s, 34.01, 4490)), "
                    "daterange(%s, NULL), tstzrange(%s, NULL), %s, '\\x00')",
                    [self.code, bsm, dlbm, west, west + 0.01, valid_from, known_from, version.pk],
                )
        content = versions.Content(len(parcels), len(parcels), len(closed), 1024.5 * len(parcels))
        return versions.publish_version(version, content, known_from=datetime.datetime.fromisoformat(known_from))
