"""The lineage graph: from a figure, a feature or a version back to what it was made of, forward to what was made of it.

Nodes are versions, features, files, standards, and whatever engines above the catalogue know: deliveries, checks, approvals,
stored results, compositions. Those engines are named in the setting ``KUNYU_LINEAGE_PROVIDERS``; the catalogue asks none of
them by name. Edges run from what came first to what was made of it. What the reader may not see is the one node ``other``
without a fact (R-145).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from kunyu.engines.catalogue.errors import UnknownDataset
from kunyu.engines.catalogue.lineage import ancestry, descendants
from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.catalogue.queries import sees_version
from kunyu.engines.catalogue.served.beliefs import moment_of
from kunyu.engines.catalogue.served.layers import open_layer, record_read
from kunyu.engines.catalogue.served.moments import ValidDays, instant_text, read_known_at
from kunyu.engines.catalogue.served.queries import Selection, rows
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import UsageError

MOST_VERSIONS = 300
OTHER = "other"


@dataclass(frozen=True)
class Node:
    """One thing of a lineage; ``detail`` holds facts for people and programs, ``href`` where to look at it."""

    id: str
    kind: str
    title_zh: str
    title_en: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    href: str = ""


@dataclass(frozen=True)
class Edge:
    """``source`` came first; ``kind`` says how ``target`` depends on it."""

    source: str
    target: str
    kind: str


@dataclass(frozen=True)
class Part:
    """What a provider adds."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()


@dataclass(frozen=True)
class Provider:
    """What an engine above the catalogue knows.

    ``around`` adds what stands before or behind versions that the principal may see. ``subjects`` maps a kind of thing to
    the function that finds one by its id: its node, and the ids of the versions it was made of; None when it is not
    the principal's to see.
    """

    around: Callable[[Principal, list[DatasetVersion]], Part]
    subjects: Mapping[str, Callable[[Principal, str], tuple[Node, list[int]] | None]] = field(default_factory=dict)


class TooManyVersions(UsageError):
    """The lineage asked for is larger than one answer takes. 血缘过大."""

    code = "lineage_too_large"


@lru_cache(maxsize=1)
def providers() -> tuple[Provider, ...]:
    """The providers of this node, in the order of the setting."""
    path = getattr(settings, "KUNYU_LINEAGE_PROVIDERS", "")
    return tuple(import_string(path)) if path else ()


@dataclass
class _Graph:
    principal: Principal
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[Edge, None] = field(default_factory=dict)
    seen: dict[int, DatasetVersion] = field(default_factory=dict)

    def add(self, node: Node) -> str:
        self.nodes.setdefault(node.id, node)
        return node.id

    def link(self, source: str, target: str, kind: str) -> None:
        if source != target:
            self.edges.setdefault(Edge(source, target, kind))

    def version(self, version: DatasetVersion) -> str:
        """The node of a version, or the one node of what may not be seen."""
        if not sees_version(self.principal, version):
            return self.other()
        name = f"version:{version.pk}"
        if name not in self.nodes:
            self.seen[version.pk] = version
            self.add(_version_node(version))
            standard = self.add(_standard_node(version))
            self.link(standard, name, "standard")
        return name

    def other(self) -> str:
        return self.add(Node(OTHER, OTHER, "其他（您无权查看）", "Other (not visible to you)"))

    def document(self, root: str) -> dict[str, Any]:
        forward = _reached(root, self.edges, forward=True)
        return {
            "root": root,
            "nodes": [asdict(one) for one in self.nodes.values()],
            "edges": [{"from": one.source, "to": one.target, "kind": one.kind} for one in self.edges],
            "impact": [one for one in self.nodes if one in forward and one != root],
        }


def lineage_document(
    principal: Principal,
    *,
    collection: str = "",
    feature: str = "",
    known_at: str = "",
    version: int | None = None,
    subject: str = "",
) -> dict[str, Any]:
    """The graph around one thing.

    Parameters
    ----------
    collection, feature
        A layer, or one feature of it.
    version
        A version by its id.
    subject
        ``kind:id`` of something a provider knows, such as ``result:12``.

    Returns
    -------
    dict
        ``root`` (id of the node asked for), ``nodes``, ``edges``, and ``impact``: ids of everything that depends on it.

    Raises
    ------
    SignInNeeded, NotVisible, NotAllowed
        As ``security.scope``; what does not exist is not visible either.
    """
    graph = _Graph(principal)
    if subject:
        root, versions = _of_subject(graph, subject)
    elif version is not None:
        root, versions = _of_version(graph, version)
    elif collection and feature:
        root, versions = _of_feature(graph, collection, feature, known_at)
    elif collection:
        root, versions = _of_layer(graph, collection, known_at)
    else:
        raise UsageError("请给出 collection、version 或 subject。", "Give collection, version or subject.")
    _grow(graph, versions)
    return graph.document(root)


def _grow(graph: _Graph, versions: Iterable[DatasetVersion]) -> None:
    """Add everything before and behind ``versions``, and what the providers know of those that are visible."""
    waiting, done = list(versions), set()
    for version in [one for start in waiting for one in (start, *_relatives(start))]:
        if version.pk in done:
            continue
        done.add(version.pk)
        if len(done) > MOST_VERSIONS:
            raise TooManyVersions(
                f"血缘涉及的版本超过 {MOST_VERSIONS} 个；请从某个版本或要素开始查询。",
                f"The lineage holds more than {MOST_VERSIONS} versions; begin with one version or feature.",
            )
        name = graph.version(version)
        _inputs(graph, version, name)
    for provider in providers():
        part = provider.around(graph.principal, list(graph.seen.values()))
        for node in part.nodes:
            graph.add(node)
        for edge in part.edges:
            for end in (edge.source, edge.target):
                if end not in graph.nodes:
                    graph.other()
            ends = [end if end in graph.nodes else OTHER for end in (edge.source, edge.target)]
            graph.link(ends[0], ends[1], edge.kind)


def _relatives(version: DatasetVersion) -> list[DatasetVersion]:
    before = [one.version for one in ancestry(version) if one.version is not None]
    return before + descendants(version)


def _inputs(graph: _Graph, version: DatasetVersion, name: str) -> None:
    """Edges from what a version names as its inputs; files of versions that are not visible stay unnamed."""
    listed = [one for one in version.lineage.get("inputs", []) if isinstance(one, dict)]
    before = DatasetVersion.objects.select_related("layer__dataset").in_bulk(
        [one["version"] for one in listed if "version" in one]
    )
    for earlier in before.values():
        graph.link(graph.version(earlier), name, "revised")
    if name == OTHER:
        return
    for one in listed:
        if "sm3" in one:
            sm3 = str(one["sm3"])
            title = str(one.get("name") or sm3[:12])
            graph.link(graph.add(Node(f"file:{sm3}", "file", title, title, {"sm3": sm3})), name, "loaded")


def _version_node(version: DatasetVersion) -> Node:
    layer = version.layer
    detail = {
        "collection": layer.collection, "county": version.county, "number": version.number, "status": version.status,
        "valid_from": version.valid_from.isoformat(),
        "known_from": instant_text(version.known_from) if version.known_from else None,
        "records": version.record_count, "area_m2": version.area_m2, "digest": version.digest,
        "incremental": version.is_incremental, "mapping": version.lineage.get("mapping"),
        "software": version.lineage.get("software"),
    }  # fmt: skip
    title = f"{layer.name_en or layer.collection} {version.county} v{version.number}"
    return Node(
        f"version:{version.pk}", "version", f"{layer.name_zh} {version.county} 第 {version.number} 版", title, detail,
        f"/api/catalogue/versions/{version.pk}/lineage",
    )  # fmt: skip


def _standard_node(version: DatasetVersion) -> Node:
    layer = version.layer
    digest = version.lineage.get("rules")
    name = f"standard:{layer.standard_id}" + (f":{str(digest)[:12]}" if digest else "")
    # TDT1057-2020 names its edition itself
    title = layer.standard_id if layer.standard_id.endswith(layer.edition) else f"{layer.standard_id} {layer.edition}"
    return Node(name, "standard", title, title, {"edition": layer.edition, "digest": digest})


def _not_there(zh: str, en: str) -> NotVisible:
    return NotVisible(f"没有{zh}，或者您无权查看。", f"There is no {en}, or you may not see it.")


def _of_subject(graph: _Graph, subject: str) -> tuple[str, list[DatasetVersion]]:
    kind, _, number = subject.partition(":")
    for provider in providers():
        if kind in provider.subjects:
            found = provider.subjects[kind](graph.principal, number)
            if found is None:
                break
            node, ids = found
            root = graph.add(node)
            versions = list(DatasetVersion.objects.select_related("layer__dataset").filter(pk__in=ids).order_by("pk"))
            for one in versions:
                graph.link(graph.version(one), root, "computed")
            return root, versions
    raise _not_there(f" {subject[:60]}", subject[:60])


def _of_version(graph: _Graph, number: int) -> tuple[str, list[DatasetVersion]]:
    found = DatasetVersion.objects.select_related("layer__dataset").filter(pk=number).first()
    if found is None or not sees_version(graph.principal, found):
        raise _not_there(f"版本 {number}", f"version {number}")
    return graph.version(found), [found]


def _of_layer(graph: _Graph, collection: str, known_at: str) -> tuple[str, list[DatasetVersion]]:
    layer, granted = open_layer(graph.principal, collection, scope.SEE)
    known = read_known_at(known_at or None)
    found = DatasetVersion.objects.select_related("layer__dataset").filter(
        layer_id=layer.id, status=DatasetVersion.Status.PUBLISHED
    )
    if known is not None:
        found = found.filter(known_from__lte=known)
    newest = found.order_by("county", "-number").distinct("county")
    versions = [one for one in newest if granted.allows_division(one.county)]
    root = graph.add(
        Node(f"layer:{collection}", "layer", layer.name_zh, layer.name_en or collection, {"collection": collection})
    )
    for one in versions:
        graph.link(graph.version(one), root, "published")
    return root, versions


def _of_feature(graph: _Graph, collection: str, feature: str, known_at: str) -> tuple[str, list[DatasetVersion]]:
    """Every version that ever stated or ended the feature, as far as known at ``known_at``."""
    layer, granted = open_layer(graph.principal, collection, scope.QUERY)
    moment = moment_of(layer.id, ValidDays(None, None), read_known_at(known_at or None), every_belief=True)
    record_read(graph.principal, layer, None, "lineage")
    ids = _versions_of(Selection(layer, granted, moment, feature=feature))
    if not ids:
        raise UnknownDataset(
            f"{collection} 没有要素 {feature[:60]}。",
            f"{collection} has no feature {feature[:60]}.",
            feature=feature[:60],
        )
    root = graph.add(
        Node(f"feature:{collection}/{feature}", "feature", f"{layer.name_zh} {feature}",
             f"{layer.name_en or collection} {feature}", {"collection": collection, "feature": feature},
             f"/ogc/collections/{collection}/items/{feature}")
    )  # fmt: skip
    versions = list(DatasetVersion.objects.select_related("layer__dataset").filter(pk__in=ids).order_by("pk"))
    for one in versions:
        graph.link(graph.version(one), root, "states")
    return root, versions


def _versions_of(selection: Selection) -> list[int]:
    statement, parameters = rows(selection, ["version_id"])
    return sorted({int(row[0]) for row in fetch(selection.granted, statement, parameters)})


def _reached(root: str, edges: Iterable[Edge], *, forward: bool) -> set[str]:
    near: dict[str, list[str]] = {}
    for edge in edges:
        near.setdefault(edge.source if forward else edge.target, []).append(edge.target if forward else edge.source)
    reached, waiting = {root}, [root]
    while waiting:
        for one in near.get(waiting.pop(), []):
            if one not in reached:
                reached.add(one)
                waiting.append(one)
    return reached
