"""Writing the sample county: village by village, file by file. 生成样例县."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from kunyu.engines.catalogue.standards import load_standard
from kunyu.kernel.errors import UsageError
from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.project.sample_county.attributes import PLANTING, Parcels, describe_parcels, dltb_rows, ridge_cents
from kunyu.project.sample_county.change import CHANGE_YEAR, Change, change_of, change_rows, check_rows
from kunyu.project.sample_county.coarse import coarse_layers
from kunyu.project.sample_county.control_lines import control_rows, indicator_rows, permanent_farmland
from kunyu.project.sample_county.defects.plan import DefectPlan, plan_defects
from kunyu.project.sample_county.dem import write_dem
from kunyu.project.sample_county.edges import build_faces
from kunyu.project.sample_county.gathered import Gathered
from kunyu.project.sample_county.land_use import CULTIVATED
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
from kunyu.project.sample_county.package import refuse_other_forms, write_package
from kunyu.project.sample_county.patches import BUILT_OF_KIND, Patch, built_areas, built_rows, patch_rows
from kunyu.project.sample_county.shelf import Shelf
from kunyu.project.sample_county.survey_tables import summary_sums, survey_tables
from kunyu.project.sample_county.tables import CONTROL, MONITORED, SURVEY, Rows, arrow_schema, bsm, conform
from kunyu.project.sample_county.terrain import Terrain, terrain_of
from kunyu.project.sample_county.town import make_town
from kunyu.project.sample_county.tracing import trace
from kunyu.project.sample_county.village import Village, make_village
from kunyu.project.sample_county.writing import FORMATS, Package, batched, exact_decimals


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
        return {
            "division": self.division,
            "parcels": self.parcels,
            "vertices": self.vertices,
            "seed": self.seed,
            "files": list(self.files),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Shelves:
    """Layers kept until the parcels are written: the survey's others, control lines, the change package and its patches."""

    county: Shelf
    control: Shelf
    change: Shelf
    monitoring: Shelf


def generate_county(
    folder: Path, parcels: int, seed: int, form: str = "gpkg", defects: str = "", package: str = ""
) -> Report:
    """Write the sample county into ``folder``.

    Parameters
    ----------
    folder
        Made when missing; files of an earlier county are replaced.
    parcels
        Exactly how many rows DLTB gets (before defects), at least 60.
    seed
        Any non-negative integer; the same arguments give the same county on every machine.
    form
        ``gpkg``, ``shp``, ``gdb`` or ``parquet``.
    defects
        ``Q303:5,Q304:3`` or ``all:1``; empty for a clean county. See ``defects/``.
    package
        ``folder`` or ``zip`` writes the county once more as the package a county hands in; empty does not.

    Raises
    ------
    UsageError
        Fewer than 60 parcels, a negative seed, an unknown format or defect.
    """
    _refuse_nonsense(parcels, seed, form)
    refuse_other_forms(package)
    layout = plan_county(parcels, seed)
    terrain = terrain_of(layout)
    coarse = coarse_layers(layout)
    plan = plan_defects(defects, layout, coarse)
    folder.mkdir(parents=True, exist_ok=True)
    gathered = Gathered()
    exact = exact_decimals(form)
    survey, control = load_standard(SURVEY).layers, load_standard(CONTROL).layers
    county = Package(folder, "county", form)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".spool-") as spool:
        shelves = Shelves(
            Shelf(dict(survey), exact, Path(spool) / "county"),
            Shelf(dict(control), exact, Path(spool) / "control"),
            Shelf(dict(survey), exact, Path(spool) / "change"),
            Shelf({MONITORED.code: MONITORED}, exact, Path(spool) / "monitoring"),
        )
        stream = _dltb(layout, terrain, gathered, shelves, plan)
        county.write("DLTB", arrow_schema(survey["DLTB"], exact), batched(stream), multi=plan.multipart)
        for code, rows in survey_tables(layout, coarse, gathered):
            shelves.county.add(code, rows)
        _add_empty_layers(shelves.county)
        shelves.control.add("GHZB", indicator_rows(gathered))
        plan.spoil_layers(shelves.county, summary_sums(gathered))
        plan.spoil_control(shelves.control)
        plan.spoil_change(shelves.change, shelves.monitoring)
        files = [county.path.name]
        _write_shelf(county, shelves.county)
        for name, shelf in (
            ("control", shelves.control),
            (f"change-{CHANGE_YEAR}", shelves.change),
            (f"monitoring-{CHANGE_YEAR}", shelves.monitoring),
        ):
            other = Package(folder, name, form)
            _write_shelf(other, shelf, multi=plan.multipart_control and name == "control")
            files.append(other.path.name)
    _write_divisions(folder / "divisions.csv", layout)
    truth = json.dumps(plan.truth(), ensure_ascii=False, indent=1, allow_nan=False)
    (folder / "truth.json").write_text(truth + "\n", encoding="utf-8")
    files += ["divisions.csv", "truth.json"]
    notes = (*_write_dem(folder, terrain, files), *_left_out(plan))
    if package:
        files.append(write_package(folder, county.path, package))
    return Report(COUNTY, gathered.parcels, gathered.vertices, seed, tuple(files), notes)


def _add_empty_layers(shelf: Shelf) -> None:
    """Put the mandatory layers on the shelf that a small county has nothing for: a database has them all."""
    for code, layer in shelf.layers.items():
        if (
            layer.presence == "M"
            and layer.role == "base"
            and layer.spatial
            and code != "DLTB"
            and not shelf.count.get(code)
        ):
            shelf.add(code, Rows({}, 0, np.empty(0, dtype=object)))


def _left_out(plan: DefectPlan) -> tuple[str, ...]:
    if not plan.left_out:
        return ()
    named = ", ".join(f"{rule} ({kind})" for rule, kind in plan.left_out)
    return (f"无处可植，已略去: {named}。 No room for these defects, left out: {named}.",)


def _write_shelf(package: Package, shelf: Shelf, multi: bool = False) -> None:
    for code in shelf.codes():
        schema, batches = shelf.read(code)
        package.write(code, schema, batched(batches), multi=multi)


def _write_dem(folder: Path, terrain: Terrain, files: list[str]) -> tuple[str, ...]:
    try:
        write_dem(folder / "dem.tif", terrain)
    except ImportError:
        return ("未安装 rasterio，未写 dem.tif。 rasterio is not installed: dem.tif was not written.",)
    files.append("dem.tif")
    return ()


def _refuse_nonsense(parcels: int, seed: int, form: str) -> None:
    if parcels < SMALLEST:
        raise UsageError(
            f"--parcels {parcels}：样例县至少 {SMALLEST} 个图斑",
            f"--parcels {parcels}: the sample county has at least {SMALLEST} parcels",
            parcels=parcels,
        )
    if seed < 0:
        raise UsageError(f"--seed {seed}：须为非负整数", f"--seed {seed}: must not be negative", seed=seed)
    if form not in FORMATS:
        raise UsageError(
            f"--format {form}：可选 {'、'.join(FORMATS)}", f"--format {form}: one of {', '.join(FORMATS)}", format=form
        )


def _dltb(
    layout: Layout, terrain: Terrain, gathered: Gathered, shelves: Shelves, plan: DefectPlan
) -> Iterator[pa.RecordBatch]:
    """Generate the villages in code order; yield their DLTB rows, put everything else on the shelves."""
    layer, exact = shelves.county.layers["DLTB"], shelves.county.exact_decimals
    for index in range(len(layout.cells)):
        village = make_town(layout, terrain) if index == layout.town else make_village(layout, terrain, index)
        polygon = village_polygon(village)
        control = round(float(ellipsoidal_area(np.array([polygon]), EPSG)[0]) * 100)
        parcels = parcels_of(village, control, layout.seed)
        gathered.village_polygon.append(polygon)
        gathered.village_area.append(control)
        gathered.village_groups.append(int(parcels.group.max()))
        _count_classes(gathered, parcels)
        _shelve(village, parcels, layout, terrain, gathered, shelves)
        batch = conform(layer, dltb_rows(parcels, layout, index, gathered.parcels + 1), exact)
        yield plan.spoil_parcels(index, batch, polygon)
        gathered.parcels += parcels.kind.size
        gathered.vertices += int(village.faces.vertices.sum())


def _shelve(
    village: Village, parcels: Parcels, layout: Layout, terrain: Terrain, gathered: Gathered, shelves: Shelves
) -> None:
    """Make the village's other layers: patches, control lines, changes."""
    index = village.index
    farmland = permanent_farmland(village, layout)
    first = shelves.county.count.get("YJJBNTTB", 0) + 1
    for code, rows in patch_rows(village, farmland, first, grades_of(village, parcels)):
        shelves.county.add(code, rows)
    built = built_areas(village, village.cells.kind)
    serial = shelves.county.add("CZCDYD", built_rows(built, np.arange(built.value.size), layout, index))
    for code, rows in control_rows(village, terrain, layout, farmland, first):
        shelves.control.add(code, rows)
        if code == "STBHHX":
            gathered.red_line_area += int(rows.columns["HXMJ"].value.sum())
        if code == "YJJBNT":
            gathered.farmland_area += int(rows.columns["JBNTMJ"].value.sum())
    change = change_of(village, parcels, layout)
    update, process, new = change_rows(
        change,
        parcels,
        layout,
        index,
        gathered.parcels + 1,
        layout.parcels + gathered.new_parcels + 1,
        shelves.change.count.get("DLTBGXGC", 0) + 1,
    )
    gathered.new_parcels += new
    if update.count:
        shelves.change.add("DLTBGX", update)
        shelves.change.add("DLTBGXGC", process)
        _shelve_checks(change, parcels, update, gathered.parcels + 1, shelves)
    _shelve_built_change(village, built, serial, change.kind_after, layout, shelves.change)


def _shelve_checks(change: Change, parcels: Parcels, update: Rows, first_bsm: int, shelves: Shelves) -> None:
    """Put the year's monitoring patches and the records of checks that answer them on their shelves."""
    first = shelves.monitoring.count.get(MONITORED.code, 0) + 1
    checks, patches = check_rows(change, parcels, update, first_bsm, first)
    if checks.count:
        checks.columns["XH"] = shelves.change.count.get("HCJL", 0) + 1 + np.arange(checks.count)
        shelves.change.add("HCJL", checks)
    if patches.count:
        shelves.monitoring.add(MONITORED.code, patches)


def _shelve_built_change(
    village: Village,
    built: Patch,
    serial: NDArray[np.int64],
    kind_after: NDArray[np.int64],
    layout: Layout,
    shelf: Shelf,
) -> None:
    """Put built-up areas that grew or are new into CZCDYDGX; a grown one keeps the BSM of its largest part."""
    after = built_areas(village, kind_after)
    moved = (BUILT_OF_KIND[kind_after] != BUILT_OF_KIND[village.cells.kind]) & (after.cell >= 0)
    chosen = np.unique(after.cell[moved])
    if not chosen.size:
        return
    layer = shelf.layers["CZCDYDGX"]
    ids = []
    for area in chosen.tolist():  # a few per village
        within = built.cell[(after.cell == area) & (built.cell >= 0)]
        shelf.count["CZCDYD+"] = shelf.count.get("CZCDYD+", 0) + (within.size == 0)
        ids.append(int(serial[np.bincount(within).argmax()]) if within.size else 50_000_000 + shelf.count["CZCDYD+"])
    rows = built_rows(after, chosen, layout, village.index)
    rows.columns["BSM"] = bsm(layer.layer_code, 0, chosen.size, np.array(ids))
    shelf.add("CZCDYDGX", rows)


def village_polygon(village: Village) -> shapely.Polygon:
    """Return the survey area's polygon: every vertex of its four borders."""
    whole = np.zeros(village.parcel.shape, dtype=np.int64)
    return build_faces(trace(whole), village.edges, ORIGIN).polygon[0]


def parcels_of(village: Village, control: int, seed: int) -> Parcels:
    """Return the parcels of a village in TBBH order."""
    cells, lattice = village.cells, village.lattice
    weight = lattice.row_width[:, None] * lattice.column_width[None, :]
    return describe_parcels(
        village.faces, village.parcel, cells.kind, cells.slope, lattice.centres(), weight, control, seed
    )


def grades_of(village: Village, parcels: Parcels) -> NDArray[np.int64]:
    """Return the grade of every cell's parcel (rows, columns)."""
    grade = np.zeros(int(village.parcel.max()) + 1, dtype=np.int64)
    grade[parcels.face] = parcels.grade
    return grade[village.parcel]


def _count_classes(gathered: Gathered, parcels: Parcels) -> None:
    coefficient, ridge = ridge_cents(parcels)
    for kind in np.unique(parcels.kind).tolist():
        mine = parcels.kind == kind
        gathered.class_area[kind] = gathered.class_area.get(kind, 0) + int((parcels.area - ridge)[mine].sum())
    gathered.class_area[-1] = gathered.class_area.get(-1, 0) + int(ridge.sum())
    field, net = CULTIVATED[parcels.kind], parcels.area - ridge
    for slope in np.unique(parcels.slope[field]).tolist():
        for at, form in enumerate(("", "PD", "TT")):
            mine = field & (parcels.slope == slope) & (np.where(coefficient > 0, 1 + parcels.terraced, 0) == at)
            key = (str(slope), form)
            gathered.slope_area[key] = gathered.slope_area.get(key, 0) + int(net[mine].sum())
    for at, planting in enumerate(PLANTING):
        mine = field & (parcels.planting == at)
        gathered.planting_area[planting] = gathered.planting_area.get(planting, 0) + int(net[mine].sum())


def _write_divisions(path: Path, layout: Layout) -> None:
    """Write the fictional divisions: code, name_zh, parent; province to village."""
    rows = [(PROVINCE, PROVINCE_NAME, ""), (CITY, CITY_NAME, PROVINCE), (COUNTY, COUNTY_NAME, CITY)]
    rows += [(code, name, COUNTY) for code, name in zip(layout.township_code, layout.township_name, strict=True)]
    rows += [(code, name, code[:9]) for code, name in zip(layout.village_code, layout.village_name, strict=True)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("code", "name_zh", "parent"))
        writer.writerows(rows)
