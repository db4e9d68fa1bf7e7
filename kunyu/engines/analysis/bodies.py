"""Request bodies read strictly and within bounds, before anything is parsed. 请求体."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError

from kunyu.engines.analysis.errors import BadRequest, PlotTooLarge
from kunyu.engines.analysis.settings import MIB, analysis_settings


def require_size(request: HttpRequest) -> None:
    """Refuse a body that says it is too long, before a byte of it is read."""
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > analysis_settings().request_bytes_max:
        raise too_large(length)


def too_large(size: int | None = None) -> PlotTooLarge:
    most = analysis_settings().request_bytes_max
    given = f"{size / MIB:.1f} MiB，" if size else ""
    given_en = f"The request is {size / MIB:.1f} MiB; " if size else ""
    return PlotTooLarge(
        f"请求{given}超过 {most / MIB:g} MiB 的上限；请简化或拆分地块。",
        f"{given_en}at most {most / MIB:g} MiB are taken: simplify or split the plot.",
        limit=most,
    )


def read_json(request: HttpRequest) -> Any:
    """The JSON of a body.

    Raises
    ------
    PlotTooLarge, BadRequest
        NaN and Infinity, which JSON does not know, are refused like any other malformed text.
    """
    require_size(request)
    try:
        return json.loads(request.body, parse_constant=_no_constant)
    except RequestDataTooBig:
        raise too_large() from None
    except (UnreadablePostError, OSError):
        raise BadRequest("请求体中断。", "The body broke off.") from None
    except RecursionError:
        raise BadRequest("JSON 嵌套太深。", "The JSON is nested too deeply.") from None
    except ValueError as error:
        raise BadRequest(f"请求体不是 JSON：{error}"[:200], f"The body is no JSON: {error}"[:200]) from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number / 不是 JSON 数")
