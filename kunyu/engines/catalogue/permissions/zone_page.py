"""The zone of this node: what it may hold, and what does not belong. 网络分区."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kunyu.engines.catalogue.models import Dataset, DatasetVersion
from kunyu.engines.pages.words import Pair
from kunyu.engines.security import label_registry, rights_words, zones
from kunyu.engines.security.admin_pages import sections
from kunyu.engines.security.admin_pages.sections import security_page
from kunyu.engines.security.labels import Label
from kunyu.engines.security.zones import ZONES, Zone

HERE = "/admin/zone/"


@dataclass(frozen=True)
class Square:
    """One secrecy × grading: the widest sharing is in ``sharing``; ``count`` datasets bear such a label here."""

    held: bool
    count: int
    label: Label


@dataclass(frozen=True)
class Stray:
    """A dataset with published data whose label this zone may not hold."""

    code: str
    name: Pair
    label: Label
    versions: int


@security_page
def zone(request: HttpRequest) -> HttpResponse:
    here = zones.current_zone()
    counts: dict[tuple[int, int], int] = {}
    above = 0
    for code in Dataset.objects.values_list("code", flat=True):
        label = label_registry.approved_label(code)
        if label is not None:
            counts[label.secrecy, label.grading] = counts.get((label.secrecy, label.grading), 0) + 1
            above += not here.holds(label)
    return render(request, "permissions/zone.html", {
        "tabs": sections.tabs(request.principal, HERE), "zone": here,  # type: ignore[attr-defined]
        "matrix": _matrix(here, counts), "gradings": rights_words.GRADING, "strays": strays(here),
        "above": above, "zones": [(one, one.code == here.code) for one in ZONES.values()],
        "sharing": rights_words.SHARING[here.ceiling.sharing],
    })  # fmt: skip


def _matrix(here: Zone, counts: dict[tuple[int, int], int]) -> list[tuple[Pair, list[Square]]]:
    """Rows from the strictest secrecy down."""
    return [
        (pair, [Square(here.holds(Label(secrecy, grading)), counts.get((secrecy, grading), 0), Label(secrecy, grading))
                for grading in range(len(rights_words.GRADING))])
        for secrecy, pair in reversed(list(enumerate(rights_words.SECRECY)))
    ]  # fmt: skip


def strays(here: Zone) -> list[Stray]:
    """What stands here and does not belong: none, unless the zone was changed or data came in by another way."""
    published = DatasetVersion.objects.filter(status=DatasetVersion.Status.PUBLISHED)
    found: dict[str, int] = {}
    for code, collection in published.values_list("layer__dataset_id", "layer__collection"):
        if not here.holds(label_registry.label_of(collection)):
            found[code] = found.get(code, 0) + 1
    named = Dataset.objects.filter(code__in=found).values_list("code", "name_zh", "name_en")
    return [Stray(code, (zh, en or zh), label_registry.label_of(code), found[code]) for code, zh, en in named]
