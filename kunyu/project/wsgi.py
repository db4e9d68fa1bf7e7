"""The WSGI application that granian serves."""

from django.core.wsgi import get_wsgi_application

from kunyu.project.runtime.django_setup import prepare_django

prepare_django()

from kunyu.engines.maps.short_road import ShortRoad  # noqa: E402 - its models need Django ready

application = ShortRoad(get_wsgi_application())
