"""Acts on the catalogue: local extensions. Loading stands in ``loading``, tables in ``tables``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.db import transaction

from kunyu.engines.catalogue.errors import (
    BadCatalogueCode,
    IllegalParent,
    NoSchema,
    ProducerMissing,
    StandardEntryFixed,
    UnknownDataset,
)
from kunyu.engines.catalogue.level_labels import proposal_of
from kunyu.engines.catalogue.models import CatalogueItem, Dataset, Layer
from kunyu.engines.security import audit, label_services
from kunyu.engines.security.scope import Principal

LOCAL_CODE = re.compile(r"(?P<item>\d{5})-(?P<number>\d{3})@(?P<division>\d{6})")


@dataclass(frozen=True)
class LocalDataset:
    """What a division registers: a dataset of its own under a content item of Table 1 (省、市、县补充)."""

    code: str
    name_zh: str
    producer_zh: str
    level: str
    name_en: str = ""
    classification: str = ""
    update_mode: str = "汇交"
    geometry: str = ""
    layer_names: str = ""
    standard_id: str = ""
    source: str = ""
    verified: bool = False


@transaction.atomic
def register_local_dataset(entry: LocalDataset, actor: Principal | None = None) -> Dataset:
    """Register a local extension, or bring an earlier registration of the same code up to date.

    Parameters
    ----------
    actor
        Who does it, for the audit; None only for what ships with the product.

    Raises
    ------
    BadCatalogueCode
        The code is not ``TCCNN-nnn@division``.
    IllegalParent
        No content item ``TCCNN`` in the catalogue (R-021, R-080).
    StandardEntryFixed
        The code or the name is that of a standard entry under the same item (R-021, R-080).
    ProducerMissing
        Nobody is named who produces it and answers for it (R-082).
    """
    match = LOCAL_CODE.fullmatch(entry.code)
    if match is None:
        _refuse_plain_code(entry.code)
    else:
        _check_parent(entry, match["item"])
    _check_producer(entry.code, entry.producer_zh)
    if entry.level not in Dataset.Level.values:
        raise BadCatalogueCode(
            f"{entry.code} 的密级 {entry.level!r} 应为 {'、'.join(Dataset.Level.values)} 之一。",
            f"Level {entry.level!r} of {entry.code} must be one of {', '.join(Dataset.Level.values)}.",
        )
    assert match is not None
    values = {
        **{name: value for name, value in vars(entry).items() if name != "code"},
        "classification": entry.classification or entry.level,
        "item_id": match["item"],
        "local_division": match["division"],
        "is_public": entry.level == Dataset.Level.OPEN,
        "position": 10_000 + int(match["number"]),
    }
    dataset, created = Dataset.objects.update_or_create(code=entry.code, defaults=values)
    label_services.propose_from_catalogue([proposal_of(dataset)])
    if actor is not None:
        audit.record(actor, "register-dataset", "dataset", entry.code, created=created, producer=entry.producer_zh)
    return dataset


def _refuse_plain_code(code: str) -> None:
    if Dataset.objects.filter(code=code, local_division="").exists():
        raise StandardEntryFixed(
            f"{code} 是国家目录条目，地方不得改写；请登记为 {code[:5]}-nnn@区划代码。",
            f"{code} is an entry of the national catalogue and may not be redefined; register {code[:5]}-nnn@division.",
            code=code,
        )
    raise BadCatalogueCode(
        f"本地扩展编码 {code} 应为 TCCNN-nnn@6位区划代码。",
        f"A local code is TCCNN-nnn@division; {code} is not.",
        code=code,
    )


def _check_parent(entry: LocalDataset, item: str) -> None:
    parent = CatalogueItem.objects.filter(code=item, level=CatalogueItem.Level.CONTENT).first()
    if parent is None:
        raise IllegalParent(
            f"{entry.code} 的上级 {item} 不在数据目录中；本地扩展只能挂在表1已有的数据内容下。",
            f"Parent {item} of {entry.code} is not in the catalogue; a local extension hangs under an item of Table 1.",
            code=entry.code,
            parent=item,
        )
    if Dataset.objects.filter(item=parent, local_division="", name_zh=entry.name_zh).exists():
        raise StandardEntryFixed(
            f"“{entry.name_zh}”已是 {item} {parent.name_zh} 下的国家目录条目，地方不得另立同名数据集。",
            f"“{entry.name_zh}” already is a national entry under {item}; a local one may not take its name.",
            code=entry.code,
        )


def _check_producer(code: str, producer: str) -> None:
    if not producer.strip():
        raise ProducerMissing(
            f"数据集 {code} 没有生产单位；谁生产、谁负责，请写明单位名称。",
            f"Dataset {code} names no producer; whoever produces it answers for it. Name the organisation.",
            code=code,
        )


def dataset_for_delivery(code: str) -> tuple[Dataset, Layer]:
    """The dataset and its first layer, ready to receive data.

    ``code`` is a dataset code, one of its aliases, or the collection of one layer.

    Raises
    ------
    NoSchema
        The code is not in the catalogue, or no standard gives it a layer (R-031).
    ProducerMissing
        The dataset has no producer (R-082).
    """
    try:
        dataset, layer = find_dataset(code)
    except UnknownDataset as why:
        raise NoSchema(
            f"{code} 不在数据目录中，不能接收；请先登记目录编码。",
            f"{code} is not in the catalogue and cannot be received; register a catalogue code first.",
            code=code,
        ) from why
    if layer is None:
        raise NoSchema(
            f"数据集 {dataset.code} {dataset.name_zh} 还没有图层结构，不能接收；请先为它安装标准。",
            f"Dataset {dataset.code} has no schema and cannot be received; install a standard that has its layer.",
            code=code,
        )
    _check_producer(dataset.code, dataset.producer_zh)
    return dataset, layer


def find_dataset(code: str) -> tuple[Dataset, Layer | None]:
    """The dataset of a code, an alias or a collection, and the layer meant (its first when the code is a dataset's).

    Raises
    ------
    UnknownDataset
        Nothing bears the code.
    """
    layer = Layer.objects.select_related("dataset").filter(collection=code).first()
    if layer is not None:
        return layer.dataset, layer
    dataset = Dataset.objects.filter(code=code).first() or Dataset.objects.filter(aliases__contains=[code]).first()
    if dataset is None:
        raise UnknownDataset(f"目录中没有 {code}。", f"The catalogue has no {code}.", code=code)
    return dataset, Layer.objects.filter(collection=dataset.code).first()
