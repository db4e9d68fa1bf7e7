"""Who hears which event: the one list (architecture.md §1). Handlers are idempotent; delivery is at least once."""

from __future__ import annotations

from kunyu.engines.catalogue import record_labels
from kunyu.engines.catalogue.versions import PUBLISHED_TOPIC
from kunyu.engines.documents import licence_states, ofd_copies
from kunyu.engines.ingest import handlers as ingest
from kunyu.engines.ingest.services import VERDICT_TOPIC
from kunyu.engines.maps import handlers as maps
from kunyu.engines.maps.compositions import shipped
from kunyu.engines.matters import handlers as matters
from kunyu.engines.matters.cases import archiving
from kunyu.engines.matters.cases.changing import CHANGED_TOPIC as CASE_TOPIC
from kunyu.engines.matters.cases.changing import DECIDED_TOPIC as CASE_DECIDED_TOPIC
from kunyu.engines.security.grant_services import ENDING_TOPIC
from kunyu.engines.security.label_services import DECIDED_TOPIC, PROPOSED_TOPIC
from kunyu.engines.security.leaving import LEFT_POST_TOPIC
from kunyu.engines.worklist import handlers as worklist
from kunyu.engines.worklist.services import CREATED_TOPIC
from kunyu.kernel.outbox.services import Handler
from kunyu.packs.field_evidence import handlers as evidence
from kunyu.packs.survey_acceptance import handlers as acceptance
from kunyu.registers.parties import handlers as parties
from kunyu.registers.projects import handlers as projects

# A topic with an empty list is recorded and heard by nobody. Maps ask for the versions at each request: a published
# version needs no message to be seen, only to be drawn at small scales.
HANDLERS: dict[str, list[Handler]] = {
    PUBLISHED_TOPIC: [maps.version_published, ingest.version_published, shipped.version_published],
    CREATED_TOPIC: [worklist.tell_candidates],
    PROPOSED_TOPIC: [worklist.label_proposed],
    DECIDED_TOPIC: [worklist.label_decided, ingest.label_decided, evidence.label_decided],
    record_labels.PROPOSED_TOPIC: [worklist.record_label_proposed],
    record_labels.DECIDED_TOPIC: [maps.labels_decided, worklist.label_decided],
    VERDICT_TOPIC: [acceptance.delivery_judged],
    LEFT_POST_TOPIC: [worklist.left_post],
    ENDING_TOPIC: [worklist.grant_ending],
    CASE_TOPIC: [matters.case_changed, parties.case_changed, archiving.case_changed],
    CASE_DECIDED_TOPIC: [matters.decided],
    licence_states.CHANGED_TOPIC: [
        ofd_copies.licence_changed,
        parties.licence_changed,
        projects.licence_changed,
        archiving.licence_changed,
    ],
}
