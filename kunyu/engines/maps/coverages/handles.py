"""Open images of this process: kept open between requests, each used by one thread at a time, bounded in number.

Opening an image and reading its tags costs as much as a tile. GDAL's handles are not safe for two threads at once, so an
image that two threads read is open twice. Encrypted objects are decrypted as they are read; nothing plain reaches a disk.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, BinaryIO

# Read by GDAL when it first needs it: megabytes of decoded blocks that a process keeps.
os.environ.setdefault("GDAL_CACHEMAX", "256")

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from kunyu.engines.maps.coverages.errors import ImageUnreadable
from kunyu.engines.maps.coverages.settings import coverage_settings
from kunyu.engines.security.protection import object_store
from kunyu.kernel.objectstore import ObjectMissing

HUGE = 1e38
"""Heights and reflectances never reach this; files use ±3.4e38 for "nothing" with or without saying so."""


@dataclass
class OpenImage:
    """One open image with what every tile asks of it.

    ``epsg`` is None where the CRS has no code; ``nodata`` is a value of the image's own type.
    """

    sm3: str
    dataset: rasterio.DatasetReader
    source: BinaryIO | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def epsg(self) -> int | None:
        code: int | None = self.dataset.crs.to_epsg()
        return code

    @cached_property
    def crs_wkt(self) -> str:
        return str(self.dataset.crs.to_wkt())

    @cached_property
    def to_pixels(self) -> Affine:
        """Plane of the image to (column, row) from its upper left corner."""
        return ~self.dataset.transform

    @cached_property
    def overviews(self) -> tuple[int, ...]:
        return tuple(self.dataset.overviews(1))

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.dataset.dtypes[0])

    @cached_property
    def nodata(self) -> float | None:
        value = self.dataset.nodata
        return None if value is None else float(value)

    @cached_property
    def has_mask(self) -> bool:
        """Whether the image says by an alpha band or an internal mask where it holds nothing."""
        flags = self.dataset.mask_flag_enums[0]
        return any(one.name in ("per_dataset", "alpha") for one in flags)

    @cached_property
    def bands(self) -> tuple[int, ...]:
        """Numbers of the bands that hold data: all but alpha."""
        kinds = self.dataset.colorinterp
        return tuple(n for n in range(1, self.dataset.count + 1) if kinds[n - 1].name != "alpha")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the bands, as the file says, else B1, B2 …"""
        return tuple(self.dataset.descriptions[n - 1] or f"B{n}" for n in self.bands)

    def valid_of(self, values: NDArray[Any], window: Window | None, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Where ``values`` [band, row, column], just read from ``window``, hold something.

        By mask or alpha where the image has one, else any band that is not nodata, not NaN and not absurd.
        """
        if self.has_mask:
            mask: NDArray[np.bool_] = self.dataset.dataset_mask(window=window, out_shape=shape) > 0
            return mask
        if values.dtype.kind == "f":
            with np.errstate(invalid="ignore"):
                sound = np.abs(values) < HUGE
            if self.nodata is not None and abs(self.nodata) < HUGE:
                sound &= values != values.dtype.type(self.nodata)
            return np.asarray(sound.any(axis=0), dtype=np.bool_)
        if self.nodata is None:
            return np.ones(shape, np.bool_)
        return np.asarray((values != self.nodata).any(axis=0), dtype=np.bool_)

    def close(self) -> None:
        """Close the image and what feeds it."""
        with contextlib.suppress(RasterioError):
            self.dataset.close()
        if self.source is not None:
            self.source.close()


class Handles:
    """Images that nobody uses now, the least recently used first; at most ``most`` of them stay open."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._idle: OrderedDict[int, OpenImage] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def borrowed(self, sm3: str) -> Iterator[OpenImage]:
        """Yield the open image of an object; it goes back to the others unless reading it failed.

        Raises
        ------
        ImageUnreadable
            The object is gone, damaged, or no image.
        """
        image = self._take(sm3) or _open(sm3)
        try:
            yield image
        except RasterioError as error:
            image.close()
            raise _unreadable(sm3, error) from error
        except BaseException:
            image.close()
            raise
        self._give_back(image)

    def _take(self, sm3: str) -> OpenImage | None:
        with self._lock:
            found = next((key for key in reversed(self._idle) if self._idle[key].sm3 == sm3), None)
            return self._idle.pop(found) if found is not None else None

    def _give_back(self, image: OpenImage) -> None:
        with self._lock:
            self._idle[id(image)] = image
            surplus = [self._idle.popitem(last=False)[1] for _ in range(len(self._idle) - self._most)]
        for one in surplus:
            one.close()

    def close(self) -> None:
        """Close every idle image."""
        with self._lock:
            images, self._idle = list(self._idle.values()), OrderedDict()
        for one in images:
            one.close()


def _open(sm3: str) -> OpenImage:
    store = object_store()
    source: BinaryIO | None = None
    try:
        if store.is_protected(sm3):
            source = store.open(sm3)
            return OpenImage(sm3, rasterio.open(source, driver="GTiff"), source)
        return OpenImage(sm3, rasterio.open(store.path(sm3), driver="GTiff"))
    except (RasterioError, ObjectMissing, OSError) as error:
        if source is not None:
            source.close()
        raise _unreadable(sm3, error) from error


def _unreadable(sm3: str, error: BaseException) -> ImageUnreadable:
    return ImageUnreadable(
        f"影像对象 {sm3[:12]} 读不出来：对象缺失或已损坏。请运行 kunyu doctor，并从备份恢复。",
        f"The image object {sm3[:12]} cannot be read: it is missing or damaged. Run kunyu doctor and restore it.",
        object=sm3,
    )


_handles: dict[int, Handles] = {}


def handles() -> Handles:
    """The open images of this process; a forked worker has its own."""
    mine = _handles.get(os.getpid())
    if mine is None:
        mine = _handles.setdefault(os.getpid(), Handles(coverage_settings().open_images))
    return mine
