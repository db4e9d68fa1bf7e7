"""Areas of equal meaning inside a village: slope classes, built-up land, farmland grades. 同质区."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.project.sample_county.edges import build_faces
from kunyu.project.sample_county.land_use import CULTIVATED, CZCSXM, DLBM, KINDS
from kunyu.project.sample_county.layout import EPSG, ORIGIN, Layout
from kunyu.project.sample_county.tables import Cents, Rows, padded, text_of
from kunyu.project.sample_county.tracing import equal_components, trace
from kunyu.project.sample_county.village import Village

Ints = NDArray[np.int64]
BUILT = tuple(sorted(set(CZCSXM.tolist()) - {""}))
BUILT_OF_KIND = np.array([BUILT.index(code) if code else -1 for code in CZCSXM.tolist()])
_IDLE = np.array([kind.name in ("town_idle", "village_idle") for kind in KINDS])


@dataclass(frozen=True)
class Patch:
    """Connected areas of one village, the value each stands for, and the area number of every cell (-1 none)."""

    value: Ints
    polygon: NDArray[np.object_]
    cell: Ints


def patch(village: Village, value: Ints) -> Patch:
    """Return the connected areas of equal, non-negative ``value`` (rows, columns)."""
    if not (value >= 0).any():
        return Patch(np.empty(0, dtype=np.int64), np.empty(0, dtype=object), np.full(value.shape, -1))
    label = np.where(value >= 0, equal_components(value), -1)
    used, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    outside = int(used[0] < 0)
    label = inverse.reshape(label.shape).astype(np.int64) - outside
    faces = build_faces(trace(label), village.edges, ORIGIN)
    return Patch(value.ravel()[first[outside:]], faces.polygon, label)


def cents_of(polygon: NDArray[np.object_]) -> Cents:
    """Return ellipsoidal areas in hundredths of m²."""
    return Cents(np.floor(ellipsoidal_area(polygon, EPSG) * 100 + 0.5).astype(np.int64))


def built_areas(village: Village, kind: Ints) -> Patch:
    """Return the built-up areas (CZCDYD) of a village whose cells have these land kinds."""
    return patch(village, BUILT_OF_KIND[kind])


def built_rows(areas: Patch, chosen: Ints, layout: Layout, village: int) -> Rows:
    """Return CZCDYD rows of the areas ``chosen``."""
    name = layout.village_name[village].replace("村民委员会", "村").replace("社区居民委员会", "镇")
    polygon = areas.polygon[chosen]
    return Rows(
        {
            "CZCLX": text_of(np.array(BUILT), areas.value[chosen]),
            "CZCDM": layout.zldwdm(village),
            "CZCMC": name,
            "CZCMJ": cents_of(polygon),
        },
        chosen.size,
        polygon,
    )


def patch_rows(village: Village, farmland: Patch, first_farmland: int, grades: Ints) -> Iterator[tuple[str, Rows]]:
    """Yield the survey's patch layers of one village, except CZCDYD: PDT, GDDB, YJJBNTTB, PZWJSTD.

    ``farmland`` are the permanent basic farmland areas; ``first_farmland`` the first JBNTTBBH number to give; ``grades``
    the grade of every cell's parcel, 0 where it is no field.
    """
    slope = patch(village, village.cells.slope)
    yield "PDT", Rows({"PDJB": text_of(np.array(list(" 12345")), slope.value)}, slope.value.size, slope.polygon)
    kind = village.cells.kind
    field = patch(village, np.where(CULTIVATED[kind], kind + len(KINDS) * grades, -1))
    if field.value.size:
        grade, land = np.divmod(field.value, len(KINDS))
        yield (
            "GDDB",
            Rows(
                {
                    "DYBH": padded(np.arange(1, field.value.size + 1), 6),
                    "DLBM": text_of(DLBM, land),
                    "ZRD": grade.astype(float),
                    "JJD": (grade + 1).astype(float),
                    "LYD": grade.astype(float),
                },
                field.value.size,
                field.polygon,
            ),
        )
    if farmland.value.size:
        size = cents_of(farmland.polygon)
        yield (
            "YJJBNTTB",
            Rows(
                {
                    "JBNTTBBH": padded(first_farmland + np.arange(farmland.value.size), 8),
                    "DLBM": text_of(DLBM, farmland.value),
                    "TBMJ": size,
                    "JBNTMJ": size,
                },
                farmland.value.size,
                farmland.polygon,
            ),
        )
    idle = patch(village, np.where(_IDLE[kind], kind, -1))
    if idle.value.size:
        number = padded(np.arange(1, idle.value.size + 1), 4)
        size = cents_of(idle.polygon)
        yield (
            "PZWJSTD",
            Rows(
                {
                    "TBBH": number,
                    "XMMC": "示范建设项目",
                    "PZWH": f"坤政土〔2023〕{village.index + 1}号",
                    "PZMJ": size,
                    "TBMJ": size,
                    "PZRQ": datetime.date(2023, 6, 30),
                },
                idle.value.size,
                idle.polygon,
            ),
        )
