"""Who hears which event: the one list (architecture.md §1). Handlers are idempotent; delivery is at least once."""

from __future__ import annotations

from kunyu.engines.catalogue import record_labels
from kunyu.engines.catalogue.versions import PUBLISHED_TOPIC
from kunyu.engines.security.label_services import DECIDED_TOPIC
from kunyu.engines.worklist.handlers import LABEL_PROPOSED_TOPIC, label_proposed, tell_candidates
from kunyu.engines.worklist.services import CREATED_TOPIC
from kunyu.kernel.outbox.services import Handler

# A topic with an empty list is recorded and heard by nobody: maps ask for the versions at each request, so a published
# version needs no message to be seen.
HANDLERS: dict[str, list[Handler]] = {
    PUBLISHED_TOPIC: [],
    CREATED_TOPIC: [tell_candidates],
    LABEL_PROPOSED_TOPIC: [label_proposed],
    DECIDED_TOPIC: [],
    record_labels.PROPOSED_TOPIC: [],
    record_labels.DECIDED_TOPIC: [],
}
