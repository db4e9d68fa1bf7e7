"""Who hears which event: the one list (architecture.md §1). Handlers are idempotent; delivery is at least once."""

from collections.abc import Callable

HANDLERS: dict[str, list[Callable[[dict], None]]] = {}
