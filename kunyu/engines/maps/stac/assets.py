"""The bytes of a stored image, whole or by range, so that GDAL and QGIS can stream it. 影像字节流."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from kunyu.engines.maps.coverages.errors import ImageUnreadable, RangeNotSatisfiable
from kunyu.engines.maps.stac.documents import COG
from kunyu.engines.security.protection import object_store
from kunyu.kernel.objectstore import ObjectMissing

_PIECE = 1 << 18
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def stream(request: HttpRequest, sm3: str, size: int, is_public: bool) -> HttpResponseBase:
    """Answer GET and HEAD for an object of ``size`` bytes, decrypted where it lies encrypted; one range at most.

    Raises
    ------
    RangeNotSatisfiable
        The range begins beyond the end.
    ImageUnreadable
        The object is gone.
    """
    tag = f'"{sm3}"'
    wanted = _range(request, size, tag)
    first, last = wanted or (0, size - 1)
    response: HttpResponseBase
    if f'"{sm3}"' in request.headers.get("If-None-Match", "") and wanted is None:
        response = HttpResponse(status=304)
    elif request.method == "HEAD":
        response = HttpResponse(status=206 if wanted else 200, content_type=COG)
        response["Content-Length"] = str(last - first + 1)
    else:
        response = StreamingHttpResponse(
            _pieces(_opened(sm3), first, last - first + 1), status=206 if wanted else 200, content_type=COG
        )
        response["Content-Length"] = str(last - first + 1)
    if wanted:
        response["Content-Range"] = f"bytes {first}-{last}/{size}"
    response["Accept-Ranges"], response["ETag"] = "bytes", tag
    response["Cache-Control"] = "public, max-age=0, must-revalidate" if is_public else "private, no-cache"
    return response


def _opened(sm3: str) -> BinaryIO:
    try:
        return object_store().open(sm3)
    except ObjectMissing as error:
        raise ImageUnreadable(
            f"影像对象 {sm3[:12]} 不在存储中。请运行 kunyu doctor，并从备份恢复。",
            f"The image object {sm3[:12]} is not in the store. Run kunyu doctor and restore it.",
            object=sm3,
        ) from error


def _range(request: HttpRequest, size: int, tag: str) -> tuple[int, int] | None:
    """First and last byte of ``Range``; None for the whole: no range, several, or one of another state (RFC 9110 §14)."""
    condition = request.headers.get("If-Range")
    match = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if match is None or (condition and condition != tag) or not (match[1] or match[2]):
        return None
    if match[1]:
        first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
    else:
        first, last = max(size - int(match[2]), 0), size - 1
    if first >= size or first > last:
        raise RangeNotSatisfiable(
            f"文件共 {size} 字节，没有所要的范围。", f"The file has {size} bytes; the range lies outside.", size=size
        )
    return first, last


def _pieces(source: BinaryIO, first: int, count: int) -> Iterator[bytes]:
    with source:
        source.seek(first)
        while count > 0 and (piece := source.read(min(_PIECE, count))):
            count -= len(piece)
            yield piece
