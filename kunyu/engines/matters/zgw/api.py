"""Zaken API and Catalogi API over the cases and matters of this node: read them, create a zaak. ZGW-shaped, in part.

What is there and what is not stands in docs/reference/cases.md. Rights are those of the house API; a token of the node
takes the place of the standard's JWT. Lists are pages of 100 with ``count``, ``next``, ``previous``, ``results``;
``count`` stops at 1,000 and then says ``countExact: false``.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema

from kunyu.engines.analysis.plots import read_plot
from kunyu.engines.matters.cases import counting, services, visibility
from kunyu.engines.matters.models import Case, CaseEvent, Material, MatterEdition
from kunyu.engines.matters.zgw import shapes
from kunyu.engines.matters.zgw.identities import (
    DOCUMENT,
    PART,
    RESULTAAT,
    RESULTAATTYPE,
    STATUS,
    STATUSTYPE,
    ZAAK,
    ZAAKTYPE,
    key_of,
    key_of_url,
)
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import UsageError

router = Router(tags=["zgw"])
PAGE = 100
LAST_PAGE = 100


class ZaakQuery(Schema):
    identificatie: str = ""
    zaaktype: str = ""
    bronorganisatie: str = ""
    startdatum__gte: date | None = None
    startdatum__lte: date | None = None
    einddatum__isnull: bool | None = None
    ordering: Literal["identificatie", "-identificatie", "startdatum", "-startdatum"] = "-startdatum"
    page: int = 1


class PartQuery(Schema):
    zaak: str = ""
    page: int = 1


class Kunyu(Schema):
    """What an application needs and the standard has no member for."""

    form: dict[str, Any] = {}
    applicant: dict[str, Any] = {}
    project: dict[str, Any] = {}
    counter_county: str = ""


class ZaakBody(Schema):
    zaaktype: str
    bronorganisatie: str
    verantwoordelijkeOrganisatie: str
    startdatum: date
    identificatie: str = ""
    zaakgeometrie: dict[str, Any] | None = None
    kunyu: Kunyu = Kunyu()


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def _seen(request: HttpRequest) -> QuerySet[Case]:
    return visibility.visible(_principal(request)).select_related("matter", "edition")


def _case(request: HttpRequest, key: int) -> Case:
    found = _seen(request).filter(pk=key).first()
    if found is None:
        raise Http404
    return found


def _page(
    request: HttpRequest, number: int, results: list[Any], count: int, *, is_exact: bool = True
) -> dict[str, Any]:
    """One page in the standard's form."""
    last = min(-(-max(count, 1) // PAGE), LAST_PAGE) if is_exact else LAST_PAGE
    return {
        "count": count, "countExact": is_exact, "next": _at(request, number + 1) if number < last else None,
        "previous": _at(request, number - 1) if number > 1 else None, "results": results,
    }  # fmt: skip


def _at(request: HttpRequest, number: int) -> str:
    query = request.GET.copy()
    query["page"] = str(number)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def _numbered(page: int) -> int:
    if not 1 <= page <= LAST_PAGE:
        raise UsageError(f"page 应为 1–{LAST_PAGE}；更早的请用 startdatum 缩小范围。",
                         f"page must be 1 to {LAST_PAGE}; narrow the list by startdatum.")  # fmt: skip
    return page


# -- zaken ------------------------------------------------------------------------------------------------------------


@router.get("/zaken/v1/zaken")
def zaken(request: HttpRequest, asked: Query[ZaakQuery]) -> dict[str, Any]:
    """ZAAKen the caller may see."""
    page = _numbered(asked.page)
    rows = _seen(request)
    if asked.identificatie:
        rows = rows.filter(number=asked.identificatie)
    if asked.zaaktype:
        rows = rows.filter(edition_id=key_of_url(ZAAKTYPE, asked.zaaktype))
    if asked.bronorganisatie:
        rows = rows.filter(county=asked.bronorganisatie[:6])
    if asked.startdatum__gte:
        rows = rows.filter(submitted_at__date__gte=asked.startdatum__gte)
    if asked.startdatum__lte:
        rows = rows.filter(submitted_at__date__lte=asked.startdatum__lte)
    if asked.einddatum__isnull is not None:
        rows = rows.filter(closed_at__isnull=asked.einddatum__isnull)
    count = counting.bounded(rows)
    # numbers of cases begin with the county: in order of their keys they come as they were submitted
    order = {"identificatie": "number", "-identificatie": "-number", "startdatum": "pk", "-startdatum": "-pk"}
    found = rows.order_by(order[asked.ordering])[(page - 1) * PAGE : page * PAGE]
    is_exact = count <= counting.COUNTED
    shown = [shapes.zaak(request, one) for one in found]
    return _page(request, page, shown, min(count, counting.COUNTED), is_exact=is_exact)


@router.post("/zaken/v1/zaken", response={201: dict[str, Any]})
def create_zaak(request: HttpRequest, body: ZaakBody) -> tuple[int, dict[str, Any]]:
    """Apply for one matter in one request: begun, filled in and submitted, or nothing.

    ``verantwoordelijkeOrganisatie`` is the division of the land. The same ``identificatie`` of the same caller finds the
    case made before; the number of the case is the node's.
    """
    principal = _principal(request)
    edition = _edition(key_of_url(ZAAKTYPE, body.zaaktype))
    given, key = body.kunyu, f"zgw:{body.identificatie[:50] or uuid4()}"
    with transaction.atomic():
        one = services.begin(
            principal,
            [edition.matter.code],
            body.verantwoordelijkeOrganisatie,
            key,
            counter_county=given.counter_county,
        )
        if one.submitted_at is None:
            plot = None if body.zaakgeometrie is None else read_plot(body.zaakgeometrie).geometry
            services.save(principal, one.pk, form=given.form, plot=plot, plot_source="ZGW", applicant=given.applicant,
                          project=given.project)  # fmt: skip
        case = services.submit(principal, one.pk)[0]
    return 201, shapes.zaak(request, case, with_plot=True)


@router.get("/zaken/v1/zaken/{uuid:uuid}")
def one_zaak(request: HttpRequest, uuid: UUID) -> dict[str, Any]:
    """One ZAAK."""
    return shapes.zaak(request, _case(request, key_of(ZAAK, uuid)), with_plot=True)


@router.get("/zaken/v1/statussen")
def statussen(request: HttpRequest, asked: Query[PartQuery]) -> dict[str, Any]:
    """STATUSsen of one ZAAK (``zaak`` is required here), newest first."""
    case = _of(request, asked)
    found = shapes.status_events(case)[::-1]
    return _page(request, 1, [shapes.status(request, one) for one in found[:PAGE]], len(found))


@router.get("/zaken/v1/statussen/{uuid:uuid}")
def one_status(request: HttpRequest, uuid: UUID) -> dict[str, Any]:
    """One STATUS."""
    event = CaseEvent.objects.filter(pk=key_of(STATUS, uuid)).first()
    if event is None or event.before == event.state:
        raise Http404
    event.case = _case(request, event.case_id)
    return shapes.status(request, event)


@router.get("/zaken/v1/resultaten")
def resultaten(request: HttpRequest, asked: Query[PartQuery]) -> dict[str, Any]:
    """The RESULTAAT of one ZAAK (``zaak`` is required here): none while it runs."""
    case = _of(request, asked)
    found = [shapes.resultaat(request, case)] if case.closed_at else []
    return _page(request, 1, found, len(found))


@router.get("/zaken/v1/resultaten/{uuid:uuid}")
def one_resultaat(request: HttpRequest, uuid: UUID) -> dict[str, Any]:
    """One RESULTAAT."""
    case = _case(request, key_of(RESULTAAT, uuid))
    if case.closed_at is None:
        raise Http404
    return shapes.resultaat(request, case)


@router.get("/zaken/v1/zaakinformatieobjecten")
def documents(request: HttpRequest, zaak: str) -> list[dict[str, Any]]:
    """Materials of one ZAAK; the standard has no pages here."""
    case = _case(request, key_of_url(ZAAK, zaak))
    rows = Material.objects.filter(application_id=case.application_id, is_withdrawn=False).order_by("pk")
    return [shapes.zaakinformatieobject(request, case, one) for one in rows]


@router.get("/zaken/v1/zaakinformatieobjecten/{uuid:uuid}")
def one_document(request: HttpRequest, uuid: UUID) -> dict[str, Any]:
    """One ZAAKINFORMATIEOBJECT; an application for several matters shows it with its first case."""
    one = Material.objects.filter(pk=key_of(DOCUMENT, uuid), is_withdrawn=False).first()
    case = None if one is None else _seen(request).filter(application_id=one.application_id).order_by("pk").first()
    if one is None or case is None:
        raise Http404
    return shapes.zaakinformatieobject(request, case, one)


def _of(request: HttpRequest, asked: PartQuery) -> Case:
    if not asked.zaak:
        raise UsageError("请用参数 zaak 指明办件。", "Name the case by the parameter zaak.")
    return _case(request, key_of_url(ZAAK, asked.zaak))


# -- catalogi ---------------------------------------------------------------------------------------------------------


@router.get("/catalogi/v1/zaaktypen")
def zaaktypen(request: HttpRequest, identificatie: str = "", page: int = 1) -> dict[str, Any]:
    """Editions of matters in use, as ZAAKTYPEn."""
    rows = MatterEdition.objects.filter(state=MatterEdition.State.PUBLISHED).select_related("matter").order_by("pk")
    if identificatie:
        rows = rows.filter(matter__code=identificatie)
    found = rows[(_numbered(page) - 1) * PAGE : page * PAGE]
    return _page(request, page, [shapes.zaaktype(request, one) for one in found], rows.count())


@router.get("/catalogi/v1/zaaktypen/{uuid:uuid}")
def one_zaaktype(request: HttpRequest, uuid: UUID) -> dict[str, Any]:
    """One ZAAKTYPE; also one that is no longer in use: running cases stay on theirs."""
    return shapes.zaaktype(request, _edition(key_of(ZAAKTYPE, uuid)))


@router.get("/catalogi/v1/statustypen/{uuid:uuid}")
def one_statustype(request: HttpRequest, uuid: UUID) -> dict[str, Any]:
    """One STATUSTYPE."""
    edition, place = divmod(key_of(STATUSTYPE, uuid), PART)
    if place >= len(shapes.STATES):
        raise Http404
    return shapes.statustype(request, _edition(edition), place)


@router.get("/catalogi/v1/resultaattypen/{uuid:uuid}")
def one_resultaattype(request: HttpRequest, uuid: UUID) -> dict[str, Any]:
    """One RESULTAATTYPE."""
    edition, place = divmod(key_of(RESULTAATTYPE, uuid), PART)
    if place >= len(shapes.RESULTS):
        raise Http404
    return shapes.resultaattype(request, _edition(edition), place)


def _edition(key: int) -> MatterEdition:
    """An edition that is or was in use; drafts are nobody's but their maker's."""
    found = (
        MatterEdition.objects.select_related("matter").filter(pk=key).exclude(state=MatterEdition.State.DRAFT).first()
    )
    if found is None:
        raise Http404
    return found
