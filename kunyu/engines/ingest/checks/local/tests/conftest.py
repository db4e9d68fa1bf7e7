"""A layer of two parcels and a township, written to a GeoPackage, and rule sets beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.local.rule_set import load_rule_set, with_local
from kunyu.engines.ingest.checks.rule import RuleSet
from kunyu.engines.ingest.checks.runner import run
from kunyu.engines.ingest.reading import open_delivery

STANDARD = load_standard("TDT1057-2020")
HEAD = 'id = "DB99-1"\nname_zh = "补充规则"\nstandard = "TDT1057-2020"\nedition = "2026"\n'
EAST, NORTH = 38_502_000.0, 3_803_000.0


def write(path: Path, layer: str, rows: dict[str, list[Any]], shapes: list[shapely.Geometry]) -> None:
    table = pa.table({**rows, "geometry": pa.array(shapely.to_wkb(np.array(shapes, object)), pa.binary())})
    pyogrio.write_arrow(
        table, path, layer=layer, driver="GPKG", geometry_name="geometry", geometry_type="Unknown", crs="EPSG:4526",
        append=path.exists(),
    )  # fmt: skip


def box(west: float, south: float, wide: float, high: float) -> shapely.Geometry:
    return shapely.box(EAST + west, NORTH + south, EAST + west + wide, NORTH + south + high)


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """Parcels a (0101, 100 × 100 m), b (0601, 10 × 10 m, half a metre beyond the township), c (0602, on a)."""
    path = tmp_path / "county.gpkg"
    write(
        path, "DLTB",
        {"BSM": ["a", "b", "c"], "DLBM": ["0101", "0601", "0602"], "BZ": ["甲", None, " "], "TBMJ": [10000.0, 100.0, 25.0],
         "TBBH": ["1", "2", "2"]},
        [box(0, 0, 100, 100), box(190.5, 0, 10, 10), box(10, 10, 5, 5)],
    )  # fmt: skip
    write(path, "XZQ", {"BSM": ["t"], "XZQDM": ["990101001"]}, [box(0, 0, 200, 100)])
    return path


Found = Callable[..., list[Finding]]


@pytest.fixture
def found(county: Path, tmp_path: Path) -> Found:
    """Findings of a rule set given as TOML after its head, and Python beside it."""

    def look(toml: str, python: str = "", head: str = HEAD) -> list[Finding]:
        path = tmp_path / "rules.toml"
        if python:
            (tmp_path / "own.py").write_text(python, encoding="utf-8")
            head += 'python = "own.py"\n'
        path.write_text(head + toml, encoding="utf-8")
        own = load_rule_set(path, STANDARD)
        with open_delivery(county) as source:
            return list(run(source, STANDARD, with_local(RuleSet(()), [own])).findings)

    return look


def entry(check: str, **values: str) -> str:
    """A ``[[rule]]`` with the values every one needs; values are TOML."""
    lines = {"id": '"L1"', "clause": '"5.1"', "severity": '"Z"', "layer": '"DLTB"', "name_zh": '"某"', **values}
    return f'[[rule]]\ncheck = "{check}"\n' + "".join(f"{key} = {value}\n" for key, value in lines.items())
