"""The lineage graph through analysis, ingest and catalogue: back to deliveries, forward to results (R-145)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kunyu.engines.analysis.tests.county import People

pytestmark = pytest.mark.django_db
Ask = Callable[..., Any]
SQUARE = {"type": "Polygon", "coordinates": [[[113.001, 34.501], [113.003, 34.501], [113.003, 34.503], [113.001, 34.503],
                                              [113.001, 34.501]]]}  # fmt: skip


@pytest.fixture
def delivered(people: People, db: None) -> dict[str, int]:
    """The second version of the parcels came with a delivery that was checked, accepted and published."""
    from kunyu.engines.catalogue.models import DatasetVersion
    from kunyu.engines.ingest.models import CheckRun, Delivery, DeliveryEvent, Finding

    delivery = Delivery.objects.create(
        standard_id="TDT1057-2020", division_code="990101", file_name="change-2025.gpkg", input_sm3="ab" * 32,
        input_size=7, valid_from=date(2025, 12, 31), status="published", created_by="surveyor",
    )  # fmt: skip
    for status, actor in (("accepted", "rules"), ("published", "approver")):
        DeliveryEvent.objects.create(delivery=delivery, status=status, actor=actor)
    run = CheckRun.objects.create(delivery=delivery, standard_digest="0" * 64, report_sm3="0" * 64)
    for number in range(3):
        Finding.objects.create(run=run, rule="Q303", clause="试", severity="Q", layer="DLTB", message_zh="试", message_en="t",
                               fingerprint=f"{number:064d}")  # fmt: skip
    first, second = DatasetVersion.objects.filter(layer__collection="10401-003", county="990101").order_by("number")
    second.delivery_id, second.lineage = (
        delivery.pk,
        {"inputs": [{"sm3": "cd" * 32, "name": "mapped"}, {"version": first.pk}]},
    )
    second.save()
    return {"delivery": delivery.pk, "first": first.pk, "second": second.pk, "run": run.pk}


def test_from_a_figure_back_to_the_delivery(ask: Ask, delivered: dict[str, int]) -> None:
    """Result ← version ← check, approval, delivery ← file; the version ← the version before; nothing derives from the result."""
    result = ask("POST", "/api/analysis/land-classes", body={"geometry": SQUARE}).json()["result"]
    graph = ask("GET", f"/api/catalogue/lineage?subject=result:{result}").json()
    edges = {(one["from"], one["to"], one["kind"]) for one in graph["edges"]}
    second, delivery = f"version:{delivered['second']}", f"delivery:{delivered['delivery']}"
    assert graph["root"] == f"result:{result}"
    assert {
        (second, f"result:{result}", "computed"),
        (delivery, second, "delivered"),
        (f"file:{'ab' * 32}", delivery, "received"),
        (f"file:{'cd' * 32}", second, "loaded"),
        (f"version:{delivered['first']}", second, "revised"),
        (delivery, f"check:{delivered['run']}", "checked"),
        (f"check:{delivered['run']}", second, "judged"),
    } <= edges
    nodes = {one["id"]: one for one in graph["nodes"]}
    assert nodes[f"check:{delivered['run']}"]["detail"]["findings"] == 3
    assert nodes[second]["detail"]["number"] == 2
    assert nodes["standard:TDT1057-2020"]["kind"] == "standard"
    assert {one["title_en"] for one in graph["nodes"] if one["kind"] == "approval"} == {
        "accepted by rules",
        "published by approver",
    }
    assert graph["impact"] == []


def test_impact_of_a_source(ask: Ask, delivered: dict[str, int]) -> None:
    """A change of the first version concerns the second, and the result computed from it."""
    result = ask("POST", "/api/analysis/land-classes", body={"geometry": SQUARE}).json()["result"]
    graph = ask("GET", f"/api/catalogue/lineage?version={delivered['first']}").json()
    assert {f"version:{delivered['second']}", f"result:{result}"} == set(graph["impact"])


def test_lineage_of_a_feature(ask: Ask, delivered: dict[str, int]) -> None:
    """Parcel 1 was stated by both versions, parcel 2 by the first; as known before the second, parcel 1 by one."""

    def versions(feature: str, more: str = "") -> set[str]:
        graph = ask("GET", f"/api/catalogue/lineage?collection=10401-003&feature={feature}{more}").json()
        return {one["from"] for one in graph["edges"] if one["kind"] == "states"}

    first, second = f"version:{delivered['first']}", f"version:{delivered['second']}"
    assert versions("990101211000000001") == {first, second}
    assert versions("990101211000000002") == {first}
    assert versions("990101211000000001", "&known_at=2026-02-01T00:00:00Z") == {first}
    assert ask("GET", "/api/catalogue/lineage?collection=10401-003&feature=none").status_code == 404


def test_what_one_may_not_see_is_other(ask: Ask, delivered: dict[str, int]) -> None:
    """Another's result is "other" without facts; a version of another county is not there; a strange subject neither."""
    result = ask("POST", "/api/analysis/land-classes", body={"geometry": SQUARE}).json()["result"]
    graph = ask("GET", f"/api/catalogue/lineage?version={delivered['second']}", "surveyor").json()
    assert f"result:{result}" not in str(graph)
    other = next(one for one in graph["nodes"] if one["id"] == "other")
    assert (other["kind"], other["detail"], other["href"]) == ("other", {}, "")
    assert ask("GET", f"/api/catalogue/lineage?version={delivered['second']}", "neighbour").status_code == 404
    assert ask("GET", f"/api/catalogue/lineage?subject=result:{result}", "surveyor").status_code == 404
    assert ask("GET", "/api/catalogue/lineage?subject=nothing:1").status_code == 404
    assert ask("GET", "/api/catalogue/lineage").status_code == 400


def test_lineage_of_a_layer(ask: Ask, delivered: dict[str, int]) -> None:
    """The newest version of each county one may see."""
    graph = ask("GET", "/api/catalogue/lineage?collection=10401-003", "neighbour").json()
    assert {one["detail"]["county"] for one in graph["nodes"] if one["kind"] == "version"} == {"990102"}
