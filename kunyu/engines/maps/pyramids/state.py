"""Which derived rows stand in for a layer's own, and when. 派生几何的状态.

What is drawn from which rows follows from the records alone, so it is the same for the same state: an ETag that holds
:attr:`TileState.digest` changes whenever a tile may. A build is not drawn when the records' labels changed after it; at
zoom 12 to 14 not either when a newer version was published. Below, an older build holds until the next one is ready.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db import connection

from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.catalogue.served.moments import Moment
from kunyu.engines.maps.models import Pyramid
from kunyu.kernel.digests import canonical_json, sm3_hex

EDITION = 1
"""Raised when a method gives other rows: builds of other editions are not drawn and are made anew."""

LABELS_DIGEST = "count(*) || '.' || max(id) || '.' || extract(epoch FROM max(decided_at))"
"""SQL of what stands for the approved decisions on single records' labels."""

_QUERY = f"""
SELECT v.county, p.id, p.kind, p.method, p.version_id = v.newest, p.shared_by, p.valid_from,
  p.valid_until
FROM (SELECT county, max(id) AS newest FROM catalogue_datasetversion
      WHERE layer_id = %s AND status = 'published' GROUP BY county) v
LEFT JOIN (SELECT county, {LABELS_DIGEST} AS digest FROM security_recordlabel
           WHERE state = 'approved' AND collection = %s GROUP BY county) r ON r.county = v.county
LEFT JOIN maps_pyramid p ON p.layer_id = %s AND p.county = v.county AND p.status = 'in_force' AND p.edition = %s
     AND p.labels = coalesce(r.digest, '')
ORDER BY v.county, p.id
"""


@dataclass(frozen=True)
class Ready:
    """A build in force, true on days from ``valid_from`` to before ``valid_until`` (None is open).

    ``is_newest``: made from the newest published version. ``shared_by``: among how many counties a tile was shared out.
    """

    county: str
    build: int
    kind: str
    method: str
    is_newest: bool
    shared_by: int
    valid_from: date | None
    valid_until: date | None

    def holds(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day < self.valid_until
        )


@dataclass(frozen=True)
class TileState:
    """The published ``counties`` of a layer and the builds that may be drawn for them."""

    counties: tuple[str, ...]
    ready: tuple[Ready, ...]

    @property
    def digest(self) -> str:
        """Short text that changes whenever a tile may be drawn from other rows."""
        return sm3_hex(canonical_json([list(self.counties), [[one.build, one.is_newest] for one in self.ready]]))[:16]

    def usable(self, kind: str, moment: Moment) -> tuple[Ready, ...]:
        """Builds of a kind that show just what is true and believed at ``moment``."""
        day = moment.days.first
        if moment.known_at is not None or day is None or not moment.days.is_one_day:
            return ()
        small = kind == Pyramid.Kind.SMALL
        return tuple(one for one in self.ready if one.kind == kind and one.holds(day) and (small or one.is_newest))

    def others(self, ready: Collection[Ready]) -> bool:
        """Whether a published county is not among ``ready``."""
        return bool(set(self.counties) - {one.county for one in ready})


def power_of_two(counties: int) -> int:
    """Rounded up: what is shared out among counties changes seldom."""
    return 1 << max(counties - 1, 0).bit_length()


def state_of(layer: ServedLayer, counties: Collection[str] | None = None) -> TileState:
    """What tiles of a layer are drawn from now (one query), of all published counties or of ``counties``."""
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, [layer.id, layer.collection, layer.id, EDITION])
        rows = [row for row in cursor.fetchall() if counties is None or row[0] in counties]
    listed = tuple(dict.fromkeys(row[0] for row in rows))
    return TileState(listed, tuple(Ready(*row) for row in rows if row[1] is not None))
