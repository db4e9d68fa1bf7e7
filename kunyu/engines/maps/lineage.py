"""Compositions and exports in the lineage graph: what was made of a version. 专题图与导出的血缘."""

from __future__ import annotations

from django.db.models import Q

from kunyu.engines.catalogue.lineage_graph import OTHER, Edge, Node, Part
from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.maps.compositions.services import visible
from kunyu.engines.maps.models import CompositionVersion, Export
from kunyu.engines.security.scope import Principal

MOST = 200


def around(principal: Principal, versions: list[DatasetVersion]) -> Part:
    """Compositions saved on, and exports made from, the collections of ``versions``; others' are ``other``."""
    by_place = {(one.layer.collection, one.county, one.number): one.pk for one in versions}
    if not by_place:
        return Part()
    nodes: list[Node] = []
    edges: list[Edge] = []
    _compositions(principal, by_place, nodes, edges)
    _exports(principal, versions, nodes, edges)
    return Part(tuple(nodes), tuple(edges))


def _compositions(
    principal: Principal, by_place: dict[tuple[str, str, int], int], nodes: list[Node], edges: list[Edge]
) -> None:
    wanted = Q()
    for collection in {place[0] for place in by_place}:
        wanted |= Q(versions__has_key=collection)
    mine = set() if principal.is_anonymous else set(visible(principal).values_list("pk", flat=True))
    saved = CompositionVersion.objects.filter(wanted).select_related("composition").order_by("-pk")[:MOST]
    for one in saved:
        places = [
            (collection, county, int(said["number"]))
            for collection, counties in one.versions.items()
            for county, said in counties.items()
        ]
        used = sorted({by_place[place] for place in places if place in by_place})
        if not used:
            continue
        name = OTHER
        if one.composition_id in mine:
            name = f"composition:{one.composition.slug}:{one.number}"
            title = one.title_en or one.title_zh
            detail = {"slug": one.composition.slug, "number": one.number, "digest": one.digest, "made_by": one.made_by}
            nodes.append(
                Node(
                    name,
                    "composition",
                    f"专题图 {one.title_zh} 第 {one.number} 版",
                    f"Map {title} v{one.number}",
                    detail,
                )
            )
        edges += [Edge(f"version:{pk}", name, "composed") for pk in used]


def _exports(principal: Principal, versions: list[DatasetVersion], nodes: list[Node], edges: list[Edge]) -> None:
    """Exports of a collection finished while a version was the newest known."""
    for one in Export.objects.filter(
        collection__in={version.layer.collection for version in versions}, state__in=("done", "expired")
    ).order_by("-pk")[:MOST]:
        used = _newest_at(versions, one)
        name = OTHER
        if principal.user_id is not None and one.owner_id == principal.user_id:
            name = f"export:{one.pk}"
            detail = {
                "format": one.format,
                "records": one.records,
                "sm3": one.sm3,
                "asked_at": one.asked_at.isoformat(),
            }
            title = one.file_name or f"{one.collection} {one.format}"
            nodes.append(Node(name, "export", f"导出 {title}", f"Export {title}", detail, f"/api/map/exports/{one.pk}"))
        edges += [Edge(f"version:{pk}", name, "exported") for pk in used]


def _newest_at(versions: list[DatasetVersion], export: Export) -> list[int]:
    """The newest version of each county that was published when the export was asked for."""
    newest: dict[str, DatasetVersion] = {}
    for version in versions:
        known = version.known_from
        if version.layer.collection != export.collection or known is None or known > export.asked_at:
            continue
        if version.county not in newest or newest[version.county].number < version.number:
            newest[version.county] = version
    return sorted(one.pk for one in newest.values())
