"""Addresses under ``/hall/``."""

from django.urls import path

import kunyu.engines.matters.cases.addresses  # noqa: F401 - registers <case_number:…>
from kunyu.engines.matters.hall import (
    applicant,
    beginning,
    case_pages,
    form,
    materials,
    mine,
    offline,
    plot_pages,
    portal,
    reset,
    sign_up,
    submit,
    wizard,
)

urlpatterns = [
    path("hall/", portal.home, name="hall"),
    path("hall/matters/<slug:code>", portal.matter, name="hall-matter"),
    path("hall/sign-up", sign_up.sign_up, name="hall-sign-up"),
    path("hall/sign-up/done", sign_up.done, name="hall-sign-up-done"),
    path("hall/reset", reset.reset, name="hall-reset"),
    path("hall/reset/done", reset.done, name="hall-reset-done"),
    path("hall/apply", beginning.apply, name="hall-apply"),
    path("hall/mine/", mine.mine, name="hall-mine"),
    path("hall/service-worker.js", offline.worker),
    path("hall/applications/<int:application_id>/", wizard.entrance, name="hall-application"),
    path("hall/applications/<int:application_id>/applicant", applicant.applicant),
    path("hall/applications/<int:application_id>/project", applicant.project),
    path("hall/applications/<int:application_id>/plot", plot_pages.plot),
    path("hall/applications/<int:application_id>/plot/check", plot_pages.check),
    path("hall/applications/<int:application_id>/places.geojson", plot_pages.plot_places),
    path("hall/applications/<int:application_id>/form", form.form),
    path("hall/applications/<int:application_id>/materials", materials.materials),
    path("hall/applications/<int:application_id>/submit", submit.submit),
    path("hall/applications/<int:application_id>/receipt", submit.receipt),
    path("hall/applications/<int:application_id>/discard", submit.discard),
    path("hall/cases/<case_number:number>", case_pages.case, name="hall-case"),
    path("hall/cases/<case_number:number>/answer", case_pages.answer, name="hall-case-answer"),
    path("hall/cases/<case_number:number>/withdraw", case_pages.withdraw, name="hall-case-withdraw"),
    path("hall/cases/<case_number:number>/letters/<int:document_id>", case_pages.paper, name="hall-case-paper"),
]
