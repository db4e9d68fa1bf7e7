"""Exports as jobs: formats, rights, filters, moments, interruption, removal (R-168, R-170, R-041)."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pyogrio
import pytest
from django.test import Client
from django.utils import timezone

from kunyu.engines.maps.tests.county import PARCELS, SIDE, SOUTH, WEST, County, _person
from kunyu.engines.security import scope

EXPORTS = "/api/map/exports"
Post = Callable[..., Any]


@pytest.fixture(scope="module")
def committed(county: County, django_db_blocker: Any) -> Iterator[None]:
    """Everything in this module is committed: jobs and the serving role have sessions of their own."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def tokens(committed: None, county: County) -> dict[str, str]:
    every = (scope.SEE, scope.QUERY, scope.DOWNLOAD)
    return {
        "downloader": _person("x-downloader", every),
        "neighbour": _person("x-neighbour", every, division_prefix="990102"),
        "other": _person("x-other", every),
        "steward": county.steward,
    }


@pytest.fixture
def client(tokens: dict[str, str], settings: Any) -> Callable[..., Client]:
    settings.ROOT_URLCONF = "kunyu.engines.maps.tests.addresses"

    def of(who: str = "downloader") -> Client:
        return Client(headers={"Authorization": f"Bearer {tokens[who]}"})

    return of


@pytest.fixture
def export(client: Callable[..., Client]) -> Post:
    """Ask, run the job as a worker would, and answer with where it stands."""
    from kunyu.engines.maps.exports.running import run

    def asking(who: str = "downloader", **wanted: Any) -> dict[str, Any]:
        asked = client(who).post(EXPORTS, {"collection": PARCELS, **wanted}, content_type="application/json")
        assert asked.status_code == 202, asked.content
        run(asked.json()["id"])
        found: dict[str, Any] = client(who).get(f"{EXPORTS}/{asked.json()['id']}").json()
        return found

    return asking


def content(client: Callable[..., Client], found: dict[str, Any], who: str = "downloader") -> bytes:
    answer = client(who).get(found["download"])
    assert answer.status_code == 200 and answer["Cache-Control"] == "private, no-store"
    return b"".join(answer.streaming_content)


def table_of(data: bytes, form: str, folder: Path) -> Any:
    """What a file holds, read by GDAL or Arrow as others would."""
    path = folder / f"x.{ {'shp': 'zip', 'csv': 'zip', 'dxf': 'zip'}.get(form, form) }".replace(" ", "")
    path.write_bytes(data)
    if form == "parquet":
        return pq.read_table(path)
    inner = {"shp": f"/vsizip/{path}/DLTB.shp", "dxf": f"/vsizip/{path}/DLTB.dxf"}.get(form, str(path))
    if form == "csv":
        with zipfile.ZipFile(path) as archive:
            name = next(one for one in archive.namelist() if one.endswith(".csv"))
            assert any(one.endswith(".label.json") for one in archive.namelist())
            inner = str(folder / "y.csv")
            Path(inner).write_bytes(archive.read(name))
    return pyogrio.read_arrow(inner)[1]


@pytest.mark.parametrize("form", ["gpkg", "shp", "geojson", "csv", "parquet", "dxf"])
def test_every_format_holds_what_was_asked_for(export: Post, client: Any, tmp_path: Path, form: str) -> None:
    """R-168: a filter, a polygon and a day narrow each format alike; the file is whole, the state exact."""
    ring = [
        [WEST, SOUTH],
        [WEST + 3.5 * SIDE, SOUTH],
        [WEST + 3.5 * SIDE, SOUTH + SIDE / 2],
        [WEST, SOUTH + SIDE / 2],
        [WEST, SOUTH],
    ]
    found = export(
        format=form, filter="DLBM = '0103'", geometry={"type": "Polygon", "coordinates": [ring]}, valid_at="2025-06-01"
    )
    assert (found["state"], found["records"], found["done"]) == ("done", 4, 4)
    table = table_of(content(client, found), form, tmp_path)
    assert table.num_rows == 4
    if form != "dxf":
        assert sorted(filter(None, table["TBBH"].to_pylist()), key=str) == ["1", "2", "3", "4"]
    else:
        assert set(table["Layer"].to_pylist()) == {"0103"}


def test_fields_and_crs(export: Post, client: Any, tmp_path: Path) -> None:
    """Chosen attributes, and coordinates of a zone with its prefix, easting first as files have it."""
    uri = "http://www.opengis.net/def/crs/EPSG/0/4526"
    found = export(
        format="gpkg", properties=["BSM", "DLBM"], crs=uri, bbox=[WEST, SOUTH, WEST + SIDE / 2, SOUTH + SIDE / 2]
    )
    (path := tmp_path / "a.gpkg").write_bytes(content(client, found))
    info = pyogrio.read_info(path, force_total_bounds=True)
    assert info["crs"] == "EPSG:4526" and list(info["fields"]) == ["county", "BSM", "DLBM"]
    assert 38_000_000 < info["total_bounds"][0] < 39_000_000 and json.loads(info["layer_metadata"]["KUNYU_LABEL"])


def test_rights_and_ownership(export: Post, client: Any) -> None:
    """R-170: without the right to download 403, elsewhere nothing but one's own county, others' exports are 404."""
    from kunyu.engines.security.models import AuditEntry

    body = {"collection": PARCELS, "format": "csv"}
    assert client("steward").post(EXPORTS, body, content_type="application/json").status_code == 403
    found = export(format="parquet")
    assert found["records"] == 401 and found["download"]
    for address in (f"{EXPORTS}/{found['id']}", f"{EXPORTS}/{found['id']}/file"):
        assert client("other").get(address).status_code == 404
    assert found["id"] not in [one["id"] for one in client("other").get(EXPORTS).json()]
    assert export("neighbour", format="parquet")["records"] == 1
    content(client, found)
    done = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"export-asked", "export", "export-fetched"} <= done


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"format": "xls"}, 422),
        ({"format": "gpkg", "filter": "NOPE = 1"}, 400),
        ({"format": "gpkg", "properties": ["NOPE"]}, 400),
        ({"format": "gpkg", "crs": "EPSG:2154"}, 400),
        ({"format": "geojson", "crs": "EPSG:4526"}, 400),
        ({"format": "gpkg", "bbox": [1, 2, 3]}, 422),
        ({"format": "gpkg", "bbox": [113, 95, 114, 99]}, 400),
        ({"format": "gpkg", "geometry": {"type": "Point", "coordinates": [1, 1]}}, 400),
        ({"format": "gpkg", "geometry": {"type": "Polygon", "coordinates": "x"}}, 400),
        ({"format": "gpkg", "valid_at": "June"}, 400),
        ({"format": "gpkg", "collection": "99999-999"}, 404),
    ],
)
def test_bad_requests_are_refused_at_once(db: None, client: Any, body: dict[str, Any], status: int) -> None:
    """Nothing that cannot work becomes a job."""
    from kunyu.engines.maps.models import Export

    before = Export.objects.count()
    answer = client().post(EXPORTS, {"collection": PARCELS, **body}, content_type="application/json")
    assert (
        answer.status_code == status and (status == 422 or answer.json()["code"]) and Export.objects.count() == before
    )


_KILLED = """
import os, signal, sys, django
django.setup()
from kunyu.engines.catalogue import export
def stop(*arguments):
    print("writing", flush=True)
    import time; time.sleep(60)
export._batches = lambda *arguments: stop()
from kunyu.engines.maps.exports.running import run
run(int(sys.argv[1]))
"""


def test_a_killed_job_is_run_again_and_offers_no_half_file(client: Any, tmp_path: Path) -> None:
    """kill -9 in the middle: the export is still running, no file; taken up, it is written whole; not for ever."""
    from django.conf import settings as django_settings
    from django.db import connection

    from kunyu.engines.maps.exports import services
    from kunyu.engines.maps.exports.running import run
    from kunyu.engines.maps.models import Export

    asked = client().post(EXPORTS, {"collection": PARCELS, "format": "parquet"}, content_type="application/json").json()
    own = connection.settings_dict
    environment = {
        **os.environ, "KUNYU_OBJECT_STORE": str(django_settings.KUNYU_OBJECT_STORE),
        "DATABASE_URL": f"postgresql://{own['USER']}:{own['PASSWORD']}@/{own['NAME']}?host={own['HOST']}",
    }  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(asked["id"])], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline() == "writing\n"
    assert run(asked["id"]) is None, "held by the child"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    state = client().get(f"{EXPORTS}/{asked['id']}").json()
    assert state["state"] == "running" and state["download"] is None
    assert client().get(f"{EXPORTS}/{asked['id']}/file").status_code == 409
    assert asked["id"] in services.unfinished()
    for _ in range(1200):  # the server ends the dead session in its own time
        if run(asked["id"]) is not None:
            break
        time.sleep(0.1)
    again = client().get(f"{EXPORTS}/{asked['id']}").json()
    assert again["state"] == "done" and pq.read_table(io.BytesIO(content(client, again))).num_rows == 401
    Export.objects.filter(pk=asked["id"]).update(state="running", attempts=3)
    run(asked["id"])
    assert client().get(f"{EXPORTS}/{asked['id']}").json()["error"]["code"] == "maps-export-interrupted"


def test_files_go_after_their_days(export: Post, client: Any) -> None:
    """After ``export_keep_days`` the file is removed and the export says so; a right taken away holds at once."""
    from kunyu.engines.maps.exports import services
    from kunyu.engines.maps.models import Export
    from kunyu.engines.security.models import Grant
    from kunyu.engines.security.protection import object_store

    found = export("other", format="csv")
    row = Export.objects.get(pk=found["id"])
    assert row.expires_at is not None and timedelta(days=6) < row.expires_at - timezone.now() < timedelta(days=8)
    Grant.objects.filter(user=row.owner, action=scope.DOWNLOAD).delete()
    assert client("other").get(found["download"]).status_code == 403
    Export.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert services.remove_old() == 1 and not object_store().exists(row.sm3)
    assert client("other").get(f"{EXPORTS}/{row.pk}").json()["state"] == "expired"


def test_nobody_fills_the_queue(client: Any) -> None:
    """At most ``export_waiting_max`` unfinished exports a person; then 429 with a sentence."""
    from kunyu.engines.maps.models import Export

    body = {"collection": PARCELS, "format": "csv"}
    statuses = [client("neighbour").post(EXPORTS, body, content_type="application/json").status_code for _ in range(6)]
    assert statuses == [202] * 5 + [429]
    Export.objects.filter(state="waiting").update(state="failed")
