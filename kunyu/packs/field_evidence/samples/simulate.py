"""Make evidence packages for parcels of a county, honest ones and ones with seeded defects. 举证模拟.

Keys are drawn anew each time (a signature is never the same twice); places, directions, times and which photo bears
which defect follow the seed. ``truth`` says which checks must fail for which photo, and which patches lack photos.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely

from kunyu.kernel.crypto.certificates import AUTHORITY, SIGNING, Issuer, issue, self_signed
from kunyu.kernel.crypto.provider import KeyHandle, KeyKind, SignatureForm
from kunyu.kernel.crypto.software import SoftwareProvider
from kunyu.kernel.digests import sm3_hex
from kunyu.kernel.geodesy import to_lonlat
from kunyu.packs.field_evidence.photos import sight
from kunyu.packs.field_evidence.photos.checks import Target
from kunyu.packs.field_evidence.photos.exif import CHINA
from kunyu.packs.field_evidence.photos.package import FORMAT, MANIFEST, VERSION, digest_of
from kunyu.packs.field_evidence.samples.drawing import Scene, draw

DEFECTS: dict[str, tuple[str, ...]] = {
    "place": ("place",),
    "direction": ("direction",),
    "window": ("window",),
    "clock": ("skew",),
    "accuracy": ("accuracy",),
    "mock": ("mock",),
    "decimals": ("decimals",),
    "image": ("image", "digest"),
    "metadata": ("digest", "exif"),
    "chain": ("chain",),
    "device": ("device",),
    "id": ("id",),
    "missing": (),
}
"""Defects by name, and the checks that must fail for the photo that bears one. ``missing`` is a patch without its set."""

WINDOW = (date(2025, 9, 1), date(2025, 11, 30))
FOCAL_MM = 26
_BEGIN = datetime(2025, 10, 9, 9, 0, tzinfo=CHINA)


@dataclass(frozen=True)
class Parcel:
    """One parcel or patch to bring evidence of; polygon in CGCS2000 longitude, latitude."""

    BSM: str
    TBBH: str
    XZQDM: str
    geometry: Any
    JCBH: str = ""
    TBLX: str = "20"

    @property
    def number(self) -> str:
        return self.JCBH or self.BSM

    @property
    def target(self) -> Target:
        """What the checks hold photos of it against."""
        return Target(self.number, self.geometry, WINDOW, self.TBLX)


@dataclass
class Device:
    """A device of the field team: its key lives in the simulator's provider."""

    number: str
    key: KeyHandle
    certificate: str
    public_key: bytes
    registered: bool = True
    sequence: int = 0
    digest: str = ""


@dataclass(frozen=True)
class Simulated:
    """What was made: the package, registered devices (number → public key), and the truth about it."""

    path: Path
    devices: Mapping[str, bytes]
    parcels: tuple[Parcel, ...]
    truth: Mapping[str, Sequence[str]]
    """Photo id → checks that must fail; photos not named must pass all."""
    incomplete: tuple[str, ...]
    """Numbers of patches whose good photos are not enough."""
    photos: int


@dataclass
class _Shot:
    record: dict[str, Any]
    image: bytes


@dataclass
class _Camp:
    provider: SoftwareProvider
    generator: np.random.Generator
    devices: list[Device]
    shots: list[_Shot] = field(default_factory=list)
    truth: dict[str, Sequence[str]] = field(default_factory=dict)
    moment: datetime = _BEGIN


def read_parcels(county: Path, count: int, seed: int = 0, layer: str = "DLTB") -> tuple[Parcel, ...]:
    """Draw parcels of middling size from a county file of the land survey."""
    meta, _, wkb, columns = pyogrio.raw.read(county, layer=layer, columns=["BSM", "TBBH", "ZLDWDM"])
    known = dict(zip(meta["fields"], columns, strict=True))
    shapes = shapely.from_wkb(wkb)
    size = shapely.area(shapes)
    fit = np.flatnonzero((size > 800) & (size < 60_000))
    chosen = np.random.default_rng(seed).permutation(fit)[:count]
    lonlat = to_lonlat(shapes[chosen], meta["crs"])
    return tuple(
        Parcel(str(known["BSM"][row]), str(known["TBBH"][row]), str(known["ZLDWDM"][row])[:6], lonlat[at],
               JCBH=f"{str(known['ZLDWDM'][row])[:6]}{at + 1:04d}")
        for at, row in enumerate(chosen)
    )  # fmt: skip


def simulate(
    path: Path, parcels: Sequence[Parcel], seed: int = 0, defects: Mapping[str, int] | None = None
) -> Simulated:
    """Write one package for these parcels.

    Parameters
    ----------
    path : Path
        The zip to write.
    defects : mapping
        How many of each of ``DEFECTS``; every defect takes a parcel of its own.

    Raises
    ------
    ValueError
        More defects than parcels.
    """
    wanted = [name for name, times in (defects or {}).items() for _ in range(times)]
    if len(wanted) > len(parcels):
        raise ValueError(f"{len(wanted)} defects need as many parcels, there are {len(parcels)}")
    camp = _camp(seed)
    bearing = dict(zip((parcel.number for parcel in parcels), wanted, strict=False))
    incomplete = []
    for parcel in parcels:
        defect = bearing.get(parcel.number, "")
        if defect == "missing":
            incomplete.append(parcel.number)
        _visit(camp, parcel, defect)
    _write(path, camp, parcels)
    devices = {one.number: one.public_key for one in camp.devices if one.registered}
    return Simulated(path, devices, tuple(parcels), camp.truth, tuple(incomplete), len(camp.shots))


def _camp(seed: int) -> _Camp:
    provider = SoftwareProvider()
    now = datetime.now(UTC)
    span = (now - timedelta(days=900), now + timedelta(days=3650))
    root_key = provider.generate(KeyKind.SM2, "sample issuer")
    root = Issuer(root_key, self_signed(provider, root_key, {"common_name": "Kunyu sample devices"}, span, AUTHORITY))
    devices = []
    for number, registered in (("KY-D-0001", True), ("KY-D-0002", True), ("KY-D-9999", False)):
        key = provider.generate(KeyKind.SM2, number)
        public = provider.public_key(key)
        certificate = issue(provider, root, {"common_name": number}, public, span, SIGNING).pem().decode()
        devices.append(Device(number, key, certificate, public, registered))
    return _Camp(provider, np.random.default_rng(seed), devices)


def _visit(camp: _Camp, parcel: Parcel, defect: str) -> None:
    """Two panoramas a quarter turn apart, a near view, and one more photo that bears the defect."""
    device = camp.devices[int(camp.generator.integers(2))]
    turn = float(camp.generator.uniform(0, 360))
    for kind, angle in (("panorama", turn), ("panorama", turn + 90), ("near", turn + 45)):
        if defect != "missing" or kind != "panorama" or angle == turn:
            _take(camp, device, parcel, kind, angle)
    if defect and defect != "missing":
        _faulty(camp, device, parcel, defect, turn + 200)
    camp.moment += timedelta(minutes=int(camp.generator.integers(6, 25)))


def _faulty(camp: _Camp, device: Device, parcel: Parcel, defect: str, angle: float) -> None:
    if defect == "chain":  # the photo before is left out: its successor points at nothing
        _take(camp, device, parcel, "near", angle)
        camp.shots.pop()
    if defect == "device":
        device = camp.devices[-1]
    every: dict[str, dict[str, Any]] = {
        "window": {"days": 75}, "clock": {"skew_s": 300.0}, "accuracy": {"accuracy": "35.0"}, "mock": {"mock": True},
        "decimals": {"decimals": 4}, "place": {"away_m": 480.0}, "direction": {"turned": 180.0},
    }  # fmt: skip
    changes = every.get(defect, {})
    kind = "panorama" if defect in ("place", "direction") else "near"
    shot = _take(camp, device, parcel, kind, angle, **changes)
    if defect == "image":
        shot.image = _other_picture(camp, shot)
    elif defect == "metadata":
        shot.record["azimuth"] = f"{(float(shot.record['azimuth']) + 4) % 360:.2f}"
    elif defect == "id":
        other = camp.shots[-2].record
        _sign(camp, device, shot, photo=other["photo"])
        camp.truth[other["photo"]] = DEFECTS["id"]
    camp.truth[shot.record["photo"]] = DEFECTS[defect]


def _take(
    camp: _Camp, device: Device, parcel: Parcel, kind: str, angle: float, *, days: int = 0, skew_s: float = 2.0,
    accuracy: str = "", mock: bool = False, decimals: int = 8, away_m: float | None = None, turned: float = 0.0,
) -> _Shot:  # fmt: skip
    lon, lat, azimuth = _stand(parcel.geometry, kind, angle, away_m)
    lon, lat = round(lon, decimals), round(lat, decimals)
    azimuth = round((azimuth + turned + float(camp.generator.normal(0, 2))) % 360, 2)
    camp.moment += timedelta(seconds=int(camp.generator.integers(20, 90)))
    taken = camp.moment + timedelta(days=days)
    device_at = taken + timedelta(seconds=skew_s)
    name = f"{parcel.number}_{sum(one.record['number'] == parcel.number for one in camp.shots) + 1:02d}"
    pitch, elevation = round(float(camp.generator.normal(-3, 2)), 1), round(118 + float(camp.generator.normal(0, 3)), 2)
    caption = f"{name}  {lon:.6f}E {lat:.6f}N  az {azimuth:.0f}  {taken:%Y-%m-%d %H:%M:%S}  {device.number}"
    scene = Scene(device_at, taken, lon, lat, elevation, azimuth, pitch, FOCAL_MM, caption, kind)
    record = {
        "number": parcel.number, "photo": name, "file": f"photos/{len(camp.shots):05d}_{name}.jpg", "JCBH": parcel.JCBH,
        "TBBH": parcel.TBBH, "BSM": parcel.BSM, "XZQDM": parcel.XZQDM, "kind": kind, "taken_at": taken.isoformat(),
        "device_at": device_at.isoformat(), "lon": f"{lon:.{decimals}f}", "lat": f"{lat:.{decimals}f}",
        "elevation_m": f"{elevation:.2f}", "positioning": "beidou",
        "accuracy_m": accuracy or f"{camp.generator.uniform(1.2, 4.5):.1f}", "satellites": int(camp.generator.integers(14, 32)),
        "azimuth": f"{azimuth:.2f}", "pitch": f"{pitch:.1f}", "roll": "0.0", "focal_mm": f"{FOCAL_MM}.0", "person": "u0007",
        "device": device.number, "mock": mock,
    }  # fmt: skip
    shot = _Shot(record, draw(scene, camp.generator))
    camp.shots.append(shot)
    device.sequence += 1
    record.update(sequence=device.sequence, previous=device.digest)
    _sign(camp, device, shot)
    return shot


def _sign(camp: _Camp, device: Device, shot: _Shot, **changes: str) -> None:
    record = shot.record
    record.update(changes, image_sm3=sm3_hex(shot.image))
    record["digest"] = digest_of(shot.image, record)
    record["signature"] = camp.provider.sign(device.key, bytes.fromhex(record["digest"]), form=SignatureForm.RAW).hex()
    device.digest = record["digest"]


def _other_picture(camp: _Camp, shot: _Shot) -> bytes:
    """The same EXIF around another picture: what an editor of photos leaves."""
    import io

    from PIL import Image, ImageDraw

    with Image.open(io.BytesIO(shot.image)) as opened:
        picture, exif = opened.convert("RGB"), opened.getexif()
    ImageDraw.Draw(picture).rectangle([300, 380, 620, 560], fill=(168, 154, 140), outline=(60, 50, 40), width=4)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=82, exif=exif)
    return out.getvalue()


def _stand(shape: Any, kind: str, angle: float, away_m: float | None) -> tuple[float, float, float]:
    """Where the surveyor stands, longitude and latitude, and the azimuth he looks to.

    Near views are taken inside. Panoramas look back at a point inside from 8 m (or ``away_m``) beyond the edge.
    """
    inside = shapely.point_on_surface(shape)
    lon, lat = float(inside.x), float(inside.y)
    if kind != "panorama":
        return lon, lat, angle % 360
    local = sight.around(np.array([lon]), np.array([lat]), np.array([shape], object))[0]
    way = np.array([np.sin(np.radians(angle)), np.cos(np.radians(angle))])
    ray = shapely.linestrings([[0.0, 0.0], (way * 50_000).tolist()])
    reach = np.abs(shapely.get_coordinates(shapely.intersection(ray, local)) @ way).max()
    beyond = _beyond(local, way, float(reach), 8.0 if away_m is None else away_m)
    east, north = (float(one[0]) for one in sight.metres_per_degree(np.array([lat])))
    return lon + way[0] * beyond / east, lat + way[1] * beyond / north, (angle + 180) % 360


def _beyond(shape: Any, way: np.ndarray, reach: float, clear_m: float) -> float:
    """Metres along ``way`` until the point is ``clear_m`` from the shape."""
    far = reach + clear_m
    while shapely.distance(shapely.points(way * far), shape) < clear_m * 0.95:
        far += clear_m / 4
    return far


def _write(path: Path, camp: _Camp, parcels: Sequence[Parcel]) -> None:
    manifest = {
        "format": FORMAT, "version": VERSION, "package": path.stem, "division": parcels[0].XZQDM if parcels else "",
        "created_at": camp.moment.isoformat(),
        "devices": [{"device": one.number, "certificate": one.certificate} for one in camp.devices],
        "tasks": [
            {"JCBH": one.JCBH, "TBBH": one.TBBH, "BSM": one.BSM, "TBLX": one.TBLX,
             "window_from": WINDOW[0].isoformat(), "window_to": WINDOW[1].isoformat()}
            for one in parcels
        ],
        "photos": [shot.record for shot in camp.shots],
    }  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
        for shot in camp.shots:
            packed.writestr(shot.record["file"], shot.image)


def write_task_list(path: Path, parcels: Sequence[Parcel]) -> None:
    """Write the parcels as a list of monitoring patches, a GeoPackage in CGCS2000 longitude, latitude."""
    columns = {
        "JCBH": [one.JCBH for one in parcels], "XZQDM": [one.XZQDM for one in parcels],
        "TBLX": [one.TBLX for one in parcels], "TBBH": [one.TBBH for one in parcels],
        "BSM": [one.BSM for one in parcels], "QSRQ": [WINDOW[0].isoformat()] * len(parcels),
        "JZRQ": [WINDOW[1].isoformat()] * len(parcels),
    }  # fmt: skip
    shapes = shapely.to_wkb(np.array([one.geometry for one in parcels], object))
    pyogrio.raw.write(
        path, shapes, [np.array(one, object) for one in columns.values()], list(columns), layer="JCTB",
        geometry_type="Polygon", crs="EPSG:4490", promote_to_multi=False,
    )  # fmt: skip
