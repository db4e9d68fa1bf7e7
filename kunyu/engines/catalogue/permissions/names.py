"""Names of branches and datasets, and the tree to choose one from."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import CharField, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf

from kunyu.engines.catalogue.models import CatalogueItem, Dataset, Layer
from kunyu.engines.pages.words import Pair, pick
from kunyu.engines.reference.models import Division
from kunyu.engines.security.data_names import WHOLE_CATALOGUE

DATASETS_OFFERED = 2_000
Choice = tuple[str, str]


def names_of(codes: Collection[str]) -> dict[str, Pair]:
    """Names of those codes that the catalogue knows: items, datasets and single layers."""
    found: dict[str, Pair] = {}
    for rows, key in ((CatalogueItem.objects, "code"), (Dataset.objects, "code"), (Layer.objects, "collection")):
        named = rows.filter(**{f"{key}__in": list(codes)}).values_list(key, "name_zh", "name_en")  # type: ignore[attr-defined]
        found |= {code: (zh, en or zh) for code, zh, en in named if code not in found}
    return found


def known(branch: str) -> bool:
    """Does the branch name a part of the catalogue ('' is all of it)?"""
    return not branch or bool(names_of([branch]))


def branch_choices() -> list[tuple[str, str | list[Choice]]]:
    """The catalogue as choices of a select: a group for each data type, indented by depth, datasets last."""
    items = list(CatalogueItem.objects.order_by("position"))
    below: dict[str, list[Choice]] = {}
    for code, zh, en in Dataset.objects.order_by("position", "code").values_list("code", "name_zh", "name_en")[
        :DATASETS_OFFERED
    ]:
        below.setdefault(code[:5], []).append((code, f"　　　· {pick((zh, en))} {code}"))
    choices: list[tuple[str, str | list[Choice]]] = [("", pick(WHOLE_CATALOGUE))]
    group: list[Choice] = []
    for item in items:
        name = pick((item.name_zh, item.name_en))
        if item.level == CatalogueItem.Level.TYPE:
            group = [(item.code, f"{name} {item.code}")]
            choices.append((name, group))
            continue
        group.append((item.code, f"{'　' * (int(item.level) - 1)}{name} {item.code}"))
        group += below.get(item.code, ())
    return choices


def with_names(rows: QuerySet, branch: str, division: str) -> QuerySet:  # type: ignore[type-arg]
    """Annotate ``data_zh``, ``data_en``, ``place_zh``, ``place_en`` for codes in the columns named."""
    return rows.annotate(
        data_zh=_named(branch, "name_zh"), data_en=_named(branch, "name_en"), place_zh=_place(division, "name_zh"),
        place_en=_place(division, "name_en"),
    )  # fmt: skip


def _named(branch: str, column: str) -> Coalesce:
    models = (CatalogueItem, Dataset)
    found = [model.objects.filter(code=OuterRef(branch)) for model in models]  # type: ignore[attr-defined]
    return _first_of([one.values(name)[:1] for name in (column, "name_zh") for one in found], branch)


def _place(division: str, column: str) -> Coalesce:
    found = Division.objects.filter(code=OuterRef(division), valid_to=None)
    return _first_of([found.values(name)[:1] for name in (column, "name_zh")], division)


def _first_of(rows: list[QuerySet], code: str) -> Coalesce:  # type: ignore[type-arg]
    """The first name that is not empty, else the code itself."""
    return Coalesce(*(NullIf(Subquery(one), Value("")) for one in rows), F(code), output_field=CharField())
