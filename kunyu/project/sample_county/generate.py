"""Writing the sample county: village by village, file by file. 生成样例县."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from kunyu.kernel.errors import UsageError
from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.project.sample_county.attributes import Parcels, describe_parcels, dltb_rows
from kunyu.project.sample_county.coarse import coarse_layers
from kunyu.project.sample_county.edges import build_faces
from kunyu.project.sample_county.layout import (
    CITY,
    CITY_NAME,
    COUNTY,
    COUNTY_NAME,
    EPSG,
    ORIGIN,
    PROVINCE,
    PROVINCE_NAME,
    SMALLEST,
    Layout,
    plan_county,
)
from kunyu.project.sample_county.patches import Patches, patches_of
from kunyu.project.sample_county.survey_tables import survey_tables
from kunyu.project.sample_county.tables import Cents, Rows, arrow_schema, bsm, conform, survey_layer
from kunyu.project.sample_county.terrain import Terrain, terrain_of
from kunyu.project.sample_county.town import make_town
from kunyu.project.sample_county.tracing import trace
from kunyu.project.sample_county.village import Village, make_village
from kunyu.project.sample_county.writing import FORMATS, Package, batched


@dataclass(frozen=True)
class Report:
    """What was written: ``files`` are names inside the folder."""

    division: str
    parcels: int
    vertices: int
    seed: int
    files: tuple[str, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Return the JSON of ``kunyu sample county --json``."""
        return {"division": self.division, "parcels": self.parcels, "vertices": self.vertices, "seed": self.seed,
                "files": list(self.files), "notes": list(self.notes)}


@dataclass
class Gathered:
    """What is kept of every village while parcels stream to disk."""

    village_polygon: list[shapely.Polygon] = field(default_factory=list)
    village_area: list[int] = field(default_factory=list)
    patches: list[Patches] = field(default_factory=list)
    class_area: dict[int, int] = field(default_factory=dict)
    parcels: int = 0
    vertices: int = 0


def generate_county(folder: Path, parcels: int, seed: int, form: str = "gpkg") -> Report:
    """Write the sample county into ``folder``.

    Parameters
    ----------
    folder
        Made when missing; files of an earlier county are replaced.
    parcels
        Exactly how many rows DLTB gets, at least 60.
    seed
        Any non-negative integer; the same arguments give the same county on every machine.
    form
        ``gpkg``, ``shp``, ``gdb`` or ``parquet``.

    Raises
    ------
    UsageError
        Fewer than 60 parcels, a negative seed, an unknown format.
    """
    _refuse_nonsense(parcels, seed, form)
    folder.mkdir(parents=True, exist_ok=True)
    layout = plan_county(parcels, seed)
    terrain = terrain_of(layout)
    gathered = Gathered()
    county = Package(folder, "county", form)
    layer = survey_layer("DLTB")
    schema = arrow_schema(layer, county.exact_decimals)
    stream = (conform(layer, rows, county.exact_decimals) for rows in _dltb(layout, terrain, gathered))
    county.write("DLTB", schema, batched(stream))
    coarse = coarse_layers(layout)
    for code, rows in survey_tables(layout, coarse, gathered):
        layer = survey_layer(code)
        county.write(code, arrow_schema(layer, county.exact_decimals), [conform(layer, rows, county.exact_decimals)])
    _write_divisions(folder / "divisions.csv", layout)
    (folder / "truth.json").write_text(json.dumps([], ensure_ascii=False) + "\n", encoding="utf-8")
    files = (county.path.name, "divisions.csv", "truth.json")
    return Report(COUNTY, gathered.parcels, gathered.vertices, seed, files, ())


def _refuse_nonsense(parcels: int, seed: int, form: str) -> None:
    if parcels < SMALLEST:
        raise UsageError(f"--parcels {parcels}：样例县至少 {SMALLEST} 个图斑",
                         f"--parcels {parcels}: the sample county has at least {SMALLEST} parcels", parcels=parcels)
    if seed < 0:
        raise UsageError(f"--seed {seed}：须为非负整数", f"--seed {seed}: must not be negative", seed=seed)
    if form not in FORMATS:
        raise UsageError(f"--format {form}：可选 {'、'.join(FORMATS)}",
                         f"--format {form}: one of {', '.join(FORMATS)}", format=form)


def _dltb(layout: Layout, terrain: Terrain, gathered: Gathered) -> Iterator[Rows]:
    """Generate the villages in code order and yield their DLTB rows."""
    for index in range(len(layout.cells)):
        village = make_town(layout, terrain) if index == layout.town else make_village(layout, terrain, index)
        polygon = village_polygon(village)
        control = round(float(ellipsoidal_area(np.array([polygon]), EPSG)[0]) * 100)
        parcels = parcels_of(village, control, layout.seed)
        gathered.village_polygon.append(polygon)
        gathered.village_area.append(control)
        gathered.patches.append(patches_of(village))
        _count_classes(gathered, parcels)
        yield dltb_rows(parcels, layout, index, gathered.parcels + 1)
        gathered.parcels += parcels.kind.size
        gathered.vertices += int(village.faces.vertices.sum())


def village_polygon(village: Village) -> shapely.Polygon:
    """Return the survey area's polygon: every vertex of its four borders."""
    whole = np.zeros(village.parcel.shape, dtype=np.int64)
    return build_faces(trace(whole), village.edges, ORIGIN).polygon[0]


def parcels_of(village: Village, control: int, seed: int) -> Parcels:
    """Return the parcels of a village in TBBH order."""
    cells, lattice = village.cells, village.lattice
    weight = lattice.row_width[:, None] * lattice.column_width[None, :]
    return describe_parcels(village.faces, village.parcel, cells.kind, cells.slope, lattice.centres(), weight, control, seed)


def _count_classes(gathered: Gathered, parcels: Parcels) -> None:
    from kunyu.project.sample_county.attributes import ridge_cents

    ridge = ridge_cents(parcels)[1]
    net = np.bincount(parcels.kind, minlength=0)
    for kind in np.flatnonzero(net).tolist():
        mine = parcels.kind == kind
        gathered.class_area[kind] = gathered.class_area.get(kind, 0) + int((parcels.area - ridge)[mine].sum())
    gathered.class_area[-1] = gathered.class_area.get(-1, 0) + int(ridge.sum())


def _write_divisions(path: Path, layout: Layout) -> None:
    """Write the fictional divisions: code, name_zh, parent; province to village."""
    rows = [(PROVINCE, PROVINCE_NAME, ""), (CITY, CITY_NAME, PROVINCE), (COUNTY, COUNTY_NAME, CITY)]
    rows += [(code, name, COUNTY) for code, name in zip(layout.township_code, layout.township_name, strict=True)]
    rows += [(code, name, code[:9]) for code, name in zip(layout.village_code, layout.village_name, strict=True)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("code", "name_zh", "parent"))
        writer.writerows(rows)
