"""A publication under way while somebody asks: the answer is replayed as it was seen, not as it would have been (R-160)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
import shapely
from django.db import connection, transaction

from kunyu.engines.analysis import services
from kunyu.engines.analysis.tests.county import EASTERN, RED_LINE, VALID_1, People, bsm, insert, square
from kunyu.engines.catalogue.models import DatasetVersion, Layer
from kunyu.engines.catalogue.served.beliefs import belief_now, unseen_at
from kunyu.engines.catalogue.versions import Content, open_version, publish_version

STANDING, ENDED, NEW = bsm(1, kind="3010"), bsm(2, kind="3010"), bsm(3, kind="3010")
PLOT = shapely.union_all([shapely.buffer(EASTERN, 0.0001, join_style="mitre"), square(195)])
WHOLE = (113.0, 34.5, 113.04, 34.54)


@contextmanager
def _publication_under_way() -> Iterator[None]:
    """Another session has written a version that ends record 2 and brings record 3; it commits when the block ends."""
    written, go = threading.Event(), threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with transaction.atomic():
                _write()
                written.set()
                assert go.wait(60)
        except BaseException as error:
            failed.append(error)
            written.set()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert written.wait(60) and not failed, failed
        yield
    finally:
        go.set()
        thread.join(60)
    assert not failed, failed


def _write() -> None:
    layer = Layer.objects.get(collection=RED_LINE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        began: datetime = cursor.fetchone()[0]
        version = open_version(layer, "990101", VALID_1)
        cursor.execute(
            f'UPDATE onemap."{layer.table_name}" SET known = tstzrange(lower(known), %s) WHERE "BSM" = %s',
            [began, ENDED],
        )
    insert(layer, "990101", version.pk, [(NEW, square(195))], valid=f"[{VALID_1},)", known=f"[{began.isoformat()},)")
    publish_version(version, Content(2, 1, 1, extent=WHOLE), known_from=began)


def _ids(answer: dict[str, Any]) -> set[str]:
    (layer,) = answer["layers"]
    return {one["id"] for one in layer["overlaps"]}


@pytest.mark.django_db
def test_a_check_during_a_publication_replays_as_it_was_seen(people: People) -> None:
    """The rows of the publication begin before the check's instant, and it was not committed: replays do not see it."""
    steward = people.principals["steward"]
    with _publication_under_way():
        answer = services.overlap(steward, PLOT, [RED_LINE])
        past = services.history_of(steward, PLOT, [RED_LINE])
        asked_at = datetime.fromisoformat(answer["known_at"])
        assert _ids(answer) == {ENDED}
    published = DatasetVersion.objects.filter(layer__collection=RED_LINE, county="990101").latest("number")
    assert published.rows_known_from is not None and published.known_from is not None
    assert published.rows_known_from < asked_at < published.known_from
    assert [one for one, _ in unseen_at(published.layer_id, asked_at)] == ["990101"]
    assert unseen_at(published.layer_id, published.known_from) == ()

    assert services.replay(steward, answer["result"])["equal"]
    assert services.replay(steward, past["result"])["equal"]
    assert _ids(services.overlap(steward, PLOT, [RED_LINE], known_at=asked_at)) == {ENDED}
    assert _ids(services.overlap(steward, PLOT, [RED_LINE], known_at=published.known_from)) == {NEW}
    assert _ids(services.overlap(steward, PLOT, [RED_LINE])) == {NEW}
    (states,) = (one["states"] for one in services.history_of(steward, PLOT, [RED_LINE], known_at=asked_at)["layers"])
    assert [(one["id"], one["known"][1]) for one in states] == [(ENDED, None)]


@pytest.mark.django_db
def test_now_is_an_instant_at_which_no_publication_is_half_committed(people: People) -> None:
    """Between a version's stamp and its commit nobody is told an instant: it could lie on either side."""
    told: list[datetime] = []

    def ask() -> None:
        try:
            told.append(belief_now())
        finally:
            connection.close()

    from importlib import import_module

    from kunyu.engines.catalogue.migrations import __name__ as package
    from kunyu.engines.worklist.progress import own_session

    lock = import_module(f"{package}.0004_known_at_commit").LOCK
    with own_session() as publisher:
        publisher.execute("BEGIN")
        publisher.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
        thread = threading.Thread(target=ask)
        thread.start()
        deadline = time.monotonic() + 30
        with own_session() as looking:
            while not looking.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone():
                assert time.monotonic() < deadline and not told
        stamped = publisher.execute("SELECT clock_timestamp()").fetchone()
        publisher.execute("COMMIT")
        thread.join(30)
    assert stamped is not None and told[0] > stamped[0]
