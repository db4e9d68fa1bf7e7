"""Who has a say before a delivery is published: the one list (setting ``KUNYU_PUBLISH_GUARDS``)."""

from __future__ import annotations

from kunyu.engines.ingest.guards import Guard
from kunyu.packs.survey_acceptance.services import require_accepted

PUBLISH_GUARDS: tuple[Guard, ...] = (require_accepted,)
