"""Which collections of the catalogue are coverages, known without opening them."""

from __future__ import annotations

from functools import lru_cache

from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.standards import load_standard


class _Unknown(Exception):
    """No such collection: not remembered, it may come."""


@lru_cache(maxsize=4096)
def _known(collection: str) -> bool:
    found = Layer.objects.filter(collection=collection).values_list("standard_id", "code").first()
    if found is None:
        raise _Unknown
    return load_standard(found[0]).layers[found[1]].holds_images


def is_coverage(collection: str) -> bool:
    """Whether ``collection`` holds images or heights; False for one that does not exist. What it is never changes."""
    try:
        return _known(collection)
    except _Unknown:
        return False
