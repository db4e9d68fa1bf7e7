"""Materials for the access tests: a running case with one material in each of two counties, and who may ask what of it."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

from django.utils import timezone

from kunyu.engines.matters.definitions.canonical import to_json
from kunyu.engines.matters.definitions.matter import Definition, MaterialKind
from kunyu.engines.matters.models import Application, Case, Material, Matter, MatterEdition
from kunyu.engines.security import scope
from kunyu.engines.security.protection import object_store

if TYPE_CHECKING:
    from tests.access.rules import Rule, Sample
    from tests.access.world import World

BRANCH = "10401-003"
"""The parcels' own code, so that the grants of the roles decide about the cases as well."""
OURS, THEIRS = "mat-ours-62af", "mat-theirs-1c07"
HERE = frozenset({"viewer", "downloader", "editor", "cleared"})
THERE = frozenset({"neighbour"})
EDITORS = frozenset({"editor", "cleared", "neighbour"})


def build() -> dict[str, dict[str, int]]:
    """Commit matter, application, case and material of each county; ids by county and kind."""
    definition = Definition(
        "T-MAT", "材料试验", "trial", "01", (), ("county",), branch=BRANCH,
        materials=(MaterialKind("scan", "扫描件", "scan", licence_kind="business_licence"),),
    )  # fmt: skip
    matter = Matter.objects.create(code="T-MAT", name_zh="材料试验", kind="01", branch=BRANCH)
    edition = MatterEdition.objects.create(
        matter=matter, number=1, state="published", definition=to_json(definition), digest="e" * 64, made_by="tests"
    )
    return {
        division: _one(matter, edition, name, division) for name, division in ((OURS, "990101"), (THEIRS, "990102"))
    }


def _one(matter: Matter, edition: MatterEdition, name: str, division: str) -> dict[str, int]:
    application = Application.objects.create(
        key=name, division_code=division, matters=[matter.code], state="submitted", created_by="tests"
    )
    Case.objects.create(
        number=f"{name}-case", application=application, matter=matter, edition=edition, branch=BRANCH,
        division_code=division, county=division, applicant_name="—", submitted_at=timezone.now(),
    )  # fmt: skip
    stored = object_store().put_bytes(_picture(), protect=True)
    material = Material.objects.create(
        application=application, kind="scan", version=1, file_name=f"{name}.png", media_type="image/png", sm3=stored.sm3,
        size=stored.size, pages=1, reading="ocr", text=f"试验 {name}", facts={}, uploaded_by="tests",
    )  # fmt: skip
    return {"application_id": application.pk, "material_id": material.pk}


def _picture() -> bytes:
    from PIL import Image

    content = BytesIO()
    Image.new("L", (20, 20), 200).save(content, "PNG")
    return content.getvalue()


def _of(
    *names: str, query: str = "", done_by: frozenset[str] | None = None, **more: object
) -> Callable[[World], list[Sample]]:
    """One thing of each county, and one that is not there."""

    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample

        ours, theirs = ({name: world.materials[one][name] for name in names} for one in ("990101", "990102"))
        gone = dict.fromkeys(names, 999_999)
        return [
            Sample({**ours, **more}, query, None, HERE, HERE if done_by is None else done_by & HERE),
            Sample({**theirs, **more}, query, None, THERE, THERE if done_by is None else done_by & THERE),
            Sample({**gone, **more}, query, None, frozenset()),
        ]

    return made


def _lists(world: World) -> list[Sample]:
    """Read by whoever sees the case, added to by whoever handles it."""
    from tests.access.rules import Sample
    from tests.access.world import Subject

    return [
        Sample({"application_id": world.materials[division]["application_id"]}, "", Subject(BRANCH, division))
        for division in ("990101", "990102")
    ]


def rules() -> dict[str, Rule]:
    """Every route of materials."""
    from tests.access.rules import Rule

    application = "api/cases/applications/<int:application_id>/materials"
    material = "api/cases/materials/<int:material_id>"
    either = _of("application_id", done_by=EDITORS)
    return {
        application: Rule("data", scope.SEE, change=scope.EDIT, samples=_lists),
        f"{application}/earlier": Rule("data", scope.SEE, samples=_of("application_id")),
        f"{application}/licences": Rule("data", scope.SEE, samples=_of("application_id", query="kind=scan")),
        f"{application}/search": Rule("data", scope.SEE, samples=_of("application_id", query="q=mat")),
        f"{application}/reuse": Rule("data", write="act", body={"kind": "scan", "material": 1}, samples=either),
        f"{application}/licence": Rule("data", write="act", body={"kind": "scan", "number": "x"}, samples=either),
        f"{application}/<int:material_id>/withdraw": Rule(
            "data", write="act", samples=_of("application_id", "material_id", done_by=EDITORS)
        ),
        material: Rule("data", scope.SEE, samples=_of("material_id")),
        f"{material}/file": Rule("data", scope.SEE, samples=_of("material_id")),
        f"{material}/pages/<int:page>.png": Rule("data", scope.SEE, samples=_of("material_id", page=1)),
    }
