"""JSON of the house API, with instants to the microsecond.

Django's encoder cuts instants to milliseconds: ``known_at`` asked with such a value lies before the very publishing it
was read from, and answers with the state before it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ninja.renderers import JSONRenderer
from ninja.responses import NinjaJSONEncoder


class ExactEncoder(NinjaJSONEncoder):
    """Django's JSON with whole instants."""

    def default(self, o: Any) -> Any:
        if isinstance(o, datetime):
            written = o.isoformat()
            return written.removesuffix("+00:00") + "Z" if written.endswith("+00:00") else written
        return super().default(o)


class ExactRenderer(JSONRenderer):
    """What every operation of the house API answers with."""

    encoder_class = ExactEncoder
