"""Licences, parties and projects for the access tests: one of each in two counties, and who may ask what of them.

Verification is public and shows nothing here: the numbers asked for are nobody's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from django.db import connection

from kunyu.engines.documents.models import Document, Licence, LicenceEvent
from kunyu.engines.security import scope
from kunyu.engines.security.protection import object_store
from kunyu.kernel.identifiers import build_certificate_id
from kunyu.registers.parties.models import Party, PartyLink
from kunyu.registers.projects.models import BRANCH, Project, ProjectDocument

if TYPE_CHECKING:
    from tests.access.rules import Rule, Sample
    from tests.access.world import World

OURS, THEIRS = "register-ours-2c9e", "register-theirs-b704"
CODES = {"990101": "2026-990101-47-01-000901", "990102": "2026-990102-47-01-000902"}


def build(markup: str) -> dict[str, dict[str, int]]:
    """Commit a licence, a party and a project of each county; ids by county and kind."""
    return {county: _one(county, name + markup) for county, name in (("990101", OURS), ("990102", THEIRS))}


def _one(county: str, name: str) -> dict[str, int]:
    stored = object_store().put_bytes(f"licence of {name}".encode(), protect=True)
    paper = Document.objects.create(
        key=f"access:{county}", kind="licence", subject=f"case:{name}", number=name[:40], title_zh=name, template="x",
        template_sm3="0" * 64, media_type="application/pdf", sm3=stored.sm3, size=stored.size, is_sealed=True, made_by="tests",
    )  # fmt: skip
    licence = Licence.objects.create(
        key=f"access:{county}", number=name[:40], identifier=build_certificate_id("11100000MB03271699901", county, "20260000901", 1),
        kind="land_review_opinion", type_code="11100000MB03271699901", issuer_code=county, issuer_zh=name, holder_name=name,
        holder_kind="organisation", project_code=CODES[county], subject=f"case:{name}"[:120], branch=BRANCH, division_code=county,
        label=scope.labels.ORDINARY.code, state="valid", issued_on=date(2026, 6, 1), pdf=paper, facts={name: name},
    )  # fmt: skip
    LicenceEvent.objects.create(
        licence=licence, act="issued", before="issuing", state="valid", reason=name, actor="tests"
    )
    party = Party.objects.create(kind="organisation", name=name, contact=name, created_by="tests")
    PartyLink.objects.create(
        party=party, role="holder", subject=f"licence:{licence.pk}", shown=name, branch=BRANCH, division_code=county
    )
    project = Project.objects.create(
        code=CODES[county], name=name, division_code=county, investor=party, created_by="tests"
    )
    document = ProjectDocument.objects.create(
        key=f"licence:{licence.pk}", project=project, project_code_stated=CODES[county], kind="review", number=name[:40],
        licence=licence, issuer_zh=name, issued_on=date(2026, 6, 1), division_code=county, use_zh=name, entered_by="tests",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE projects_projectdocument SET plot = ST_Multi(ST_MakeEnvelope(113, 34.5, 113.01, 34.51, 4490)) WHERE id = %s",
            [document.pk],
        )
    return {"licence_id": licence.pk, "party_id": party.pk}


def _of(kind: str, **more: object) -> Callable[[World], list[Sample]]:
    """One thing of each county, and one that is not there."""

    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample
        from tests.access.world import Subject

        return [
            *(
                Sample({kind: world.registers[county][kind], **more}, "", Subject(BRANCH, county))
                for county in ("990101", "990102")
            ),
            Sample({kind: 999_999, **more}),
        ]

    return made


def _project(is_complete: bool = True, **more: object) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample
        from tests.access.world import Subject

        found = [Sample({"number": code, **more}, "", Subject(BRANCH, county)) for county, code in CODES.items()]
        return [*found, Sample({"number": "2026-990103-47-01-000903", **more})] if is_complete else found

    return made


def _cases(world: World) -> list[Sample]:
    """The case of each county; downloading its package needs the right to download there."""
    from tests.access.rules import Sample
    from tests.access.world import Subject

    found = [Sample({"number": world.cases[county]["number"]}, "", Subject(BRANCH, county)) for county in CODES]
    return [*found, Sample({"number": "99010120261123999999"})]


def _open(**values: object) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample

        return [Sample(dict(values))]

    return made


def rules() -> dict[str, Rule]:
    """Every route of verification, licences, parties and projects."""
    from tests.access.rules import Rule

    why = {"reason": "试验", "basis": "试验"}
    merge = {"other": 999_999, "reason": "试验"}
    approval = {"kind": "project", "number": "试〔2026〕1号", "issued_on": "2026-06-02", "division": "990101"}
    see, approve = scope.SEE, scope.APPROVE
    licence, party = _of("licence_id"), _of("party_id")
    return {
        "verify/": Rule("open"),
        "verify/<str:number>": Rule("open", samples=_open(number="none-such")),
        "api/verify/<number>": Rule("open", samples=_open(number="none-such")),
        "api/verify/": Rule("open"),
        "licences/": Rule("signed in"),
        "licences/<int:licence_id>": Rule("data", see, samples=licence),
        "licences/<int:licence_id>/file.<licence_form:form>": Rule(
            "data", scope.DOWNLOAD, samples=_of("licence_id", form="pdf")
        ),
        "licences/<int:licence_id>/<licence_act:act>": Rule(
            "data", write=approve, body=why, samples=_of("licence_id", act="suspend")
        ),
        "api/licences/": Rule("signed in"),
        "api/licences/<int:licence_id>": Rule("data", see, samples=licence),
        "api/licences/<int:licence_id>/file": Rule("data", scope.DOWNLOAD, samples=licence),
        "api/licences/<int:licence_id>/suspend": Rule("data", write=approve, body=why, samples=licence),
        "api/licences/<int:licence_id>/resume": Rule("data", write=approve, body=why, samples=licence),
        "api/cases/<number>/archive": Rule("data", scope.DOWNLOAD, samples=_cases),
        "parties/": Rule("signed in"),
        "parties/<int:party_id>": Rule("data", see, samples=party),
        "parties/<int:party_id>/merge": Rule("data", write=approve, body=merge, samples=party),
        "api/parties/": Rule("signed in"),
        "api/parties/<int:party_id>": Rule("data", see, samples=party),
        "api/parties/<int:party_id>/merge": Rule("data", write=approve, body=merge, samples=party),
        "projects/": Rule("signed in"),
        "projects/<str:number>": Rule("data", see, samples=_project()),
        "api/projects/": Rule("signed in"),
        "api/projects/<number>": Rule("data", see, samples=_project()),
        "api/projects/<number>/plots": Rule("data", see, samples=_project()),
        "api/projects/<number>/documents": Rule("data", write=scope.EDIT, body=approval, samples=_project(False)),
    }
