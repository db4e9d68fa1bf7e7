"""Thematic catalogues and their tie to the unified one. 专题目录."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from kunyu.engines.catalogue.models import Dataset, Theme, ThemeLeaf


@dataclass(frozen=True)
class Leaf:
    """A leaf to register: its place in the theme, its name there, and the unified code it stands for."""

    branch_zh: str
    name_zh: str
    dataset_code: str
    name_en: str = ""


@dataclass(frozen=True)
class BrokenLink:
    """A leaf whose unified code no dataset bears."""

    theme: str
    branch_zh: str
    name_zh: str
    dataset_code: str


@transaction.atomic
def set_theme(code: str, name_zh: str, owner_zh: str, leaves: Iterable[Leaf], name_en: str = "") -> Theme:
    """Register a theme or replace all its leaves. Codes that do not resolve are kept and reported, not refused."""
    theme, _ = Theme.objects.update_or_create(
        code=code,
        defaults={"name_zh": name_zh, "name_en": name_en, "owner_zh": owner_zh},
    )
    theme.leaves.all().delete()
    ThemeLeaf.objects.bulk_create(
        ThemeLeaf(theme=theme, position=position, **vars(leaf)) for position, leaf in enumerate(leaves, 1)
    )
    return theme


def broken_links() -> list[BrokenLink]:
    """Leaves that no longer lead to a dataset; empty when every theme corresponds to the unified catalogue (R-081)."""
    known: set[str] = set()
    for code, aliases in Dataset.objects.values_list("code", "aliases"):
        known |= {code, *aliases}
    leaves = ThemeLeaf.objects.order_by("theme_id", "position").values_list(
        "theme_id", "branch_zh", "name_zh", "dataset_code"
    )
    return [BrokenLink(*leaf) for leaf in leaves if leaf[3] not in known]
