"""Next year's change of one village: splits, new projects across parcels, changed attributes. 年度变更.

A change takes whole lattice cells, so its edges exist already and neighbours stay as they are: the base without the
parcels before, plus the parcels after, tiles the county again. Areas after are the areas before, to the hundredth.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.project.sample_county.attributes import YEAR, Parcels, shared_columns
from kunyu.project.sample_county.edges import build_faces
from kunyu.project.sample_county.land_use import CULTIVATED, NUMBER
from kunyu.project.sample_county.layout import COUNTY, EPSG, ORIGIN, Layout
from kunyu.project.sample_county.randomness import stream
from kunyu.project.sample_county.tables import Cents, Rows, bsm, joined, padded, survey_layer
from kunyu.project.sample_county.tracing import trace
from kunyu.project.sample_county.village import Village

Ints = NDArray[np.int64]
CHANGE_YEAR = YEAR + 1
SHARE = 0.012
"""Share of a village's parcels that lose a piece; half as many change attributes only."""

APPROVAL = f"坤自然资地〔{CHANGE_YEAR}〕{{}}号"
CHECKED_ON = datetime.date(CHANGE_YEAR, 10, 31)
BECOMES = tuple(NUMBER[name] for name in ("farm_facility", "fish_pond", "orchard", "woodland", "lane", "mine"))
_PROCESS_SKIPS = {"TBYBH", "SJNF", "BZ"}


@dataclass(frozen=True)
class Change:
    """Changed parcels of a village and where their land came from.

    ``after`` lists the parcels after (order of DLTBGX); ``row`` is the old row it stands for (attribute change) or
    -1. One record per (before, after) pair: ``before`` old row, ``into`` row of ``after``, ``area`` hundredths of m²,
    ``polygon`` the land they share.
    ``kind_after`` is the land kind of every cell.
    """

    after: Parcels
    row: Ints
    before: Ints
    into: Ints
    area: Ints
    polygon: NDArray[np.object_]
    kind_after: Ints


def change_of(village: Village, parcels: Parcels, layout: Layout) -> Change:
    """Decide and draw one village's changes."""
    rng = stream(layout.seed, 9, village.index)
    label, source = _pieces(village, rng)
    row_of = np.empty(parcels.face.size, dtype=np.int64)
    row_of[parcels.face] = np.arange(parcels.face.size)
    graphic = _graphic(village, parcels, label, source, row_of, rng)
    changed_row = _attribute_rows(parcels, row_of[np.unique(source.parcel)], rng)
    attribute = _attribute_change(parcels, changed_row, rng)
    count = graphic.after.kind.size
    kind_after = graphic.kind_after
    recast = np.full(parcels.face.size, -1, dtype=np.int64)
    recast[parcels.face[changed_row]] = attribute.kind
    kind_after = np.where(recast[village.parcel] >= 0, recast[village.parcel], kind_after)
    return Change(
        _concatenated(graphic.after, attribute),
        np.concatenate([graphic.row, changed_row]),
        np.concatenate([graphic.before, changed_row]),
        np.concatenate([graphic.into, count + np.arange(changed_row.size)]),
        np.concatenate([graphic.area, attribute.area]),
        np.concatenate([graphic.polygon, attribute.polygon]),
        kind_after,
    )


@dataclass(frozen=True)
class _Source:
    """Cells that leave their parcel: flat cell number, old parcel label, number of the new parcel each joins."""

    cell: Ints
    parcel: Ints
    project: Ints


def _pieces(village: Village, rng: np.random.Generator) -> tuple[Ints, _Source]:
    """Choose cells that split off; neighbours of different parcels sometimes become one project."""
    parcel = village.parcel.ravel()
    columns = village.parcel.shape[1]
    leaf = village.leaf[CULTIVATED[village.cells.kind.ravel()[village.leaf]]]
    leaf = leaf[np.argsort(rng.random(leaf.size), kind="stable")]
    one_each = leaf[np.sort(np.unique(parcel[leaf], return_index=True)[1])]
    wanted = max(1, round(SHARE * (int(parcel.max()) + 1))) if one_each.size else 0
    free = np.zeros(parcel.size, dtype=bool)
    free[one_each] = True
    has_partner = one_each[(one_each % columns < columns - 1)]
    partner = has_partner[free[has_partner + 1]]
    first = partner[: max(1, wanted // 4)] if partner.size else partner
    first = first[~np.isin(first, first + 1)]  # a cell joins one project
    taken = np.concatenate([first, first + 1])
    rest = one_each[~np.isin(one_each, taken)][: max(0, wanted - taken.size)]
    cell = np.concatenate([first, first + 1, rest])
    project = np.concatenate([np.arange(first.size), np.arange(first.size), first.size + np.arange(rest.size)])
    label = parcel.copy()
    label[cell] = int(parcel.max()) + 1 + project
    return label.reshape(village.parcel.shape), _Source(cell, parcel[cell], project.astype(np.int64))


def _graphic(
    village: Village, parcels: Parcels, label: Ints, source: _Source, row_of: Ints, rng: np.random.Generator
) -> Change:
    parcel_count = parcels.face.size
    touched = np.unique(source.parcel)
    projects = int(source.project.max()) + 1 if source.project.size else 0
    kind = np.array(BECOMES)[(village.index + np.arange(projects)) % len(BECOMES)]  # every use in every county
    kind_after = village.cells.kind.copy()
    kind_after.ravel()[source.cell] = kind[source.project]
    if not projects:
        none = np.empty(0, dtype=np.int64)
        return Change(_taken(parcels, none), none, none, none, none, np.empty(0, dtype=object), kind_after)
    affected = np.concatenate([touched, parcel_count + np.arange(projects)])
    strip = village.cells.strip.ravel()
    faces = build_faces(trace(np.where(np.isin(label, affected), label, -1)), village.edges, ORIGIN, strip)
    alone = np.full(label.size, -1, dtype=np.int64)
    alone[source.cell] = np.arange(source.cell.size)
    cut = build_faces(trace(alone.reshape(label.shape)), village.edges, ORIGIN, strip)
    piece = np.floor(ellipsoidal_area(cut.polygon, EPSG) * 100 + 0.5).astype(np.int64)
    old_row = row_of[source.parcel]
    left = parcels.area[row_of[touched]].copy()
    np.subtract.at(left, np.searchsorted(touched, source.parcel), piece)
    made = np.bincount(source.project, piece, projects).astype(np.int64)
    origin_row = np.empty(projects, dtype=np.int64)
    origin_row[source.project] = old_row
    after = _taken(parcels, np.concatenate([row_of[touched], origin_row]))
    after = replace(
        after,
        kind=np.concatenate([parcels.kind[row_of[touched]], kind]),
        area=np.concatenate([left, made]),
        polygon=faces.polygon,
        width=np.where(
            np.arange(affected.size) >= touched.size,
            np.where(np.append(np.zeros(touched.size, int), kind) == NUMBER["lane"], 6.0, np.nan),
            after.width,
        ),
    )
    after = _settled(after)
    return Change(
        after,
        np.full(affected.size, -1, dtype=np.int64),
        np.concatenate([row_of[touched], old_row]),
        np.concatenate([np.arange(touched.size), touched.size + source.project]),
        np.concatenate([left, piece]),
        np.concatenate([faces.polygon[: touched.size], cut.polygon]),
        kind_after,
    )


def _attribute_rows(parcels: Parcels, used: Ints, rng: np.random.Generator) -> Ints:
    eligible = CULTIVATED[parcels.kind] | (parcels.kind == NUMBER["orchard"]) | (parcels.kind == NUMBER["town_idle"])
    eligible[used] = False
    rows = np.flatnonzero(eligible)
    wanted = max(1, round(SHARE / 2 * parcels.kind.size))
    return np.sort(rows[np.argsort(rng.random(rows.size), kind="stable")[:wanted]])


def _attribute_change(parcels: Parcels, rows: Ints, rng: np.random.Generator) -> Parcels:
    """Grain gives way to other crops, orchards go back to grain, idle town land is built on."""
    after = _taken(parcels, rows)
    kind = after.kind.copy()
    kind[after.kind == NUMBER["orchard"]] = NUMBER["dry"]
    kind[after.kind == NUMBER["town_idle"]] = NUMBER["residence"]
    stays = CULTIVATED[after.kind]
    planting = np.where(stays, np.where(after.planting == 0, 1, 0), np.where(CULTIVATED[kind], 0, -1))
    return _settled(replace(after, kind=kind, planting=planting))


def _settled(parcels: Parcels) -> Parcels:
    """Make planting and grade agree with the land class."""
    field = CULTIVATED[parcels.kind]
    return replace(
        parcels,
        planting=np.where(field, np.maximum(parcels.planting, 0), -1),
        grade=np.where(field, np.maximum(parcels.grade, 7), 0),
    )


def _taken(parcels: Parcels, rows: Ints) -> Parcels:
    return Parcels(**{name: getattr(parcels, name)[rows] for name in Parcels.__dataclass_fields__})


def _concatenated(first: Parcels, second: Parcels) -> Parcels:
    return Parcels(
        **{name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in Parcels.__dataclass_fields__}
    )


def change_rows(
    change: Change, parcels: Parcels, layout: Layout, village: int, first_bsm: int, next_bsm: int, next_process: int
) -> tuple[Rows, Rows, int]:
    """Return the rows of DLTBGX and DLTBGXGC, and how many new BSM were used.

    ``first_bsm`` is the village's first serial in DLTB, ``next_bsm`` the first serial never used.
    """
    layer_code = survey_layer("DLTB").layer_code
    fresh = change.row < 0
    serial = np.where(fresh, next_bsm + np.cumsum(fresh) - 1, first_bsm + change.row)
    tbbh = np.where(fresh, parcels.kind.size + np.cumsum(fresh), change.row + 1)
    count = fresh.size
    after = shared_columns(change.after, layout, village, CHANGE_YEAR)
    number = pa.array(tbbh).cast(pa.string())
    ids = {"BSM": bsm(layer_code, 0, count, serial), "TBBH": number}
    update = Rows({**after, **ids, "TBYBH": number, "BZ": _approvals(change, village)}, count, change.after.polygon)
    before = shared_columns(_taken(parcels, change.before), layout, village)
    old = {"BSM": bsm(layer_code, first_bsm, 0, change.before), "TBBH": pa.array(change.before + 1).cast(pa.string())}
    into = shared_columns(_taken(change.after, change.into), layout, village, CHANGE_YEAR)
    new = {key: column.take(pa.array(change.into)) for key, column in ids.items()}
    process = Rows(
        {
            **_prefixed("BGQ", before, old),
            **_prefixed("BGH", into, new),
            "BSM": bsm(survey_layer("DLTBGXGC").layer_code, next_process, change.before.size),
            "BGXW": np.where(fresh[change.into], "2", "1"),
            "TBBGMJ": Cents(change.area),
            "XZQTZLX": "0",
            "GXSJ": datetime.date(CHANGE_YEAR, 12, 31),
        },
        change.before.size,
        change.polygon,
    )
    return update, process, int(fresh.sum())


def _approvals(change: Change, village: int) -> list[str | None]:
    """Approval number in the remarks of new construction land: the standard has no field for it."""
    built = (change.after.kind == NUMBER["mine"]) & (change.row < 0)
    number = APPROVAL.format(village + 1)
    return [f"批准文号：{number}" if one else None for one in built.tolist()]


def check_rows(change: Change, parcels: Parcels, update: Rows, first_bsm: int, first: int) -> tuple[Rows, Rows]:
    """Return the village's rows of HCJL (checks made) and of the monitoring patches handed down for the year.

    A patch lies on every parcel of a new use, and one on a field that did not change, which the check says with a reason.
    Fields that became orchards or woods were checked too. ``first_bsm`` is the village's first serial in DLTB, ``first``
    the first number of a patch.
    """
    keys = update.columns["BSM"]
    made = np.flatnonzero((change.row < 0) & ~CULTIVATED[change.after.kind])
    evident = made[np.isin(change.after.kind[made], (NUMBER["orchard"], NUMBER["woodland"]))]
    still = CULTIVATED[parcels.kind]
    still[change.before] = False
    kept = np.flatnonzero(still)[:1]
    stays = bsm(survey_layer("DLTB").layer_code, first_bsm, 0, kept)
    checked = pa.concat_arrays([keys.take(pa.array(evident)), stays])
    checks = Rows(
        {
            "TBBSM": checked,
            "TBLX": "TD",
            "HCJG": "TG",
            "HCRQ": CHECKED_ON,
            "BZ": ["已实地举证"] * evident.size + ["实地核实，未变化"] * kept.size,
        },
        len(checked),
    )
    count = made.size + kept.size
    patches = Rows(
        {
            "JCBH": joined(f"{COUNTY}{CHANGE_YEAR}", padded(first + np.arange(count), 6)),
            "XZQDM": COUNTY,
            "TBLX": "TD",
            "BSM": pa.concat_arrays([pa.nulls(made.size, pa.string()), stays]),
        },
        count,
        np.concatenate([change.after.polygon[made], parcels.polygon[kept]]),
    )
    return checks, patches


def _prefixed(prefix: str, columns: dict[str, object], ids: dict[str, pa.Array]) -> dict[str, object]:
    named = {prefix + code: value for code, value in columns.items() if code not in _PROCESS_SKIPS}
    return {**named, f"{prefix}TBBSM": ids["BSM"], f"{prefix}TBBH": ids["TBBH"]}
