"""Compositions kept and shared: every version stays, and names the dataset versions it was made on. 专题图的保存与共享.

Shared is the recipe, not the data: whoever opens a composition sees of it what his own rights show him.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from kunyu.engines.catalogue.served.layers import find_layer, open_layer, published_versions
from kunyu.engines.maps.compositions.definition import Definition, read_definition
from kunyu.engines.maps.compositions.errors import BadComposition, NoSuchComposition, NotYourComposition
from kunyu.engines.maps.models import Composition, CompositionShare, CompositionVersion
from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import audit, scope
from kunyu.engines.security.errors import NotAllowed, SignInNeeded
from kunyu.engines.security.models import Appointment, User
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import canonical_json, sm3_hex

MOST_OF_ONE = 500
MOST_SHARES = 200


@dataclass(frozen=True)
class Sharing:
    """With whom: ``audience`` private, named or everybody; persons by account, organisations by code."""

    audience: str = "private"
    users: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()


def visible(principal: Principal) -> QuerySet[Composition]:
    """Compositions the caller may open: his own, those shared with him, those that ship."""
    found = Composition.objects.filter(removed_at=None)
    if principal.is_operator:
        return found
    allowed = Q(ships=True)
    if principal.user_id is not None:
        allowed |= Q(owner_id=principal.user_id) | Q(audience=Composition.Audience.EVERYBODY)
        named = Q(shares__user_id=principal.user_id) | Q(shares__organisation_id__in=_organisations(principal.user_id))
        allowed |= Q(audience=Composition.Audience.NAMED) & named
    return found.filter(allowed).distinct()


def _organisations(user_id: int) -> list[int]:
    """The organisations in which a person holds a post today, and all above them."""
    today = timezone.localdate()
    held = Appointment.objects.filter(
        Q(ends_on=None) | Q(ends_on__gte=today), user_id=user_id, starts_on__lte=today
    ).values_list("post__organisation__path", flat=True)
    return sorted({int(part) for path in held for part in path.split("/") if part})


def one(principal: Principal, slug: str) -> Composition:
    """A composition the caller may open.

    Raises
    ------
    NoSuchComposition
        Not there, or not shared with him: the same answer.
    """
    found = visible(principal).filter(slug=slug).select_related("owner").first()
    if found is None:
        if principal.is_anonymous:
            raise SignInNeeded("请先登录，再打开专题图。", "Sign in to open a composition.")
        raise NoSuchComposition(
            f"没有专题图 {slug[:40]}，或者没有与您共享。",
            f"There is no composition {slug[:40]}, or it is not shared with you.",
        )
    return found


def version_of(composition: Composition, number: int | None = None) -> CompositionVersion:
    """One version, the newest when no number is given; :class:`NoSuchComposition`."""
    found = composition.versions.order_by("-number")
    version = (found if number is None else found.filter(number=number)).first()
    if version is None:
        raise NoSuchComposition(
            f"专题图 {composition.slug} 没有第 {number} 版。", f"{composition.slug} has no version {number}."
        )
    return version


def versions_now(definition: Definition) -> dict[str, Any]:
    """The dataset versions in force of every layer: county to number, known since, valid from."""
    found: dict[str, Any] = {}
    for use in definition.layers:
        layer = None if use.is_base else find_layer(use.collection)
        if layer is None:
            continue
        whole = scope.resolve(scope.operator("compositions"), layer.collection, scope.SEE, public=layer.is_public)
        newest = {version.county: version for version in published_versions(layer, whole)}
        found[use.collection] = {
            county: {
                "number": one.number, "valid_from": str(one.valid_from), "known_from": one.known_from.isoformat(),
            }
            for county, one in sorted(newest.items())
        }  # fmt: skip
    return found


def visible_versions(principal: Principal, recorded: dict[str, Any]) -> dict[str, Any]:
    """Of recorded versions those of collections and counties that the caller may see."""
    shown: dict[str, Any] = {}
    for collection, counties in recorded.items():
        layer = find_layer(collection)
        if layer is None or not scope.may(principal, collection, public=layer.is_public):
            continue
        granted = scope.resolve(principal, collection, scope.SEE, public=layer.is_public)
        shown[collection] = {county: one for county, one in counties.items() if granted.allows_division(county)}
    return shown


@transaction.atomic
def create(principal: Principal, given: Any, sharing: Sharing) -> CompositionVersion:
    """Keep a new composition of the caller's own; on record."""
    require_person(principal)
    definition = _checked(principal, given)
    if Composition.objects.filter(owner_id=principal.user_id, removed_at=None).count() >= MOST_OF_ONE:
        raise NotYourComposition(
            f"每人至多保存 {MOST_OF_ONE} 幅专题图；请先删除不用的。",
            f"A person keeps at most {MOST_OF_ONE} compositions.",
        )
    made = Composition.objects.create(slug=f"c-{secrets.token_hex(6)}", owner_id=principal.user_id)
    _share(made, sharing)
    audit.record(principal, "composition-saved", "composition", made.slug, version=1, audience=sharing.audience)
    return add_version(made, definition, principal.name)


@transaction.atomic
def save(principal: Principal, slug: str, given: Any, sharing: Sharing | None) -> CompositionVersion:
    """Keep another version of one's own composition; unchanged definitions make none."""
    composition = own(principal, slug)
    definition = _checked(principal, given)
    if sharing is not None:
        _share(composition, sharing)
    last = version_of(composition)
    if last.digest == _digest(definition):
        return last
    version = add_version(composition, definition, principal.name)
    audit.record(
        principal, "composition-saved", "composition", slug, version=version.number, audience=composition.audience
    )
    return version


@transaction.atomic
def share(principal: Principal, slug: str, sharing: Sharing) -> Composition:
    """Change with whom one's own composition is shared."""
    composition = own(principal, slug)
    _share(composition, sharing)
    audit.record(
        principal, "composition-shared", "composition", slug, audience=sharing.audience, users=len(sharing.users),
        organisations=list(sharing.organisations),
    )  # fmt: skip
    return composition


@transaction.atomic
def remove(principal: Principal, slug: str) -> None:
    """Take one's own composition out of every list; its versions stay for the record."""
    composition = own(principal, slug)
    composition.removed_at = timezone.now()
    composition.save(update_fields=["removed_at"])
    audit.record(principal, "composition-removed", "composition", slug)


def own(principal: Principal, slug: str) -> Composition:
    """One's own composition, locked.

    Raises
    ------
    NoSuchComposition, NotYourComposition
    """
    found = one(principal, slug)
    if found.ships or found.owner_id is None or found.owner_id != principal.user_id:
        raise NotYourComposition(
            "只有作者可以修改；请另存为自己的专题图。", "Only its author changes it: save a copy of your own."
        )
    return Composition.objects.select_for_update().get(pk=found.pk)


def require_person(principal: Principal) -> int:
    """Refuse whoever has no account, and administrators, who see no data."""
    if principal.is_anonymous:
        raise SignInNeeded("请先登录，再保存专题图。", "Sign in to keep a composition.")
    if principal.user_id is None or principal.duty:
        raise NotAllowed("管理员和节点操作员不制作专题图。", "Administrators and the operator make no maps.")
    return principal.user_id


def add_version(composition: Composition, definition: Definition, made_by: str) -> CompositionVersion:
    """The next version, with the dataset versions in force now."""
    last = composition.versions.aggregate(last=Max("number"))["last"] or 0
    return CompositionVersion.objects.create(
        composition=composition, number=last + 1, title_zh=definition.title_zh, title_en=definition.title_en,
        definition=definition.document(), versions=versions_now(definition), digest=_digest(definition), made_by=made_by,
    )  # fmt: skip


def _digest(definition: Definition) -> str:
    return sm3_hex(canonical_json(definition.document()))


def _checked(principal: Principal, given: Any) -> Definition:
    """A definition whose layers the author himself may see: nobody saves the name of what he cannot know."""
    definition = read_definition(given)
    for use in definition.layers:
        if not use.is_base:
            open_layer(principal, use.collection, scope.SEE)
    return definition


def _share(composition: Composition, sharing: Sharing) -> None:
    if sharing.audience not in Composition.Audience.values:
        raise BadComposition(
            f"audience={sharing.audience[:20]!r} 不可用；可用 private、named、everybody。",
            f"audience={sharing.audience[:20]!r}: use private, named or everybody.",
        )
    if len(sharing.users) + len(sharing.organisations) > MOST_SHARES:
        raise BadComposition(
            f"至多共享给 {MOST_SHARES} 个人和单位。", f"At most {MOST_SHARES} persons and organisations."
        )
    people = _found(User.objects.filter(username__in=sharing.users, is_active=True), "username", sharing.users)
    bodies = _found(Organisation.objects.filter(code__in=sharing.organisations), "code", sharing.organisations)
    composition.audience = sharing.audience
    composition.save(update_fields=["audience"])
    composition.shares.all().delete()
    CompositionShare.objects.bulk_create(
        [CompositionShare(composition=composition, user_id=pk) for pk in people]
        + [CompositionShare(composition=composition, organisation_id=pk) for pk in bodies]
    )


def _found(rows: QuerySet[Any], name: str, wanted: Iterable[str]) -> list[int]:
    keys = dict(rows.values_list(name, "pk"))
    missing = next((one for one in wanted if one not in keys), None)
    if missing is not None:
        raise BadComposition(
            f"没有用户或单位 {missing[:40]!r}。", f"There is no person or organisation {missing[:40]!r}."
        )
    return sorted(set(keys.values()))
