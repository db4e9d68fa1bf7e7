"""What the engines above the catalogue add to the lineage graph: the one list (setting ``KUNYU_LINEAGE_PROVIDERS``)."""

from __future__ import annotations

from kunyu.engines.analysis import lineage as analysis
from kunyu.engines.catalogue.lineage_graph import Provider
from kunyu.engines.ingest import lineage as ingest
from kunyu.engines.maps import lineage as maps

PROVIDERS = (
    Provider(ingest.around),
    Provider(analysis.around, {"result": analysis.subject}),
    Provider(maps.around),
)
