"""Names of layer tables, their partitions and views. Pure."""

from __future__ import annotations

import re

from kunyu.engines.catalogue.errors import BadCounty, NoTable

SCHEMA = "onemap"
LONGEST = 63 - len("_p990101_geom_past")  # PostgreSQL cuts longer names silently, and two could then meet


def table_name(layer_code: str, standard_id: str) -> str:
    """``DLTB`` of ``TDT1057-2020`` is ``dltb_tdt1057_2020``."""
    name = f"{layer_code.lower()}_{re.sub(r'[^a-z0-9]+', '_', standard_id.lower())}"
    if len(name) > LONGEST:
        raise NoTable(
            f"图层 {layer_code} 的表名 {name} 长 {len(name)}，上限 {LONGEST}；请缩短标准编号 {standard_id}。",
            f"Table name {name} has {len(name)} letters, limit {LONGEST}; shorten the standard's id {standard_id}.",
        )
    return name


def partition_name(table: str, county: str) -> str:
    """``dltb_tdt1057_2020_p990101``.

    Raises
    ------
    BadCounty
        ``county`` is not six digits.
    """
    if not re.fullmatch(r"\d{6}", county):
        raise BadCounty(
            f"县级区划代码 {county!r} 应为6位数字。",
            f"A county code has six digits; {county!r} has not.",
            county=county,
        )
    return f"{table}_p{county}"


def view_name(table: str) -> str:
    """The view of what is believed now and true today."""
    return f"{table}_current"
