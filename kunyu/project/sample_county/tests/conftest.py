"""One county of 3,000 parcels for the tests of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyogrio
import pytest
import shapely

from kunyu.project.sample_county.generate import Report, generate_county


class Table(dict[str, Any]):
    """Columns of one layer by field code, geometry under ``geom``."""


def read(path: Path, layer: str) -> Table:
    """Read a layer as columns."""
    meta, _, geometry, columns = pyogrio.raw.read(path, layer=layer)
    table = Table(zip(meta["fields"], columns, strict=True))
    if geometry is not None:
        table["geom"] = shapely.from_wkb(geometry)
    return table


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """Return the folder and the report of a clean county."""
    folder = tmp_path_factory.mktemp("county")
    return folder, generate_county(folder, 3_000, 7)


@pytest.fixture(scope="session")
def dltb(county: tuple[Path, Report]) -> Table:
    """Return the land parcels of the clean county."""
    return read(county[0] / "county.gpkg", "DLTB")
