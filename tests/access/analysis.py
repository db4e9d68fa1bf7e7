"""Analyses for the access tests: a stored result and a job of the viewer, which are nobody else's business."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import shapely

from kunyu.engines.analysis.models import AnalysisJob, StoredResult

if TYPE_CHECKING:
    from tests.access.rules import Rule, Sample
    from tests.access.world import World

PLOT = {"type": "Polygon", "coordinates": [[[113, 34.5], [113.01, 34.5], [113.01, 34.51], [113, 34.51], [113, 34.5]]]}
TELLTALE = "result-6d1f"
VIEWER = frozenset({"viewer"})


def build(owner_id: int) -> dict[str, int]:
    """Commit a result and a finished job of the viewer."""
    geometry = shapely.to_wkb(shapely.box(113, 34.5, 113.01, 34.51))
    question = {"layers": ["10401-003"], "valid_at": "2026-06-30", "known_at": "2026-07-01T00:00:00.000000Z",
                "options": {"stale_days": 730, "max_age_days": None}}  # fmt: skip
    result = StoredResult.objects.create(
        owner_id=owner_id, kind="land-classes", digest="a" * 64, geometry=geometry, question=question,
        document={"layers": [], "mark": TELLTALE}, software={},
    )  # fmt: skip
    job = AnalysisJob.objects.create(
        owner_id=owner_id, actor="a-viewer", kind="land-classes", question=question, geometry=geometry,
        state="successful", result=result, message_zh=TELLTALE,
    )  # fmt: skip
    return {"result_id": result.pk, "job_id": job.pk}


def _own(name: str) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample

        return [
            Sample({name: world.analysis[name]}, "", None, VIEWER, VIEWER),
            Sample({name: 999_999}, "", None, frozenset(), frozenset()),
        ]

    return made


def rules() -> dict[str, Rule]:
    """Who may ask what of analyses. Anybody signed in may ask; what the answer says is a matter of each layer."""
    from tests.access.rules import Rule, Sample

    plot = {"geometry": PLOT}
    named = [Sample({"process_id": "overlap"})]
    return {
        **{
            f"api/analysis/{kind}": Rule("signed in", body=plot)
            for kind in ("overlap", "land-classes", "history", "nearest", "buffer", "plot", "jobs")
        },
        "api/analysis/results/<result_id>": Rule("own", samples=_own("result_id")),
        "api/analysis/results/<result_id>/replay": Rule("own", write="act", samples=_own("result_id")),
        "api/analysis/jobs/<job_id>": Rule("own", samples=_own("job_id")),
        "ogc/processes": Rule("open"),
        "ogc/processes/<str:process_id>": Rule("open", samples=lambda world: named),
        "ogc/processes/<str:process_id>/execution": Rule(
            "signed in", body={"inputs": plot}, samples=lambda world: named
        ),
        "ogc/jobs": Rule("signed in"),
        "ogc/jobs/<int:job_id>": Rule("own", samples=_own("job_id")),
        "ogc/jobs/<int:job_id>/results": Rule("own", samples=_own("job_id")),
    }
