"""Styles that people save beside the layers' own look: who sees them, who may change them. 自存样式.

A saved style is seen by its owner, and by others once it is shared and they may see every collection it draws. Only its
owner replaces or removes it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from kunyu.engines.catalogue.served.layers import ServedLayer, open_layer
from kunyu.engines.maps import styles_check
from kunyu.engines.maps.drawing.painting import StyleLayer
from kunyu.engines.maps.errors import NoSuchStyle
from kunyu.engines.maps.models import SavedStyle
from kunyu.engines.maps.styles_check import CheckedStyle
from kunyu.engines.security import audit, scope
from kunyu.engines.security.errors import NotAllowed, SignInNeeded
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import canonical_json, sm3_hex

PREFIX = "s-"
DEFAULT = ("", "default")
MOST_OF_ONE = 500


def visible_styles(principal: Principal, collection: str | None = None) -> list[SavedStyle]:
    """Saved styles the caller may use, of one collection or of all."""
    found = SavedStyle.objects.order_by("title", "id")
    if collection is not None:
        found = found.filter(collections__contains=[collection])
    return [one for one in found[:2000] if _may_see(principal, one)]


def visible_style(principal: Principal, slug: str) -> SavedStyle:
    """One saved style; :class:`NoSuchStyle` when it is not there or not the caller's to see."""
    found = SavedStyle.objects.filter(slug=slug).first()
    if found is None or not _may_see(principal, found):
        raise no_such_style(slug)
    return found


def no_such_style(slug: str) -> NoSuchStyle:
    return NoSuchStyle(
        f"没有样式 {slug[:60]}，或者您无权查看。", f"There is no style {slug[:60]}, or you may not see it."
    )


def _may_see(principal: Principal, style: SavedStyle) -> bool:
    if principal.user_id is not None and style.owner_id == principal.user_id:
        return True
    return style.is_shared and all(scope.may(principal, one) for one in style.collections)


def style_layers(principal: Principal, layer: ServedLayer, style_id: str | None) -> tuple[StyleLayer, ...] | None:
    """The style layers of ``style_id`` for one collection; None is the collection's own look."""
    if style_id is None or style_id in (*DEFAULT, layer.collection):
        return None
    found = styles_check.layers_of(visible_style(principal, style_id).document, layer.collection)
    if not found:
        raise no_such_style(style_id)
    return found


def digest(style: tuple[StyleLayer, ...] | None) -> str:
    """What a style says now, for ETags; '' for a collection's own look."""
    return "" if style is None else sm3_hex(canonical_json(list(style)))[:16]


@transaction.atomic
def create(principal: Principal, checked: CheckedStyle) -> SavedStyle:
    """Save a style of one's own; on record.

    Raises
    ------
    SignInNeeded, NotAllowed, NotVisible
        Nobody, an administrator, too many, or a collection the caller may not see.
    """
    owner = require_person(principal)
    if SavedStyle.objects.filter(owner_id=owner).count() >= MOST_OF_ONE:
        raise NotAllowed(
            f"每人至多保存 {MOST_OF_ONE} 个样式；请先删除不用的。", f"A person keeps at most {MOST_OF_ONE} styles."
        )
    _require_collections(principal, checked)
    made = SavedStyle.objects.create(
        slug=PREFIX + secrets.token_hex(6), owner_id=owner, title=checked.title,
        document=dict(checked.document), collections=list(checked.collections), is_shared=_is_shared(checked),
    )  # fmt: skip
    audit.record(principal, "style-saved", "style", made.slug, collections=list(checked.collections))
    return made


@transaction.atomic
def replace(principal: Principal, slug: str, checked: CheckedStyle) -> SavedStyle:
    """Replace a style of one's own."""
    style = own(principal, slug)
    _require_collections(principal, checked)
    style.title, style.document = checked.title, dict(checked.document)
    style.collections, style.is_shared = list(checked.collections), _is_shared(checked)
    style.save()
    audit.record(principal, "style-saved", "style", slug, collections=list(checked.collections))
    return style


@transaction.atomic
def remove(principal: Principal, slug: str) -> None:
    """Remove a style of one's own."""
    style = own(principal, slug)
    audit.record(principal, "style-removed", "style", slug)
    style.delete()


def own(principal: Principal, slug: str) -> SavedStyle:
    """One's own style, locked. What one may not see is not there, before anything is said about one's rights.

    Raises
    ------
    SignInNeeded, NoSuchStyle, NotAllowed
    """
    require_signed_in(principal)
    visible_style(principal, slug)
    require_person(principal)
    style = SavedStyle.objects.select_for_update().get(slug=slug)
    if style.owner_id != principal.user_id:
        raise NotAllowed(f"样式 {slug} 不是您的，不能修改。", f"The style {slug} is not yours to change.")
    return style


def require_signed_in(principal: Principal) -> None:
    """:class:`SignInNeeded` for nobody."""
    if principal.is_anonymous:
        raise SignInNeeded("请先登录，再保存样式。", "Sign in to save a style.")


def require_person(principal: Principal) -> int:
    """His number; refuse nobody, administrators and the operator."""
    require_signed_in(principal)
    if principal.user_id is None or principal.duty:
        raise NotAllowed("管理员和节点操作员不保存样式。", "Administrators and the operator save no styles.")
    return principal.user_id


def _require_collections(principal: Principal, checked: CheckedStyle) -> None:
    for collection in checked.collections:
        open_layer(principal, collection, scope.SEE)


def _is_shared(checked: CheckedStyle) -> bool:
    metadata: Any = checked.document.get("metadata")
    return isinstance(metadata, Mapping) and metadata.get("kunyu:shared") is True
