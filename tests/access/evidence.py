"""Evidence for the access tests: a task with a photo in each of two counties, and who may ask what of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kunyu.engines.security import scope
from kunyu.engines.security.protection import object_store
from kunyu.packs.field_evidence.models import Device, EvidenceEvent, EvidenceImport, EvidencePhoto, EvidenceTask

if TYPE_CHECKING:
    from tests.access.rules import Rule, Sample
    from tests.access.world import World

EVIDENCE = "10401-009"
OURS, THEIRS = "evi-ours-44d1", "evi-theirs-90b2"
HERE = frozenset({"viewer", "downloader", "editor", "cleared"})
THERE = frozenset({"neighbour"})
EDITORS = frozenset({"editor", "cleared", "neighbour"})


def build(organisation_id: int) -> dict[str, dict[str, int]]:
    """Commit a task, a package, a photo and a device of each county; ids by county and kind."""
    found = {}
    for name, division in ((OURS, "990101"), (THEIRS, "990102")):
        stored = object_store().put_bytes(f"photo of {name}".encode(), protect=True)
        task = EvidenceTask.objects.create(
            number=name, jcbh=name, division_code=division, created_by="tests", state="county"
        )
        EvidenceEvent.objects.create(task=task, act="created", after="pending", actor="tests", reason=name)
        package = EvidenceImport.objects.create(
            sm3=stored.sm3, file_name=f"{name}.zip", size=1, package=name, division_code=division, photos=1, photos_bad=0,
            imported_by="tests",
        )  # fmt: skip
        photo = EvidencePhoto.objects.create(
            package=package, task=task, position=0, name=name, number=name, division_code=division, metadata="{}",
            image_sm3_stored=stored.sm3, size=stored.size, is_good=True,
        )  # fmt: skip
        found[division] = {"task_id": task.pk, "photo_id": photo.pk, "import_id": package.pk}
    Device.objects.create(
        number="KY-D-T", public_key="04" + "0" * 128, organisation_id=organisation_id, registered_by="tests"
    )
    return found


def _of(kind: str, done_by: frozenset[str] | None = None, **more: object) -> Callable[[World], list[Sample]]:
    """One thing of each county, and one that is not there."""

    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample

        ours, theirs = world.evidence["990101"], world.evidence["990102"]
        return [
            Sample({kind: ours[kind], **more}, "", None, HERE, HERE if done_by is None else done_by & HERE),
            Sample({kind: theirs[kind], **more}, "", None, THERE, THERE if done_by is None else done_by & THERE),
            Sample({kind: 999_999, **more}, "", None, frozenset()),
        ]

    return made


def _anywhere(
    done_by: frozenset[str] | None = None, values: dict[str, object] | None = None
) -> Callable[[World], list[Sample]]:
    """A page over all that a person reaches: in for whoever reaches evidence anywhere."""

    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample

        return [Sample(values or {}, "", None, HERE | THERE, HERE | THERE if done_by is None else done_by)]

    return made


def rules() -> dict[str, Rule]:
    """Every route of the pack."""
    from tests.access.rules import Rule

    judges = frozenset({"cleared", "neighbour"})
    reason = {"reason": "试验"}
    device = {"number": "KY-X", "public_key": "04", "organisation": "none-such"}
    return {
        **{
            f"evidence/{rest}": Rule("data", samples=_anywhere())
            for rest in ("", "imports/", "devices/", "statistics/")
        },
        **{
            f"evidence/{rest}/new": Rule("data", write="act", samples=_anywhere(EDITORS))
            for rest in ("imports", "lists", "devices")
        },
        "evidence/<int:task_id>": Rule("data", scope.QUERY, samples=_of("task_id")),
        "evidence/<int:task_id>/<evidence_act:act>": Rule(
            "data", write="act", body=reason, samples=_of("task_id", judges, act="approve")
        ),
        "evidence/photos/<int:photo_id>.jpg": Rule("data", scope.QUERY, samples=_of("photo_id")),
        "evidence/imports/<int:import_id>": Rule("data", scope.QUERY, samples=_of("import_id")),
        "evidence/devices/<str:number>/revoke": Rule(
            "data", write="act", body=reason, samples=_anywhere(EDITORS, {"number": "none-such"})
        ),
        "api/evidence/tasks": Rule("data", scope.QUERY, samples=_anywhere()),
        "api/evidence/tasks/<int:task_id>": Rule("data", scope.QUERY, samples=_of("task_id")),
        "api/evidence/tasks/<int:task_id>/map": Rule("data", scope.QUERY, samples=_of("task_id")),
        "api/evidence/tasks/<int:task_id>/<act>": Rule(
            "data", write="act", body=reason, samples=_of("task_id", judges, act="approve")
        ),
        "api/evidence/packages": Rule("signed in"),
        "api/evidence/lists": Rule("signed in"),
        "api/evidence/devices": Rule("data", scope.QUERY, body=device, samples=_anywhere()),
        "api/evidence/devices/<number>/revoke": Rule(
            "data", write="act", body=reason, samples=_anywhere(EDITORS, {"number": "none-such"})
        ),
        "api/evidence/statistics": Rule("data", scope.QUERY, samples=_anywhere()),
    }
