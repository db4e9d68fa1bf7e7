"""What an applicant has to correct, and where: each thing leads to the page that answers it. 补正清单."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kunyu.engines.matters.cases import routing
from kunyu.engines.matters.cases.corrections import located
from kunyu.engines.matters.cases.ready import require_ready
from kunyu.engines.matters.errors import BadForm
from kunyu.engines.matters.hall.steps import Step, steps_of
from kunyu.engines.matters.models import Application, Case, Material, Pause
from kunyu.engines.pages.words import Pair


@dataclass(frozen=True)
class Asked:
    """One thing to correct. ``step``: the name of the page that answers it; ``is_renewed``: a new file came since."""

    what: Pair
    step: Pair
    address: str
    is_renewed: bool = False


def asked(case: Case, pause: Pause) -> list[Asked]:
    """Everything a request for correction lists."""
    definition, pages = routing.definition(case), steps_of(case.application)
    renewed = set(
        Material.objects.filter(application_id=case.application_id, uploaded_at__gt=pause.started_at, is_withdrawn=False)
        .values_list("kind", flat=True)
    )  # fmt: skip
    found = []
    for one in pause.asked:
        placed = located(definition, one)
        page = page_of(_field(placed), pages)
        text = str(one.get("what", ""))
        found.append(Asked((text, text), page.title, page.address, placed.get("material") in renewed))
    return found


def faults(application: Application) -> list[Asked]:
    """What keeps the application from being sent back as it stands."""
    editions = [one.edition for one in application.cases.select_related("edition", "matter").order_by("pk")]
    try:
        require_ready(application, editions)
    except BadForm as error:
        pages = steps_of(application)
        return [_fault(one, pages) for one in _listed(error)]
    return []


def _listed(error: BadForm) -> Iterable[Mapping[str, Any]]:
    listed: Iterable[Mapping[str, Any]] = error.context.get("faults") or [
        {"field": "", "zh": error.detail_zh, "en": error.detail_en}
    ]
    return listed


def _fault(one: Mapping[str, Any], pages: list[Step]) -> Asked:
    page = page_of(str(one["field"]), pages)
    return Asked((str(one["zh"]), str(one["en"])), page.title, page.address)


def _field(placed: Mapping[str, Any]) -> str:
    return f"materials.{placed['material']}" if placed.get("material") else str(placed.get("field", ""))


def page_of(field: str, pages: list[Step]) -> Step:
    """The page on which a field is answered; what names none leads to the application as a whole."""
    by_code = {one.code: one for one in pages}
    part = field.partition(".")[0]
    code = part if part in _PARTS or not part else "form"
    return by_code.get(code) or replace(pages[0], title=_WHOLE)


_WHOLE: Pair = ("申请内容", "the application")
_PARTS = ("applicant", "project", "plot", "materials")
"""Parts of an application that fields name first; every other field is the form's."""
