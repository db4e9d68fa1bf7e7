"""Acts that begin at the same moment, each on a connection of its own: two clicks, two workers, two nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Barrier, Thread
from typing import Any

from django.db import connection

WAITED_S = 90


def at_once(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run the jobs in threads that wait for one another; answers with their results or errors, in the order given.

    The test must commit (``django_db(transaction=True)``). A job that has not ended after 90 s fails the test.
    """
    gate, outcomes = Barrier(len(jobs)), [None] * len(jobs)

    def run(place: int) -> None:
        try:
            gate.wait(WAITED_S)
            outcomes[place] = jobs[place]()
        except Exception as error:
            outcomes[place] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=[place], daemon=True) for place in range(len(jobs))]
    for one in threads:
        one.start()
    for one in threads:
        one.join(WAITED_S)
    assert not any(one.is_alive() for one in threads), f"not ended after {WAITED_S} s"
    return outcomes
