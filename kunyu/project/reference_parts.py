"""Which registers contribute to reference packs: the one mapping (setting ``KUNYU_REFERENCE_PROVIDERS``)."""

from __future__ import annotations

from kunyu.engines.ingest.reference_parts import Provider

PROVIDERS: dict[str, Provider] = {}
