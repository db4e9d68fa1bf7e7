"""Incremental change packages: applied to year N−1 they give year N exactly (domain/land-survey.md §8, R-019)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyogrio
import pytest

from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.ingest.errors import BeforeNotStored, LaterVersionExists, PackageContradicts
from kunyu.engines.ingest.models import Delivery
from kunyu.engines.ingest.publish import publish
from kunyu.engines.ingest.tests.delivered_files import COUNTY, OPERATOR, SURVEY, Y2025, accepted

DLTB = "10401-003"


def rows(path: Path, layer: str) -> pa.Table:
    return pyogrio.read_arrow(path, layer=layer)[1]


def write(path: Path, layers: dict[str, pa.Table]) -> Path:
    for name, table in layers.items():
        pyogrio.write_arrow(
            table, path, layer=name, driver="GPKG", geometry_name="geom", geometry_type="Polygon", crs="EPSG:4526",
            append=path.exists(),
        )  # fmt: skip
    return path


def package(sample: Path) -> Path:
    return sample / "change-2025.gpkg"


def without(table: pa.Table, keys: pa.Array) -> pa.Table:
    return table.filter(pc.invert(pc.is_in(table.column("BSM"), value_set=keys)))


def year_2025(sample: Path, target: Path) -> Path:
    """The full DLTB of 2025, made from base and package without the code under test."""
    gone = pc.drop_null(rows(package(sample), "DLTBGXGC").column("BGQTBBSM").combine_chunks())
    base = rows(sample / "county.gpkg", "DLTB")
    new = rows(package(sample), "DLTBGX").select(base.schema.names)
    return write(target, {"DLTB": pa.concat_tables([without(base, gone), new], promote_options="permissive")})


def of_dltb() -> DatasetVersion:
    return DatasetVersion.objects.filter(layer__collection=DLTB).latest("id")


@pytest.fixture
def base_county(node: None, sample: Path) -> Delivery:
    """The base year published: a clean county passes with no finding of severity S."""
    delivery = accepted(sample / "county.gpkg", standard=SURVEY, valid_from=None)
    assert delivery.status == "accepted" and delivery.valid_from.isoformat() == "2024-12-31"  # from SJNF
    return publish(delivery.pk, OPERATOR)


def test_package_gives_the_state_of_the_full_year(base_county: Delivery, sample: Path, tmp_path: Path) -> None:
    before = of_dltb()
    change = accepted(package(sample), standard=SURVEY, valid_from=None)
    assert change.is_incremental and change.valid_from == Y2025

    publish(change.pk, OPERATOR)
    applied = of_dltb()
    full = accepted(year_2025(sample, tmp_path / "2025.gpkg"), dataset=DLTB, valid_from=Y2025)
    publish(full.pk, OPERATOR)
    stated = of_dltb()

    assert applied.is_incremental and not stated.is_incremental
    assert applied.digest == stated.digest != before.digest
    assert (stated.inserted, stated.closed, stated.record_count) == (0, 0, applied.record_count)
    assert applied.area_m2 == pytest.approx(before.area_m2, rel=1e-9)  # the county is as large as before
    assert {"version": before.pk} in applied.lineage["inputs"]


def test_package_on_a_county_without_base_is_refused(node: None, sample: Path, map_digest: Callable[[], str]) -> None:
    change = accepted(package(sample), standard=SURVEY, valid_from=None)
    before = map_digest()
    with pytest.raises(BeforeNotStored) as refused:
        publish(change.pk, OPERATOR)
    assert refused.value.context["layer"] == "DLTB" and map_digest() == before


def test_package_applied_twice_is_refused(
    base_county: Delivery, sample: Path, map_digest: Callable[[], str], tmp_path: Path
) -> None:
    """Checked before the first was published, it is refused at publish; checked after, it is returned (Q602)."""
    first = accepted(package(sample), standard=SURVEY, valid_from=None)
    copied = {name: rows(package(sample), name) for name in ("DLTBGX", "DLTBGXGC")}  # other bytes: another delivery
    again = accepted(write(tmp_path / "again.gpkg", copied), standard=SURVEY, valid_from=None)
    publish(first.pk, OPERATOR)
    before = map_digest()
    with pytest.raises(BeforeNotStored):
        publish(again.pk, OPERATOR)
    assert map_digest() == before
    assert accepted(package(sample), standard=SURVEY, valid_from=None).status == "returned"


def test_package_whose_layers_contradict_is_refused(
    node: None, sample: Path, map_digest: Callable[[], str], tmp_path: Path
) -> None:
    """Q602: an after-BSM of the process layer that the update layer lacks. Checked before there was a base to judge it
    by, it is refused at publish; checked after, it is returned."""
    update = rows(package(sample), "DLTBGX")
    missing = update.column("BSM")[0].as_py()
    path = write(tmp_path / "c.gpkg", {"DLTBGX": update.slice(1), "DLTBGXGC": rows(package(sample), "DLTBGXGC")})
    change = accepted(path, standard=SURVEY, valid_from=None)
    assert change.status == "accepted"
    publish(accepted(sample / "county.gpkg", standard=SURVEY, valid_from=None).pk, OPERATOR)
    before = map_digest()
    with pytest.raises(PackageContradicts) as refused:
        publish(change.pk, OPERATOR)
    assert missing in refused.value.detail_zh and map_digest() == before
    process = rows(package(sample), "DLTBGXGC")
    later = write(tmp_path / "later.gpkg", {"DLTBGXGC": process, "DLTBGX": update.slice(1)})
    assert accepted(later, standard=SURVEY, valid_from=None).status == "returned"


def test_package_after_a_later_version_is_refused(base_county: Delivery, sample: Path, tmp_path: Path) -> None:
    import datetime

    full = accepted(year_2025(sample, tmp_path / "l.gpkg"), dataset=DLTB, valid_from=datetime.date(2026, 12, 31))
    change = accepted(package(sample), standard=SURVEY, valid_from=None)
    publish(full.pk, OPERATOR)
    with pytest.raises(LaterVersionExists):
        publish(change.pk, OPERATOR)
    assert Delivery.objects.get(pk=change.pk).status == "accepted" and change.division_code == COUNTY
