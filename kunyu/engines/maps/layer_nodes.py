"""The layer tree for thousands of layers: light nodes, one level at a time, chosen and counted by the database. 图层目录树.

What a person may see is one condition of the query (:func:`scope.collections_predicate`), never a loop over layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection

from kunyu.engines.catalogue.models import CatalogueItem
from kunyu.engines.catalogue.visible import visible
from kunyu.engines.maps.errors import NoSuchBranch
from kunyu.engines.security import scope
from kunyu.engines.security.labels import ORDINARY
from kunyu.engines.security.scope import Principal

MOST_CHILDREN = 5_000
MOST_FOUND = 100
# The layer a first visit opens, when the person may see it: the land parcels.
FIRST_LAYER = "DLTB"
_ITEM_DIGITS = {0: 1, 1: 3, 3: 5}


@dataclass(frozen=True)
class Node:
    """One row of the tree. ``kind``: item, dataset or layer; ``count``: visible layers under it."""

    id: str
    kind: str
    code: str
    name_zh: str
    name_en: str
    count: int
    parent: str = ""
    geometry: str = ""
    path_zh: str = ""
    path_en: str = ""


@dataclass(frozen=True)
class Nodes:
    """Rows in the catalogue's order; ``total`` may be more than are listed; ``start`` is what a first visit opens."""

    nodes: list[Node]
    total: int
    start: str | None = None


def _seen(principal: Principal, action: str = scope.SEE) -> tuple[str, list[Any]]:
    """SQL of the visible layers with something published, and its parameters."""
    condition, parameters = scope.collections_predicate(
        principal, action, code="l.collection", public="d.is_public",
        label=f"coalesce(own.secrecy * 9 + own.grading * 3 + own.sharing, "
              f"whole.secrecy * 9 + whole.grading * 3 + whole.sharing, {ORDINARY.code})",
    )  # fmt: skip
    return (
        "SELECT l.id, l.collection, l.code, l.name_zh, l.name_en, l.geometry, l.position, d.code AS dataset, "
        "d.name_zh AS dataset_zh, d.name_en AS dataset_en, d.position AS dataset_position, d.item_id AS item "
        "FROM catalogue_layer l JOIN catalogue_dataset d ON d.code = l.dataset_id "
        "LEFT JOIN security_label own ON own.collection = l.collection AND own.state = 'approved' "
        "LEFT JOIN security_label whole ON whole.collection = d.code AND whole.state = 'approved' "
        "WHERE l.id IN (SELECT v.layer_id FROM catalogue_datasetversion v WHERE v.status = 'published') "
        f"AND {condition}",
        parameters,
    )


def _rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def children(principal: Principal, parent: str, include_empty: bool = False) -> Nodes:
    """Rows directly under ``parent``: '' is the root, then catalogue items, datasets, layers.

    Parameters
    ----------
    include_empty
        Also items and datasets that nobody delivered to yet, as far as the person may know of them.

    Raises
    ------
    NoSuchBranch
        There is no such item or dataset, or the person may see nothing in it.
    """
    if "-" in parent:
        found = _layers_of(principal, parent)
    elif len(parent) == 5:
        found = _datasets_of(principal, parent, include_empty)
    elif len(parent) in _ITEM_DIGITS:
        found = _items_of(principal, parent, include_empty)
    else:
        found = []
    if parent and not found:
        raise NoSuchBranch(
            f"目录中没有 {parent}，或者您无权查看。", f"The tree has no {parent}, or you may not see it."
        )
    start = _start(principal) if not parent else None
    return Nodes(found[:MOST_CHILDREN], len(found), start)


def _items_of(principal: Principal, parent: str, include_empty: bool) -> list[Node]:
    digits = _ITEM_DIGITS[len(parent)]
    seen, parameters = _seen(principal)
    counted = dict(
        _rows(
            f"SELECT left(item, {digits}), count(*) FROM ({seen}) s WHERE item LIKE %s GROUP BY 1",
            [*parameters, f"{parent}%" if parent.isdigit() or not parent else ""],
        )
    )
    items = CatalogueItem.objects.filter(parent_id=parent or None).order_by("position")
    return [
        Node(one.code, "item", one.code, one.name_zh, one.name_en, counted.get(one.code, 0), parent)
        for one in items
        if include_empty or one.code in counted
    ]


def _datasets_of(principal: Principal, item: str, include_empty: bool) -> list[Node]:
    """Datasets of a content item; one with a single layer is that layer under the dataset's name."""
    seen, parameters = _seen(principal)
    rows = _rows(
        "SELECT dataset, min(dataset_zh), min(dataset_en), count(*), min(collection), min(code), min(geometry), "
        f"min(dataset_position) FROM ({seen}) s WHERE item = %s GROUP BY dataset ORDER BY 8, 1",
        [*parameters, item],
    )
    nodes = {row[0]: _dataset_node(item, *row[:7]) for row in rows}
    if not include_empty:
        return list(nodes.values())
    listed = visible(principal).filter(item_id=item).order_by("position", "code")
    return [
        nodes.get(code) or Node(code, "dataset", code, name_zh, name_en, 0, item)
        for code, name_zh, name_en in listed.values_list("code", "name_zh", "name_en")
    ]


def _dataset_node(
    item: str, dataset: str, name_zh: str, name_en: str, count: int, collection: str, code: str, geometry: str
) -> Node:
    if count == 1:
        return Node(collection, "layer", code, name_zh, name_en, 1, item, geometry)
    return Node(dataset, "dataset", dataset, name_zh, name_en, count, item)


def _layers_of(principal: Principal, dataset: str) -> list[Node]:
    seen, parameters = _seen(principal)
    rows = _rows(
        f"SELECT collection, code, name_zh, name_en, geometry FROM ({seen}) s WHERE dataset = %s ORDER BY position, id",
        [*parameters, dataset],
    )
    return [Node(row[0], "layer", row[1], row[2], row[3], 1, dataset, row[4]) for row in rows]


def _start(principal: Principal) -> str | None:
    """The layer a first visit opens: land parcels, or the first of the catalogue that can be drawn."""
    seen, parameters = _seen(principal)
    rows = _rows(
        f"SELECT collection FROM ({seen}) s WHERE geometry IN ('Polygon', 'LineString', 'Point', 'Raster') "
        "ORDER BY code <> %s, dataset, position LIMIT 1",
        [*parameters, FIRST_LAYER],
    )
    return rows[0][0] if rows else None


_FOUND = """
SELECT s.collection, s.code, s.name_zh, s.name_en, s.geometry, s.dataset, s.dataset_zh, s.dataset_en, s.item,
       concat_ws(' / ', type.name_zh, category.name_zh, item.name_zh),
       concat_ws(' / ', type.name_en, category.name_en, item.name_en), count(*) OVER ()
FROM ({seen}) s
JOIN catalogue_catalogueitem item ON item.code = s.item
LEFT JOIN catalogue_catalogueitem category ON category.code = left(s.item, 3)
LEFT JOIN catalogue_catalogueitem type ON type.code = left(s.item, 1)
WHERE {where}
ORDER BY {rank}, item.position, s.dataset_position, s.position, s.id LIMIT %s
"""
_TEXT = (
    "lower(concat_ws(' ', s.collection, s.code, s.name_zh, s.name_en, s.dataset_zh, s.dataset_en, category.name_zh, "
    "category.name_en, item.name_zh, item.name_en))"
)


def find(principal: Principal, text: str, limit: int = MOST_FOUND, only: Sequence[str] | None = None) -> Nodes:
    """Visible layers in whose names or codes every word of ``text`` stands; exact codes and names first.

    ``only`` keeps to these collections, whatever ``text``.
    """
    words = text.lower().split()
    seen, parameters = _seen(principal)
    conditions = [f"position(%s in {_TEXT}) > 0"] * len(words)
    values: list[Any] = [*parameters, *words]
    if only is not None:
        conditions.append("s.collection = ANY(%s::text[])")
        values.append(list(only))
    whole = text.strip().lower()
    rank = (
        "CASE WHEN lower(s.code) = %s OR s.collection = %s OR s.name_zh = %s OR s.dataset_zh = %s THEN 0 "
        "WHEN position(%s in lower(concat_ws(' ', s.name_zh, s.name_en, s.code, s.collection))) > 0 THEN 1 ELSE 2 END"
    )
    where = " AND ".join(conditions) or "TRUE"
    statement = _FOUND.format(seen=seen, where=where, rank=rank)
    rows = _rows(statement, [*values, whole, whole, whole, whole, whole, limit])
    return Nodes([_found_node(*row[:-1]) for row in rows], rows[0][-1] if rows else 0)


def _found_node(
    collection: str, code: str, name_zh: str, name_en: str, geometry: str, dataset: str, dataset_zh: str,
    dataset_en: str, item: str, path_zh: str, path_en: str,
) -> Node:  # fmt: skip
    node = Node(collection, "layer", code, name_zh, name_en, 1, item, geometry, path_zh, path_en)
    # the first layer of a dataset bears the dataset's name, as in the tree; its own stays in the path
    if collection == dataset:
        return replace(node, name_zh=dataset_zh, name_en=dataset_en or name_en)
    return replace(node, path_zh=f"{path_zh} / {dataset_zh}", path_en=f"{path_en} / {dataset_en}")


def in_order(principal: Principal, collections: Sequence[str]) -> list[Node]:
    """The named layers as far as they may be seen, in the order given."""
    found = {node.id: node for node in find(principal, "", len(collections) or 1, collections).nodes}
    return [found[one] for one in collections if one in found]


def extent_within(principal: Principal, division: str) -> tuple[float, float, float, float] | None:
    """Box (degrees: west, south, east, north) of what the person may query of a division; None when nothing is there.

    Grants by division are looked at too: a box tells where data lie.
    """
    seen, parameters = _seen(principal, scope.QUERY)
    rows = _rows(
        f"SELECT s.collection, v.county, min(v.extent[1]), min(v.extent[2]), max(v.extent[3]), max(v.extent[4]) "
        f"FROM ({seen}) s JOIN catalogue_datasetversion v ON v.layer_id = s.id "
        "WHERE v.status = 'published' AND v.extent IS NOT NULL AND starts_with(v.county, %s) GROUP BY 1, 2",
        [*parameters, division[:6]],
    )
    boxes = [row[2:] for row in rows if _reaches(principal, row[0], row[1])]
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def _reaches(principal: Principal, collection: str, county: str) -> bool:
    prefixes = principal.divisions(collection, scope.QUERY)
    return not prefixes or any(county.startswith(one) for one in prefixes)


def searched_layers(principal: Principal, text: str, first: Sequence[str], most: int) -> list[str]:
    """Collections in which to look for a feature called ``text``: those of ``first``, then others by the catalogue.

    An identifier begins with the county (six digits): only layers with data there are asked.
    """
    seen, parameters = _seen(principal, scope.QUERY)
    county = text[:6] if len(text) >= 12 and text[:6].isdigit() else ""
    rows = _rows(
        f"SELECT s.collection FROM ({seen}) s WHERE s.geometry IN ('Polygon', 'LineString', 'Point') "
        "AND (%s = '' OR EXISTS (SELECT 1 FROM catalogue_datasetversion v WHERE v.layer_id = s.id "
        "AND v.status = 'published' AND v.county = %s)) "
        "ORDER BY array_position(%s::text[], s.collection::text) NULLS LAST, s.code <> %s, s.dataset, s.position LIMIT %s",
        [*parameters, county, county, list(first), FIRST_LAYER, most],
    )
    return [row[0] for row in rows]
