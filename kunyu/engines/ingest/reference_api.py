"""House API of reference packs."""

from __future__ import annotations

from django.http import FileResponse, HttpRequest
from ninja import Router

from kunyu.engines.ingest import issued_packs
from kunyu.engines.security.scope import Principal

router = Router(tags=["reference packs"])


@router.get("/{standard}/{division}")
def reference_pack(request: HttpRequest, standard: str, division: str, base: bool = False) -> FileResponse:
    """A signed reference pack of a standard in a division, of what the caller may download; ``base``: stored layers too."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return issued_packs.made_for(principal, standard, division, with_base=base)
