"""Which registers contribute to reference packs: the one mapping (setting ``KUNYU_REFERENCE_PROVIDERS``)."""

from __future__ import annotations

from kunyu.engines.ingest.checks.reference import DEVICES, MONITORING
from kunyu.engines.ingest.reference_parts import Provider
from kunyu.packs.field_evidence import references as evidence

PROVIDERS: dict[str, Provider] = {
    DEVICES: evidence.devices,
    MONITORING: evidence.monitoring_patches,
}
