"""A plan of a few squares in EPSG:4526 that no rule minds, as rows to spoil; ``check`` runs every rule on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference import Reference, ReferencePart
from kunyu.engines.ingest.checks.runner import CheckReport, run
from kunyu.engines.ingest.reading import open_delivery
from kunyu.kernel.geodesy import ellipsoidal_area, round_area, to_lonlat

EPSG, COUNTY = 4526, "990101"
EAST, NORTH = 38_502_000.0, 3_803_000.0
_ARROW = {"Char": pa.string(), "VarChar": pa.string(), "Int": pa.int32(), "Float": pa.float64(), "Date": pa.date32()}


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    """A rectangle, in metres from the county's corner."""
    return shapely.box(EAST + west, NORTH + south, EAST + east, NORTH + north)


def area(shape: shapely.Geometry) -> float:
    return float(round_area(ellipsoidal_area(np.array([shape], object), EPSG))[0])


def part(shapes: list[shapely.Geometry], **columns: list[Any]) -> ReferencePart:
    """A part of a reference: plane shapes become longitude, latitude."""
    return ReferencePart(pa.table(columns), to_lonlat(np.array(shapes, object), EPSG))


class Plan:
    """A delivery as rows by layer; geometry under ``geometry``, areas filled in by ``add``."""

    def __init__(self, folder: Path, standard: str) -> None:
        self.folder, self.standard = folder, load_standard(standard)
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.crs: dict[str, int] = {}

    def add(self, code: str, shape: shapely.Geometry | None, area_field: str = "MJ", **values: Any) -> dict[str, Any]:
        layer = self.standard.layers[code]
        rows = self.rows.setdefault(code, [])
        row = {"BSM": f"{COUNTY}{layer.layer_code}{len(rows) + 1:08d}", "XZQDM": COUNTY, "XZQMC": "坤舆县", **values}
        if shape is not None:
            row["geometry"] = shape
            row.setdefault(area_field, area(shape))
        rows.append(row)
        return row

    def check(self, reference: dict[str, ReferencePart] | None = None) -> CheckReport:
        path = self.folder / "plan.gpkg"
        path.unlink(missing_ok=True)
        for code, rows in self.rows.items():
            self._write(path, code, rows)
        known = None if reference is None else Reference(self.standard.id, COUNTY, reference)
        with open_delivery(path) as source:
            return run(source, self.standard, reference=known)

    def found(self, rule: str, reference: dict[str, ReferencePart] | None = None) -> list[Finding]:
        return [one for one in self.check(reference).findings if one.rule == rule]

    def _write(self, path: Path, code: str, rows: list[dict[str, Any]]) -> None:
        layer = self.standard.layers[code]
        arrays, fields = [], []
        for spec in layer.fields:
            width = {"GDAL:OGR:width": str(spec.length)} if spec.length and "har" in spec.type else None
            arrays.append(pa.array([one.get(spec.code) for one in rows], _ARROW[spec.type]))
            fields.append(pa.field(spec.code, arrays[-1].type, metadata=width))
        spatial = layer.geometry != "Table"
        if spatial:
            arrays.append(pa.array([shapely.to_wkb(one["geometry"]) for one in rows], pa.binary()))
            fields.append(pa.field("geometry", pa.binary()))
        pyogrio.write_arrow(
            pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path, layer=code, driver="GPKG",
            geometry_name="geometry" if spatial else None, geometry_type="Unknown" if spatial else None,
            crs=f"EPSG:{self.crs.get(code, EPSG)}" if spatial else None, append=path.exists(),
        )  # fmt: skip


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Scope 400 m by 100 m: red line, farmland, growth boundary of two zones, and planned use, side by side."""
    plan = Plan(tmp_path, "MNR-CONTROL-2021")
    plan.add("STBHHX", box(0, 0, 100, 100), "HXMJ", HXMC="北山")
    plan.add(
        "YJJBNT", box(100, 0, 200, 100), "TBMJ", JBNTTBBH="1", DLBM="0101", DLMC="水田", JBNTMJ=9000.0
    )  # fmt: skip
    plan.add("CZKFBJ", box(200, 0, 300, 100), GHFQDM="JZQ", GHFQMC="城镇集中建设区")
    plan.add("CZKFBJ", box(300, 0, 400, 100), GHFQDM="TXQ", GHFQMC="城镇弹性发展区")
    for west, code, name in ((0, "03", "林地"), (100, "01", "耕地"), (200, "07", "居住用地"), (300, "10", "工矿用地")):
        plan.add("GHYDYH", box(west, 0, west + 100, 100), "YDYHMJ", YDYHFLDM=code, YDYHFLMC=name)
    return plan


@pytest.fixture
def minerals(tmp_path: Path) -> Plan:
    """A zone for mining, one for exploration, and a block in each."""
    plan = Plan(tmp_path, "MNR-MINERAL-PLAN")
    plan.add("KCGHFQ", box(0, 0, 500, 500), FQLX="KF", FQMC="东山重点开采区")
    plan.add("KCGHFQ", box(500, 0, 1000, 500), FQLX="KC", FQMC="西山重点勘查区")
    named = {"KZFL": "02", "KZMC": "铜矿"}
    plan.add("KFGHQK", box(100, 100, 300, 300), QKBH="K1", QKMC="一区", KYQH="C1000002011011110103842", **named)
    plan.add("KCGHQK", box(600, 100, 800, 300), QKBH="T1", QKMC="二区", **named)
    return plan
