"""What other engines answer under ``/ogc/`` beside the maps: one list for landing page, conformance and description.

Maps and analyses never import each other; the setting ``KUNYU_OGC_PARTS`` names this list and maps reads it.
"""

from __future__ import annotations

from kunyu.engines.analysis import process_description

PARTS = (process_description.PART,)
