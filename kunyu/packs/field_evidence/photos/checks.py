"""Every check of the photos of a package, and of the set a patch needs. 举证照片核验.

Pure functions over arrays with one row per photo; the loops here are over photos that have something to say, and over
bytes that must be hashed anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kunyu.kernel.crypto.software import SoftwareProvider
from kunyu.packs.field_evidence.photos import sight
from kunyu.packs.field_evidence.photos.exif import CHINA, JpegFacts, read_jpeg
from kunyu.packs.field_evidence.photos.integrity import (
    FAIL,
    PASS,
    UNKNOWN,
    Trust,
    Verdict,
    verify_chains,
    verify_ids,
    verify_image,
    verify_signature,
)
from kunyu.packs.field_evidence.photos.limits import Limits, shipped_limits
from kunyu.packs.field_evidence.photos.package import EvidencePackage, Photo

Floats = NDArray[np.float64]

CHECKS: dict[str, tuple[str, str, str]] = {
    "record": ("元数据完整性", "Completeness of the record", "用采集端重新导出该照片"),
    "id": ("照片编号", "Number of the photo", "重新编号后导出"),
    "task": ("所属任务图斑", "Patch on the task list", "核对 JCBH/BSM, 或先下发任务"),
    "image": ("照片原始性", "Picture as it was taken", "提交采集端的原始照片"),
    "jpeg": ("照片文件", "File of the picture", "提交完整的 JPEG 原片"),
    "digest": ("数据摘要", "Digest of the data", "提交采集端的原始数据"),
    "signature": ("设备签名", "Signature of the device", "提交采集端签名的原始数据"),
    "chain": ("照片链", "Chain of photos", "补齐缺失的照片后整体导出"),
    "device": ("设备登记", "Registration of the device", "先登记设备, 再用登记的设备重拍"),
    "exif": ("EXIF 与元数据", "EXIF against the record", "提交采集端的原始照片"),
    "window": ("拍摄时间", "Time of the photo", "在任务期内重拍"),
    "skew": ("设备时钟", "Clock of the device", "校准设备时间后重拍"),
    "accuracy": ("定位精度", "Accuracy of the position", "在开阔处等待定位稳定后重拍"),
    "mock": ("模拟定位", "Mock location", "关闭模拟定位后重拍"),
    "decimals": ("坐标小数位", "Decimals of the position", "用采集端导出完整坐标"),
    "place": ("拍摄位置", "Place of the photo", "到图斑内或其近旁重拍"),
    "direction": ("拍摄方向", "Direction of the photo", "对准图斑重拍"),
}
"""Checks by code: what is looked at in both languages, remedy. They stand before either verdict, so they assert nothing. The
order is the order in which people read them."""


@dataclass(frozen=True)
class Target:
    """A patch or parcel that photos are evidence of: polygon in longitude, latitude, first and last day, TBLX."""

    number: str
    geometry: Any = None
    window: tuple[date | None, date | None] = (None, None)
    tblx: str = ""


@dataclass(frozen=True)
class Assessed:
    """One photo with its verdicts in the order of ``CHECKS``; ``cone`` is the view cone, lon/lat, None when unknown.

    ``distance_m`` and ``off_axis_deg`` are None where position, direction or patch is unknown.
    """

    photo: Photo
    verdicts: tuple[Verdict, ...]
    target: Target | None
    jpeg: JpegFacts | None
    cone: Any
    fov_deg: float | None
    distance_m: float | None
    off_axis_deg: float | None
    nearest: tuple[float, float] | None

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """What is wrong with it."""
        return tuple(one for one in self.verdicts if one.outcome == FAIL)

    @property
    def good(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.failed


@dataclass(frozen=True)
class SetVerdict:
    """Whether a patch has the photos it needs: near views and directions of panoramas, of photos that are good."""

    number: str
    complete: bool
    near: int
    directions: int
    needed_near: int
    needed_directions: int
    zh: str
    en: str


def assess(
    package: EvidencePackage, targets: Mapping[str, Target], trust: Trust = Trust(), limits: Limits | None = None,
    each: Callable[[int, bytes | None], None] = lambda at, image: None,
) -> list[Assessed]:  # fmt: skip
    """Check every photo of a package.

    Parameters
    ----------
    targets : mapping
        Patches and parcels by JCBH or BSM; a photo of none of them fails ``task``.
    trust : Trust
        Devices, earlier photos.
    each : callable
        Receives the row and the bytes of each photo as they are read, so that a caller may keep them: a package is
        never in memory as a whole.
    """
    limits = limits or shipped_limits()
    photos = package.photos
    chosen = [targets.get(photo.JCBH) or targets.get(photo.BSM) for photo in photos]
    provider, jpegs = SoftwareProvider(), []
    verdicts: list[dict[str, Verdict]] = [{} for _ in photos]
    for at, photo in enumerate(photos):
        image = package.image(photo)
        each(at, image)
        facts = read_jpeg(image) if image else None
        jpegs.append(facts)
        found = [*verify_image(photo, image), *verify_signature(provider, package, photo, trust)]
        found += [_record(photo), _task(photo, chosen[at]), _jpeg(facts), _exif(photo, facts, limits)]
        found += [_mock(photo), _decimals(photo, limits), _accuracy(photo, limits), *_times(photo, chosen[at], limits)]
        verdicts[at].update((one.check, one) for one in found)
    for rows in (verify_chains(photos, trust), verify_ids(photos, trust.known)):
        for at, one in enumerate(rows):
            verdicts[at][one.check] = one
    seen = _sight(photos, chosen, limits)
    for at in range(len(photos)):
        verdicts[at].update({"place": seen.place[at], "direction": seen.direction[at]})
    return [
        Assessed(
            photo, tuple(verdicts[at][code] for code in CHECKS), chosen[at], jpegs[at], seen.cones[at],
            _known(seen.fov[at]), _known(seen.metres[at]), _known(seen.off[at]),
            None if np.isnan(seen.nearest[at, 0]) else (float(seen.nearest[at, 0]), float(seen.nearest[at, 1])),
        )
        for at, photo in enumerate(photos)
    ]  # fmt: skip


def required_sets(
    found: Sequence[Assessed], targets: Sequence[Target], limits: Limits | None = None
) -> list[SetVerdict]:
    """Judge for every patch whether its good photos are enough."""
    return [required_set(target, [(one.photo.kind, one.photo.azimuth) for one in found if one.good and one.target == target],
                         limits) for target in targets]  # fmt: skip


def required_set(target: Target, good: Sequence[tuple[str, float | None]], limits: Limits | None = None) -> SetVerdict:
    """Judge one patch by the kinds and azimuths of its good photos."""
    limits = limits or shipped_limits()
    needed = limits.required_for(target.tblx)
    near = sum(kind == "near" for kind, _ in good)
    turns = np.array([azimuth for kind, azimuth in good if kind == "panorama" and azimuth is not None], float)
    ways = sight.directions(turns, limits.panorama_spread_deg)
    lacking_zh, lacking_en = [], []
    if near < needed.near:
        lacking_zh.append(f"近景 {near} 张, 须 {needed.near} 张")
        lacking_en.append(f"{near} near views, {needed.near} needed")
    if ways < needed.panorama_directions:
        apart = f"{limits.panorama_spread_deg:g}°"
        lacking_zh.append(f"全景 {ways} 个方向, 须 {needed.panorama_directions} 个 (相差 ≥ {apart})")
        lacking_en.append(f"panoramas from {ways} directions, {needed.panorama_directions} needed (≥ {apart} apart)")
    return SetVerdict(
        target.number, not lacking_zh, near, ways, needed.near, needed.panorama_directions, "; ".join(lacking_zh),
        "; ".join(lacking_en),
    )  # fmt: skip


# -- where it was taken and where it looks -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sight:
    metres: Floats
    off: Floats
    fov: Floats
    nearest: Floats
    cones: NDArray[np.object_]
    place: list[Verdict]
    direction: list[Verdict]


def _column(photos: Sequence[Photo], name: str) -> Floats:
    return np.array([np.nan if getattr(one, name) is None else getattr(one, name) for one in photos], float)


def _sight(photos: Sequence[Photo], targets: Sequence[Target | None], limits: Limits) -> _Sight:
    shapes = np.full(len(photos), None, object)
    for at, target in enumerate(targets):
        shapes[at] = target.geometry if target is not None else None
    lon, lat, azimuth = (_column(photos, name) for name in ("lon", "lat", "azimuth"))
    fov = sight.field_of_view(_column(photos, "focal_mm"), _column(photos, "roll"))
    metres, nearest = sight.nearest(lon, lat, shapes)
    off = sight.off_axis(lon, lat, azimuth, shapes)
    off[metres == 0] = 0.0
    reach = np.clip(np.nan_to_num(metres, nan=0.0) + 60.0, 60.0, 400.0)
    allowed = fov / 2 + limits.direction_tolerance_deg
    place = [_place(value, limits) for value in metres]
    direction = [_direction(value, most) for value, most in zip(off, allowed, strict=True)]
    return _Sight(metres, off, fov, nearest, sight.cones(lon, lat, azimuth, fov, reach), place, direction)


def _place(metres: float, limits: Limits) -> Verdict:
    limit = limits.place_m
    if np.isnan(metres):
        return Verdict("place", UNKNOWN, None, limit, "m", "位置或图斑未知", "position or patch is not known")
    value = round(float(metres), 2)
    if value <= limit:
        return Verdict("place", PASS, value, limit, "m")
    return Verdict(
        "place",
        FAIL,
        value,
        limit,
        "m",
        f"距图斑 {value} m, 限 {limit:g} m",
        f"{value} m from the patch, limit {limit:g}",
    )


def _direction(off: float, allowed: float) -> Verdict:
    if np.isnan(off) or (np.isnan(allowed) and off > 0):
        return Verdict(
            "direction",
            UNKNOWN,
            None,
            None,
            "°",
            "方位角、焦距或图斑未知",
            "azimuth, focal length or patch is not known",
        )
    value, limit = round(float(off), 1), None if np.isnan(allowed) else round(float(allowed), 1)
    if limit is None or value <= limit:
        return Verdict("direction", PASS, value, limit, "°")
    return Verdict(
        "direction", FAIL, value, limit, "°", f"镜头轴线偏离图斑 {value}°, 限 {limit}° (半视场角加容差)",
        f"the axis misses the patch by {value}°, limit {limit}° (half the field of view and tolerance)",
    )  # fmt: skip


# -- one photo by itself -------------------------------------------------------------------------------------------


def _record(photo: Photo) -> Verdict:
    if not photo.problems:
        return Verdict("record", PASS)
    names = ", ".join(one.name for one in photo.problems)
    return Verdict(
        "record", FAIL, names[:200], "", "", "; ".join(one.zh for one in photo.problems)[:500],
        "; ".join(one.en for one in photo.problems)[:500],
    )  # fmt: skip


def _task(photo: Photo, target: Target | None) -> Verdict:
    if target is not None:
        return Verdict("task", PASS, target.number)
    number = photo.number or "—"
    return Verdict(
        "task",
        FAIL,
        number,
        "",
        "",
        f"任务清单和成果中没有 {number}",
        f"neither the task list nor the delivery has {number}",
    )


def _jpeg(facts: JpegFacts | None) -> Verdict:
    if facts is None:
        return Verdict("jpeg", FAIL, zh="不是 JPEG 照片", en="it is no JPEG")
    size = f"{facts.width}×{facts.height}"
    if facts.complete and min(facts.width, facts.height) > 0:
        return Verdict("jpeg", PASS, size, unit="px")
    return Verdict("jpeg", FAIL, size, "", "px", "照片不完整", "the picture is cut off")


def _mock(photo: Photo) -> Verdict:
    if photo.mock is None:
        return Verdict("mock", UNKNOWN, zh="没有模拟定位标志", en="the flag is missing")
    if photo.mock:
        return Verdict("mock", FAIL, "mock", "", "", "使用了模拟定位", "a mock location was used")
    return Verdict("mock", PASS)


def _decimals(photo: Photo, limits: Limits) -> Verdict:
    enough = photo.decimals >= limits.decimals
    return Verdict(
        "decimals", PASS if enough else FAIL, photo.decimals, limits.decimals, "",
        "" if enough else f"经纬度只有 {photo.decimals} 位小数, 须 {limits.decimals} 位",
        "" if enough else f"{photo.decimals} decimals, {limits.decimals} needed",
    )  # fmt: skip


def _accuracy(photo: Photo, limits: Limits) -> Verdict:
    value, limit = photo.accuracy_m, limits.accuracy_m
    if value is None:
        return Verdict("accuracy", UNKNOWN, None, limit, "m", "没有定位精度", "the accuracy is missing")
    good = value <= limit
    return Verdict(
        "accuracy", PASS if good else FAIL, value, limit, "m", "" if good else f"定位精度 {value:g} m, 限 {limit:g} m",
        "" if good else f"accuracy {value:g} m, limit {limit:g} m",
    )  # fmt: skip


def _times(photo: Photo, target: Target | None, limits: Limits) -> tuple[Verdict, Verdict]:
    return _window(photo.taken_at, target.window if target else (None, None)), _skew(photo, limits)


def _window(taken: datetime | None, window: tuple[date | None, date | None]) -> Verdict:
    """Days of the window are days in China; the last one counts whole."""
    first, last = window
    limit = f"{first or '…'}/{last or '…'}"
    if taken is None or (first is None and last is None):
        return Verdict(
            "window", UNKNOWN, None, limit, "", "任务期或拍摄时间未知", "the window or the time is not known"
        )
    begins = datetime.combine(first, time(), CHINA) if first else datetime.min.replace(tzinfo=UTC)
    ends = datetime.combine(last, time(), CHINA) + timedelta(days=1) if last else datetime.max.replace(tzinfo=UTC)
    local = taken.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
    if begins <= taken < ends:
        return Verdict("window", PASS, local, limit)
    return Verdict(
        "window", FAIL, local, limit, "", f"拍摄于 {local}, 任务期 {limit}", f"taken {local}, the window is {limit}"
    )


def _skew(photo: Photo, limits: Limits) -> Verdict:
    if photo.taken_at is None or photo.device_at is None:
        return Verdict("skew", UNKNOWN, None, limits.skew_s, "s", "缺少时间", "a time is missing")
    seconds = round(abs((photo.device_at - photo.taken_at).total_seconds()), 1)
    good = seconds <= limits.skew_s
    return Verdict(
        "skew", PASS if good else FAIL, seconds, limits.skew_s, "s",
        "" if good else f"设备时间与卫星时间相差 {seconds:g} s, 限 {limits.skew_s:g} s",
        "" if good else f"device and satellite time differ by {seconds:g} s, limit {limits.skew_s:g} s",
    )  # fmt: skip


def _exif(photo: Photo, facts: JpegFacts | None, limits: Limits) -> Verdict:
    """Compare what the file says with the record; what the file leaves unsaid is not held against it."""
    if facts is None or not facts.has_exif:
        return Verdict("exif", UNKNOWN, zh="照片没有 EXIF", en="the picture has no EXIF")
    wrong_zh, wrong_en = [], []
    if facts.taken_at is not None and photo.device_at is not None:
        apart = abs((facts.taken_at - photo.device_at).total_seconds())
        if apart > limits.exif_time_s:
            wrong_zh.append(f"时间相差 {apart:g} s")
            wrong_en.append(f"times differ by {apart:g} s")
    if None not in (facts.lon, facts.lat, photo.lon, photo.lat):
        apart = abs(sight.CGCS2000.inv(facts.lon, facts.lat, photo.lon, photo.lat)[2])
        if apart > limits.exif_place_m:
            wrong_zh.append(f"位置相差 {apart:.1f} m")
            wrong_en.append(f"places differ by {apart:.1f} m")
    if facts.azimuth is not None and photo.azimuth is not None:
        apart = abs((facts.azimuth - photo.azimuth + 180) % 360 - 180)
        if apart > limits.exif_azimuth_deg:
            wrong_zh.append(f"方位角相差 {apart:.1f}°")
            wrong_en.append(f"azimuths differ by {apart:.1f}°")
    if facts.focal_mm is not None and photo.focal_mm is not None and abs(facts.focal_mm - photo.focal_mm) > 1:
        wrong_zh.append(f"焦距 {facts.focal_mm:g} mm 与 {photo.focal_mm:g} mm 不同")
        wrong_en.append(f"focal lengths {facts.focal_mm:g} and {photo.focal_mm:g} mm differ")
    return Verdict("exif", FAIL if wrong_zh else PASS, zh="; ".join(wrong_zh), en="; ".join(wrong_en))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
