"""The ASGI application of the events process: one small process beside the web workers (architecture.md §4)."""

from kunyu.project.runtime.django_setup import prepare_django

prepare_django()

from kunyu.engines.worklist.events import EventsApplication  # noqa: E402 - Django must be ready first

application = EventsApplication()
