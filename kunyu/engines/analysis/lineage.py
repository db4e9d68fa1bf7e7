"""Stored results in the lineage graph: a figure leads back to the versions behind it, a version forward to its results."""

from __future__ import annotations

from kunyu.engines.analysis import keeping
from kunyu.engines.analysis.errors import NoSuchResult
from kunyu.engines.analysis.jobs import NAMES
from kunyu.engines.analysis.models import StoredResult
from kunyu.engines.catalogue.lineage_graph import OTHER, Edge, Node, Part
from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.catalogue.served.moments import instant_text
from kunyu.engines.security.scope import Principal

MOST = 200


def around(principal: Principal, versions: list[DatasetVersion]) -> Part:
    """Results that stored one of the versions: one's own with their facts, anybody else's as ``other``."""
    wanted = {one.pk for one in versions}
    if not wanted:
        return Part()
    found = StoredResult.objects.none()
    for pk in sorted(wanted):
        found |= StoredResult.objects.filter(versions__contains=[pk])
    nodes: list[Node] = []
    edges: list[Edge] = []
    for one in found.order_by("-pk")[:MOST]:
        mine = one.owner_id == principal.user_id and (principal.user_id is not None or principal.is_operator)
        name = f"result:{one.pk}" if mine and keeping.still_allowed(principal, one.document) else OTHER
        if name != OTHER:
            nodes.append(node_of(one))
        edges += [Edge(f"version:{pk}", name, "computed") for pk in one.versions if pk in wanted]
    return Part(tuple(nodes), tuple(edges))


def subject(principal: Principal, number: str) -> tuple[Node, list[int]] | None:
    """One's own result and the versions behind it."""
    if not number.isdecimal() or len(number) > 18:
        return None
    try:
        found = keeping.find(principal, int(number))
    except NoSuchResult:
        return None
    return node_of(found), list(found.versions)


def node_of(one: StoredResult) -> Node:
    """A result as a node."""
    zh, en = NAMES[one.kind]
    detail = {
        "kind": one.kind, "digest": one.digest, "made_at": instant_text(one.made_at), "software": one.software,
        "valid_at": one.question["valid_at"], "known_at": one.question["known_at"],
        "geometry_area_m2": one.document.get("geometry_area_m2"),
    }  # fmt: skip
    return Node(
        f"result:{one.pk}",
        "result",
        f"{zh}结果 {one.pk}",
        f"{en} result {one.pk}",
        detail,
        f"/api/analysis/results/{one.pk}",
    )
