"""A change package for the county of eight squares: one parcel split in two, one changed in its attributes."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from kunyu.engines.ingest.checks.base_reference import reference_of_file
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference import ReferencePart
from kunyu.engines.ingest.checks.rule import RuleSet, rules_for
from kunyu.engines.ingest.checks.runner import CheckReport, run
from kunyu.engines.ingest.reading import open_delivery
from kunyu.kernel.geodesy import ellipsoidal_area, round_area, to_lonlat

EPSG = 4526
NOT_COPIED = ("BSM", "YSDM", "TBYBH", "TBBH", "SJNF", "BZ", "geometry")


def cents(shape: shapely.Geometry) -> float:
    return float(round_area(ellipsoidal_area(np.array([shape], object), EPSG))[0])


def part(columns: dict[str, list[Any]], shapes: list[shapely.Geometry] | None = None) -> ReferencePart:
    """A part of the reference; ``shapes`` in the delivered plane."""
    geometry = None if shapes is None else to_lonlat(np.array(shapes, object), EPSG)
    return ReferencePart(pa.table(columns), geometry)


class Package:
    """Rows of the package to spoil; ``check`` judges it against the county it was made from.

    Parcel 1 becomes 9001 (west half) and 9002 (east half, now ``into``), parcel 5 turns from 0101 to 0103.
    """

    def __init__(self, survey: Any, into: str = "0103", into_name: str = "旱地") -> None:
        self.survey = survey
        self.parts: dict[str, ReferencePart] = {}
        self.rows: dict[str, list[dict[str, Any]]] = {"DLTBGX": [], "DLTBGXGC": []}
        old = survey.parcel(1)
        west, south, east, north = old["geometry"].bounds
        middle = west + 40.0
        first, second = shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)
        piece = round(old["TBMJ"] * 0.4, 2)
        self._into(old, self._after(old, 9001, first, piece), "2")
        made = self._after(old, 9002, second, round(old["TBMJ"] - piece, 2))
        made.update(DLBM=into, DLMC=into_name)
        if not into.startswith("01"):
            made.update(GDPDJB=None, GDDB=None, ZZSXDM=None, ZZSXMC=None)
        self._into(old, made, "2")
        other = survey.parcel(5)
        recast = {**other, "DLBM": "0103", "DLMC": "旱地", "SJNF": 2025}
        self._into(other, recast, "1")

    def _after(self, old: dict[str, Any], number: int, shape: shapely.Geometry, area: float) -> dict[str, Any]:
        return {
            **old, "BSM": f"9901012110{number:08d}", "TBBH": str(number), "TBMJ": area, "TBDLMJ": area, "SJNF": 2025,
            "geometry": shape,
        }  # fmt: skip

    def _into(self, old: dict[str, Any], new: dict[str, Any], kind: str) -> None:
        self.rows["DLTBGX"].append(new)
        self.rows["DLTBGXGC"].append(self.record(old, new, kind))

    def record(self, old: dict[str, Any] | None, new: dict[str, Any] | None, kind: str) -> dict[str, Any]:
        """What DLTBGXGC says of a piece: the land of ``new``, of ``old`` where there is no new."""
        number = len(self.rows["DLTBGXGC"]) + 1
        found: dict[str, Any] = {
            "BSM": f"9901014010{number:08d}", "BGXW": kind, "XZQTZLX": "0", "GXSJ": datetime.date(2025, 12, 31),
            "TBBGMJ": (new or old or {})["TBMJ"], "geometry": (new or old or {})["geometry"],
        }  # fmt: skip
        for prefix, side in (("BGQ", old), ("BGH", new)):
            for code, value in (side or {}).items():
                if code not in NOT_COPIED:
                    found[prefix + code] = value
            if side is not None:
                found |= {f"{prefix}TBBSM": side["BSM"], f"{prefix}TBBH": side["TBBH"]}
        return found

    def after(self, number: int) -> dict[str, Any]:
        """Row of DLTBGX: 1 west half, 2 east half, 3 attribute change."""
        return self.rows["DLTBGX"][number - 1]

    def change(self, number: int) -> dict[str, Any]:
        """Record of DLTBGXGC, in the same order."""
        return self.rows["DLTBGXGC"][number - 1]

    def check(self, **options: Any) -> CheckReport:
        path, base = self.survey.folder / "change.gpkg", self.survey.folder / "base.gpkg"
        for one in (path, base):
            one.unlink(missing_ok=True)
        for code, rows in self.survey.rows.items():
            self.survey._write(base, code, rows)
        for code, rows in self.rows.items():
            self._write(path, code, rows)
        reference = reference_of_file(base, self.survey.standard, self.parts)
        every = rules_for(self.survey.standard)
        asked = RuleSet(tuple(one for one in every.rules if one.scope == "H"))
        with open_delivery(path) as source:
            return run(source, self.survey.standard, asked, reference, **options)

    def _write(self, path: Path, code: str, rows: list[dict[str, Any]]) -> None:
        if self.survey.standard.layers[code].spatial:
            self.survey._write(path, code, rows)
            return
        import pyogrio

        fields = [one.code for one in self.survey.standard.layers[code].fields]
        table = pa.table({one: [row.get(one) for row in rows] for one in fields if any(one in row for row in rows)})
        pyogrio.write_arrow(table, path, layer=code, driver="GPKG", append=path.exists())

    def found(self, rule: str, **options: Any) -> list[Finding]:
        return [one for one in self.check(**options).findings if one.rule == rule]
