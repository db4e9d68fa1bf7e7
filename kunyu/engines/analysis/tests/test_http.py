"""The house API and OGC API – Processes over HTTP: shapes, bad input, jobs, who sees what (R-169, issue text "Bad input")."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely

if TYPE_CHECKING:
    from kunyu.engines.analysis.tests.county import People

pytestmark = pytest.mark.django_db
Ask = Callable[..., Any]
SQUARE = {"type": "Polygon", "coordinates": [[[113.001, 34.501], [113.007, 34.501], [113.007, 34.506], [113.001, 34.506],
                                              [113.001, 34.501]]]}  # fmt: skip


def test_overlap_answers_in_the_agreed_shape(ask: Ask) -> None:
    """Every member that clients rely on; reasons in both languages; nothing cached."""
    answer = ask("POST", "/api/analysis/overlap",
                 body={"geometry": SQUARE, "layers": ["20201-001", "99999-999"], "valid_at": "2026-06-30", "geometries": True})  # fmt: skip
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    document = answer.json()
    assert set(document) == {
        "digest",
        "kind",
        "geometry_area_m2",
        "valid_at",
        "known_at",
        "parameters",
        "layers",
        "job",
        "result",
    }
    conflict, unknown = document["layers"]
    assert (conflict["state"], conflict["name_zh"], conflict["count"]) == ("conflict", "生态保护红线", 1)
    assert conflict["versions"][0]["number"] == 1
    assert conflict["overlaps"][0]["geometry"]["type"] == "Polygon"
    assert conflict["overlaps"][0]["area_m2"] == conflict["area_m2"] > 100_000
    assert (unknown["state"], unknown["reason"]) == ("not_checked", "missing")
    assert unknown["reason_zh"]
    assert unknown["reason_en"]
    stored = ask("GET", f"/api/analysis/results/{document['result']}")
    assert stored.json()["digest"] == document["digest"]
    assert "geometry" not in json.dumps(stored.json()["layers"])
    assert ask("GET", f"/api/analysis/results/{document['result']}", "neighbour").status_code == 404
    replayed = ask("POST", f"/api/analysis/results/{document['result']}/replay").json()
    assert replayed["equal"] is True


def test_all_layers_means_those_near_that_one_may_query(ask: Ask) -> None:
    """Without names: what the asker may query and has data near the plot."""
    found = ask("POST", "/api/analysis/overlap", body={"geometry": SQUARE}).json()
    assert {one["collection"] for one in found["layers"]} == {"10401-001", "10401-003", "20201-001"}
    found = ask("POST", "/api/analysis/overlap", "surveyor", body={"geometry": SQUARE}).json()
    assert {one["collection"] for one in found["layers"]} == {"10401-001", "10401-003"}


def test_land_classes(ask: Ask) -> None:
    """The table of a plot, 0103 with its official name."""
    layer = ask("POST", "/api/analysis/land-classes", body={"geometry": SQUARE}).json()["layers"][0]
    assert [(one["code"], one["name_zh"]) for one in layer["classes"]] == [("0103", "旱地"), ("0701", "城镇住宅用地")]
    assert layer["overlaps"] == []


def test_history_says_what_changed_when(ask: Ask) -> None:
    """R-091, R-145: parcel 1 was dry land, is built-up from 2025-12-31, known from the second version on."""
    inside = {"type": "Point", "coordinates": [113.0005, 34.5005]}
    layer = ask("POST", "/api/analysis/history", body={"geometry": inside}).json()["layers"][0]
    assert [(one["code"], one["valid"]) for one in layer["states"]] == [
        ("0103", ["2024-12-31", None]),
        ("0103", ["2024-12-31", "2025-12-31"]),
        ("0701", ["2025-12-31", None]),
    ]
    assert layer["states"][0]["known"] == ["2026-01-10T08:00:00.000000Z", "2026-06-01T08:00:00.000000Z"]
    area = {
        "type": "Polygon",
        "coordinates": [[[113.0, 34.5], [113.001, 34.5], [113.001, 34.501], [113.0, 34.501], [113.0, 34.5]]],
    }
    layer = ask("POST", "/api/analysis/history", body={"geometry": area}).json()["layers"][0]
    first, second = [one for one in layer["changes"] if one["county"] == "990101"]
    assert (first["before"], [c["code"] for c in first["after"]]) == ([], ["0103"])
    assert [c["code"] for c in second["before"]] == ["0103"]
    assert [c["code"] for c in second["after"]] == ["0701"]
    assert second["after"][0]["area_m2"] == pytest.approx(second["before"][0]["area_m2"], rel=1e-9)
    before = {"geometry": inside, "known_at": "2026-02-01T00:00:00Z"}
    layer = ask("POST", "/api/analysis/history", body=before).json()["layers"][0]
    assert [(one["code"], one["known"][1]) for one in layer["states"]] == [("0103", None)]


def test_nearest_in_true_metres(ask: Ask) -> None:
    """Distances equal the geodesic ones; order is by metres where degrees would say otherwise."""
    from pyproj import Geod

    geod = Geod(a=6378137, rf=298.257222101)
    point = {"type": "Point", "coordinates": [113.0251, 34.5251]}
    layer = ask(
        "POST", "/api/analysis/nearest", body={"geometry": point, "layers": ["20201-001"], "within_m": 5000}
    ).json()["layers"][0]
    # 0.0049 degree of longitude and 0.0054 of latitude away: its near corner
    expected = geod.inv(113.0251, 34.5251, 113.03, 34.5305)[2]
    assert layer["records"][0]["distance_m"] == pytest.approx(expected, rel=1e-6)
    assert layer["records"][0]["line"]["coordinates"][1] == pytest.approx([113.03, 34.5305], abs=1e-9)
    assert [one["distance_m"] for one in layer["records"]] == sorted(one["distance_m"] for one in layer["records"])
    touching = ask("POST", "/api/analysis/nearest", body={"geometry": SQUARE, "layers": ["20201-001"]}).json()[
        "layers"
    ][0]
    assert touching["records"][0]["distance_m"] == 0
    none = ask(
        "POST", "/api/analysis/nearest", body={"geometry": point, "layers": ["20201-001"], "within_m": 10}
    ).json()["layers"][0]
    assert (none["state"], none["records"]) == ("nothing_within", [])


def test_buffer_is_geodesic(ask: Ask) -> None:
    """Every vertex of a point's buffer lies the asked metres away on the ellipsoid, to 1e-6."""
    from pyproj import Geod

    geod = Geod(a=6378137, rf=298.257222101)
    for metres in (10.0, 2_000.0, 50_000.0):
        found = ask("POST", "/api/analysis/buffer",
                    body={"geometry": {"type": "Point", "coordinates": [113.4, 34.5]}, "distance_m": metres}).json()  # fmt: skip
        ring = found["geometry"]["coordinates"][0]
        far = [geod.inv(113.4, 34.5, x, y)[2] for x, y in ring]
        assert min(far) == pytest.approx(metres, rel=2e-5)
        assert max(far) == pytest.approx(metres, rel=2e-5)
        assert found["area_m2"] == pytest.approx(3.14159265 * metres**2, rel=1e-3)


@pytest.mark.parametrize(
    ("geometry", "status", "said"),
    [
        ({"type": "Polygon", "coordinates": [[[113, 34], [113.1, 34], [113.1, 34.1], [113, 34.1]]]}, 400, "没有闭合"),
        ({"type": "Polygon", "coordinates": [[[113, 34], [113.1, 34.1], [113.1, 34], [113, 34.1], [113, 34]]]}, 400, "自相交，位置 113.05"),
        ({"type": "Polygon", "coordinates": [[[34, 113], [34.1, 113], [34.1, 113.1], [34, 113]]]}, 400, "经度在前、纬度在后"),
        ({"type": "Polygon", "coordinates": [[[13, 34], [13.1, 34], [13.1, 34.1], [13, 34]]]}, 400, "不在中国"),
        ({"type": "Polygon", "coordinates": [[[38512345, 3812345], [38512445, 3812345], [38512445, 3812445], [38512345, 3812345]]]}, 400, "平面坐标"),
        ({"type": "Polygon", "coordinates": []}, 400, "空"),
        ({"type": "Polygon", "coordinates": [[["a", "b"]]]}, 400, "有限的数"),
        ({"type": "Point", "coordinates": [113, 34]}, 400, "Polygon"),
        ({"type": "Polygon", "coordinates": {"x": 1}}, 400, "数组"),
        (None, 400, "GeoJSON"),
        ("x", 400, "GeoJSON"),
    ],
)  # fmt: skip
def test_bad_geometries_are_refused_with_a_sentence(ask: Ask, geometry: Any, status: int, said: str) -> None:
    """Unclosed, self-intersecting (with its place), reversed, far away, plane metres, empty, no numbers: 400 and why."""
    answer = ask("POST", "/api/analysis/overlap", body={"geometry": geometry})
    assert answer.status_code == status
    assert said in answer.json()["detail_zh"]
    assert answer.json()["detail_en"]


def test_bad_requests(ask: Ask) -> None:
    """NaN, no JSON, ten thousand layers, unknown members, unreadable times, deep nesting."""
    path = "/api/analysis/overlap"
    nan = '{"geometry": {"type": "Polygon", "coordinates": [[[NaN, 34], [113, 34], [113, 35], [NaN, 34]]]}}'
    assert "NaN" in ask("POST", path, body=nan).json()["detail_zh"]
    for body, said in (
        ({"geometry": SQUARE, "layers": [f"1-{n}" for n in range(10_000)]}, "10000 个图层"),
        ({"geometry": SQUARE, "layers": []}, "0 个图层"),
        ({"geometry": SQUARE, "layers": "10401-003"}, "数组"),
        ({"geometry": SQUARE, "cql": "1=1"}, "cql"),
        ({"geometry": SQUARE, "valid_at": "yesterday"}, "yesterday"),
        ({"geometry": SQUARE, "known_at": "2026-01-01"}, "known_at"),
        ({"geometry": SQUARE, "max_age_days": -1}, "max_age_days"),
        ([1], "JSON 对象"),
    ):
        answer = ask("POST", path, body=body)
        assert answer.status_code == 400, body
        assert said in answer.json()["detail_zh"]
    assert ask("POST", path, body="{").status_code == 400
    assert ask("POST", path, body="[" * 100_000).status_code == 400
    assert ask("POST", path, None, body={"geometry": SQUARE}).status_code == 401


def test_a_polygon_of_50_mb_is_413(ask: Ask) -> None:
    """Refused by its length before it is read; one of too many vertices too; the node keeps answering."""
    big = (
        b'{"geometry": {"type": "Polygon", "coordinates": [[' + b"[113.123456789, 34.123456789]," * 1_800_000 + b"]]}}"
    )
    assert len(big) > 50_000_000
    for path in ("/api/analysis/overlap", "/ogc/processes/overlap/execution", "/api/analysis/plot"):
        answer = ask("POST", path, body=big)
        assert answer.status_code == 413
        assert "16 MiB" in answer.json()["detail_zh"]
    angles = np.linspace(0, 2 * np.pi, 200_002, endpoint=False)
    ring = shapely.Polygon(np.c_[113.02 + 0.01 * np.cos(angles), 34.52 + 0.01 * np.sin(angles)])
    answer = ask("POST", "/api/analysis/overlap", body={"geometry": json.loads(shapely.to_geojson(ring))})
    assert answer.status_code == 413
    assert "200000" in answer.json()["detail_zh"]
    assert ask("POST", "/api/analysis/overlap", body={"geometry": SQUARE, "layers": ["20201-001"]}).status_code == 200


def test_processes(ask: Ask) -> None:
    """OGC 18-062r2: list, description, execution raw and as document, errors."""
    listed = ask("GET", "/ogc/processes", None).json()["processes"]
    assert {one["id"] for one in listed} == {"overlap", "land-classes", "history", "nearest", "buffer"}
    described = ask("GET", "/ogc/processes/overlap", None).json()
    assert described["inputs"]["geometry"]["minOccurs"] == 1
    assert described["jobControlOptions"] == ["sync-execute", "async-execute", "dismiss"]
    raw = ask(
        "POST",
        "/ogc/processes/overlap/execution",
        body={"inputs": {"geometry": {"value": SQUARE}, "layers": ["20201-001"]}},
    )
    assert raw.status_code == 200
    house = ask("POST", "/api/analysis/overlap", body={"geometry": SQUARE, "layers": ["20201-001"]}).json()
    assert raw.json()["layers"] == house["layers"]
    wrapped = ask("POST", "/ogc/processes/buffer/execution",
                  body={"inputs": {"geometry": {"type": "Point", "coordinates": [113, 34]}, "distance_m": 5}, "response": "document"})  # fmt: skip
    assert wrapped.json()["result"]["area_m2"] == pytest.approx(78.5, rel=1e-2)
    for path, body, status in (
        ("overlap", {}, 400), ("overlap", {"inputs": {}}, 400), ("none", {"inputs": {}}, 404),
        ("overlap", {"inputs": {"geometry": {"href": "http://127.0.0.1/x"}}}, 400),
        ("overlap", {"inputs": {"geometry": SQUARE}, "subscriber": {}}, 400),
    ):  # fmt: skip
        assert ask("POST", f"/ogc/processes/{path}/execution", body=body).status_code == status
    assert (
        ask("POST", "/ogc/processes/overlap/execution", None, body={"inputs": {"geometry": SQUARE}}).status_code == 401
    )
    assert ask("DELETE", "/ogc/processes").status_code == 405
    assert ask("GET", "/ogc/processes?x=1").status_code == 400


def test_a_job_runs_to_its_result_for_its_owner_alone(ask: Ask, people: People) -> None:
    """Asynchronous execution: accepted, run by the task, results, seen by nobody else, dismissed."""
    from procrastinate.contrib.django.models import ProcrastinateJob

    from kunyu.engines.analysis.models import AnalysisJob
    from kunyu.engines.analysis.running import run

    body = {"inputs": {"geometry": SQUARE, "layers": ["10401-003"]}}
    answer = ask("POST", "/ogc/processes/overlap/execution", body=body, Prefer="respond-async")
    assert answer.status_code == 201
    assert answer.headers["Preference-Applied"] == "respond-async"
    status = answer.json()
    assert (status["status"], status["processID"]) == ("accepted", "overlap")
    number = int(status["jobID"])
    queued = ProcrastinateJob.objects.filter(task_name="analysis.run").values_list("args", flat=True)
    assert {"job_id": number} in queued, "in the transaction of the job itself"
    assert answer.headers["Location"].endswith(f"/ogc/jobs/{number}")
    assert ask("GET", f"/ogc/jobs/{number}/results").status_code == 404
    run(number)
    done = ask("GET", f"/ogc/jobs/{number}").json()
    assert (done["status"], done["progress"]) == ("successful", 100)
    result = ask("GET", f"/ogc/jobs/{number}/results").json()["result"]
    direct = ask("POST", "/api/analysis/overlap",
                 body={"geometry": SQUARE, "layers": ["10401-003"], "known_at": result["known_at"]}).json()  # fmt: skip
    assert result["digest"] == direct["digest"]
    assert ask("GET", f"/api/analysis/jobs/{number}").json()["answer"]["digest"] == direct["digest"]
    for who in ("neighbour", "surveyor"):
        assert ask("GET", f"/ogc/jobs/{number}", who).status_code == 404
        assert ask("DELETE", f"/ogc/jobs/{number}", who).status_code == 404
        assert ask("GET", "/ogc/jobs", who).json()["jobs"] == []
    assert [one["jobID"] for one in ask("GET", "/ogc/jobs").json()["jobs"]] == [str(number)]
    assert ask("DELETE", f"/ogc/jobs/{number}").json()["status"] == "dismissed"
    run(number)
    assert AnalysisJob.objects.get(pk=number).state == "dismissed"


def test_many_records_become_a_job(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the stated number of records: 202 with the job, no figures half done."""
    from dataclasses import replace

    from kunyu.engines.analysis import overlap
    from kunyu.engines.analysis.settings import analysis_settings

    few = replace(analysis_settings(), interactive_hits_max=5)
    monkeypatch.setattr(overlap, "analysis_settings", lambda: few)
    answer = ask("POST", "/api/analysis/overlap", body={"geometry": SQUARE, "layers": ["10401-003"]})
    assert answer.status_code == 202
    document = answer.json()
    assert document["digest"] is None
    assert document["layers"] == []
    assert ask("GET", f"/api/analysis/jobs/{document['job']}").json()["state"] == "accepted"
