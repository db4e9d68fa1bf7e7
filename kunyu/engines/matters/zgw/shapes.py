"""Kunyu's records as ZGW resources; docs/reference/cases.md says member by member what they mean here.

Members without a counterpart bear the empty value the standard allows. RSIN numbers have no counterpart in China:
``bronorganisatie`` and ``verantwoordelijkeOrganisatie`` hold division codes.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import shapely
from django.http import HttpRequest
from django.utils import timezone

from kunyu.engines.matters.cases.applying import plot_of
from kunyu.engines.matters.definitions.editions import definition_of
from kunyu.engines.matters.models import Case, CaseEvent, Decision, Material, MatterEdition
from kunyu.engines.matters.zgw.identities import (
    DOCUMENT,
    PART,
    RESULTAAT,
    RESULTAATTYPE,
    STATUS,
    STATUSTYPE,
    ZAAK,
    ZAAKTYPE,
    url_of,
    uuid_of,
)

STATES = tuple(Case.State)
RESULTS = ("granted", "refused", "not_accepted", "withdrawn", "revoked")


def zaak(request: HttpRequest, case: Case, *, with_plot: bool = False) -> dict[str, Any]:
    """A case as a ZAAK; ``zaakgeometrie`` (CGCS2000, longitude and latitude) in the single resource only."""
    status = _last_status(case)
    closed = case.closed_at is not None
    paused = case.state in (Case.State.CORRECTING, Case.State.PAUSED)
    return {
        "url": url_of(request, ZAAK, case.pk),
        "uuid": str(uuid_of(ZAAK, case.pk)),
        "identificatie": case.number,
        "bronorganisatie": case.partner_county or case.county,
        "omschrijving": case.matter.name_zh[:80],
        "toelichting": case.project_name,
        "zaaktype": url_of(request, ZAAKTYPE, case.edition_id),
        "registratiedatum": _day(case.submitted_at),
        "verantwoordelijkeOrganisatie": case.division_code,
        "startdatum": _day(case.accepted_at or case.submitted_at),
        "einddatum": _day(case.closed_at) if closed else None,
        "einddatumGepland": _iso(case.due_on),
        "uiterlijkeEinddatumAfdoening": _iso(case.due_on),
        "publicatiedatum": None,
        "communicatiekanaal": "",
        "vertrouwelijkheidaanduiding": "zaakvertrouwelijk",
        "betalingsindicatie": "",
        "zaakgeometrie": _geometry(case) if with_plot else None,
        "opschorting": {"indicatie": paused, "reden": case.get_state_display() if paused else ""},
        "verlenging": None,
        "hoofdzaak": None,
        "deelzaken": [],
        "relevanteAndereZaken": [],
        "eigenschappen": [],
        "rollen": [],
        "kenmerken": [{"kenmerk": case.project_code, "bron": "投资项目代码"}] if case.project_code else [],
        "status": None if status is None else url_of(request, STATUS, status),
        "resultaat": url_of(request, RESULTAAT, case.pk) if closed else None,
        "zaakinformatieobjecten": [
            url_of(request, DOCUMENT, pk) for pk in _materials(case).values_list("pk", flat=True)
        ] if with_plot else [],
        "archiefnominatie": None,
        "archiefstatus": "nog_te_archiveren",
        "archiefactiedatum": None,
    }  # fmt: skip


def status(request: HttpRequest, event: CaseEvent) -> dict[str, Any]:
    """An event that changed the state of its case as a STATUS."""
    return {
        "url": url_of(request, STATUS, event.pk),
        "uuid": str(uuid_of(STATUS, event.pk)),
        "zaak": url_of(request, ZAAK, event.case_id),
        "statustype": url_of(request, STATUSTYPE, event.case.edition_id * PART + STATES.index(event.state)),
        "datumStatusGezet": timezone.localtime(event.at).isoformat(timespec="seconds"),
        "statustoelichting": Case.State(event.state).label,
        "indicatieLaatstGezetteStatus": event.pk == _last_status(event.case),
        "gezetdoor": None,
        "zaakinformatieobjecten": [],
    }


def resultaat(request: HttpRequest, case: Case) -> dict[str, Any]:
    """How a closed case ended as a RESULTAAT."""
    decision = Decision.objects.filter(case=case).first()
    return {
        "url": url_of(request, RESULTAAT, case.pk),
        "uuid": str(uuid_of(RESULTAAT, case.pk)),
        "zaak": url_of(request, ZAAK, case.pk),
        "resultaattype": url_of(request, RESULTAATTYPE, case.edition_id * PART + RESULTS.index(case.state)),
        "toelichting": decision.reason if decision is not None else "",
    }


def zaakinformatieobject(request: HttpRequest, case: Case, one: Material) -> dict[str, Any]:
    """A version of a material as a ZAAKINFORMATIEOBJECT."""
    return {
        "url": url_of(request, DOCUMENT, one.pk),
        "uuid": str(uuid_of(DOCUMENT, one.pk)),
        "informatieobject": request.build_absolute_uri(f"/api/cases/{case.number}/materials") + f"#{one.pk}",
        "zaak": url_of(request, ZAAK, case.pk),
        "aardRelatieWeergave": "Hoort bij, omgekeerd: kent",
        "titel": one.file_name[:200],
        "beschrijving": f"{one.kind} v{one.version}",
        "registratiedatum": timezone.localtime(one.uploaded_at).isoformat(timespec="seconds"),
        "vernietigingsdatum": None,
        "status": None,
    }


def zaaktype(request: HttpRequest, edition: MatterEdition) -> dict[str, Any]:
    """An edition of a matter as a ZAAKTYPE."""
    one = definition_of(edition)
    return {
        "url": url_of(request, ZAAKTYPE, edition.pk),
        "identificatie": one.code,
        "omschrijving": one.name_zh[:80],
        "omschrijvingGeneriek": one.name_en[:80],
        "vertrouwelijkheidaanduiding": "zaakvertrouwelijk",
        "doel": one.result_zh or one.name_zh,
        "aanleiding": "；".join(one.basis),
        "toelichting": "",
        "indicatieInternOfExtern": "extern",
        "handelingInitiator": "aanvragen",
        "onderwerp": one.name_zh[:80],
        "handelingBehandelaar": "behandelen",
        "doorlooptijd": None if one.statutory_days is None else f"P{one.statutory_days}D",
        "servicenorm": None if one.promised_days is None else f"P{one.promised_days}D",
        "opschortingEnAanhoudingMogelijk": True,
        "verlengingMogelijk": False,
        "verlengingstermijn": None,
        "trefwoorden": [],
        "publicatieIndicatie": False,
        "publicatietekst": "",
        "verantwoordingsrelatie": [],
        "productenOfDiensten": [],
        "selectielijstProcestype": "",
        "referentieproces": {"naam": one.process, "link": ""},
        "concept": edition.state == MatterEdition.State.DRAFT,
        "versiedatum": _day(edition.published_at or edition.made_at),
        "beginGeldigheid": _day(edition.published_at or edition.made_at),
        "eindeGeldigheid": None,
        "statustypen": [url_of(request, STATUSTYPE, edition.pk * PART + place) for place in range(len(STATES))],
        "resultaattypen": [url_of(request, RESULTAATTYPE, edition.pk * PART + place) for place in range(len(RESULTS))],
        "informatieobjecttypen": [],
        "roltypen": [],
        "eigenschappen": [],
        "besluittypen": [],
        "deelzaaktypen": [],
        "gerelateerdeZaaktypen": [],
    }


def statustype(request: HttpRequest, edition: MatterEdition, place: int) -> dict[str, Any]:
    """A state of cases as a STATUSTYPE of a matter."""
    state = STATES[place]
    return {
        "url": url_of(request, STATUSTYPE, edition.pk * PART + place),
        "omschrijving": state.label,
        "omschrijvingGeneriek": state.value,
        "zaaktype": url_of(request, ZAAKTYPE, edition.pk),
        "volgnummer": place + 1,
        "isEindstatus": state.value in RESULTS,
        "informeren": True,
    }


def resultaattype(request: HttpRequest, edition: MatterEdition, place: int) -> dict[str, Any]:
    """A way cases end as a RESULTAATTYPE of a matter."""
    return {
        "url": url_of(request, RESULTAATTYPE, edition.pk * PART + place),
        "zaaktype": url_of(request, ZAAKTYPE, edition.pk),
        "omschrijving": Case.State(RESULTS[place]).label[:20],
        "omschrijvingGeneriek": RESULTS[place],
        "toelichting": "",
    }


def status_events(case: Case) -> list[CaseEvent]:
    """Events that changed the state of a case, oldest first."""
    return [one for one in case.events.order_by("sequence") if one.before != one.state]


def _last_status(case: Case) -> int | None:
    rows = case.events.order_by("-sequence").values_list("pk", "before", "state")
    return next((pk for pk, before, state in rows if before != state), None)


def _materials(case: Case) -> Any:
    return Material.objects.filter(application_id=case.application_id, is_withdrawn=False).order_by("pk")


def _geometry(case: Case) -> Any:
    plot = plot_of(case.application_id)
    return None if plot is None else json.loads(shapely.to_geojson(plot))


def _day(moment: Any) -> str | None:
    return timezone.localtime(moment).date().isoformat() if moment else None


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
