"""Deliveries, their files, checks and approvals, for the lineage graph of the catalogue. 汇交血缘."""

from __future__ import annotations

from django.db.models import Count

from kunyu.engines.catalogue.lineage_graph import OTHER, Edge, Node, Part
from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.catalogue.served.moments import instant_text
from kunyu.engines.ingest.access import visible
from kunyu.engines.ingest.models import CheckRun, Delivery, DeliveryEvent
from kunyu.engines.pages.words import person_words
from kunyu.engines.security.names import names_of
from kunyu.engines.security.scope import Principal

DECISIONS = (Delivery.Status.ACCEPTED, Delivery.Status.PUBLISHED)


def around(principal: Principal, versions: list[DatasetVersion]) -> Part:
    """The deliveries that versions were loaded from; one that the principal may not see is ``other``."""
    wanted = {one.delivery_id for one in versions if one.delivery_id is not None}
    seen = {} if principal.is_anonymous else visible(principal).in_bulk(sorted(wanted))
    nodes: list[Node] = []
    edges: list[Edge] = []
    for one in versions:
        if one.delivery_id is not None:
            source = f"delivery:{one.delivery_id}" if one.delivery_id in seen else OTHER
            edges.append(Edge(source, f"version:{one.pk}", "delivered"))
    for delivery in seen.values():
        nodes.append(_delivery(delivery))
        sm3, name = delivery.input_sm3, delivery.file_name
        nodes.append(Node(f"file:{sm3}", "file", name, name, {"sm3": sm3, "size": delivery.input_size}))
        edges.append(Edge(f"file:{sm3}", f"delivery:{delivery.pk}", "received"))
    made: dict[int, list[int]] = {}
    for one in versions:
        if one.delivery_id is not None:
            made.setdefault(one.delivery_id, []).append(one.pk)
    _checks(list(seen), made, nodes, edges)
    _decisions(list(seen), made, nodes, edges)
    return Part(tuple(nodes), tuple(edges))


def _delivery(one: Delivery) -> Node:
    detail = {
        "file": one.file_name, "division": one.division_code, "status": one.status, "standard": one.standard_id,
        "valid_from": one.valid_from.isoformat(), "mapping": one.mapping_name, "created_by": one.created_by,
        "created_at": instant_text(one.created_at), "input_sm3": one.input_sm3,
    }  # fmt: skip
    return Node(
        f"delivery:{one.pk}", "delivery", f"汇交 {one.pk}：{one.file_name}", f"Delivery {one.pk}: {one.file_name}", detail,
        f"/deliveries/{one.pk}",
    )  # fmt: skip


def _checks(deliveries: list[int], made: dict[int, list[int]], nodes: list[Node], edges: list[Edge]) -> None:
    for run in CheckRun.objects.filter(delivery_id__in=deliveries).annotate(found=Count("findings")).order_by("pk"):
        detail = {
            "at": instant_text(run.at), "findings": run.found, "summary": run.summary, "rules_run": len(run.rules_run),
            "rules_not_run": run.rules_not_run, "standard_digest": run.standard_digest, "report_sm3": run.report_sm3,
            "reference": run.reference_digest,
        }  # fmt: skip
        nodes.append(
            Node(f"check:{run.pk}", "check", f"质检 {run.pk}：{run.found} 条问题", f"Check {run.pk}: {run.found} findings",
                 detail, f"/deliveries/{run.delivery_id}")
        )  # fmt: skip
        edges.append(Edge(f"delivery:{run.delivery_id}", f"check:{run.pk}", "checked"))
        edges += [Edge(f"check:{run.pk}", f"version:{one}", "judged") for one in made.get(run.delivery_id, [])]


def _decisions(deliveries: list[int], made: dict[int, list[int]], nodes: list[Node], edges: list[Edge]) -> None:
    """Who accepted and who published: the approvals a version stands on."""
    found = DeliveryEvent.objects.filter(delivery_id__in=deliveries, status__in=DECISIONS).order_by("pk")
    names = names_of(one.actor for one in found)
    for event in found:
        words, who = event.get_status_display(), person_words(names[event.actor])
        detail = {"at": instant_text(event.at), "actor": event.actor, "status": event.status, "reason": event.reason_zh}
        nodes.append(
            Node(
                f"approval:{event.pk}",
                "approval",
                f"{words}（{who[0]}）",
                f"{event.status} by {who[1]}",
                detail,
            )
        )
        edges.append(Edge(f"delivery:{event.delivery_id}", f"approval:{event.pk}", "decided"))
        if event.status == Delivery.Status.PUBLISHED:
            edges += [
                Edge(f"approval:{event.pk}", f"version:{one}", "published") for one in made.get(event.delivery_id, [])
            ]
