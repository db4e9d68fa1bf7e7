"""A county of eight square parcels: two villages of four, each parcel 100 m wide, every figure exact.

Every mandatory layer is there; those the eight fields have nothing to put in are empty.
"""

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
from kunyu.engines.ingest.checks.rule import RuleSet, rules_for
from kunyu.engines.ingest.checks.runner import CheckReport, run
from kunyu.engines.ingest.reading import open_delivery
from kunyu.kernel.geodesy import ellipsoidal_area, round_area

EPSG, COUNTY = 4526, "990101"
EAST, NORTH, SIDE = 38_502_000.0, 3_803_000.0, 100.0
VILLAGES = {"9901011002010000000": "甲村", "9901011002020000000": "乙村"}
_ARROW = {"Char": pa.string(), "VarChar": pa.string(), "Int": pa.int32(), "Float": pa.float64(), "Date": pa.date32()}


def bsm(layer_code: str, number: int) -> str:
    return f"{COUNTY}{layer_code}{number:08d}"


def square(column: int, row: int, wide: int = 1, high: int = 1) -> shapely.Polygon:
    west, south = EAST + column * SIDE, NORTH + row * SIDE
    return shapely.box(west, south, west + wide * SIDE, south + high * SIDE)


def area(shape: shapely.Geometry) -> float:
    return float(round_area(ellipsoidal_area(np.array([shape], object), EPSG))[0])


class Survey:
    """The county as rows to spoil; ``check`` writes a GeoPackage and runs every rule on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.standard = load_standard("TDT1057-2020")
        self.rows: dict[str, list[dict[str, Any]]] = {
            code: [] for code, one in self.standard.layers.items() if one.presence == "M" and one.role == "base"
        }
        self.extra_columns: dict[str, dict[str, list[Any]]] = {}
        self.dropped: dict[str, set[str]] = {}
        self.crs: dict[str, str | None] = {}
        for at, (code, name) in enumerate(VILLAGES.items()):
            self._village(at, code, name)
        total = round(sum(one["DCMJ"] for one in self.rows["CJDCQ"]), 2)
        self.rows["XZQ"].append({
            "BSM": bsm("1110", 1), "YSDM": "1000600100", "XZQDM": "990101100", "XZQMC": "城关镇", "DCMJ": total,
            "JSMJ": total, "MSSM": "00", "geometry": square(0, 0, 4, 2),
        })  # fmt: skip
        self._lines("XZQJX", "1120", "1000600200", [[(0, 0), (0, 2), (4, 2), (4, 0), (0, 0)]])
        self._lines("CJDCQJX", "1140", "1000600500", [
            [(2, 0), (0, 0), (0, 2), (2, 2)], [(2, 2), (4, 2), (4, 0), (2, 0)], [(2, 0), (2, 2)],
        ])  # fmt: skip
        self.rows["PDT"].append({
            "BSM": bsm("1310", 1), "YSDM": "1000780000", "PDJB": "1", "geometry": square(0, 0, 4, 2),
        })  # fmt: skip

    def _lines(self, code: str, layer_code: str, ysdm: str, lines: list[list[tuple[int, int]]]) -> None:
        for number, corners in enumerate(lines, 1):
            line = shapely.LineString([(EAST + column * SIDE, NORTH + row * SIDE) for column, row in corners])
            self.rows[code].append({
                "BSM": bsm(layer_code, number), "YSDM": ysdm, "JXLX": "650200" if len(corners) > 2 else "670500",
                "JXXZ": "600001", "geometry": line,
            })  # fmt: skip

    def _village(self, at: int, code: str, name: str) -> None:
        own = []
        for number in range(4):
            shape = square(2 * at + number % 2, number // 2)
            own.append(area(shape))
            self.rows["DLTB"].append({
                "BSM": bsm("2110", 4 * at + number + 1), "YSDM": "2001010100", "TBBH": str(number + 1), "DLBM": "0101",
                "DLMC": "水田", "QSXZ": "30", "QSDWDM": code, "QSDWMC": name, "ZLDWDM": code, "ZLDWMC": name,
                "TBMJ": own[-1], "KCXS": 0.0, "KCMJ": 0.0, "TBDLMJ": own[-1], "GDPDJB": "1", "GDDB": 8 + number, "FRDBS": "0",
                "SJNF": 2024, "MSSM": "00", "ZZSXDM": "LS", "ZZSXMC": "种植粮食作物", "geometry": shape,
            })  # fmt: skip
        self.rows["CJDCQ"].append({
            "BSM": bsm("1130", at + 1), "YSDM": "1000600400", "ZLDWDM": code, "ZLDWMC": name,
            "DCMJ": round(sum(own), 2), "JSMJ": round(sum(own), 2), "MSSM": "00", "geometry": square(2 * at, 0, 2, 2),
        })  # fmt: skip

    def parcel(self, number: int) -> dict[str, Any]:
        """Row of parcel 1 … 8; 1–4 in the first village, from south-west to north-east."""
        return self.rows["DLTB"][number - 1]

    def check(self, **options: Any) -> CheckReport:
        path = self.folder / "county.gpkg"
        path.unlink(missing_ok=True)
        for code, rows in self.rows.items():
            self._write(path, code, rows)
        with open_delivery(path) as source:
            return run(source, self.standard, **options)

    def found(self, rule: str, **options: Any) -> list[Finding]:
        only = RuleSet(tuple(one for one in rules_for(self.standard).rules if one.id == rule))
        return list(self.check(rules=only, **options).findings)

    def _write(self, path: Path, code: str, rows: list[dict[str, Any]]) -> None:
        arrays, fields = [], []
        for spec in self.standard.layers[code].fields:
            if spec.code in self.dropped.get(code, ()):
                continue
            values = [one.get(spec.code) for one in rows]
            kind = pa.string() if any(isinstance(one, str) for one in values) else _ARROW[spec.type]
            width = {"GDAL:OGR:width": str(spec.length)} if kind == pa.string() and spec.type != "VarChar" else None
            arrays.append(pa.array(values, kind))
            fields.append(pa.field(spec.code, kind, metadata=width))
        for name, values in self.extra_columns.get(code, {}).items():
            arrays.append(pa.array(values))
            fields.append(pa.field(name, arrays[-1].type))
        wkb = [one["geometry"] if isinstance(one["geometry"], bytes) or one["geometry"] is None
               else shapely.to_wkb(one["geometry"]) for one in rows]  # fmt: skip
        arrays.append(pa.array(wkb, pa.binary()))
        fields.append(pa.field("geometry", pa.binary()))
        pyogrio.write_arrow(
            pa.Table.from_arrays(arrays, schema=pa.schema(fields)),
            path,
            layer=code,
            driver="GPKG",
            geometry_name="geometry",
            geometry_type="Unknown",
            crs=self.crs.get(code, f"EPSG:{EPSG}"),
            append=path.exists(),
        )


@pytest.fixture
def survey(tmp_path: Path) -> Survey:
    return Survey(tmp_path)
