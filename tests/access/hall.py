"""Who may ask what of the citizens' hall: guides are public, applications their applicant's or their counter's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.access import following
from tests.access.cases import HANDLERS, _only

if TYPE_CHECKING:
    from tests.access.rules import Rule


def rules() -> dict[str, Rule]:
    """Every route of the hall."""
    from tests.access.rules import Rule

    application = "hall/applications/<int:application_id>/"
    counter = _only("application_id", HANDLERS)
    return {
        **following.rules(),
        "hall/service-worker.js": Rule("open"),
        "hall/apply": Rule("signed in"),
        "hall/mine/": Rule("own"),
        application: Rule("data", samples=counter),
        **{
            f"{application}{step}": Rule("data", change="act", body={}, samples=counter)
            for step in ("applicant", "project", "plot", "plot/check", "form", "materials", "submit", "discard")
        },
        f"{application}receipt": Rule("data", samples=counter),
        f"{application}places.geojson": Rule("data", samples=counter),
    }
