"""Overlaps against shapely, the three states with their reasons, replay (R-091, R-169; issue text part 3)."""

from __future__ import annotations

import random
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely

if TYPE_CHECKING:
    from kunyu.engines.analysis.tests.county import People

pytestmark = pytest.mark.django_db


def ask(
    people: People, geometry: shapely.Geometry, layers: list[str], who: str = "steward", **more: Any
) -> dict[str, Any]:
    from kunyu.engines.analysis import services

    return services.overlap(people.principals[who], geometry, layers, **more)


def one(people: People, geometry: shapely.Geometry, layer: str, who: str = "steward", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = ask(people, geometry, [layer], who, **more)["layers"][0]
    return found


def blob(rng: random.Random, holes: int = 0) -> shapely.Polygon:
    """A star-shaped polygon inside the county, perhaps with holes."""
    from kunyu.engines.analysis.tests.county import SOUTH, WEST

    x, y = WEST + rng.uniform(0.012, 0.028), SOUTH + rng.uniform(0.012, 0.028)
    count = rng.randint(5, 60)
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    radius = np.array([rng.uniform(0.004, 0.011) for _ in range(count)])
    shell = np.c_[x + radius * np.cos(angles), y + radius * np.sin(angles)]
    cut = [shapely.Point(x + 0.0012 * k - 0.001, y).buffer(0.0005).exterior for k in range(holes)]
    return shapely.Polygon(shell, cut)


@pytest.mark.parametrize("seed", range(12))
def test_areas_agree_with_shapely(people: People, seed: int) -> None:
    """Random plots, with holes and in parts: each layer's area and each class to 1e-8 of shapely's, with and without grid."""
    from kunyu.engines.analysis.tests.county import ACROSS, EASTERN, HOLED, PARCELS, RED_LINE, square
    from kunyu.kernel.geodesy import area_of_lonlat

    rng = random.Random(seed)
    plot: shapely.Geometry = blob(rng, holes=seed % 3)
    if seed % 4 == 3:
        plot = shapely.union_all([plot, shapely.box(113.0005, 34.5007, 113.0092, 34.5088)])
    found = ask(people, plot, [PARCELS, RED_LINE])["layers"]
    parcels = np.array([square(n) for n in range(1, ACROSS * ACROSS + 1)], dtype=object)
    for grid in (None, 1e-12):
        expected = area_of_lonlat(shapely.intersection(parcels, plot, grid_size=grid))
        assert found[0]["area_m2"] == pytest.approx(expected.sum(), rel=1e-8)
        assert (expected > 0.01).sum() <= found[0]["count"] <= (expected > 0).sum()
        by_class = {item["code"]: item["area_m2"] for item in found[0]["classes"]}
        if expected[0] > 1e-3:
            assert by_class.pop("0701") == pytest.approx(expected[0], rel=1e-8)
        assert by_class == {"0103": pytest.approx(expected[1:].sum(), rel=1e-8)}
        zones = area_of_lonlat(shapely.intersection(np.array([HOLED, EASTERN], dtype=object), plot, grid_size=grid))
        assert found[1]["area_m2"] == pytest.approx(zones.sum(), rel=1e-8, abs=1e-9)
        assert found[1]["state"] == ("conflict" if zones.sum() > 0 else "clear")
    listed = found[0]["overlaps"]
    assert [row["area_m2"] for row in listed] == sorted((row["area_m2"] for row in listed), reverse=True)


def test_a_plot_that_equals_a_zone(people: People) -> None:
    """Equal plot and zone: the whole area of both, share 1; no boundary is cut."""
    from kunyu.engines.analysis.tests.county import HOLED, RED_LINE
    from kunyu.kernel.geodesy import area_of_lonlat

    found = one(people, HOLED, RED_LINE, geometries=True)
    area = float(area_of_lonlat([HOLED])[0])
    assert (found["state"], found["count"], found["area_m2"]) == ("conflict", 1, area)
    assert found["overlaps"][0]["share"] == 1.0
    assert shapely.from_geojson(str(found["overlaps"][0]["geometry"]).replace("'", '"')).equals(HOLED)


def test_touching_is_no_overlap(people: People) -> None:
    """Along an edge, at a point, and inside the hole of a zone: clear."""
    from kunyu.engines.analysis.tests.county import HOLED, RED_LINE, SOUTH, WEST

    west, south, east, north = HOLED.bounds
    beside = shapely.box(east, south, east + 0.003, north)
    corner = shapely.box(east, north, east + 0.003, north + 0.003)
    hole = shapely.Polygon(HOLED.interiors[0])
    assert west == WEST
    assert south == SOUTH
    for plot in (beside, corner, hole):
        found = one(people, plot, RED_LINE)
        assert (found["state"], found["reason"], found["area_m2"], found["count"]) == ("clear", None, 0.0, 0)


def test_slivers_are_told_and_do_not_count(people: People) -> None:
    """A strip 0.5 mm wide is noise (mean width below 1 mm) and said so; one of 2 mm is a conflict."""
    from kunyu.engines.analysis.tests.county import HOLED, RED_LINE

    _, south, east, north = HOLED.bounds
    millimetre = 0.001 / (111_320 * np.cos(np.radians(south)))
    noise = one(people, shapely.box(east - 0.5 * millimetre, south + 0.001, east + 0.003, north - 0.001), RED_LINE)
    assert (noise["state"], noise["count"], noise["area_m2"]) == ("clear", 0, 0.0)
    assert noise["slivers"]["count"] == 1
    assert 0.3 < noise["slivers"]["area_m2"] < 0.6
    real = one(people, shapely.box(east - 2 * millimetre, south + 0.001, east + 0.003, north - 0.001), RED_LINE)
    assert (real["state"], real["count"], real["slivers"]["count"]) == ("conflict", 1, 0)


def test_land_classes_fill_the_plot(people: People) -> None:
    """A plot in both counties: classes of both add up to the plot, by the day asked."""
    from kunyu.engines.analysis import services
    from kunyu.engines.analysis.tests.county import SIDE, SOUTH, VALID_1, WEST, square

    plot = shapely.union_all([square(1), shapely.box(WEST + 0.039, SOUTH + 0.01, WEST + 0.041, SOUTH + 0.012)])
    found = services.land_classes(people.principals["steward"], plot)
    layer = found["layers"][0]
    classes = {item["code"]: item for item in layer["classes"]}
    assert set(classes) == {"0103", "0301", "0701"}
    assert classes["0701"]["name_zh"] == "城镇住宅用地"
    assert sum(item["area_m2"] for item in classes.values()) == pytest.approx(found["geometry_area_m2"], rel=1e-8)
    assert layer["unclassified_m2"] == pytest.approx(0, abs=1e-3)
    assert [one["county"] for one in layer["versions"]] == ["990101", "990102"]
    assert SIDE > 0
    before = services.land_classes(people.principals["steward"], plot, valid_at=VALID_1)["layers"][0]
    assert {item["code"] for item in before["classes"]} == {"0103", "0301"}


def test_a_layer_that_nobody_published_is_not_checked(people: People) -> None:
    """R-169: missing, unpublished and forbidden layers are told apart as far as the asker may know."""
    from kunyu.engines.analysis.tests.county import PARCELS, RED_LINE, square

    assert one(people, square(50), "20203-001")["reason"] == "missing"
    assert one(people, square(50), "99999-999")["reason"] == "missing"
    assert one(people, square(50), PARCELS, "onlooker")["reason"] == "not_permitted"
    assert one(people, square(50), RED_LINE, "surveyor")["reason"] == "missing"  # another branch: not even its name
    early = one(people, square(50), RED_LINE, valid_at=date(2020, 1, 1))
    assert (early["state"], early["reason"]) == ("not_checked", "nothing_published")
    past = one(people, square(50), RED_LINE, known_at=datetime.fromisoformat("2025-01-01T00:00:00+00:00"))
    assert (past["state"], past["reason"]) == ("not_checked", "nothing_published")


def test_a_plot_beyond_the_counties_with_data_is_not_clear(people: People) -> None:
    """The red line is published for one county: a plot that reaches into the next, or outside all, is not clear."""
    from kunyu.engines.analysis.tests.county import PARCELS, RED_LINE, SOUTH, WEST
    from kunyu.kernel.geodesy import area_of_lonlat

    inside = shapely.box(WEST + 0.03, SOUTH + 0.01, WEST + 0.04, SOUTH + 0.02)
    assert one(people, inside, RED_LINE)["state"] == "clear"
    across = shapely.box(WEST + 0.03, SOUTH + 0.01, WEST + 0.045, SOUTH + 0.02)
    found = one(people, across, RED_LINE)
    beyond = shapely.box(WEST + 0.04, SOUTH + 0.01, WEST + 0.045, SOUTH + 0.02)
    assert (found["state"], found["reason"]) == ("not_checked", "not_covered")
    assert found["uncovered_m2"] == pytest.approx(area_of_lonlat([beyond])[0], rel=1e-6)
    assert one(people, across, PARCELS)["reason"] is None
    outside = shapely.box(WEST + 0.2, SOUTH, WEST + 0.21, SOUTH + 0.01)
    for layer in (PARCELS, RED_LINE):
        assert one(people, outside, layer)["state"] == "not_checked"
    # who may read one county only has not checked the other
    mine = one(people, across, PARCELS, "neighbour")
    assert (mine["state"], mine["reason"]) == ("conflict", "not_covered")
    hit = shapely.box(WEST + 0.03, SOUTH + 0.03, WEST + 0.045, SOUTH + 0.04)
    found = one(people, hit, RED_LINE)
    assert (found["state"], found["reason"]) == ("conflict", "not_covered")


def test_old_data_are_stale(people: People) -> None:
    """Beyond the age stated in the question nothing is clear; the sentence names date, age and limit."""
    from kunyu.engines.analysis.tests.county import PARCELS, RED_LINE, square

    day = date(2026, 11, 23)
    assert one(people, square(50), RED_LINE, valid_at=day)["state"] == "clear"
    found = one(people, square(50), RED_LINE, valid_at=day, max_age_days=365)
    assert (found["state"], found["reason"]) == ("not_checked", "stale")
    assert "2024-12-31" in found["reason_zh"]
    assert "692" in found["reason_zh"]
    # parcels are renewed every year: 730 days without being told; what was found stays found
    late = one(people, square(50), PARCELS, valid_at=date(2029, 1, 1))
    assert (late["state"], late["reason"]) == ("conflict", "stale")


def test_hidden_records_make_nothing_clear(people: People) -> None:
    """A record under a label above the reader's: he is not told where it is, and not told that nothing is there."""
    from kunyu.engines.analysis import services
    from kunyu.engines.analysis.tests.county import RED_LINE, square
    from kunyu.engines.security import epochs, label_registry
    from kunyu.engines.security.models import RecordLabel, User
    from kunyu.engines.security.session import principal_of

    dataset = label_registry.label_of(RED_LINE)
    steward = User.objects.get(username="t-steward")
    steward.grants.update(max_secrecy=dataset.secrecy, max_grading=dataset.grading, max_sharing=dataset.sharing)
    epochs.forget()
    assert services.overlap(principal_of(steward, "tests"), square(50), [RED_LINE])["layers"][0]["state"] == "clear"
    RecordLabel.objects.create(
        collection=RED_LINE, county="990101", keys=["990101301000000009"], secrecy=dataset.secrecy, grading=2, sharing=2,
        reason="试", state="approved", proposed_by="a", decided_by="b",
    )  # fmt: skip
    epochs.forget()
    found = services.overlap(principal_of(steward, "tests"), square(50), [RED_LINE])["layers"][0]
    assert (found["state"], found["reason"]) == ("not_checked", "hidden_records")
    epochs.forget()


def test_a_slow_layer_leaves_the_others(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement timeout makes one layer not checked, with the seconds; the node keeps answering."""
    from kunyu.engines.analysis.tests.county import PARCELS, RED_LINE, SOUTH, WEST
    from kunyu.engines.catalogue.served import serving
    from kunyu.engines.catalogue.served.settings import ServingSettings

    plot = shapely.box(WEST, SOUTH, WEST + 0.04, SOUTH + 0.04)
    ask(people, plot, [PARCELS, RED_LINE])
    serving.close_pools()
    monkeypatch.setattr(serving, "serving_settings", lambda: ServingSettings(statement_timeout_ms=1))
    try:
        found = ask(people, shapely.segmentize(plot, 0.00001), [PARCELS])["layers"][0]
        assert (found["state"], found["reason"], found["area_m2"]) == ("not_checked", "timeout", None)
        assert "0.001" in found["reason_zh"]
    finally:
        serving.close_pools()
        monkeypatch.undo()
    assert one(people, plot, PARCELS)["state"] == "conflict"


def test_a_layer_whose_table_is_broken_is_not_checked(people: People, owner_dsn: str) -> None:
    """A table altered behind the node's back: that layer failed, and says so."""
    import psycopg

    from kunyu.engines.analysis.tests.county import PARCELS, RED_LINE, square

    table = "onemap.stbhhx_mnr_control_2021"
    with psycopg.connect(owner_dsn, autocommit=True) as owner:
        owner.execute("SET ROLE kunyu_onemap")
        owner.execute(f"ALTER TABLE {table} RENAME COLUMN area_m2 TO area_gone")
        try:
            found = ask(people, square(1), [RED_LINE, PARCELS])["layers"]
        finally:
            owner.execute(f"ALTER TABLE {table} RENAME COLUMN area_gone TO area_m2")
    assert (found[0]["state"], found[0]["reason"]) == ("not_checked", "failed")
    assert found[1]["state"] == "conflict"


def test_replay_is_equal_and_notices_change(people: People) -> None:
    """R-145: the same digest at the same instant, also after the data moved on; another digest where values differ."""
    from kunyu.engines.analysis import services
    from kunyu.engines.analysis.errors import NoSuchResult
    from kunyu.engines.analysis.models import StoredResult
    from kunyu.engines.analysis.tests.county import KNOWN_1, PARCELS, RED_LINE, SOUTH, WEST

    plot = shapely.box(WEST + 0.0007, SOUTH + 0.0007, WEST + 0.0051, SOUTH + 0.0043)
    now = ask(people, plot, [PARCELS, RED_LINE])
    past = ask(people, plot, [PARCELS, RED_LINE], known_at=KNOWN_1, valid_at=date(2026, 1, 1))
    assert now["digest"] != past["digest"]
    assert {c["code"] for c in past["layers"][0]["classes"]} == {"0103"}
    steward = people.principals["steward"]
    for answer in (now, past):
        said = services.replay(steward, answer["digest"])
        assert (said["equal"], said["digest_now"]) == (True, answer["digest"])
        assert services.replay(steward, answer["result"])["equal"] is True
    with pytest.raises(NoSuchResult):
        services.replay(people.principals["surveyor"], now["digest"])
    StoredResult.objects.filter(pk=now["result"]).update(digest="0" * 64)
    said = services.replay(steward, now["result"])
    assert (said["equal"], said["same_libraries"]) == (False, True)
    StoredResult.objects.filter(pk=now["result"]).update(software={"geos": "3.1"})
    assert services.replay(steward, now["result"])["same_libraries"] is False


def test_tiles_read_what_one_statement_reads(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large question read tile by tile gives the very digest of one statement: nothing twice, nothing left out."""
    from dataclasses import replace

    from kunyu.engines.analysis import documents, overlap, questions, tiling
    from kunyu.engines.analysis.plots import judge
    from kunyu.engines.analysis.settings import analysis_settings
    from kunyu.engines.analysis.tests.county import PARCELS, SOUTH, WEST

    plot = shapely.box(WEST - 0.001, SOUTH - 0.001, WEST + 0.0613, SOUTH + 0.0333)
    asked = questions.question("overlap", judge(plot), [PARCELS], None, None)
    steward = people.principals["steward"]
    layers = overlap.prepared(steward, asked)
    whole = documents.overlap_values(overlap.answered(steward, asked, layers))
    few = replace(analysis_settings(), job_chunk=37, interactive_hits_max=100)
    monkeypatch.setattr(tiling, "analysis_settings", lambda: few)
    monkeypatch.setattr(overlap, "analysis_settings", lambda: few)
    assert overlap.is_large(asked, layers)
    seen: list[int] = []
    tiled = overlap.answered(
        steward, asked, layers, lambda s, q: tiling.read_in_tiles(s, q, lambda read, of: seen.append(read))
    )
    assert documents.overlap_values(tiled) == whole
    assert len(seen) > 10
