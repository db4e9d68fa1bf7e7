"""What the land meets, before submitting: three values as the applicant may be told them, drawn, and never piled up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import shapely

if TYPE_CHECKING:
    from kunyu.engines.analysis.tests.county import People

pytestmark = pytest.mark.django_db
RED, GROUND = "20201-001", "10401-001"
HIT = shapely.box(113.0001, 34.5001, 113.0021, 34.5021)
ACROSS = shapely.box(113.039, 34.51, 113.041, 34.512)


class Desk:
    """An applicant with an application at the page of its plot."""

    def __init__(self, plot: shapely.Geometry | None, *rules: str) -> None:
        from django.test import Client

        from kunyu.engines.matters.rules.tests.applications import application, matter
        from kunyu.engines.security.models import User
        from kunyu.kernel.geodesy import area_of_lonlat

        self.user = User.objects.create_user("t-applicant", "a-long-password", name_zh="申请人")
        matter("T-1", *rules, needs_plot=True)
        area = float(area_of_lonlat([plot])[0]) if plot is not None else None
        self.one = application(plot, "T-1", applicant_id=self.user.pk, plot_area_m2=area)
        self.address = f"/hall/applications/{self.one.pk}/plot"
        self.client = Client()
        self.client.force_login(self.user)

    def get(self) -> str:
        answer = self.client.get(self.address)
        assert answer.status_code == 200, answer.content[:2000].decode()
        return str(answer.content.decode())

    def check(self) -> str:
        answer = self.client.post(f"{self.address}/check")
        assert (answer.status_code, answer.headers["Location"]) == (302, f"{self.address}#findings")
        return self.get()

    def places(self) -> dict[str, Any]:
        answer = self.client.get(self.address.replace("/plot", "/places.geojson"))
        assert answer.headers["Content-Type"] == "application/geo+json"
        assert "no-store" in answer.headers["Cache-Control"]
        found = json.loads(answer.content)
        return {one["properties"]["fingerprint"]: one for one in found["features"]}

    def checks(self) -> int:
        from kunyu.engines.matters.models import Check

        return Check.objects.filter(application=self.one).count()


def put(one: Any, plot: shapely.Geometry) -> None:
    from kunyu.engines.matters.rules.tests.applications import put_plot

    put_plot("matters_application", one.pk, plot)


def test_three_values_with_area_data_and_remedy(people: People) -> None:
    """行政区 may be told: area and place; the red line is restricted: that there is a conflict, no more; farmland is absent."""
    desk = Desk(ACROSS, "C-01", "C-03", "C-05")
    assert "data-check-due" in desk.get()
    shown = desk.check()
    assert "data-check-due" not in shown
    for words in ("冲突", "未核验", "平方米", "亩", "2024-12-31", "怎么办"):
        assert words in shown
    from kunyu.engines.matters.models import CheckAnswer

    c01 = CheckAnswer.objects.get(check_run__application=desk.one, rule="C-01")
    assert (c01.state, c01.unit) == ("conflict", "m²")
    assert c01.measured is not None
    assert f"<strong>{c01.measured:,.2f}</strong> 平方米" in shown
    assert f"{float(c01.measured) * 15 / 1e4:,.3f} 亩" in shown
    places = desk.places()
    assert set(places) >= {"plot"}
    assert shapely.equals_exact(
        shapely.from_geojson(json.dumps(places["plot"]["geometry"])), shapely.multipolygons([ACROSS])
    )


def test_a_restricted_layer_is_yes_or_no_on_the_page_and_on_the_map(people: People) -> None:
    desk = Desk(HIT, "C-03")
    shown = desk.check()
    assert "所涉数据限制公开，不告知位置和面积" in shown
    assert "在图上看" not in shown
    assert set(desk.places()) == {"plot"}


def test_an_internal_layer_shows_the_overlap_on_the_plot(people: People) -> None:
    from kunyu.engines.matters.models import CheckAnswer
    from kunyu.engines.matters.rules.tests.test_disclosure import label
    from kunyu.engines.security import epochs

    label(RED, 1, 0)
    try:
        desk = Desk(HIT, "C-03")
        shown, places = desk.check(), desk.places()
    finally:
        epochs.forget()
    measured = CheckAnswer.objects.get(check_run__application=desk.one).measured
    assert f"{measured:,.2f}" in shown
    assert "在图上看" in shown
    assert set(places) == {"plot", "conflict-C-03"}
    assert places["conflict-C-03"]["properties"]["tone"] == "conflict"
    overlap = shapely.from_geojson(json.dumps(places["conflict-C-03"]["geometry"]))
    assert shapely.covers(shapely.buffer(HIT, 1e-9), overlap)


def test_asked_again_with_nothing_changed_nothing_piles_up(people: People) -> None:
    desk = Desk(HIT, "C-03", "C-01")
    desk.check()
    assert "结果没有变化" in desk.check()
    assert desk.checks() == 1


def test_a_changed_plot_makes_the_answer_old_and_draws_nothing_of_it(people: People) -> None:
    from kunyu.engines.matters.rules.tests.test_disclosure import label
    from kunyu.engines.security import epochs

    label(RED, 1, 0)
    try:
        desk = Desk(HIT, "C-03")
        desk.check()
        put(desk.one, shapely.box(113.02, 34.51, 113.022, 34.512))
        shown = desk.get()
        assert "下面的结果已经过时" in shown
        assert "data-check-due" in shown
        assert set(desk.places()) == {"plot"}
        assert "未发现冲突" in desk.check()
        assert desk.checks() == 2
    finally:
        epochs.forget()


def test_without_a_plot_nothing_is_shown_and_without_rules_it_says_so(people: People) -> None:
    bare = Desk(None, "C-03")
    assert 'id="findings"' not in bare.get()
    assert bare.places() == {}


def test_a_matter_without_rules_says_that_people_look(people: People) -> None:
    assert "由审查人员审查" in Desk(HIT).check()


def test_the_trouble_of_a_rule_is_not_checked_and_nothing_more(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    from kunyu.engines.matters.rules import looking

    def fails(*given: object) -> Any:
        raise RuntimeError("secret of the machine")

    monkeypatch.setattr(looking, "_looked", fails)
    shown = Desk(HIT, "C-03").check()
    assert "未核验" in shown
    assert "secret of the machine" not in shown
