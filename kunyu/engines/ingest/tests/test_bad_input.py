"""Bad input (issue, 'Bad input'): a sentence in both languages, a record of what happened, the published map unchanged."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from django.conf import settings
from django.db import connection

from kunyu.engines.ingest.errors import BadCoordinates, CrsMissing, DiskFull, WrongPlace
from kunyu.engines.ingest.models import Delivery, Finding
from kunyu.engines.ingest.process import process
from kunyu.engines.ingest.publish import publish
from kunyu.engines.ingest.tests.delivered_files import (
    OPERATOR,
    SURVEY,
    Y2024,
    Y2025,
    Cover,
    accepted,
    hand_in,
    write_cover,
)
from kunyu.engines.ingest.unpacking import UnsafeArchive
from kunyu.engines.security.models import AuditEntry
from kunyu.kernel.errors import KunyuError, NodeUnavailable, UnreadableInput

Digest = Callable[[], str]


@pytest.fixture
def published_map(node: None, map_digest: Digest, tmp_path: Path) -> Iterator[None]:
    """A published map; when the test ends it must be as it was."""
    publish(accepted(write_cover(tmp_path / "published.gpkg")).pk, OPERATOR)
    before = map_digest()
    yield
    assert map_digest() == before


def failed(path: Path, error: type[KunyuError], **target: Any) -> KunyuError:
    """Deliver, expect ``error``, and require the record of it."""
    delivery = hand_in(path, **target)
    with pytest.raises(error) as refused:
        process(delivery.pk)
    last = Delivery.objects.get(pk=delivery.pk).events.latest("id")
    told = refused.value
    assert (last.status, last.code, last.reason_zh, last.reason_en) == (
        "failed", told.code, told.detail_zh, told.detail_en
    )  # fmt: skip
    assert AuditEntry.objects.filter(action="delivery-failed", object_id=str(delivery.pk), result="failed").exists()
    assert not any(settings_quarantine().glob(f"{delivery.pk}/*")), "nothing half-loaded stays"
    return told


def settings_quarantine() -> Path:
    return Path(settings.KUNYU_QUARANTINE)


def test_truncated_zip(published_map: None, tmp_path: Path) -> None:
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.write(write_cover(tmp_path / "a.gpkg"), "a.gpkg")
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    told = failed(cut, UnreadableInput)
    assert "cut.zip" in told.detail_zh and "damaged or incomplete" in told.detail_en


def test_shapefile_without_dbf(published_map: None, tmp_path: Path) -> None:
    table = pyogrio.read_arrow(write_cover(tmp_path / "a.gpkg", Cover(rows=4)))[1]
    pyogrio.write_arrow(
        table, tmp_path / "landcover.shp", geometry_name="geom", geometry_type="Polygon", crs="EPSG:4526"
    )
    with zipfile.ZipFile(tmp_path / "no_dbf.zip", "w") as archive:
        for suffix in (".shp", ".shx", ".prj"):
            archive.write(tmp_path / f"landcover{suffix}", f"landcover{suffix}")
    told = failed(tmp_path / "no_dbf.zip", UnreadableInput)
    assert ".dbf" in told.detail_zh and ".dbf" in told.detail_en


def test_coordinates_outside_the_declared_zone(published_map: None, tmp_path: Path) -> None:
    """Q103: eastings bear zone 43, the file says zone 38."""
    told = failed(write_cover(tmp_path / "zone.gpkg", Cover(shift=5_000_000)), WrongPlace)
    assert "43" in told.detail_zh and "zone 43" in told.detail_en


def test_no_coordinate_system(published_map: None, tmp_path: Path) -> None:
    told = failed(write_cover(tmp_path / "nocrs.gpkg", Cover(crs=None)), CrsMissing)
    assert "坐标系" in told.detail_zh


def test_a_survey_far_from_its_division(node: None, sample: Path, map_digest: Digest, tmp_path: Path) -> None:
    """Coordinates that fit their zone but lie three degrees east of the county."""
    publish(accepted(sample / "county.gpkg", standard=SURVEY, valid_from=None).pk, OPERATOR)
    before = map_digest()
    table = pyogrio.read_arrow(sample / "county.gpkg", layer="DLTB")[1]
    moved = shapely.transform(shapely.from_wkb(table.column("geom").to_pylist()), lambda xy: xy + [[1e6, 0]] * len(xy))
    table = table.set_column(table.schema.get_field_index("geom"), "geom", [shapely.to_wkb(moved)])
    pyogrio.write_arrow(table, tmp_path / "far.gpkg", layer="DLTB", driver="GPKG", geometry_name="geom",
                        geometry_type="Polygon", crs="EPSG:4527")  # fmt: skip
    told = failed(tmp_path / "far.gpkg", WrongPlace, dataset="10401-003", valid_from=Y2025)
    assert "990101" in told.detail_zh and "km from division 990101" in told.detail_en
    assert map_digest() == before


def test_polygon_with_nan(published_map: None, tmp_path: Path) -> None:
    with np.errstate(invalid="ignore"):
        broken = shapely.Polygon(
            [(38_500_000, 3_820_000), (np.nan, 3_820_030), (38_500_030, 3_820_030), (38_500_000, 3_820_000)]
        )
    told = failed(write_cover(tmp_path / "nan.gpkg", Cover(geometry={7: broken})), BadCoordinates)
    assert "NaN" in told.detail_zh and told.context["record"] == "990101811000000007"


@pytest.mark.parametrize(("rule", "status"), [("Q206", "accepted"), ("Q204", "returned")])
def test_code_out_of_domain_and_duplicate_bsm(published_map: None, tmp_path: Path, rule: str, status: str) -> None:
    """Q206 is Z: on record, a person decides. Q204 is S: the package is returned."""
    from kunyu.project.sample_county.generate import generate_county

    generate_county(tmp_path / "county", 200, 4, defects=f"{rule}:1")
    delivery = accepted(tmp_path / "county" / "county.gpkg", standard=SURVEY, valid_from=None)
    found = Finding.objects.filter(run__delivery=delivery, rule=rule).first()
    assert found is not None and found.ids and found.message_zh and found.message_en
    assert (delivery.status, delivery.events.latest("id").status) == (status, status)


def test_ten_gigabytes_claimed_in_one_megabyte(published_map: None, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.gpkg", bytes(1 << 20))
        archive.infolist()[0].file_size = 10 << 30
    assert bomb.stat().st_size < 1.1 * (1 << 20)
    told = failed(bomb, UnsafeArchive)
    assert str(10 << 30) in told.detail_zh and str(10 << 30) in told.detail_en


def test_full_disk_while_receiving(published_map: None, tmp_path: Path) -> None:
    """No file may grow beyond 40 kB in this process, as on a full disk: nothing is received, on record."""
    path = write_cover(tmp_path / "a.gpkg", Cover(rows=600))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
    try:
        with pytest.raises(NodeUnavailable) as refused:
            hand_in(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.value.exit_code == 5 and "空间" in refused.value.detail_zh
    entry = AuditEntry.objects.filter(action="deliver", result="refused").get()
    assert entry.detail["code"] == refused.value.code and Delivery.objects.filter(status="received").count() == 0
    assert hand_in(path).status == "received"  # with room again it goes through


def test_full_disk_while_mapping(published_map: None, tmp_path: Path) -> None:
    delivery = hand_in(write_cover(tmp_path / "a.gpkg", Cover(rows=3000)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
    try:
        with pytest.raises(NodeUnavailable):
            process(delivery.pk)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    last = delivery.events.latest("id")
    assert last.status == "failed" and "空间" in last.reason_zh and not list(delivery.layers.all())


@pytest.fixture
def tiny_tablespace(node: None) -> Iterator[str]:
    """A tablespace on a file system of 1 MiB, in which new layer tables of this session are made."""
    import psycopg

    from kunyu.project.runtime.shared_test_cluster import SharedTestCluster

    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    cluster = SharedTestCluster(Path(settings.ROOT)).cluster
    place = cluster.home / f"tiny-{os.getpid()}"
    place.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        place.rmdir()
        pytest.skip(f"tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}")
    folder = place / "space"
    folder.mkdir()
    cluster.account.own(place)
    cluster.account.own(folder)
    name = f"tiny_{os.getpid()}"
    database = connection.settings_dict["NAME"]
    with psycopg.connect(cluster.dsn("postgres", database), autocommit=True) as session:
        session.execute(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
        session.execute(f"GRANT CREATE ON TABLESPACE {name} TO kunyu, kunyu_onemap")
        with connection.cursor() as cursor:
            cursor.execute(f"SET default_tablespace = {name}")
        yield name
        with connection.cursor() as cursor:
            cursor.execute("RESET default_tablespace")
        session.execute(f"DROP TABLESPACE {name}")
    subprocess.run(["umount", str(place)], check=True)
    place.rmdir()


def test_full_disk_of_the_database(published_map: None, tiny_tablespace: str, tmp_path: Path) -> None:
    """The server runs out of room in the middle of COPY: all of it is taken back; with room it goes through."""
    path = write_cover(tmp_path / "big.gpkg", Cover(rows=20_000))
    delivery = accepted(path, division="990102", valid_from=Y2024)
    with pytest.raises(DiskFull) as refused:
        publish(delivery.pk, OPERATOR)
    assert "磁盘空间不足" in refused.value.detail_zh
    last = Delivery.objects.get(pk=delivery.pk).events.latest("id")
    assert (last.status, last.code) == ("accepted", "delivery.disk_full")


PUBLISH_ELSEWHERE = """
import sys, django
django.setup()
from kunyu.engines.ingest.publish import publish
from kunyu.engines.security.scope import operator
publish(int(sys.argv[1]), operator("child"))
"""


def test_kill_minus_nine_in_the_middle_of_a_load(node: None, map_digest: Digest, tmp_path: Path) -> None:
    """The publishing process is killed while COPY runs; the map is as before and publishing again succeeds."""
    from kunyu.project.runtime.shared_test_cluster import SharedTestCluster

    publish(accepted(write_cover(tmp_path / "published.gpkg")).pk, OPERATOR)
    before = map_digest()
    delivery = accepted(write_cover(tmp_path / "big.gpkg", Cover(rows=150_000)), division="990102", valid_from=Y2024)
    database = connection.settings_dict["NAME"]
    address = SharedTestCluster(Path(settings.ROOT)).cluster.addresses(database)["database_url"]
    child = subprocess.Popen(
        [sys.executable, "-c", PUBLISH_ELSEWHERE, str(delivery.pk)], cwd=settings.ROOT,
        env={**os.environ, "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "kunyu.project.settings"},
    )  # fmt: skip
    try:
        _wait_until(
            "SELECT count(*) FROM pg_stat_progress_copy WHERE datname = %s AND tuples_processed > 2000", 1, child
        )
        os.kill(child.pid, signal.SIGKILL)
    finally:
        child.kill()
        assert child.wait() == -signal.SIGKILL
    _wait_until("SELECT count(*) FROM pg_stat_progress_copy WHERE datname = %s", 0)

    assert map_digest() == before
    assert Delivery.objects.get(pk=delivery.pk).status == "accepted"
    done = publish(delivery.pk, OPERATOR)
    assert done.status == "published" and done.summary["published"][0]["records"] == 150_000


def _wait_until(statement: str, wanted: int, child: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if child is not None and child.poll() is not None:
            pytest.fail("the load ended before it could be killed")
        with connection.cursor() as cursor:
            cursor.execute(statement, [connection.settings_dict["NAME"]])
            if cursor.fetchone()[0] == wanted:
                return
        time.sleep(0.005)
    pytest.fail("the load did not come to that point")
