"""A drawn photo with the EXIF a phone writes; needs Pillow. 示意照片."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from PIL import Image, ImageDraw
from PIL.TiffImagePlugin import IFDRational

SIZE = (960, 720)
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825


@dataclass(frozen=True)
class Scene:
    """What is written into the file: device clock, satellites' clock, CGCS2000 position, camera."""

    device_at: datetime
    taken_at: datetime
    lon: float
    lat: float
    elevation_m: float
    azimuth: float
    pitch: float
    focal_mm: int
    caption: str
    kind: str


def draw(scene: Scene, generator: np.random.Generator) -> bytes:
    """Return a JPEG: sky, a field with furrows towards the horizon, a north arrow and the caption."""
    wide, high = SIZE
    horizon = int(high * (0.42 if scene.kind != "near" else 0.16) + scene.pitch * 4)
    rows = np.arange(high, dtype=np.float32)[:, None]
    sky = np.hstack([150 + 60 * rows / high, 185 + 40 * rows / high, 225 + 10 * rows / high])
    ground = np.hstack([120 - 30 * rows / high, 130 - 10 * rows / high, 70 - 20 * rows / high])
    shade = np.where(rows < horizon, sky, ground).astype(np.int16)[:, None, :]
    grain = generator.normal(0, 5, (high // 8, wide // 8, 1)).astype(np.int16).repeat(8, 0).repeat(8, 1)
    picture = Image.fromarray((shade + grain).clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    vanish = wide * (0.5 + 0.3 * np.sin(np.radians(scene.azimuth)))
    for foot in range(-wide, 2 * wide, 90):
        pen.line([(vanish, horizon), (foot, high)], fill=(96, 112, 52), width=3)
    turn = np.radians(-scene.azimuth)
    middle = np.array([wide - 70, 70])
    tip = middle + 42 * np.array([np.sin(turn), -np.cos(turn)])
    pen.ellipse([tuple(middle - 50), tuple(middle + 50)], fill=(250, 250, 245), outline=(11, 92, 99), width=3)
    pen.line([tuple(middle - (tip - middle) * 0.6), tuple(tip)], fill=(180, 35, 24), width=5)
    pen.rectangle([0, high - 34, wide, high], fill=(20, 28, 30))
    pen.text((12, high - 26), scene.caption, fill=(240, 240, 235), font_size=18)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=82, exif=_exif(scene))
    return out.getvalue()


def _exif(scene: Scene) -> Image.Exif:
    found = Image.Exif()
    found[0x010F], found[0x0110] = "Kunyu", "Sample"
    offset = scene.device_at.strftime("%z")
    found.get_ifd(_EXIF_IFD).update({
        0x9003: scene.device_at.strftime("%Y:%m:%d %H:%M:%S"), 0x9011: f"{offset[:3]}:{offset[3:]}",
        0xA405: scene.focal_mm,
    })  # fmt: skip
    gps = scene.taken_at.astimezone(UTC)
    found.get_ifd(_GPS_IFD).update({
        1: "N" if scene.lat >= 0 else "S", 2: _sexagesimal(scene.lat), 3: "E" if scene.lon >= 0 else "W",
        4: _sexagesimal(scene.lon), 6: IFDRational(round(scene.elevation_m * 100), 100),
        7: (IFDRational(gps.hour), IFDRational(gps.minute), IFDRational(gps.second)), 16: "T",
        17: IFDRational(round(scene.azimuth * 100), 100), 29: gps.strftime("%Y:%m:%d"),
    })  # fmt: skip
    return found


def _sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    value = abs(degrees)
    whole, minutes = int(value), int(value % 1 * 60)
    seconds = (value - whole - minutes / 60) * 3600
    return IFDRational(whole), IFDRational(minutes), IFDRational(round(seconds * 100_000), 100_000)
