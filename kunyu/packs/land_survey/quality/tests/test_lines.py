"""Q308 and Q309: arcs, nodes, and lines on boundaries."""

import numpy as np
import pytest
import shapely

from kunyu.packs.land_survey.quality.tests.conftest import EAST, NORTH

pytestmark = pytest.mark.quick
OUTER_1, OUTER_2, INNER = (f"99010111400000000{k}" for k in (1, 2, 3))


def line(*corners):
    return shapely.LineString([(EAST + x, NORTH + y) for x, y in corners])


def border(survey):
    """The line between the two villages."""
    return survey.rows["CJDCQJX"][2]


def test_a_county_in_order(survey):
    report = survey.check()

    assert {"Q308", "Q309"} <= set(report.rules_run)
    assert not [one for one in report.findings if one.rule in ("Q308", "Q309")]


@pytest.mark.parametrize(("short", "count"), [(1e-9, 0), (0.0009, 0), (0.0011, 1), (2.0, 1)])
def test_q308_dangling_end(survey, short, count):
    """Where it ended only two lines are left, of one type: a pseudo node too."""
    border(survey)["geometry"] = line((200, 0), (200, 200 - short))

    found = survey.found("Q308")
    dangling = [one for one in found if "悬挂点" in one.message_zh]

    assert len(dangling) == count and len(found) == 2 * count
    if count:
        assert (dangling[0].severity, dangling[0].ids, dangling[0].limit) == ("Q", (INNER,), 0.001)
        assert dangling[0].measured == pytest.approx(short, abs=1e-4)
        assert shapely.get_y(dangling[0].place) == pytest.approx(NORTH + 200 - short)


def test_q308_pseudo_node_and_lines_that_differ(survey):
    first = border(survey)
    first["geometry"] = line((200, 0), (200, 80))
    second = {**first, "BSM": "990101114000000004", "geometry": line((200, 80), (200, 200))}
    survey.rows["CJDCQJX"].append(second)

    (found,) = survey.found("Q308")
    second["JXXZ"] = "600002"
    other = survey.found("Q308")

    assert found.ids == (INNER, "990101114000000004")
    assert shapely.get_coordinates(found.place).tolist() == [[EAST + 200, NORTH + 80]]
    assert other == []


@pytest.mark.parametrize(("spacing", "count"), [(0.24, 1), (0.25, 0), (0.3, 0)])
def test_q308_crowded_vertices(survey, spacing, count):
    xs = 20 + spacing * np.arange(121)
    survey.parcel(1)["geometry"] = shapely.Polygon(
        [(EAST, NORTH), *((round(EAST + x, 4), NORTH) for x in xs), (EAST + 100, NORTH), (EAST + 100, NORTH + 100),
         (EAST, NORTH + 100)]
    )  # fmt: skip

    found = survey.found("Q308")

    assert len(found) == count
    if count:
        assert found[0].layer == "DLTB" and found[0].measured == pytest.approx(spacing, abs=1e-4)
        assert found[0].limit == 0.25 and shapely.length(found[0].place) == pytest.approx(24, abs=0.01)


@pytest.mark.parametrize(("off", "count"), [(1e-9, 0), (0.00005, 0), (0.0009, 0), (0.0012, 2), (0.5, 2)])
def test_q309_a_vertex_off_the_boundary(survey, off, count):
    """The line leaves the boundary of both villages, and they lose their line: one of them each way."""
    border(survey)["geometry"] = line((200, 0), (200 + off, 100), (200, 200))

    found = survey.found("Q309")

    assert len(found) == (3 if count else 0)
    if count:
        assert {one.layer for one in found} == {"CJDCQJX", "CJDCQ"}
        assert {one.ids for one in found} == {(INNER,), ("990101113000000001",), ("990101113000000002",)}
        assert all(one.severity == "Z" and 0 < one.measured <= 200.01 for one in found)
        assert all(shapely.length(one.place) == pytest.approx(one.measured, abs=0.01) for one in found)


def test_q309_a_vertex_on_the_straight_boundary_is_no_fault(survey):
    border(survey)["geometry"] = line((200, 0), (200, 33.3333), (200, 200))

    assert survey.found("Q309") == []


def test_q309_a_boundary_without_its_line(survey):
    del survey.rows["XZQJX"][0]
    survey.rows["XZQJX"].append({
        "BSM": "990101112000000001", "YSDM": "1000600200", "JXLX": "650200", "JXXZ": "600001",
        "geometry": line((0, 0), (0, 200), (400, 200), (400, 0)),
    })  # fmt: skip

    (found,) = survey.found("Q309")

    assert (found.layer, found.ids, found.measured) == ("XZQ", ("990101111000000001",), pytest.approx(400, abs=0.01))
    assert "400.000 m 不与XZQJX 界线重合" in found.message_zh.replace("399.998", "400.000")


def test_q309_a_line_inside_a_village(survey):
    survey.rows["CJDCQJX"].append({**border(survey), "BSM": "990101114000000009", "geometry": line((50, 0), (50, 200))})

    (found,) = survey.found("Q309")

    assert found.ids == ("990101114000000009",) and found.measured == pytest.approx(200, abs=0.01)
