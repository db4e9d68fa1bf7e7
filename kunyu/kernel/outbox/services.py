"""Write events and deliver them.

Delivery is at least once: a crash between a handler's work and the mark repeats the event, so handlers are
idempotent. What a handler writes to the same database commits together with the mark. Order is by id among events
that are due; an event that failed comes back later than its successors.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from kunyu.kernel.digests import canonical_json
from kunyu.kernel.outbox.errors import EmittedOutsideTransaction, HandlersNotDeclared
from kunyu.kernel.outbox.models import Event

Handler = Callable[[Event], None]
Handlers = Mapping[str, Sequence[Handler]]

FIRST_RETRY_S = 2
LONGEST_RETRY_S = 3600
_ERROR_LETTERS = 2000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dispatched:
    """What one call of `dispatch` did: numbers of events."""

    delivered: int
    failed: int


def emit(topic: str, payload: dict[str, Any]) -> Event:
    """Write an event in the caller's transaction.

    Parameters
    ----------
    topic : str
        Up to 100 letters, for example ``catalogue.version_published``.
    payload : dict
        JSON values only; ids rather than copies of records.

    Raises
    ------
    EmittedOutsideTransaction
        When no transaction is open: the change and its event could part.
    UsageError
        When the payload is not JSON.
    """
    if not connection.in_atomic_block:
        raise EmittedOutsideTransaction(
            f"事件 {topic} 不在事务内写出: 请在 transaction.atomic() 内与业务变更一起写。",
            f"Event {topic} was emitted outside a transaction: emit it inside transaction.atomic(), with the change.",
            topic=topic,
        )
    canonical_json(payload)
    return Event.objects.create(topic=topic, payload=payload)


def dispatch(limit: int = 100, handlers: Handlers | None = None) -> Dispatched:
    """Deliver up to ``limit`` due events; each in a transaction of its own.

    Several dispatchers may run at once: each locks the event it works on and skips those of others.

    Parameters
    ----------
    limit : int
        Most events to try in this call.
    handlers : mapping from topic to handlers, optional
        Default: the mapping that ``settings.KUNYU_OUTBOX_HANDLERS`` names by dotted path. A topic with an empty
        list is delivered to nobody; a topic not in the mapping fails and is retried, so that nothing is lost.

    Returns
    -------
    Dispatched
        Failures are recorded on the event (``attempts``, ``last_error``) and tried again after 2, 4, 8 … s, at
        most an hour.
    """
    known = declared_handlers() if handlers is None else handlers
    delivered = failed = 0
    for _ in range(limit):
        outcome = _dispatch_one(known)
        if outcome is None:
            break
        delivered += outcome
        failed += not outcome
    return Dispatched(delivered, failed)


def declared_handlers() -> Handlers:
    """Return the mapping that ``settings.KUNYU_OUTBOX_HANDLERS`` names.

    Raises
    ------
    HandlersNotDeclared
        When the setting is missing or does not name a mapping.
    """
    path = getattr(settings, "KUNYU_OUTBOX_HANDLERS", None)
    try:
        mapping = import_string(path) if path else None
    except ImportError as error:
        raise _not_declared(path) from error
    if not isinstance(mapping, Mapping):
        raise _not_declared(path)
    return mapping


def _not_declared(path: str | None) -> HandlersNotDeclared:
    return HandlersNotDeclared(
        f"设置 KUNYU_OUTBOX_HANDLERS 未指向处理器字典: {path}。请填字典的点分路径。",
        f"Setting KUNYU_OUTBOX_HANDLERS does not name a mapping of handlers: {path}. Give its dotted path.",
        path=path,
    )


def _dispatch_one(handlers: Handlers) -> bool | None:
    """Deliver the next due event: True when delivered, False when it failed, None when none is due."""
    with transaction.atomic():
        event = (
            Event.objects.select_for_update(skip_locked=True)
            .filter(delivered_at__isnull=True, due_at__lte=Now())
            .order_by("due_at", "id")
            .first()
        )
        if event is None:
            return None
        try:
            with transaction.atomic():  # a savepoint: a failing handler leaves no half of its work
                _deliver(event, handlers)
        except Exception as error:  # whatever a handler raises must not stop the others' events
            logger.exception("event %s failed", event)
            _postpone(event, error)
            return False
        Event.objects.filter(pk=event.pk).update(delivered_at=Now(), last_error="")
        return True


def _deliver(event: Event, handlers: Handlers) -> None:
    if event.topic not in handlers:
        raise HandlersNotDeclared(
            f"主题 {event.topic} 未登记处理器。请在处理器字典中登记(可为空列表)。",
            f"Topic {event.topic} has no handlers declared. Declare it, if only with an empty list.",
            topic=event.topic,
        )
    for handler in handlers[event.topic]:
        handler(event)


def _postpone(event: Event, error: Exception) -> None:
    wait_s = min(FIRST_RETRY_S * 2 ** min(event.attempts, 20), LONGEST_RETRY_S)
    Event.objects.filter(pk=event.pk).update(
        attempts=event.attempts + 1,
        last_error=f"{type(error).__name__}: {error}"[:_ERROR_LETTERS].replace("\x00", ""),
        due_at=Now() + timedelta(seconds=wait_s),
    )
