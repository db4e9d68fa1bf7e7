"""Make the next things while the last ones are used: two cores, one pipeline. Django-free."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


class _End:
    """Nothing follows."""


@dataclass(frozen=True)
class _Failure:
    error: BaseException


def ahead(items: Iterable[Item], waiting_items: int = 2) -> Iterator[Item]:
    """Yield ``items``, made in a thread of their own, at most ``waiting_items`` before they are wanted.

    What the maker raises is raised here. When the caller stops early the maker stops at its next item.
    """
    waiting: queue.Queue[Item | _Failure | _End] = queue.Queue(waiting_items)
    stop = threading.Event()

    def put(item: Item | _Failure | _End) -> None:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put(item)
                if stop.is_set():
                    return
            put(_End())
        except BaseException as error:  # noqa: BLE001 - carried over and raised where the batches are used
            put(_Failure(error))

    thread = threading.Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stop.set()
        thread.join()


def made_ahead(make: Callable[[Item], Made], items: Iterable[Item], workers: int = 2) -> Iterator[Made]:
    """Yield ``make(item)`` in the order of ``items``, ``workers`` of them made at the same time.

    Worth it where ``make`` lets go of the interpreter lock, as PROJ, GEOS and Arrow do. One more than ``workers`` is
    alive at a time.
    """
    pending: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="made-ahead") as pool:
        try:
            for item in items:
                pending.append(pool.submit(make, item))
                if len(pending) > workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
