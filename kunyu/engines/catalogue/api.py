"""House API: the catalogue tree, one dataset, lineage, broken links of themes."""

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from kunyu.engines.catalogue import queries
from kunyu.engines.catalogue.themes import broken_links

router = Router(tags=["catalogue"])


@router.get("/tree")
def tree(request: HttpRequest) -> list[dict[str, Any]]:
    """Table 1 as a tree with the datasets the caller may see, and counts."""
    return [asdict(node) for node in queries.tree(request.principal)]  # type: ignore[attr-defined]


@router.get("/search")
def search(request: HttpRequest, q: str = "", limit: int = Query(20, ge=1, le=200)) -> list[dict[str, Any]]:
    """Datasets the caller may see whose code begins with, or whose names hold, every word of ``q``."""
    found = queries.search_datasets(request.principal, q.replace("\0", "")[:80], limit)  # type: ignore[attr-defined]
    return [asdict(one) for one in found]


@router.get("/datasets/{code}")
def dataset(request: HttpRequest, code: str) -> dict[str, Any]:
    """One dataset: entry, layers with fields and codes, versions."""
    return queries.dataset_detail(request.principal, code)  # type: ignore[attr-defined]


@router.get("/versions/{version_id}/lineage")
def lineage(request: HttpRequest, version_id: int) -> dict[str, Any]:
    """Where a version comes from and what was made of it."""
    return queries.lineage_of(request.principal, version_id)  # type: ignore[attr-defined]


@router.get("/lineage", summary="血缘图 / lineage graph")
def lineage_graph(
    request: HttpRequest,
    collection: str = "",
    feature: str = "",
    known_at: str = "",
    version: int | None = None,
    subject: str = "",
) -> dict[str, Any]:
    """From a layer, a feature, a version or a stored result (``subject=result:12``) back to deliveries and forward."""
    from kunyu.engines.catalogue.lineage_graph import lineage_document

    return lineage_document(
        request.principal,  # type: ignore[attr-defined]
        collection=collection.replace("\0", "")[:60], feature=feature.replace("\0", "")[:80],
        known_at=known_at, version=version, subject=subject.replace("\0", "")[:80],
    )  # fmt: skip


@router.get("/themes/broken-links")
def theme_links(request: HttpRequest) -> list[dict[str, Any]]:
    """Leaves of thematic catalogues that lead to no dataset; empty when all correspond."""
    return [asdict(one) for one in broken_links()]
