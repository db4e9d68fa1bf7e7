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
        application: Rule("data", samples=counter),
    }
