"""Who else has a say before a delivery is published: guards that the project declares. 发布前的把关.

Ingest stands below the packs and asks none of them; setting ``KUNYU_PUBLISH_GUARDS`` names a list of functions that
take the delivery and refuse by raising.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.conf import settings
from django.utils.module_loading import import_string

from kunyu.engines.ingest.models import Delivery

Guard = Callable[[Delivery], None]


def require_unguarded(delivery: Delivery) -> None:
    """Ask every declared guard.

    Raises
    ------
    KunyuError
        Of the guard that refuses: it names what is missing.
    """
    path = getattr(settings, "KUNYU_PUBLISH_GUARDS", "")
    guards: Sequence[Guard] = import_string(path) if path else ()
    for guard in guards:
        guard(delivery)
