"""Addresses under ``/matters/``."""

from django.urls import path, register_converter

from kunyu.engines.matters.definitions import pages


class _Part:
    regex = r"form\.json|workflow\.bpmn|[A-Za-z_][A-Za-z0-9_.\-]{0,79}\.dmn"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(_Part, "matter_part")

urlpatterns = [
    path("matters/", pages.index),
    path("matters/completeness/", pages.completeness),
    path("matters/comparison/", pages.comparison),
    path("matters/<slug:code>/", pages.record),
    path("matters/<slug:code>/new", pages.new),
    path("matters/<slug:code>/editions/<int:edition_id>/", pages.edition),
    path("matters/<slug:code>/editions/<int:edition_id>/publish", pages.publish),
    path("matters/<slug:code>/editions/<int:edition_id>/discard", pages.discard),
    path("matters/<slug:code>/editions/<int:edition_id>/<matter_part:name>", pages.part),
]
