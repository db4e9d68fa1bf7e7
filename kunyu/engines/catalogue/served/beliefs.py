"""What was believed at an instant, exactly as somebody who asked at that instant saw it. 认知时刻.

A publication takes minutes. Its rows begin at the instant at which it began, and nobody sees them before it is committed:
the version's ``known_from``. Between the two, a reader saw the county as it was just before, so whoever asks again for such an
instant is shown that. Publications of a county follow one another, so one earlier instant per county says it all.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Min

from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.catalogue.served.moments import Moment, ValidDays

_JUST_BEFORE = timedelta(microseconds=1)


def belief_now() -> datetime:
    """An instant for which it is settled what is believed: every version known from then or before is committed.

    The database's clock, which also stamps the versions.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT catalogue_belief_now()")
        instant: datetime = cursor.fetchone()[0]
    return instant


def unseen_at(layer_id: int, known_at: datetime | None) -> tuple[tuple[str, datetime], ...]:
    """Counties whose publication was under way at ``known_at``, with the last instant before its rows."""
    if known_at is None:
        return ()
    rows = (
        DatasetVersion.objects.filter(
            layer_id=layer_id,
            status=DatasetVersion.Status.PUBLISHED,
            rows_known_from__lte=known_at,
            known_from__gt=known_at,
        )
        .values_list("county")
        .annotate(Min("rows_known_from"))
        .order_by("county")
    )
    return tuple((county, began - _JUST_BEFORE) for county, began in rows)


def moment_of(layer_id: int, days: ValidDays, known_at: datetime | None, *, every_belief: bool = False) -> Moment:
    """The moment as it was for a layer: see the module."""
    return Moment(days, known_at, every_belief, unseen_at(layer_id, known_at))
