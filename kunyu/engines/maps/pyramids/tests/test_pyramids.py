"""Pyramids in a real database: swap, rights, own labels, time, edits, dead builders (R-032, R-034, R-041, R-138)."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import mapbox_vector_tile
import pytest

from kunyu.engines.maps.tests import county as truth
from kunyu.engines.maps.tests.county import PARCELS, County

Ask = Callable[..., Any]
TABLE, DERIVED = 'onemap."dltb_tdt1057_2020"', 'onemap_tiles."dltb_tdt1057_2020"'
PLACE = (113.0201, 34.5201)


def path(zoom: int, lon: float = PLACE[0], lat: float = PLACE[1], collection: str = PARCELS, grid: str = "") -> str:
    row = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom)
    column = int((lon + 180) / 360 * 2**zoom)
    if grid:
        row, column = int((90 - lat) / 180 * 2**zoom), int((lon + 180) / 180 * 2**zoom)
    return f"/ogc/collections/{collection}/tiles/{grid or 'WebMercatorQuad'}/{zoom}/{row}/{column}"


def features(answer: Any, collection: str = PARCELS) -> list[dict[str, Any]]:
    assert answer.status_code in (200, 204), answer.content
    return mapbox_vector_tile.decode(answer.content)[collection]["features"] if answer.content else []


def classes(answer: Any) -> set[str]:
    return {one["properties"]["DLBM"] for one in features(answer)}


def run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def built(county: County) -> County:
    """Both counties of the parcels, and the line."""
    from kunyu.engines.maps.pyramids import sweep

    assert len(sweep.due()) == 3
    for collection, where in sweep.counties():
        assert sweep.rebuild(collection, where)
    assert sweep.due() == []
    return county


def test_small_scales_are_drawn_from_classes(built: County, ask: Ask) -> None:
    """The header names the method; the tile is a valid one, light, with the classes of the day."""
    for zoom in (6, 8, 11):
        answer = ask(path(zoom))
        assert answer["Kunyu-Generalised"] == "class-share"
        assert classes(answer) >= {"0103", "0701", "1101"}
        assert len(answer.content) <= 500_000 and len(features(answer)) < 20
    geographic = ask(path(9, grid="CGCS2000Quad"))
    assert geographic["Kunyu-Generalised"] == "class-share" and "0103" in classes(geographic)


def test_large_scales_keep_every_feature_and_can_be_asked_in_full(built: County, ask: Ask) -> None:
    """At zoom 12 to 14 nothing is missing; ``geometry=full`` draws live, and so do attributes that are not kept."""
    for zoom in (12, 13, 14):
        simple, full = ask(path(zoom)), ask(path(zoom), geometry="full")
        assert simple["Kunyu-Generalised"] == "shared-borders" and "Kunyu-Generalised" not in full
        keys = [sorted(str(one["properties"].get("BSM")) for one in features(answer)) for answer in (simple, full)]
        assert keys[0] == keys[1] and len(keys[0]) > 10
        assert simple["ETag"] != full["ETag"]
    assert "Kunyu-Generalised" not in ask(path(13), properties="TBBH")
    assert "Kunyu-Generalised" not in ask(path(15))
    assert ask(path(13), geometry="half").status_code == 400


def test_lines_keep_their_attributes(built: County, ask: Ask) -> None:
    """A layer without classes keeps features with their attributes; small ones by presence."""
    from kunyu.engines.catalogue.models import Layer

    line = Layer.objects.get(standard_id="TDT1057-2020", code="XZQJX").collection
    answer = ask(path(9, 113.02, 34.51, line))
    assert answer["Kunyu-Generalised"] == "presence"
    assert [one["properties"]["BSM"] for one in features(answer, line)] == ["990101105100000001"]


def test_another_moment_is_drawn_live(built: County, ask: Ask) -> None:
    """Past days and past beliefs are drawn from the rows themselves; a day that holds the same rows is not."""
    past = ask(path(9), valid_at="2025-12-30")
    assert "smaller-than-pixel" in past["Kunyu-Generalised"] and "0701" not in classes(past)  # the neighbour's holds
    assert ask(path(9), known_at="2026-03-01T00:00:00Z")["Kunyu-Generalised"] == "smaller-than-pixel"
    assert ask(path(9), valid_at="2026-01-15")["Kunyu-Generalised"] == "class-share"


def test_a_restricted_user_sees_only_his_county(built: County, ask: Ask) -> None:
    """One tile over two counties: each caller gets what is his, by the gateway and by row security."""
    wide = path(5)
    assert classes(ask(wide)) >= {"0103"}
    other = path(10, truth.WEST + 1.001, truth.SOUTH + 0.001)
    assert classes(ask(other, who="neighbour")) == {"0301"}
    for zoom in (8, 11, 13):
        assert features(ask(path(zoom), who="neighbour")) == []
    assert ask(path(9), who="stranger").status_code == 404

    from kunyu.engines.catalogue.served.layers import open_layer
    from kunyu.engines.catalogue.served.serving import fetch
    from kunyu.engines.security import scope
    from kunyu.engines.security.models import User
    from kunyu.engines.security.session import principal_of

    mine = principal_of(User.objects.get(username="t-neighbour"))
    granted = open_layer(mine, PARCELS, scope.QUERY)[1]
    assert fetch(granted, f"SELECT DISTINCT county FROM {DERIVED}", {}) == [("990102",)]  # without any predicate


def test_rows_of_a_stricter_label_are_hidden(built: County, ask: Ask) -> None:
    """A decision on a record's label takes the build out of use at once; the next one keeps such rows apart."""
    from kunyu.engines.maps.pyramids import sweep
    from kunyu.engines.security import epochs
    from kunyu.engines.security.models import LabelState, RecordLabel

    strict = 4 * 9
    run(f'UPDATE {TABLE} SET label = %s WHERE "BSM" = %s', strict, County.bsm(401))
    row = RecordLabel.objects.create(
        collection=PARCELS, county="990101", keys=[County.bsm(401)], secrecy=4, grading=0, sharing=0, reason="t",
        proposed_by="a", state=LabelState.APPROVED, decided_by="b", decided_at=truth.KNOWN_2,
    )  # fmt: skip
    epochs.raise_labels()
    live = ask(path(9))
    assert "smaller-than-pixel" in live["Kunyu-Generalised"] and "1101" not in classes(live)
    assert sweep.rebuild(PARCELS, "990101")
    answer = ask(path(11))
    assert answer["Kunyu-Generalised"] == "class-share"
    assert "1101" not in classes(answer) and "0103" in classes(answer)
    kept = run(f'SELECT DISTINCT label FROM {DERIVED} WHERE "DLBM" = %s AND build = %s', "1101", newest("small"))
    assert kept == [(strict,)]
    run(f'UPDATE {TABLE} SET label = 0 WHERE "BSM" = %s', County.bsm(401))
    row.delete()
    epochs.raise_labels()
    sweep.rebuild(PARCELS, "990101")
    assert "1101" in classes(ask(path(11)))


def newest(kind: str) -> int:
    from kunyu.engines.maps.models import Pyramid

    return Pyramid.objects.get(layer__collection=PARCELS, county="990101", kind=kind, status="in_force").pk


def test_a_killed_build_leaves_the_old_one_in_force(built: County, ask: Ask) -> None:
    """kill -9 just before the swap: tiles stay as they were, the sweep clears up and the next build stands."""
    from django.db import connection

    from kunyu.engines.maps.models import Pyramid
    from kunyu.engines.maps.pyramids import sweep
    from kunyu.engines.worklist.progress import own_session

    before, tile = newest("small"), ask(path(10)).content
    script = (
        "import django; django.setup()\n"
        "from django.conf import settings\n"
        f"settings.DATABASES['default']['NAME'] = {connection.settings_dict['NAME']!r}\n"
        "from kunyu.engines.maps.pyramids import sweep\n"
        f"sweep.rebuild({PARCELS!r}, '990101', anew=True)\n"
    )
    with own_session() as holding:
        holding.execute("BEGIN")
        # attaching waits for this; reading does not
        holding.execute("LOCK TABLE maps_pyramid IN SHARE MODE")
        holding.execute("COMMIT")
        holding.execute("BEGIN")
        holding.execute(f"LOCK TABLE {DERIVED} IN SHARE UPDATE EXCLUSIVE MODE")
        child = subprocess.Popen([sys.executable, "-c", script], env=os.environ)
        try:
            deadline = time.monotonic() + 180
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = to_regclass(%s)"
            while not run(waiting, DERIVED):
                assert child.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
        holding.execute("COMMIT")
    deadline = time.monotonic() + 180
    assert Pyramid.objects.filter(status="building").count() == 1
    assert newest("small") == before and ask(path(10)).content == tile
    while not sweep.clean():  # PostgreSQL notices the dead client when it next writes to it
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert not Pyramid.objects.filter(status="building").exists()
    assert Pyramid.objects.filter(status="interrupted").count() == 1, "it is counted"
    assert newest("small") == before and ask(path(10)).content == tile


def test_a_build_interrupted_too_often_is_given_up_until_a_rebuild_or_a_new_version(built: County, ask: Ask) -> None:
    """Of a version that came to no end three times nothing is queued; list and an incident say so; tiles are live."""
    from typer.testing import CliRunner

    from kunyu.engines.maps import cli
    from kunyu.engines.maps.models import Pyramid
    from kunyu.engines.maps.pyramids import sweep
    from kunyu.engines.worklist.models import Incident

    waiting = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'maps.build_pyramid' AND status = 'todo'"
    Pyramid.objects.filter(status="interrupted").delete()
    large = Pyramid.objects.get(pk=newest("large"))
    Pyramid.objects.filter(pk=large.pk).update(edition=0)  # of an older method: it is due
    for run_ in (1, 2, 3):
        large.pk, large.status, large.in_force_at = None, "building", None
        large.save(force_insert=True)
        sweep.clean()
        if run_ < 3:
            assert sweep.queue_due() == [f"{PARCELS} 990101"], "below the limit it is tried again"
            run("DELETE FROM procrastinate_jobs WHERE task_name = 'maps.build_pyramid'")
    for _ in range(2):
        assert sweep.queue_due() == [] and run(waiting) == [(0,)]
    assert sweep.rebuild(PARCELS, "990101") == [], "a job that waited still does nothing"
    assert len(features(ask(path(13)))) > 10

    told = Incident.objects.get(key=f"pyramid-given-up:{PARCELS}:990101")
    assert (told.duty, told.division_code, told.repeats) == ("system", "990101", 1)
    remedy = f"kunyu pyramids rebuild --collection {PARCELS} --county 990101"
    assert "中断 3 次" in told.title_zh and told.title_zh.endswith(remedy) and told.title_en.endswith(remedy)
    said = CliRunner().invoke(cli.app, ["list", "--json"])
    (failed,) = json.loads(said.stdout)["failed"]
    assert (failed["county"], failed["interruptions"]) == ("990101", 3) and remedy in failed["message_zh"]
    said = CliRunner().invoke(cli.app, ["list"])
    assert f"{PARCELS} 990101  失败 / failed" in said.stdout and failed["message_en"] in said.stdout

    Pyramid.objects.filter(status="interrupted").update(version_id=0)  # what there is now is newer
    assert sweep.queue_due() == [f"{PARCELS} 990101"]
    run("DELETE FROM procrastinate_jobs WHERE task_name = 'maps.build_pyramid'")
    Pyramid.objects.filter(status="interrupted").update(version_id=large.version_id)
    assert sweep.queue_due() == []
    sweep.rebuild(PARCELS, "990101", anew=True)
    assert not Pyramid.objects.filter(status="interrupted").exists() and sweep.due() == []
    assert ask(path(13))["Kunyu-Generalised"] == "shared-borders"


def test_swap_is_atomic_and_old_rows_go_later(built: County, ask: Ask) -> None:
    """After a rebuild tiles are the same, drawn from the new rows; the old ones stay a minute and are dropped then."""
    from django.utils import timezone

    from kunyu.engines.maps.models import Pyramid
    from kunyu.engines.maps.pyramids import sweep, tables

    before, tile = newest("small"), ask(path(10))
    sweep.rebuild(PARCELS, "990101", anew=True)
    after = ask(path(10))
    assert newest("small") != before and after.content == tile.content and after["ETag"] != tile["ETag"]
    assert before in tables.builds_on_disk()
    sweep.clean()
    assert before in tables.builds_on_disk()
    assert sweep.clean(timezone.now() + timedelta(minutes=2)) >= 2
    assert before not in tables.builds_on_disk() and not Pyramid.objects.filter(pk=before).exists()
    assert ask(path(10)).content == tile.content


def test_an_edit_shows_in_the_next_tile_and_soon_in_small_scales(built: County, ask: Ask) -> None:
    """Published: the next live tile has it, in under a second; the pyramid's blocks follow, as if built from scratch."""
    from django.db import transaction

    from kunyu.engines.catalogue.models import Layer
    from kunyu.engines.catalogue.versions import Content, open_version, publish_version
    from kunyu.engines.maps.handlers import version_published
    from kunyu.engines.maps.pyramids import sweep
    from kunyu.kernel.outbox.models import Event

    layer = Layer.objects.get(collection=PARCELS)
    assert ask(path(13))["Kunyu-Generalised"] == "shared-borders"
    with transaction.atomic():
        version = open_version(layer, "990101", truth.VALID_2)
        known = "[2026-07-01T08:00:00+00:00,)"
        truth._insert(layer, "990101", 402, 402, kind="0602", valid=f"[{truth.VALID_2},)", known=known,
                      version=version.pk)  # fmt: skip
        publish_version(version, Content(401, 1, 0))
    begun = time.monotonic()
    answer = ask(path(14, 113.0025, 34.5405))
    assert time.monotonic() - begun < 10  # some hundredths of a second on a quiet machine
    assert "0602" in classes(answer)
    assert "0602" not in classes(ask(path(9)))  # the build in force, until the next

    event = Event.objects.filter(topic="catalogue.version_published").latest("pk")
    version_published(event)
    queued = run("SELECT args FROM procrastinate_jobs WHERE task_name = 'maps.build_pyramid' AND status = 'todo'")
    assert {"collection": PARCELS, "county": "990101"} in [json.loads(one[0]) for one in queued]

    assert [one.county for one in sweep.due(PARCELS)] == ["990101"]
    made = sweep.rebuild(PARCELS, "990101")
    assert [one.blocks > 0 for one in made] == [True, True]
    assert "0602" in classes(ask(path(9))) and ask(path(13))["Kunyu-Generalised"] == "shared-borders"
    partly = rows_of(newest("small"))
    sweep.rebuild(PARCELS, "990101", anew=True)
    assert rows_of(newest("small")) == partly


def rows_of(build: int) -> list[tuple[Any, ...]]:
    return run(
        f'SELECT zoom, tile_column, tile_row, label, "DLBM", md5(ST_AsBinary(geom)) FROM {DERIVED} WHERE build = %s '
        "ORDER BY 1, 2, 3, 4, 5, 6",
        build,
    )


@pytest.mark.django_db  # the others commit: this one tells pytest-django that a test database is wanted
def test_what_row_security_guards(built: County) -> None:
    """The serving role reads derived rows through the layer's table only; partitions and blocks are closed to it."""
    build = newest("small")
    for name, may in ((DERIVED, True), (f'onemap_tiles."p{build}"', False), ('onemap_tiles."blocks"', False)):
        assert run("SELECT has_table_privilege('kunyu_serve', to_regclass(%s), 'SELECT')", name) == [(may,)]
    assert run("SELECT count(*) FROM pg_policy WHERE polrelid = to_regclass(%s)", DERIVED) == [(1,)]
