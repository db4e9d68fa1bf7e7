"""Which files are encrypted at rest, and the store that does it. 文件静态加密的判定与存储."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from kunyu.engines.security import keys
from kunyu.engines.security.label_registry import label_of
from kunyu.engines.security.labels import needs_encryption
from kunyu.kernel.objectstore import open_store
from kunyu.kernel.protected_store import ProtectedStore

PLAIN_FOLDER = "plain"


def object_store() -> ProtectedStore:
    """Return the node's object store; the key ring is opened only when an encrypted object is touched."""
    return store_of(Path(settings.KUNYU_HOME), str(settings.KUNYU_OBJECT_STORE))


def store_of(home: Path, address: str) -> ProtectedStore:
    """Return the object store at ``address`` (`open_store`) of the node at ``home``."""
    return ProtectedStore(open_store(address), lambda: keys.node_ring(home), keys.FILE_KEY, home / PLAIN_FOLDER)


def must_protect(collections: Iterable[str]) -> bool:
    """Tell whether a file that holds these collections is encrypted at rest: one strict label decides for all.

    A collection that nobody labelled counts as 敏感 (`labels.ORDINARY`), so its files are encrypted.
    """
    return any(needs_encryption(label_of(collection)) for collection in collections)
