"""Mutual rules over a published county: clean where it is clean, every planted contradiction found. R-078, R-098, R-105."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.django_db(transaction=True)
DLTB, CONTROL = "onemap.dltb_tdt1057_2020", "mnr_control_2021"
Sql = Callable[..., list[tuple[Any, ...]]]


def verified(county: str = "990101", principal: Any = None, **more: Any) -> Any:
    from kunyu.engines.ingest.verification.onemap import Parameters
    from kunyu.engines.ingest.verification.runner import verify
    from kunyu.engines.security.scope import operator

    return verify(principal or operator("test"), county, Parameters(datetime.date(2026, 11, 23), **more))


def change(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Change rows of the map as its owner does."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE kunyu_onemap")
        cursor.execute(statement, list(values))
        found = cursor.fetchall() if cursor.description else []
        cursor.execute("RESET ROLE")
    return found


def plant(setting: str, where: str, left_out: list[str]) -> str:
    """Change one current parcel that is not used yet; return its key."""
    ((key,),) = change(
        f"UPDATE {DLTB} SET {setting} WHERE fid = (SELECT fid FROM {DLTB} l WHERE upper_inf(known) AND {where} "
        'AND "BSM" <> ALL(%s) ORDER BY "BSM" LIMIT 1) RETURNING "BSM"',
        left_out,
    )
    left_out.append(key)
    return str(key)


def within(table: str) -> str:
    return f"EXISTS (SELECT 1 FROM onemap.{table} z WHERE upper_inf(z.known) AND ST_Covers(z.geom, l.geom))"


def test_a_clean_county_does_not_contradict_itself_and_planted_contradictions_are_found(published: Path) -> None:
    """V101–V104 and V201–V205: each planted record is named by its rule, and no other record is."""
    clean = verified()
    assert clean.rules_run == ["V101", "V102", "V103", "V104", "V201", "V202", "V203", "V204", "V205"]
    ((not_run,),) = [[one["reason"] for one in clean.rules_not_run]]
    assert not_run.endswith("no neighbouring county that you may read has published it")
    assert [(one.rule, one.message_zh) for one in clean.findings] == []
    assert verified().digest == clean.digest

    used: list[str] = []
    marked = plant("\"CZCSXM\" = '205'", "\"CZCSXM\" = '203'", used)
    built = plant("\"DLBM\" = '0702'", within("pzwjstd_tdt1057_2020"), used)
    steep = plant("\"GDPDJB\" = '5'", "\"GDPDJB\" = '1' AND " + within("pdt_tdt1057_2020"), used)
    graded = plant('"GDDB" = "GDDB" + 3', "left(\"DLBM\", 2) = '01'", used)
    mine = plant("\"DLBM\" = '0602'", within(f"stbhhx_{CONTROL}"), used)
    pond = plant('"DLBM" = \'1104\', "GDPDJB" = NULL, "GDDB" = NULL', within(f"yjjbnt_{CONTROL}"), used)
    urban = plant("\"CZCSXM\" = '202'", '"CZCSXM" IS NULL AND "DLBM" = \'0301\'', used)
    ((shrunk,),) = change(
        "UPDATE onemap.yjjbnttb_tdt1057_2020 SET geom = ST_Multi(ST_Buffer(geom, -0.0001)) WHERE fid = "
        '(SELECT min(fid) FROM onemap.yjjbnttb_tdt1057_2020) RETURNING "BSM"'
    )
    ((twin,),) = change(
        f'SELECT y."BSM" FROM onemap.yjjbnt_{CONTROL} y, onemap.yjjbnttb_tdt1057_2020 t WHERE t."BSM" = %s '
        "AND ST_Covers(y.geom, t.geom)",
        shrunk,
    )

    result = verified()
    named: dict[str, set[str]] = {}
    for one in result.findings:
        named.setdefault(one.rule, set()).add(one.ids[0])
    assert named == {
        "V101": {marked, urban}, "V102": {built}, "V103": {steep}, "V104": {graded}, "V201": {mine}, "V202": {pond},
        "V203": {urban}, "V204": {mine}, "V205": {twin},
    }  # fmt: skip
    assert result.digest != clean.digest
    assert all(one.geometry is not None and one.geometry.area > 0 for one in result.findings)
    assert all("可信度" in one.message_zh for one in result.findings)

    # the two branches agree with a plain intersection
    ((true,),) = change(
        f"SELECT sum(ST_Area(ST_Intersection(l.geom, z.geom)::geography)) FROM {DLTB} l JOIN onemap.stbhhx_{CONTROL} z "
        'ON ST_Intersects(l.geom, z.geom) WHERE l."BSM" = %s',
        mine,
    )
    assert sum(one.measured for one in result.findings if one.rule == "V201") == pytest.approx(true, rel=1e-5)


def test_linear_classes_end_at_the_boundary(published: Path) -> None:
    """V105: a road that meets a wood of the neighbouring county; a road that goes on there is let pass."""
    from kunyu.engines.catalogue.models import DatasetVersion, Layer
    from kunyu.engines.catalogue.tables import ensure_partition

    layer = Layer.objects.get(collection="10401-003")
    ensure_partition(layer, "990102")
    columns = [one for (one,) in change(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'onemap' AND table_name = %s "
        "AND column_name NOT IN ('fid', 'geom', 'county', 'DLBM', 'BSM')", layer.table_name,
    )]  # fmt: skip
    names = ", ".join(f'"{one}"' for one in columns)
    ((road,),) = change(
        f"""WITH whole AS (SELECT ST_Union(geom) AS geom FROM onemap.xzq_tdt1057_2020),
        ends AS (SELECT l.*, ST_CollectionExtract(ST_Difference(ST_Buffer(l.geom, 0.0003), whole.geom), 3) AS beyond
                 FROM {DLTB} l, whole WHERE l."DLBM" = '1003' AND ST_Distance(l.geom, ST_Boundary(whole.geom)) < 1e-9)
        INSERT INTO {DLTB} (county, "DLBM", "BSM", geom, {names})
        SELECT '990102', '0301', '990102211000000001', ST_Multi(beyond), {names} FROM ends ORDER BY ends."BSM" LIMIT 1
        RETURNING (SELECT "BSM" FROM ends ORDER BY "BSM" LIMIT 1)"""
    )
    own = DatasetVersion.objects.get(layer=layer, county="990101")
    DatasetVersion.objects.create(
        layer=layer, county="990102", number=1, valid_from=own.valid_from, known_from=own.known_from, status="published",
        record_count=1, extent=own.extent, digest="0" * 64,
    )  # fmt: skip
    result = verified()
    assert "V105" in result.rules_run
    (found,) = [one for one in result.findings if one.rule == "V105"]
    assert found.ids == (road, "990102211000000001")
    assert float(found.measured) >= 3.0
    assert {(one["county"], one["dataset"]) for one in result.inputs} >= {("990102", "10401-003")}

    change(f"UPDATE {DLTB} SET \"DLBM\" = '1003' WHERE county = '990102'")
    assert [one for one in verified().findings if one.rule == "V105"] == []
