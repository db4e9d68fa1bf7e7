"""The two compositions that ship: 基础底图 and 底线图, each version with the dataset versions it was made of (R-033, R-160).

They are services with names that stay. Whenever a dataset of theirs is published another version is kept, so that each
day's base map can be named and drawn again.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from django.db import transaction

from kunyu.engines.maps.compositions import services
from kunyu.engines.maps.compositions.definition import Definition, read_definition
from kunyu.engines.maps.models import Composition
from kunyu.kernel.digests import canonical_json, sm3_hex
from kunyu.kernel.outbox.models import Event

FILE = Path(__file__).with_name("shipped.toml")


def definitions() -> dict[str, Definition]:
    """The shipped definitions by name."""
    given = tomllib.loads(FILE.read_text(encoding="utf-8"))
    looks: dict[str, Any] = given.pop("look")
    return {slug: read_definition(_composed(slug, one, looks)) for slug, one in given.items()}


def _composed(slug: str, one: dict[str, Any], looks: dict[str, Any]) -> dict[str, Any]:
    layers = []
    for collection in one["layers"]:
        look = dict(looks.get(collection, {}))
        look |= look.pop("in", {}).get(slug, {})
        layers.append({"collection": collection, **look})
    return {**one, "layers": layers}


@transaction.atomic
def record() -> list[str]:
    """Keep a version of each shipped composition whose definition or data changed; return the names of those."""
    changed = []
    for slug, definition in definitions().items():
        Composition.objects.get_or_create(slug=slug, defaults={"ships": True, "audience": "everybody"})
        composition = Composition.objects.select_for_update().get(slug=slug)
        last = composition.versions.order_by("-number").first()
        state = _state(definition.document(), services.versions_now(definition))
        if last is None or _state(last.definition, last.versions) != state:
            services.add_version(composition, definition, "kunyu")
            changed.append(slug)
    return changed


def _state(document: dict[str, Any], versions: dict[str, Any]) -> str:
    return sm3_hex(canonical_json([read_definition(document).document(), versions]))


def version_published(event: Event) -> None:
    """A dataset has a new version: the shipped compositions that draw it get one too."""
    del event  # what changed is found by comparison, so a message that comes twice does nothing
    record()


def ensure() -> None:
    """The shipped compositions exist, at a node that has published nothing since they came."""
    if Composition.objects.filter(ships=True).count() < len(definitions()):
        record()
