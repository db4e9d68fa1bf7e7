"""The ASGI application of the events process: one small process beside the web workers (architecture.md §4)."""

from kunyu.project.runtime.django_setup import prepare_django

prepare_django()

from django.urls import resolve  # noqa: E402 - Django must be ready first

from kunyu.engines.worklist.events import EventsApplication  # noqa: E402
from kunyu.engines.worklist.listener import SESSION_PATH  # noqa: E402

# loads the table of all addresses, which takes seconds: before the process is healthy, not while the first page waits
resolve(SESSION_PATH)

application = EventsApplication()
