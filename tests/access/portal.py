"""Who may ask what of the hall's public face: everybody; nothing there depends on who asks but links of his own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.access.rules import Rule, Sample
    from tests.access.world import World


def _matters(world: World) -> list[Sample]:
    from kunyu.engines.matters.models import MatterEdition
    from tests.access.rules import Sample

    code = MatterEdition.objects.get(pk=world.matter_edition).matter.code
    return [Sample({"code": code})]


def rules() -> dict[str, Rule]:
    """Routes that need no account."""
    from tests.access.rules import Rule

    return {
        "hall/": Rule("open"),
        "hall/matters/<slug:code>": Rule("open", samples=_matters),
        "hall/sign-up": Rule("open"),
        "hall/sign-up/done": Rule("open"),
        "hall/reset": Rule("open"),
        "hall/reset/done": Rule("open"),
    }
