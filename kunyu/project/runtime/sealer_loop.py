"""Seal the audit until a signal comes. 审计封存进程."""

from __future__ import annotations

import logging
import signal
import threading

from kunyu.project.runtime.django_setup import prepare_django


def main() -> None:
    """Entry of the child process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    prepare_django()
    from kunyu.engines.security.audit.sealer import loop

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    loop(stop)


if __name__ == "__main__":
    main()
