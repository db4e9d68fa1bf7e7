"""``filter``, ``filter-lang`` and ``filter-crs`` of a request become a condition; its failures become refusals. 过滤参数."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
from django.db import DatabaseError

from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.catalogue.served.queries import Filtered
from kunyu.engines.maps import crs as crs_module
from kunyu.engines.maps.cql.errors import FilterFailed
from kunyu.engines.maps.cql.evaluate import evaluate
from kunyu.engines.maps.cql.json_form import parse_json
from kunyu.engines.maps.cql.text import parse_text
from kunyu.engines.security.scope import Scope

FILTER_PARAMETERS = ("filter", "filter-lang", "filter-crs")
_PARSERS = {"cql2-text": parse_text, "cql2-json": parse_json}


def read_filter(layer: ServedLayer, granted: Scope, query: Mapping[str, str]) -> Filtered | None:
    """The condition of ``filter``; None without one.

    Raises
    ------
    BadFilter, FilterTooLarge, FilterNotOffered, FieldMasked
        As ``parse_text``, ``parse_json`` and ``evaluate`` say.
    BadParameter
        An unknown ``filter-lang`` or CRS.
    """
    crs = crs_module.offered(query["filter-crs"]) if query.get("filter-crs") else crs_module.DEFAULT
    text = query.get("filter")
    language = query.get("filter-lang") or ("cql2-json" if (text or "").lstrip()[:1] == "{" else "cql2-text")
    if language not in _PARSERS:
        raise BadParameter(
            f"filter-lang={language[:40]!r} 不可用；可用：{'、'.join(_PARSERS)}。",
            f"filter-lang={language[:40]!r} is not offered; use {' or '.join(_PARSERS)}.",
        )
    if text is None:
        return None
    return evaluate(_PARSERS[language](text), layer, granted, crs)


@contextmanager
def evaluating(filtered: Filtered | None) -> Iterator[None]:
    """Around the reading of rows: what the database cannot evaluate on some record is the caller's to know.

    Raises
    ------
    FilterFailed
        Without the database's words: they may quote a stored value.
    """
    try:
        yield
    except (psycopg.DataError, psycopg.InternalError, DatabaseError) as error:
        if filtered is None or isinstance(error.__cause__, psycopg.OperationalError):
            raise
        raise FilterFailed(
            "数据库无法在某条记录上计算这个过滤条件（存储的几何无效，或数值超出范围）；请缩小范围或简化条件。",
            "The database cannot evaluate this filter on some record (an invalid stored geometry, or a number out of "
            "range); narrow the area or simplify the filter.",
        ) from error
