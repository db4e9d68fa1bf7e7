"""The EXIF reader against what Pillow writes, and against anything at all (R-186)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kunyu.packs.field_evidence.photos.exif import read_jpeg
from kunyu.packs.field_evidence.samples.drawing import SIZE, Scene, draw

pytestmark = pytest.mark.quick
MOMENT = datetime(2025, 10, 9, 16, 59, 30, tzinfo=timezone(timedelta(hours=8)))


def photo(**changes: object) -> bytes:
    values = {
        "device_at": MOMENT, "taken_at": MOMENT - timedelta(seconds=5), "lon": 113.0123456, "lat": 34.5654321,
        "elevation_m": 120.0, "azimuth": 271.25, "pitch": 0.0, "focal_mm": 26, "caption": "1", "kind": "near",
    }  # fmt: skip
    return draw(Scene(**(values | changes)), np.random.default_rng(1))


PHOTO = photo()


def test_what_a_phone_writes_is_read_back() -> None:
    found = read_jpeg(PHOTO)
    assert (found.width, found.height, found.complete, found.has_exif) == (*SIZE, True, True)
    assert (found.taken_at, found.gps_at) == (MOMENT, (MOMENT - timedelta(seconds=5)).astimezone(UTC))
    assert (found.lon, found.lat) == pytest.approx((113.0123456, 34.5654321), abs=2e-9)
    assert (found.azimuth, found.focal_mm) == (271.25, 26.0)


def test_south_and_west() -> None:
    found = read_jpeg(photo(lon=-58.5, lat=-34.25))
    assert (found.lon, found.lat) == pytest.approx((-58.5, -34.25), abs=1e-8)


def test_what_is_no_jpeg_or_cut_off() -> None:
    assert read_jpeg(b"") is read_jpeg(b"\x89PNG\r\n") is None
    cut = read_jpeg(PHOTO[: len(PHOTO) // 2])
    assert (cut.width, cut.complete) == (SIZE[0], False)
    bare = PHOTO[:2] + PHOTO[PHOTO.index(b"\xff\xdb") :]
    assert read_jpeg(bare).has_exif is False


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_bytes_raise(data: st.DataObject) -> None:
    """Any byte of the head changed, cut anywhere: an answer, never an error."""
    head = bytearray(PHOTO[:700])
    for _ in range(data.draw(st.integers(1, 12))):
        head[data.draw(st.integers(0, len(head) - 1))] = data.draw(st.integers(0, 255))
    read_jpeg(bytes(head[: data.draw(st.integers(0, 700))]) + PHOTO[700:])
