"""The WSGI application that granian serves."""

from django.core.wsgi import get_wsgi_application

from kunyu.project.runtime.django_setup import prepare_django

prepare_django()
application = get_wsgi_application()
