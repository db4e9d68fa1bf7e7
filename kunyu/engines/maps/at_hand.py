"""A person's favourites and recently used layers, kept on the node. 收藏与最近使用."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction
from django.utils import timezone

from kunyu.engines.maps import layer_nodes
from kunyu.engines.maps.layer_nodes import Node
from kunyu.engines.maps.models import FavouriteLayer, RecentLayer
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import UsageError

MOST_FAVOURITES = 200
MOST_RECENT = 30


def favourites(principal: Principal) -> list[Node]:
    """What the person marked and may still see, in his order."""
    if principal.user_id is None:
        return []
    kept = FavouriteLayer.objects.filter(user_id=principal.user_id).order_by("position", "id")
    return layer_nodes.in_order(principal, list(kept.values_list("collection", flat=True)))


@transaction.atomic
def keep_favourites(principal: Principal, collections: Sequence[str]) -> list[Node]:
    """Make these the person's favourites, in this order; those he cannot see at present stay kept.

    Raises
    ------
    UsageError
        Too many, or nobody in particular asks (the operator has no favourites).
    NotVisible
        One of them is no layer that the person may see.
    """
    wanted = list(dict.fromkeys(collections))
    person = _require_person(principal)
    if len(wanted) > MOST_FAVOURITES:
        raise UsageError(
            f"收藏了 {len(wanted)} 个图层，最多 {MOST_FAVOURITES} 个；请先取消一些。",
            f"{len(wanted)} favourites, the limit is {MOST_FAVOURITES}; remove some first.",
        )
    nodes = _visible(principal, wanted)
    before = [node.id for node in favourites(principal)]
    FavouriteLayer.objects.filter(user_id=person, collection__in=before).delete()
    FavouriteLayer.objects.bulk_create(
        [
            FavouriteLayer(user_id=person, collection=one, position=place)
            for place, one in enumerate(wanted)
        ],
        update_conflicts=True, unique_fields=["user", "collection"], update_fields=["position"],
    )  # fmt: skip
    return nodes


def recent(principal: Principal) -> list[Node]:
    """Layers the person switched on lately and may still see, the last one first."""
    if principal.user_id is None:
        return []
    kept = RecentLayer.objects.filter(user_id=principal.user_id).order_by("-used_at", "id")[:MOST_RECENT]
    return layer_nodes.in_order(principal, list(kept.values_list("collection", flat=True)))


@transaction.atomic
def note_used(principal: Principal, collections: Sequence[str]) -> list[Node]:
    """Remember that the person switched these layers on, and forget all but the newest :data:`MOST_RECENT`."""
    person = _require_person(principal)
    wanted = list(dict.fromkeys(collections))[:MOST_RECENT]
    _visible(principal, wanted)
    now = timezone.now()
    RecentLayer.objects.bulk_create(
        [RecentLayer(user_id=person, collection=one, used_at=now) for one in wanted],
        update_conflicts=True, unique_fields=["user", "collection"], update_fields=["used_at"],
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM maps_recentlayer WHERE user_id = %s AND id NOT IN (SELECT id FROM maps_recentlayer "
            "WHERE user_id = %s ORDER BY used_at DESC, id LIMIT %s)",
            [principal.user_id, principal.user_id, MOST_RECENT],
        )
    return recent(principal)


def _require_person(principal: Principal) -> int:
    """His number; the operator and nobody have no layers of their own: :class:`UsageError`."""
    if principal.user_id is None:
        raise UsageError("收藏和最近使用属于个人；请用个人账号登录。", "Favourites belong to a person; sign in as one.")
    return principal.user_id


def _visible(principal: Principal, collections: Sequence[str]) -> list[Node]:
    nodes = layer_nodes.in_order(principal, collections)
    missing = sorted(set(collections) - {node.id for node in nodes})
    if missing:
        raise NotVisible(
            f"没有图层 {'、'.join(missing[:3])}，或者您无权查看。",
            f"There is no layer {', '.join(missing[:3])}, or you may not see it.",
        )
    return nodes
