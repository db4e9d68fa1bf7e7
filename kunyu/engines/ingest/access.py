"""Who may do what to a delivery: the datasets it fills, in its division, through the one gateway ``security.scope``."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.record_labels import in_force
from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.models import Delivery
from kunyu.engines.ingest.services import get_delivery, unknown_delivery
from kunyu.engines.security import scope, zones
from kunyu.engines.security.errors import FieldMasked, NotAllowed, SignInNeeded
from kunyu.engines.security.label_registry import label_of, record_labels
from kunyu.engines.security.labels import holds
from kunyu.engines.security.scope import Principal


def collections_of(standard_id: str, dataset_code: str) -> list[str]:
    """Collections a delivery may fill: the dataset named, or every layer the catalogue stores for the standard.

    Layers that this zone may not hold are left out of a whole standard: nobody delivers them here, and a file that
    holds one is refused (``admission``).
    """
    if dataset_code:
        return [dataset_code]
    found = Layer.objects.filter(standard_id=standard_id).order_by("collection").values_list("collection", flat=True)
    zone = zones.current_zone()
    return [one for one in found if zone.holds(label_of(one))]


def require(principal: Principal, action: str, standard_id: str, dataset_code: str, division: str) -> None:
    """Refuse unless ``action`` is granted on every dataset the delivery may fill, in its division.

    Raises
    ------
    NotInThisZone
        The data would be his to deliver, but not on this node.
    SignInNeeded, NotVisible, NotAllowed
    """
    if dataset_code and any(
        holds(right.labels, label_of(dataset_code)) for right in principal.rights_on(dataset_code, action)
    ):
        zones.require_admitted(label_of(dataset_code), f"数据集 {dataset_code} ", f"Dataset {dataset_code}")
    for collection in collections_of(standard_id, dataset_code):
        scope.require_division(scope.resolve(principal, collection, action), division)


def visible(principal: Principal) -> QuerySet[Delivery]:
    """Deliveries whose data the caller may query, in the divisions of the grant; two queries, however many rows."""
    if principal.is_anonymous:
        raise SignInNeeded("请先登录，或在请求中带上访问令牌。", "Sign in, or send an access token with the request.")
    targets = Delivery.objects.order_by().values_list("standard_id", "dataset_code").distinct()
    stored: dict[str, list[str]] = {}
    for standard_id, collection in Layer.objects.values_list("standard_id", "collection"):
        stored.setdefault(standard_id, []).append(collection)
    allowed = Q(pk__in=[])
    for standard_id, dataset_code in targets:
        names = [dataset_code] if dataset_code else stored.get(standard_id, [])
        for prefix in _prefixes(principal, names):
            allowed |= Q(standard_id=standard_id, dataset_code=dataset_code, division_code__startswith=prefix)
    return Delivery.objects.filter(allowed)


def _prefixes(principal: Principal, collections: list[str]) -> set[str]:
    """Divisions in which at least one of the collections may be queried."""
    found = {prefix for name in collections for prefix in principal.divisions(name, scope.QUERY)}
    return {""} if "" in found else found


def visible_delivery(principal: Principal, delivery_id: int) -> Delivery:
    """The delivery, or the same answer as for a number that does not exist."""
    delivery = visible(principal).filter(pk=delivery_id).first()
    if delivery is None:
        raise unknown_delivery(delivery_id)
    return delivery


def actionable(principal: Principal, delivery_id: int, action: str) -> Delivery:
    """The delivery, once the caller may see it and do ``action`` to it."""
    visible_delivery(principal, delivery_id)
    delivery = get_delivery(delivery_id)
    filled = list(delivery.layers.exclude(collection="").values_list("collection", flat=True))
    if not filled:
        require(principal, action, delivery.standard_id, delivery.dataset_code, delivery.division_code)
    for collection in filled:
        scope.require_division(scope.resolve(principal, collection, action), delivery.division_code)
    return delivery


def allowed(principal: Principal, delivery: Delivery, action: str) -> bool:
    """Would ``actionable`` let the caller? Asks what the delivery holds, where ``may`` asks what it might."""
    filled = set(delivery.layers.exclude(collection="").values_list("collection", flat=True))
    names = filled or set(collections_of(delivery.standard_id, delivery.dataset_code))
    return all(any(delivery.division_code.startswith(p) for p in principal.divisions(name, action)) for name in names)


@dataclass(frozen=True)
class Hidden:
    """What of a delivery somebody may not see: layers by their standard's code, and keys of records labelled stricter."""

    layers: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.layers or self.keys)


def hidden(principal: Principal, delivery: Delivery, action: str = scope.QUERY) -> Hidden:
    """What of a delivery that the caller may see at all lies above his rights: other layers, single records."""
    layers, keys = set[str](), set[str]()
    for code, collection in Layer.objects.filter(standard_id=delivery.standard_id).values_list("code", "collection"):
        clauses = [
            one
            for one in scope.clauses_of(principal, collection, action)
            if delivery.division_code.startswith(one.prefix)
        ]
        if not clauses:
            layers.add(code)
        elif collection in record_labels():
            labelled = in_force(collection, delivery.division_code[:6])
            keys |= {key for key, label in labelled.items() if not any(holds(one.row_labels, label) for one in clauses)}
    return Hidden(frozenset(layers), frozenset(keys))


def require_whole(principal: Principal, delivery: Delivery, action: str) -> None:
    """Refuse a file about the whole delivery (its report, the delivery itself) to whoever may see a part of it only.

    Raises
    ------
    NotAllowed
    """
    lacking = hidden(principal, delivery, action)
    delivered = set(delivery.layers.values_list("layer_code", flat=True))
    if lacking.layers & delivered or lacking.keys:
        raise NotAllowed(
            f"批次 {delivery.pk} 含您无权查看的图层或要素，整批文件不能提供；可在批次页面查看您有权查看的部分。",
            f"Delivery {delivery.pk} holds layers or records that you may not see, so files about the whole of it are not "
            "handed out; its page shows the part you may see.",
            delivery=delivery.pk,
        )


def require_clear(principal: Principal, delivery: Delivery) -> None:
    """Refuse the file as delivered to whoever sees a personal field of its layers masked: nothing in it is masked.

    Raises
    ------
    FieldMasked, SignInNeeded, NotVisible, NotAllowed
    """
    standard = load_standard(delivery.standard_id)
    stored = dict(Layer.objects.filter(standard_id=standard.id).values_list("collection", "code"))
    filled = set(delivery.layers.values_list("collection", flat=True)) - {""} or set(
        collections_of(delivery.standard_id, delivery.dataset_code)
    )
    for collection in sorted(filled & set(stored)):
        personal = {field.personal for field in standard.layers[stored[collection]].fields if field.personal}
        granted = scope.resolve(principal, collection, scope.DOWNLOAD) if personal else None
        if granted is not None and not all(granted.reveals(kind) for kind in personal):
            raise FieldMasked(
                f"批次 {delivery.pk} 的原始文件含个人信息明文，您看到的是脱敏值，不能下载原件；请申请明文权限，或导出已发布的数据。",
                f"The file of delivery {delivery.pk} holds personal data in clear that you see masked: ask for the right to "
                "see it in clear, or export the published data instead.",
                delivery=delivery.pk,
            )


def may(principal: Principal, delivery: Delivery, action: str) -> bool:
    """Would ``actionable`` let the caller? For buttons: what a person may not do is not shown."""
    names = collections_of(delivery.standard_id, delivery.dataset_code)
    reach = [principal.divisions(name, action) for name in names]
    return all(any(delivery.division_code.startswith(p) for p in prefixes) for prefixes in reach)
