"""A plot that lies elsewhere than it is applied for is refused with the place's name and what to do; nothing is written."""

from __future__ import annotations

from typing import Any

import pytest
import shapely

from kunyu.engines.matters.cases import services
from kunyu.engines.matters.cases.places import box_of, elsewhere, place_of
from kunyu.engines.matters.cases.tests import outlines
from kunyu.engines.matters.cases.tests.world import HERE, PLOT, World
from kunyu.engines.matters.errors import BadForm
from kunyu.engines.matters.models import Application

pytestmark = pytest.mark.django_db
EASTERN = shapely.box(113.05, 34.51, 113.052, 34.512)
AT_SEA = shapely.box(122.9, 30.2, 122.902, 30.202)
ACROSS = shapely.box(113.039, 34.51, 113.041, 34.512)


def fault_of(plot: Any) -> dict[str, Any]:
    refused = elsewhere(plot, HERE)
    assert isinstance(refused, BadForm)
    (fault,) = refused.context["faults"]
    return dict(fault)


def test_where_nothing_is_known_nothing_is_refused(db: None) -> None:
    outlines.draw(outlines.EAST)
    assert place_of(EASTERN, HERE).name == ""
    assert elsewhere(EASTERN, HERE) is None
    assert box_of(HERE) is None


def test_a_plot_in_its_county_or_across_its_border_is_taken(db: None) -> None:
    """What crosses a border is for the rules to measure; here only its neighbours are named."""
    outlines.draw()
    assert elsewhere(PLOT, HERE) is None
    across = place_of(ACROSS, HERE)
    assert (across.is_here, across.others) == (True, ((outlines.EAST, "东邻县"),))
    assert elsewhere(ACROSS, "990101101001") is None
    assert box_of("990101101") == (113.0, 34.5, 113.04, 34.54)


def test_another_county_is_named_and_what_to_do(db: None) -> None:
    outlines.draw()
    fault = fault_of(EASTERN)
    assert fault["zh"] == (
        "这块地不在坤舆县（990101），而在东邻县（990102）。"
        "如果地确实在那里，请放弃这份申请，另选东邻县重新申请；否则请核对坐标。"
    )
    assert "apply in 东邻县" in fault["en"]
    assert (fault["field"], fault["lon"], fault["lat"]) == ("plot", 113.051, 34.511)


def test_the_sea_is_no_county(db: None) -> None:
    outlines.draw()
    assert fault_of(AT_SEA)["zh"] == (
        "这块地不在坤舆县（990101），也不在任何一个县（可能在海上或境外）。请核对坐标系、带号和坐标的先后次序。"
    )


@pytest.mark.parametrize(("east", "said"), [(3, "向西移 3 度"), (-3, "向东移 3 度"), (6, "向西移 6 度")])
def test_a_wrong_zone_is_recognised(db: None, east: int, said: str) -> None:
    """Planes of neighbouring zones differ by whole degrees of longitude; also where another county happens to lie."""
    outlines.draw()
    fault = fault_of(shapely.box(113.01 + east, 34.51, 113.012 + east, 34.512))
    assert f"{said}经度就正好落在坤舆县：多半是带号选错了" in fault["zh"]
    assert ("远邻县（990103）" in fault["zh"]) is (east == 3)


def test_saving_refuses_it_and_keeps_what_there_was(world: World) -> None:
    outlines.draw()
    one = world.application()
    before = services.plot_of(one.pk)
    with pytest.raises(BadForm, match="而在东邻县"):
        services.save(world.as_("applicant"), one.pk, plot=EASTERN, plot_source="画")
    kept = Application.objects.get(pk=one.pk)
    assert (kept.revision, kept.plot_area_m2, kept.plot_source) == (one.revision, one.plot_area_m2, "画")
    assert shapely.equals(services.plot_of(one.pk), before)


def test_boundaries_that_came_later_stop_the_submission(world: World) -> None:
    """Saved while nothing was known; submitted when it is known to lie elsewhere."""
    me, one = world.as_("applicant"), world.application()
    services.save(me, one.pk, plot=EASTERN)
    outlines.draw()
    with pytest.raises(BadForm, match="而在东邻县") as refused:
        services.submit(me, one.pk)
    assert [fault["field"] for fault in refused.value.context["faults"]] == ["plot"]
    assert Application.objects.get(pk=one.pk).state == "draft"
