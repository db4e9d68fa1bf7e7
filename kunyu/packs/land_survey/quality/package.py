"""Rules about a delivery as a whole: Q102 layers, Q103 coordinate system, Q104 VCT head. 图层、坐标系与交换文件."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import shapely

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.rule import Part, rule
from kunyu.kernel.crs import CrsDescription, coordinate_problems, describe_crs, gauss_kruger_zone, zone_epsg
from kunyu.kernel.errors import UnreadableInput, UsageError
from kunyu.kernel.geodesy import to_lonlat
from kunyu.packs.land_survey.quality.metadata import metadata_of
from kunyu.packs.land_survey.quality.thresholds import threshold

CHANGE_LAYERS = ("DLTBGX", "DLTBGXGC")
"""Layers without which a package of changes says nothing: the parcels after, and what became of those before."""


def _one_dataset(delivery: Delivered) -> str | None:
    if delivery.only is None:
        return None
    named = " / ".join(sorted(delivery.only))
    return f"只汇交 {named}，不代表整套成果; only {named} is delivered, not the whole standard"


def _mandatory(delivery: Delivered) -> tuple[str, ...]:
    """Layers that must be there: those of the base, or of a change package when nothing but changes is delivered."""
    roles = {layer.spec.role for layer in delivery.spatial()}
    if roles and roles <= {"update", "process"}:
        return CHANGE_LAYERS
    return tuple(
        code for code, one in delivery.standard.layers.items()
        if one.presence == "M" and one.role == "base" and one.spatial
    )  # fmt: skip


@rule(
    "Q102", clause="TD/T 1057-2020 空间要素分层 约束条件M", severity="S", scope="D", declines=_one_dataset,
    name_zh="必选图层齐全", name_en="Every mandatory layer is delivered",
)  # fmt: skip
def mandatory_layers_are_delivered(delivery: Delivered) -> Iterator[Finding]:
    """Every spatial layer the standard marks M is there (it may be empty), one finding for each that is missing.

    A delivery of update and process layers alone is a change package: it must have DLTBGX and DLTBGXGC. Not asked of a
    delivery to a node that names one dataset. Mandatory tables and documents are asked of packages (Q101).
    """
    missing = [code for code in _mandatory(delivery) if code not in delivery.layers]
    for layer in list(delivery)[:1]:  # a finding needs one layer to speak through; it names the missing one
        report = Reporter(mandatory_layers_are_delivered, delivery, layer)
        for code in missing:
            spec = delivery.standard.layers[code]
            yield report.table(
                measured="缺", limit="必选", unit="",
                zh=f"缺少必选图层 {code} {spec.name_zh}", en=f"The mandatory layer {code} ({spec.name_en}) is missing",
                remedy=f"补充图层 {code}; 没有要素时交空图层",
            ).at_layer(code)  # fmt: skip


def _no_vertical_datum(delivery: Delivered) -> str | None:
    if any(values.get("vertical_datum") for values in metadata_of(delivery).values()):
        return None
    return "成果没有写明高程基准的元数据; no metadata that names the vertical datum"


@rule(
    "Q103", clause="TD/T 1055-2019 数学基础", severity="S", scope="D",
    name_zh="坐标系为 CGCS2000 高斯-克吕格 3 度带", name_en="Coordinates are CGCS2000, Gauss–Krüger, the county's 3° zone",
    optional_parts=(Part("vertical_datum", declines=_no_vertical_datum),),
)  # fmt: skip
def coordinates_are_the_countys_zone(delivery: Delivered) -> Iterator[Finding]:
    """Every spatial layer is in one CGCS2000 3° Gauss–Krüger plane whose zone is the county's, easting with zone prefix.

    Coordinates must agree with the false easting that the system declares, and the middle of the county lies within
    1.5° (and a margin of 0.5°, for counties across two zones) of the central meridian. Longitude and latitude, other
    datums, 6° zones, planes without prefix and layers without any system are findings; so is a vertical datum in the
    metadata other than 1985. One finding for each system and fault, not for each layer. Empty layers without a system
    are passed over.
    """
    groups = _by_system(delivery)
    for system, layers in groups.items():
        report = Reporter(coordinates_are_the_countys_zone, delivery, layers[0])
        named = "、".join(layer.code for layer in layers)
        for measured, limit, zh, en in _faults(system, layers):
            yield report.table(
                measured=measured, limit=limit, unit="", zh=f"{named}: {zh}", en=f"{named}: {en}",
                remedy="按所在 3 度带的 CGCS2000 高斯-克吕格坐标系 (含带号) 重新输出",
            )  # fmt: skip
    yield from _several_systems(delivery, groups)
    yield from _vertical_datums(delivery)


_Fault = tuple[str, str, str, str]
"""Measured, limit, Chinese, English."""


def _by_system(delivery: Delivered) -> dict[str | None, list[DeliveredLayer]]:
    """Layers by coordinate system; the same system named in two ways is one."""
    groups: dict[str | None, list[DeliveredLayer]] = {}
    for layer in delivery.spatial():
        if layer.crs is None and not len(layer):
            continue
        groups.setdefault(_name_of(layer.crs), []).append(layer)
    return groups


def _name_of(crs: str | None) -> str | None:
    if crs is None:
        return None
    try:
        code = describe_crs(crs).epsg
    except UnreadableInput:
        return crs
    return f"EPSG:{code}" if code else crs


def _faults(system: str | None, layers: list[DeliveredLayer]) -> Iterator[_Fault]:
    wanted = "CGCS2000 / 3° Gauss-Kruger"
    if system is None:
        yield "无", wanted, "没有坐标系", "no coordinate system"
        return
    try:
        found = describe_crs(system)
    except UnreadableInput:
        yield system[:80], wanted, "坐标系无法识别", "the coordinate system is not understood"
        return
    wrong = list(_wrong_system(found))
    yield from ((found.name, wanted, zh, en) for zh, en in wrong)
    box = _middle_box(layers)
    if box is None:
        return
    problems = coordinate_problems(system, box)
    if not wrong and {one.code for one in problems} <= {"crs.outside_zone"}:  # far out: say which zone it should be
        yield from _other_zone(system, found, box)
    else:
        yield from ((found.name, wanted, one.detail_zh, one.detail_en) for one in problems)


def _wrong_system(found: CrsDescription) -> Iterator[tuple[str, str]]:
    if not found.is_cgcs2000:
        yield f"{found.name} 不是 CGCS2000", f"{found.name} is not CGCS2000"
    if found.kind == "geographic":
        yield f"{found.name} 是经纬度坐标", f"{found.name} is longitude and latitude"
    elif found.kind != "gauss_kruger":
        yield f"{found.name} 不是高斯-克吕格投影", f"{found.name} is no Gauss–Krüger plane"
    elif found.zone_width != 3:
        yield f"{found.name} 不是 3 度带", f"{found.name} is no 3° zone"
    elif not found.prefixed:
        yield f"{found.name} 的横坐标不带带号", f"eastings of {found.name} bear no zone prefix"


def _middle_box(layers: list[DeliveredLayer]) -> tuple[float, float, float, float] | None:
    """Where the median feature lies: one stray feature is another rule's business, not the system's."""
    bounds = np.concatenate([shapely.bounds(layer.on_earth) for layer in layers])
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if not len(bounds):
        return None
    west, south, east, north = np.median(bounds, axis=0).tolist()
    return west, south, east, north


def _other_zone(system: str, found: CrsDescription, box: tuple[float, float, float, float]) -> Iterator[_Fault]:
    west, south, east, north = box
    middle = to_lonlat(np.array([shapely.Point((west + east) / 2, (south + north) / 2)], object), system)
    longitude = float(shapely.get_x(middle)[0])
    allowed = threshold("coordinates", "half_zone") + threshold("coordinates", "margin")
    meridian = found.central_meridian or 0.0
    if np.isfinite(longitude) and abs(longitude - meridian) <= allowed:
        return
    zone = gauss_kruger_zone(longitude) if np.isfinite(longitude) else 0
    yield (
        f"{meridian:g}°", _zone_name(zone),
        f"{found.name} 的中央经线 {meridian:g}° 距县域中部 {longitude:.4f}° 超过 {allowed:g}°, 应为第 {zone} 带",
        f"the central meridian {meridian:g}° of {found.name} is more than {allowed:g}° from the middle of the county, "
        f"{longitude:.4f}°; it lies in zone {zone}",
    )  # fmt: skip


def _zone_name(zone: int) -> str:
    try:
        return f"EPSG:{zone_epsg(zone, 3, True)}"
    except UsageError:
        return f"zone {zone}"


def _several_systems(delivery: Delivered, groups: dict[str | None, list[DeliveredLayer]]) -> Iterator[Finding]:
    if len(groups) < 2:
        return
    main = Counter({system: len(layers) for system, layers in groups.items()}).most_common(1)[0][0]
    for system, layers in groups.items():
        if system == main or system is None:
            continue
        named = "、".join(layer.code for layer in layers)
        yield Reporter(coordinates_are_the_countys_zone, delivery, layers[0]).table(
            measured=system[:80], limit=str(main)[:80], unit="",
            zh=f"{named}: 坐标系 {system[:80]} 与其他图层的 {str(main)[:80]} 不同",
            en=f"{named}: {system[:80]} differs from {str(main)[:80]} of the other layers",
            remedy="把各图层统一到同一坐标系",
        )  # fmt: skip


def _vertical_datums(delivery: Delivered) -> Iterator[Finding]:
    for name, values in metadata_of(delivery).items():
        said = values.get("vertical_datum", "")
        if said and "1985" not in said:
            yield _about(coordinates_are_the_countys_zone, delivery).table(
                measured=said, limit="1985国家高程基准", unit="", zh=f"{name}: 高程基准为 {said}, 应为 1985国家高程基准",
                en=f"{name}: the vertical datum is {said}, not the 1985 national datum", remedy="改正元数据或高程数据",
            ).at_layer(name)  # fmt: skip


def _about(this: object, delivery: Delivered) -> Reporter:
    """A reporter for what concerns no layer: findings name their file through ``at_layer``."""
    return Reporter(this, delivery, next(iter(delivery)))  # type: ignore[arg-type]


def _no_vct(delivery: Delivered) -> str | None:
    if delivery.source is not None and delivery.source.headers:
        return None
    return "成果中没有 VCT 文件; the delivery holds no VCT file"


_Allowed = tuple[Callable[[str], bool], str]

HEAD: Mapping[str, _Allowed] = {
    "Datamark": (lambda value: value.upper() in ("LANDUSE-VCT", "CNSDTF-VCT"), "LANDUSE-VCT"),
    "Version": (lambda value: value.upper().replace("GB/T 17798-2007", "3.0") in ("3.0", "3"), "3.0"),
    "CoordinateSystemType": (lambda value: value.upper() == "P", "P"),
    "Dim": (lambda value: value in ("2", "3"), "2 / 3"),
    "XYUnit": (lambda value: value.upper() == "M", "M"),
    "Spheroid": (lambda value: "6378137" in value and "298.257222101" in value, "CGCS2000,6378137.0,298.257222101"),
    "Projection": (lambda value: "高斯" in value or "gauss" in value.lower(), "高斯-克吕格投影"),
    "Separator": (lambda value: len(value) == 1 and not value.isalnum(), "1 个字符"),
}
"""Values that the head of a survey's VCT may have. Keys and values were seen in a writer of the third survey; a printed
GB/T 17798-2007 was not at hand. CNSDTF-VCT is the mark of the general exchange format. [unverified]"""


@rule(
    "Q104", clause="GB/T 17798-2007 文件头", severity="S", scope="D", declines=_no_vct,
    name_zh="VCT 文件头的值符合规定", name_en="The head of a VCT file has the allowed values",
)  # fmt: skip
def vct_head_has_allowed_values(delivery: Delivered) -> Iterator[Finding]:
    """Datamark, Version, CoordinateSystemType, Dim, XYUnit, Spheroid, Projection and Separator have allowed values.

    One finding for each key that is missing or has another value. What the head says of the zone is Q103's business,
    since layers take their system from it.
    """
    assert delivery.source is not None  # a delivery without a source has no heads
    for file, head in sorted(delivery.source.headers.items()):
        given = {key.strip().lower(): value for key, value in head.items()}
        for key, (allows, wanted) in HEAD.items():
            value = given.get(key.lower())
            if value is not None and allows(value.strip() or value):
                continue
            shown = "缺" if value is None else value
            yield _about(vct_head_has_allowed_values, delivery).table(
                measured=shown, limit=wanted, unit="", zh=f"{file}: 文件头 {key} 为“{shown}”, 应为 {wanted}",
                en=f"{file}: {key} of the head is “{'missing' if value is None else value}”, it should be {wanted}",
                remedy=f"改正文件头的 {key}",
            ).at_layer(file)  # fmt: skip
