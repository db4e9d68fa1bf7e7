"""Addresses of the pack."""

from django.urls import path, register_converter

from kunyu.packs.field_evidence import pages


class _Act:
    regex = "|".join(pages.ACTS)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(_Act, "evidence_act")

urlpatterns = [
    path("evidence/", pages.queue, name="evidence"),
    path("evidence/<int:task_id>", pages.task, name="evidence-task"),
    path("evidence/<int:task_id>/<evidence_act:act>", pages.act, name="evidence-act"),
    path("evidence/photos/<int:photo_id>.jpg", pages.photo, name="evidence-photo"),
    path("evidence/imports/", pages.import_log, name="evidence-imports"),
    path("evidence/imports/new", pages.import_new, name="evidence-import-new"),
    path("evidence/imports/<int:import_id>", pages.import_one, name="evidence-import"),
    path("evidence/lists/new", pages.list_new, name="evidence-list-new"),
    path("evidence/devices/", pages.devices, name="evidence-devices"),
    path("evidence/devices/new", pages.device_new, name="evidence-device-new"),
    path("evidence/devices/<str:number>/revoke", pages.device_revoke, name="evidence-device-revoke"),
    path("evidence/statistics/", pages.figures, name="evidence-statistics"),
]
