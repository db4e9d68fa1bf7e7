"""A seal of the county for the access tests, and which administrators may ask what of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kunyu.engines.documents.models import Seal
from kunyu.engines.documents.seals.services import SealEntry, make
from kunyu.engines.security import scope

if TYPE_CHECKING:
    from tests.access.rules import Rule, Sample
    from tests.access.world import World

NAME = "试验用章"
ALL = ("system", "security", "audit")


def code() -> str:
    """The seal's code; made when first asked for."""
    found = Seal.objects.filter(name_zh=NAME).first()
    return (found or make(scope.operator("tests"), SealEntry(NAME, "990101"))).code


def _seal(**more: object) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample

        return [Sample({"code": code(), **more})]

    return made


def rules() -> dict[str, Rule]:
    """Every route of seals: nobody but the three administrators, and each to his own acts."""
    from tests.access.rules import Rule

    here, reason = "admin/seals/<slug:code>/", {"reason": "试验"}
    return {
        "admin/seals/": Rule("duty", duty=ALL, everywhere=True),
        "admin/seals/new": Rule("duty", duty=("system",), everywhere=True),
        here: Rule("duty", duty=ALL, samples=_seal()),
        f"{here}uses/": Rule("duty", duty=ALL, samples=_seal()),
        f"{here}picture.png": Rule("duty", duty=ALL, samples=_seal()),
        f"{here}suspend": Rule("duty", duty=("system", "security"), samples=_seal()),
        **{
            f"{here}{act}": Rule("duty", duty=("security",), samples=_seal())
            for act in ("approve", "resume", "destroy")
        },
        "api/seals": Rule("duty", duty=ALL, everywhere=True),
        "api/seals/<code>": Rule("duty", duty=ALL, samples=_seal()),
        "api/seals/<code>/uses": Rule("duty", duty=ALL, samples=_seal()),
        "api/seals/<code>/<act>": Rule(
            "duty", duty=("system", "security"), write="act", body=reason, samples=_seal(act="suspend")
        ),
    }
