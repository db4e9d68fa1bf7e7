"""Addresses under ``/hall/``."""

from django.urls import path

import kunyu.engines.matters.cases.addresses  # noqa: F401 - registers <case_number:…>
from kunyu.engines.matters.hall import case_pages, portal, sign_up, wizard

urlpatterns = [
    path("hall/", portal.home, name="hall"),
    path("hall/matters/<slug:code>", portal.matter, name="hall-matter"),
    path("hall/sign-up", sign_up.sign_up, name="hall-sign-up"),
    path("hall/sign-up/done", sign_up.done, name="hall-sign-up-done"),
    path("hall/applications/<int:application_id>/", wizard.entrance, name="hall-application"),
    path("hall/cases/<case_number:number>", case_pages.case, name="hall-case"),
    path("hall/cases/<case_number:number>/answer", case_pages.answer, name="hall-case-answer"),
    path("hall/cases/<case_number:number>/withdraw", case_pages.withdraw, name="hall-case-withdraw"),
    path("hall/cases/<case_number:number>/letters/<int:document_id>", case_pages.paper, name="hall-case-paper"),
]
