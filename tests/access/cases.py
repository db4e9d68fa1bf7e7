"""Cases for the access tests: one in each of two counties, taken at their counters, and who may ask what of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.utils import timezone

from kunyu.engines.matters.models import (
    Application,
    Case,
    CaseEvent,
    CaseFlow,
    MatterEdition,
    NationalMessage,
    Opinion,
)
from kunyu.engines.matters.zgw.identities import PART, PATHS, STATUS, STATUSTYPE, ZAAK, ZAAKTYPE, uuid_of
from kunyu.engines.security import scope

if TYPE_CHECKING:
    from tests.access.rules import Rule, Sample
    from tests.access.world import World

BRANCH = "30401-001"
OURS, THEIRS = "case-ours-61e0", "case-theirs-a7d3"
COUNTIES = {"990101": OURS, "990102": THEIRS}
HERE = frozenset({"viewer", "downloader", "editor", "cleared"})
THERE = frozenset({"neighbour"})
HANDLERS = frozenset({"editor", "cleared", "neighbour"})
DECIDERS = frozenset({"cleared", "neighbour"})


def build(edition_id: int, markup: str) -> dict[str, dict[str, int | str]]:
    """Commit a case with its application, trace, opinion and refused message in each county; ids by county."""
    edition = MatterEdition.objects.select_related("matter").get(pk=edition_id)
    return {county: _case(edition, county, name, markup) for county, name in COUNTIES.items()}


def _case(edition: MatterEdition, county: str, name: str, markup: str) -> dict[str, int | str]:
    application = Application.objects.create(
        key=name, division_code=county, matters=[edition.matter.code], state="submitted", applicant_kind="organisation",
        applicant_name=name + markup, project_name=markup, counter_county=county, created_by="somebody",
        form={"use": name + markup}, submitted_at=timezone.now(),
    )  # fmt: skip
    case = Case.objects.create(
        number=f"{county}20261123900001", application=application, matter=edition.matter, edition=edition, branch=BRANCH,
        division_code=county, county=county, applicant_name=name + markup, project_name=name + markup, state="in_review",
        submitted_at=timezone.now(), accepted_at=timezone.now(), promised_days=10,
    )  # fmt: skip
    CaseFlow.objects.create(case=case, state=b"", waiting=["examination"])
    event = CaseEvent.objects.create(
        case=case, sequence=1, act="submitted", before="", state="submitted", at=timezone.now(), actor="somebody",
        reason=name + markup,
    )  # fmt: skip
    Opinion.objects.create(case=case, stage="acceptance", outcome="accept", text=name + markup, author="somebody")
    message = NationalMessage.objects.create(
        case=case, sequence=1, kind="application", body={}, state="refused", error=name + markup
    )
    return {"number": case.number, "application_id": application.pk, "message_id": message.pk, "case": case.pk,
            "event": event.pk}  # fmt: skip


def _of(kind: str, done_by: frozenset[str] | None = None, **more: object) -> Callable[[World], list[Sample]]:
    """The case of each county, and one that is not there."""

    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample

        nothing: object = "99010120261123999999" if kind == "number" else 999_999
        ours, theirs = world.cases["990101"], world.cases["990102"]
        return [
            Sample({kind: ours[kind], **more}, "", None, HERE, HERE if done_by is None else done_by & HERE),
            Sample({kind: theirs[kind], **more}, "", None, THERE, THERE if done_by is None else done_by & THERE),
            Sample({kind: nothing, **more}, "", None, frozenset(), frozenset()),
        ]

    return made


def _only(kind: str, who: frozenset[str]) -> Callable[[World], list[Sample]]:
    """What only some of those in the county know of."""

    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample

        ours, theirs = world.cases["990101"], world.cases["990102"]
        return [
            Sample({kind: ours[kind]}, "", None, who & HERE, who & HERE),
            Sample({kind: theirs[kind]}, "", None, who & THERE, who & THERE),
            Sample({kind: 999_999}, "", None, frozenset(), frozenset()),
        ]

    return made


def _zgw(kind: int, key: str) -> Callable[[World], list[Sample]]:
    """A resource of the case of each county by its UUID."""

    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample

        named = {county: uuid_of(kind, int(world.cases[county][key])) for county in COUNTIES}
        return [
            Sample({"uuid": named["990101"]}, "", None, HERE),
            Sample({"uuid": named["990102"]}, "", None, THERE),
            Sample({"uuid": uuid_of(kind, 999_999)}, "", None, frozenset()),
        ]

    return made


def _parts(world: World) -> list[Sample]:
    """A list of what belongs to the case of each county."""
    from tests.access.rules import Sample

    named = {county: uuid_of(ZAAK, int(world.cases[county]["case"])) for county in COUNTIES}
    return [
        Sample({}, f"zaak=http://testserver/api/zgw/{PATHS[ZAAK]}/{named['990101']}", None, HERE),
        Sample({}, f"zaak=http://testserver/api/zgw/{PATHS[ZAAK]}/{named['990102']}", None, THERE),
        Sample({}, f"zaak=http://testserver/api/zgw/{PATHS[ZAAK]}/{uuid_of(ZAAK, 999_999)}", None, frozenset()),
    ]


def _type(kind: int, part: int = 0) -> Callable[[World], list[Sample]]:
    """A part of the catalogue, which everybody signed in may read."""

    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample

        key = world.matter_edition if not part else world.matter_edition * part
        return [Sample({"uuid": uuid_of(kind, key)})]

    return made


def _period(world: World) -> list[Sample]:
    from tests.access.rules import Sample

    return [Sample({}, f"since=2026-01-01&until=2026-12-31&by={by}") for by in ("matter", "office", "person")]


def _no_paper(world: World) -> list[Sample]:
    """A paper that went out: nothing did yet in the cases here."""
    from tests.access.rules import Sample

    return [
        Sample({"number": world.cases["990101"]["number"], "paper_id": 999_999}, "", None, frozenset(), frozenset())
    ]


def _deciders(world: World) -> list[Sample]:
    from tests.access.rules import Sample

    return [Sample({}, "", None, DECIDERS)]


def rules() -> dict[str, Rule]:
    """Every route of cases."""
    from tests.access.rules import Rule

    reason = {"text": "试验"}
    return {
        "cases/": Rule("signed in"),
        "cases/statistics/": Rule("signed in", samples=_period),
        "cases/<case_list:which>/": Rule("signed in", samples=_lists),
        "cases/<case_number:number>": Rule("data", samples=_of("number")),
        "cases/<case_number:number>/places.geojson": Rule("data", samples=_of("number")),
        "cases/<case_number:number>/letters/<int:document_id>": Rule("data", samples=_no_letter),
        "cases/<case_number:number>/<case_act:act>": Rule(
            "data", write="act", body=reason, samples=_of("number", DECIDERS, act="supervise")
        ),
        "cases/reset-code": Rule("data", change="act", body={}, samples=_clerks),
        "api/cases": Rule("signed in"),
        "api/cases/counts": Rule("signed in"),
        "api/cases/own": Rule("signed in"),
        "api/cases/statistics": Rule("signed in", samples=_period),
        "api/cases/applications": Rule("signed in"),
        "api/cases/applications/<int:application_id>": Rule("data", samples=_only("application_id", HANDLERS), body={}),
        **{
            f"api/cases/applications/<int:application_id>/{act}": Rule(
                "data", write="act", body={}, samples=_only("application_id", HANDLERS)
            )
            for act in ("submit", "discard")
        },
        "api/cases/national/errors": Rule("signed in"),
        "api/cases/national/messages/<int:message_id>/again": Rule(
            "data", write="act", body={}, samples=_only("message_id", DECIDERS)
        ),
        "api/cases/national/reconciliation": Rule("data", samples=_deciders),
        **{
            f"api/cases/<number>{rest}": Rule("data", samples=_of("number"))
            for rest in ("", "/events", "/materials", "/opinions", "/checks", "/papers", "/opinion")
        },
        "api/cases/<number>/papers/<int:paper_id>": Rule("data", samples=_no_paper),
        "api/cases/<number>/acts/<act>": Rule(
            "data", write="act", body=reason, samples=_of("number", DECIDERS, act="supervise")
        ),
        "api/zgw/zaken/v1/zaken": Rule("signed in"),
        "api/zgw/zaken/v1/zaken/<uuidstr:uuid>": Rule("data", scope.SEE, samples=_zgw(ZAAK, "case")),
        "api/zgw/zaken/v1/statussen": Rule("data", samples=_parts),
        "api/zgw/zaken/v1/statussen/<uuidstr:uuid>": Rule("data", samples=_zgw(STATUS, "event")),
        "api/zgw/zaken/v1/resultaten": Rule("data", samples=_parts),
        "api/zgw/zaken/v1/resultaten/<uuidstr:uuid>": Rule("data", samples=_nothing),
        "api/zgw/zaken/v1/zaakinformatieobjecten": Rule("data", samples=_parts),
        "api/zgw/zaken/v1/zaakinformatieobjecten/<uuidstr:uuid>": Rule("data", samples=_nothing),
        "api/zgw/catalogi/v1/zaaktypen": Rule("signed in"),
        "api/zgw/catalogi/v1/zaaktypen/<uuidstr:uuid>": Rule("signed in", samples=_type(ZAAKTYPE)),
        "api/zgw/catalogi/v1/statustypen/<uuidstr:uuid>": Rule("signed in", samples=_type(STATUSTYPE, PART)),
        "api/zgw/catalogi/v1/resultaattypen/<uuidstr:uuid>": Rule("signed in", samples=_type(STATUSTYPE + 1, PART)),
    }


def _lists(world: World) -> list[Sample]:
    from tests.access.rules import Sample

    return [Sample({"which": which}) for which in ("mine", "todo", "closed", "all")]


def _no_letter(world: World) -> list[Sample]:
    """The cases here have no letters."""
    from tests.access.rules import Sample

    numbers = [world.cases[county]["number"] for county in COUNTIES]
    return [Sample({"number": number, "document_id": 1}, "", None, frozenset()) for number in numbers]


def _clerks(world: World) -> list[Sample]:
    """Only holders of a post of the counter, whatever they are granted: nobody here has one."""
    from tests.access.rules import Sample

    return [Sample(seen_by=frozenset(), done_by=frozenset())]


def _nothing(world: World) -> list[Sample]:
    """What the cases here do not have: they run, and nothing was handed in."""
    from tests.access.rules import Sample

    return [Sample({"uuid": uuid_of(ZAAK, 1)}, "", None, frozenset())]
