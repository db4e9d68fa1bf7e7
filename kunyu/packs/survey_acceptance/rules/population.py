"""The parcels a sample is drawn from, as they were delivered, and the items that are kept of those drawn. 抽样总体."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from django.db import connection
from numpy.typing import NDArray

from kunyu.engines.ingest import geoparquet
from kunyu.engines.ingest.geoparquet import Content
from kunyu.engines.ingest.models import DeliveredLayer
from kunyu.engines.ingest.storage import content_of, object_store
from kunyu.kernel.geodesy import to_lonlat
from kunyu.packs.survey_acceptance.errors import BadEntry, NothingToSample
from kunyu.packs.survey_acceptance.models import AcceptanceRound, SamplingPlan, SurveyorAssignment
from kunyu.packs.survey_acceptance.rules.policy import policy
from kunyu.packs.survey_acceptance.rules.sampling import Drawn, draw

KEY, CLASS, SEAT, NUMBER, GEOMETRY = "BSM", "DLBM", "ZLDWDM", "TBBH", "geometry"
VILLAGE_DIGITS = 12
Method = SamplingPlan.Method


@dataclass(frozen=True)
class Wanted:
    """A sample to draw: of the size of the table, or of ``rate_percent``; ``seed`` None lets the node draw one."""

    place: str
    method: str
    rate_percent: float | None = None
    seed: int | None = None

    @property
    def size_by(self) -> str:
        """How the size is told, as the plan keeps it."""
        return "table" if self.rate_percent is None else f"rate {self.rate_percent:g}"


@dataclass(frozen=True)
class Parcels:
    """Delivered parcels: (n,) texts each; ``content`` is where their geometry lies."""

    content: Content
    bsm: NDArray[np.str_]
    land_class: NDArray[np.str_]
    village: NDArray[np.str_]
    number: NDArray[np.str_]


def read_parcels(one: AcceptanceRound) -> Parcels:
    """The parcels of the round's delivery, from the mapped rows that were checked.

    Raises
    ------
    NothingToSample
    """
    layer = DeliveredLayer.objects.filter(delivery=one.delivery_id, collection=one.collection).order_by("id").first()
    if layer is None or not layer.mapped_sm3 or not object_store().exists(layer.mapped_sm3):
        raise NothingToSample(
            f"批次 {one.delivery_id} 的图斑数据不在对象库中，无法抽样；请让汇交人重新汇交。",
            f"The parcels of delivery {one.delivery_id} are not in the object store; they have to be delivered again.",
        )
    content = content_of(layer.mapped_sm3)
    rows = geoparquet.attributes(content, [KEY, CLASS, SEAT, NUMBER])
    seats = _texts(rows, SEAT)
    return Parcels(
        content, _texts(rows, KEY), _texts(rows, CLASS), seats.astype(f"U{VILLAGE_DIGITS}"), _texts(rows, NUMBER)
    )


def _texts(rows: pa.Table, name: str) -> NDArray[np.str_]:
    if name not in rows.column_names:
        return np.full(rows.num_rows, "", dtype="U1")
    column = pc.fill_null(pc.utf8_trim_whitespace(rows.column(name).cast(pa.string())), "")
    found = np.asarray(column.to_pylist(), str)
    return found if len(found) else np.zeros(0, "U1")


def draw_from(parcels: Parcels, one: AcceptanceRound, wanted: Wanted, seed: int) -> Drawn:
    """Draw as the plan says; drawing again with the plan's seed gives the same list.

    Raises
    ------
    BadEntry, NothingToSample
    """
    rules, count = policy(), len(np.unique(parcels.bsm[parcels.bsm != ""]))
    if not count:
        raise NothingToSample(
            f"批次 {one.delivery_id} 没有带标识码的图斑。",
            f"Delivery {one.delivery_id} has no parcel with an identifier.",
        )
    if wanted.rate_percent is None:
        size = rules.size_by_table(count)
    elif 0 < wanted.rate_percent <= 100:
        size = rules.size_by_rate(count, wanted.rate_percent)
    else:
        raise BadEntry("抽样比例应大于 0、不超过 100 %。", "The rate is above 0 and at most 100 %.", field="rate")
    return draw(parcels.bsm.tolist(), _strata(parcels, one, wanted.method), size, seed)


def _strata(parcels: Parcels, one: AcceptanceRound, method: str) -> list[str]:
    if method == Method.CLASS:
        return [str(code) for code in parcels.land_class.tolist()]
    if method == Method.VILLAGE:
        return [str(code) for code in parcels.village.tolist()]
    if method == Method.SURVEYOR:
        return _surveyors(parcels, one)
    return [""] * len(parcels.bsm)


def _surveyors(parcels: Parcels, one: AcceptanceRound) -> list[str]:
    known = dict(
        SurveyorAssignment.objects.filter(county=one.division_code[:6], year=one.year, superseded_at=None).values_list(
            "village", "surveyor"
        )
    )
    if not known:
        raise BadEntry(
            f"{one.division_code[:6]} {one.year} 年度还没有作业分工表，请先上传，或改用其他分层方法。",
            f"There is no list of surveyors for {one.division_code[:6]}, {one.year}: upload one or draw otherwise.",
            field="method",
        )
    names, owner = np.unique(parcels.village, return_inverse=True)
    return np.asarray([known.get(str(name), "") for name in names], str)[owner].tolist()


_INSERT = """
INSERT INTO survey_acceptance_sampleitem
  (plan_id, number, bsm, stratum, village, tbbh, class_delivered, class_found, note, photos, checker, point, outline)
SELECT %s, number, bsm, stratum, village, tbbh, class_delivered, '', '', '[]'::jsonb, '',
  ST_SetSRID(ST_GeomFromWKB(point), 4490), ST_SetSRID(ST_GeomFromWKB(outline), 4490)
FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[], %s::bytea[])
  AS t (number, bsm, stratum, village, tbbh, class_delivered, point, outline)
"""


def store_items(plan: SamplingPlan, parcels: Parcels, drawn: Drawn) -> None:
    """Keep what was drawn, numbered by village and identifier: the order in which a checker walks."""
    strata = np.asarray(_strata(parcels, plan.round, plan.method), str)
    rows = drawn.rows[np.lexsort((parcels.bsm[drawn.rows], parcels.village[drawn.rows]))]
    points, outlines = _geometry(parcels, rows)
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                plan.pk, list(range(1, len(rows) + 1)), parcels.bsm[rows].tolist(), strata[rows].tolist(),
                parcels.village[rows].tolist(), parcels.number[rows].tolist(), parcels.land_class[rows].tolist(),
                points, outlines,
            ],
        )  # fmt: skip


def _geometry(parcels: Parcels, rows: NDArray[np.intp]) -> tuple[list[bytes | None], list[bytes | None]]:
    """Point inside and outline of each row, WKB in longitude, latitude (EPSG:4490); None where it has none."""
    found = np.full(len(rows), None, object)
    crs = geoparquet.crs_of(parcels.content)
    if crs is None:
        return found.tolist(), found.tolist()
    place = {int(row): at for at, row in enumerate(rows)}
    first = 0
    for group in geoparquet.row_groups(parcels.content):
        here = rows[(rows >= first) & (rows < first + group.num_rows)]
        if len(here) and GEOMETRY in group.column_names:
            bytes_ = group.column(GEOMETRY).take(pa.array(here - first)).to_numpy()
            found[[place[int(row)] for row in here]] = shapely.from_wkb(bytes_, on_invalid="ignore")
        first += group.num_rows
    usable = ~(shapely.is_missing(found) | shapely.is_empty(found)) & np.isfinite(shapely.bounds(found)).all(axis=1)
    lonlat = np.full(len(rows), None, object)
    lonlat[usable] = to_lonlat(shapely.force_2d(found[usable]), crs)
    # the point of a bow-tie may fail: its first vertex then says where it is
    points = np.full(len(rows), None, object)
    valid = usable & shapely.is_valid(lonlat)
    points[valid] = shapely.point_on_surface(lonlat[valid])
    broken = np.flatnonzero(usable & ~valid)
    points[broken] = [shapely.points(shapely.get_coordinates(lonlat[at])[0]) for at in broken]
    return shapely.to_wkb(points).tolist(), shapely.to_wkb(lonlat).tolist()


@dataclass(frozen=True)
class Proof:
    """A plan drawn again: does it give the same population and the same list?"""

    population: int
    population_sm3: str
    list_sm3: str
    is_same_population: bool
    is_same_list: bool


def prove(plan: SamplingPlan) -> Proof:
    """Draw the plan again from the stored delivery and its seed.

    With strata by surveyor the list of surveyors must be the one the sample was drawn by; a later list shows as another
    population.
    """
    one, rate = plan.round, plan.size_by.removeprefix("rate ")
    wanted = Wanted(plan.place, plan.method, None if plan.size_by == "table" else float(rate))
    again = draw_from(read_parcels(one), one, wanted, plan.seed)
    return Proof(
        again.population, again.population_sm3, again.list_sm3, again.population_sm3 == plan.population_sm3,
        again.list_sm3 == plan.list_sm3,
    )  # fmt: skip
