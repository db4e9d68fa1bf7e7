"""Evidence photos that a delivery brings: rule Q701. 举证照片规则.

Read by the check runner through the entry point group ``kunyu.packs``. Django-free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference import DEVICES, MONITORING
from kunyu.engines.ingest.checks.rule import NotYet, Part, Rule, rule
from kunyu.kernel.errors import KunyuError
from kunyu.kernel.geodesy import from_lonlat, to_lonlat
from kunyu.packs.field_evidence.photos.checks import CHECKS, Assessed, SetVerdict, Target, assess, required_sets
from kunyu.packs.field_evidence.photos.integrity import FAIL, DeviceKey, Trust, Verdict
from kunyu.packs.field_evidence.photos.limits import shipped_limits
from kunyu.packs.field_evidence.photos.package import (
    MANIFEST,
    EvidencePackage,
    PackageTask,
    Photo,
    is_package,
    open_package,
)

STANDARDS = ("TDT1057-2020",)

PARCELS = ("DLTBGX", "DLTB")
"""Layers whose parcels photos may be evidence of; a change package's own parcels first."""


def _packages(delivery: Delivered) -> list[Path]:
    """Evidence packages among the documents of a delivery: zips, and folders with a manifest."""
    source = delivery.source
    root = getattr(source, "root", None)
    if source is None or root is None:
        return []
    found = []
    for name in source.documents:
        path = root / name
        if path.suffix.lower() == ".zip" and is_package(path):
            found.append(path)
        elif path.name == MANIFEST and is_package(path.parent):
            found.append(path.parent)
    return found


def _nothing_brought(delivery: Delivered) -> str | None:
    if _packages(delivery):
        return None
    return "成果中没有举证包; the delivery holds no evidence package"


@rule(
    "Q701", clause="第三次全国国土调查“互联网+”举证技术要求", severity="Z", scope="D", needs=("DLTB|DLTBGX",),
    name_zh="举证照片齐全、真实、对准图斑", name_en="Evidence photos are there, genuine and show their parcel",
    optional_parts=(
        Part("devices", (f"ref:{DEVICES}",)), Part("monitoring", (f"ref:{MONITORING}",)),
    ), needs_crs=True, declines=_nothing_brought,
)  # fmt: skip
def evidence_shows_its_parcels(delivery: Delivered) -> Iterator[Finding]:
    """Every photo is linked to a parcel (BSM) or monitoring patch (JCBH) and passes the checks of the evidence.

    Checks: record, unique id, picture, digest SM3, signature SM2, chain, device, EXIF, time window, clock, accuracy, mock
    location, decimals, place (in the parcel or ≤ 100 m from it), direction (axis within half the field of view and
    tolerance of the parcel). Every task of a package has its required photos: one near view, panoramas from two
    directions. Signatures are held against the registered devices of the reference; without it against the package's
    own certificates. With the monitoring patches of the reference, each of them must have photos.
    """
    layer = next(delivery.layers[code] for code in PARCELS if code in delivery.layers and delivery.layers[code].crs)
    report = Reporter(evidence_shows_its_parcels, delivery, layer)
    shown: set[str] = set()
    for path in _packages(delivery):
        try:
            with ExitStack() as opened:
                package = opened.enter_context(open_package(path))
                yield from _package(report, delivery, package, shown)
        except KunyuError as error:
            yield report.table(
                measured=path.name,
                limit="举证包",
                zh=error.detail_zh,
                en=error.detail_en,
                remedy="用采集端重新导出举证包",
            )
    yield from _patches_without_photos(report, delivery, shown)


def _package(report: Reporter, delivery: Delivered, package: EvidencePackage, shown: set[str]) -> Iterator[Finding]:
    targets = _targets(delivery, package)
    found = assess(package, targets, _trust(delivery))
    shown.update(one.photo.number for one in found)
    yield from _bad_photos(report, found)
    # a task that names no parcel of this delivery has said so with its photos
    asked = {task.number: targets[task.number] for task in package.tasks if task.number in targets}
    yield from _lacking(report, asked, [one for one in required_sets(found, list(asked.values())) if not one.complete])


def _trust(delivery: Delivered) -> Trust:
    reference = delivery.reference
    if reference is None or not reference.has(DEVICES):
        return Trust()
    rows = reference.rows(DEVICES)
    numbers, keys = (rows.column(name).to_pylist() for name in ("device", "public_key"))
    return Trust(devices={
        str(number): DeviceKey(bytes.fromhex(key)) for number, key in zip(numbers, keys, strict=True) if _is_hex(key)
    })  # fmt: skip


def _is_hex(text: object) -> bool:
    try:
        return isinstance(text, str) and bool(bytes.fromhex(text))
    except ValueError:
        return False


def _targets(delivery: Delivered, package: EvidencePackage) -> dict[str, Target]:
    """Parcels and patches that the photos and tasks of a package name, with their polygons in longitude, latitude."""
    tasks = {task.number: task for task in package.tasks}
    parcels = _parcels(delivery, {one.BSM for one in package.photos} | {one.BSM for one in package.tasks})
    patches = _patches(delivery)
    found: dict[str, Target] = {}
    named: tuple[PackageTask | Photo, ...] = (*package.tasks, *package.photos)
    for one in named:
        number = one.JCBH or one.BSM
        shape = patches.get(one.JCBH)
        shape = parcels.get(one.BSM) if shape is None else shape
        if shape is None or number in found:
            continue
        task = tasks.get(number)
        window: tuple[date | None, date | None] = task.window if task else (None, None)
        found[number] = Target(number, shape, window, task.TBLX if task else "")
    return found


def _parcels(delivery: Delivered, wanted: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for code in PARCELS:
        layer = delivery.layers.get(code)
        if layer is None or layer.crs is None or not wanted:
            continue
        key = layer.arrow(layer.spec.key).cast(pa.string())
        rows = np.flatnonzero(
            pc.fill_null(pc.is_in(key, value_set=pa.array(sorted(wanted - {""}), pa.string())), False).to_numpy()
        )
        usable = _usable(layer, rows)
        for row, shape in zip(usable, to_lonlat(layer.on_earth[usable], layer.crs), strict=True):
            found.setdefault(str(layer.ids[row]), shape)
    return found


def _usable(layer: DeliveredLayer, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    shapes = layer.on_earth[rows]
    return rows[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]


def _patches(delivery: Delivered) -> Mapping[str, Any]:
    reference = delivery.reference
    if reference is None or not reference.has(MONITORING):
        return {}
    part = reference.parts[MONITORING]
    shapes = part.geometry if part.geometry is not None else np.full(len(part), None, object)
    return {
        number: shape
        for number, shape in zip(part.rows.column("JCBH").to_pylist(), shapes, strict=True)
        if number and shape is not None
    }


def _bad_photos(report: Reporter, found: list[Assessed]) -> Iterator[Finding]:
    for check, (name_zh, name_en, remedy) in CHECKS.items():
        bad = [(one, verdict) for one in found for verdict in one.verdicts
               if verdict.check == check and verdict.outcome == FAIL]  # fmt: skip
        if not bad:
            continue
        yield from report.groups(
            [_named(one, check) for one, _ in bad],
            _on_plane(report, [_where(one, verdict) for one, verdict in bad]),
            measured=["" if verdict.measured is None else verdict.measured for _, verdict in bad],
            limit=["" if verdict.limit is None else verdict.limit for _, verdict in bad],
            unit=bad[0][1].unit,
            zh=[f"举证照片 {one.photo.name}: {name_zh} — {verdict.zh}" for one, verdict in bad],
            en=[f"Photo {one.photo.name}: {name_en} — {verdict.en}" for one, verdict in bad],
            remedy=remedy,
        )  # fmt: skip


def _named(one: Assessed, check: str) -> tuple[str, ...]:
    """Patch, photo and check: an exception from one check must be none from the photo's others."""
    ids = (one.photo.number or "#", one.photo.name, check)
    return (*ids, one.photo.file) if check == "id" else ids


def _where(one: Assessed, verdict: Verdict) -> Any:
    """The line to the parcel for a wrong place, the view cone for a wrong direction, the point for all else."""
    photo = one.photo
    if photo.lon is None or photo.lat is None:
        return one.target.geometry if one.target is not None else None
    if verdict.check == "place" and one.nearest is not None:
        return shapely.linestrings([[photo.lon, photo.lat], list(one.nearest)])
    if verdict.check == "direction" and one.cone is not None:
        return one.cone
    return shapely.points(photo.lon, photo.lat)


def _on_plane(report: Reporter, lonlat: list[Any]) -> NDArray[np.object_]:
    shapes = np.full(len(lonlat), None, object)
    for at, one in enumerate(lonlat):
        shapes[at] = one
    return from_lonlat(shapes, report.layer.crs)


def _lacking(report: Reporter, targets: Mapping[str, Target], lacking: list[SetVerdict]) -> Iterator[Finding]:
    if not lacking:
        return
    limits = shipped_limits()
    yield from report.groups(
        [(one.number,) for one in lacking],
        _on_plane(report, [targets[one.number].geometry for one in lacking]),
        measured=[f"近景 {one.near}, 全景 {one.directions} 向" for one in lacking],
        limit=[f"近景 {one.needed_near}, 全景 {one.needed_directions} 向" for one in lacking],
        unit="",
        zh=[f"图斑 {one.number} 合格的举证照片不全: {one.zh}" for one in lacking],
        en=[f"Patch {one.number} lacks good photos: {one.en}" for one in lacking],
        remedy=f"补拍近景, 并从相差 {limits.panorama_spread_deg:g}° 以上的方向补拍全景",
    )  # fmt: skip


def _patches_without_photos(report: Reporter, delivery: Delivered, shown: set[str]) -> Iterator[Finding]:
    lacking = {number: shape for number, shape in _patches(delivery).items() if number not in shown}
    if not lacking:
        return
    yield from report.groups(
        [(number,) for number in lacking],
        _on_plane(report, list(lacking.values())),
        measured=0, limit=1, unit="张",
        zh=[f"监测图斑 {number} 没有举证照片" for number in lacking],
        en=[f"Monitoring patch {number} has no evidence photo" for number in lacking],
        remedy="补充举证, 或按免举证办理",
    )  # fmt: skip


RULES: tuple[Rule, ...] = (evidence_shows_its_parcels,)
NOT_YET: tuple[NotYet, ...] = ()
