"""Addresses under ``/services/``."""

from django.urls import path, register_converter

from kunyu.engines.catalogue.register import key_pages, pages


class _ServiceAct:
    regex = "publish|suspend|withdraw|check"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class _KeyAct(_ServiceAct):
    regex = "approve|refuse|withdraw|take|quota|suspend|resume"


register_converter(_ServiceAct, "service_act")
register_converter(_KeyAct, "key_act")

urlpatterns = [
    path("services/", pages.index),
    path("services/new", pages.new),
    path("services/uses/", pages.uses),
    path("services/keys/", key_pages.index),
    path("services/keys/apply", key_pages.apply),
    path("services/keys/<int:number>/", key_pages.record),
    path("services/keys/<int:number>/<key_act:act>", key_pages.do),
    path("services/<slug:code>/", pages.record),
    path("services/<slug:code>/edit", pages.edit),
    path("services/<slug:code>/<service_act:act>", pages.do),
]
