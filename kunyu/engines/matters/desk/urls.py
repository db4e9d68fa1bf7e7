"""Addresses under ``/cases/``."""

from django.urls import path, register_converter

from kunyu.engines.matters.cases.addresses import Named
from kunyu.engines.matters.desk import pages, reset_codes
from kunyu.engines.matters.desk.acts import ACTS
from kunyu.engines.matters.desk.lists import WHICH


class CaseList(Named):
    """The lists besides the open cases."""

    regex = "|".join(one for one in WHICH if one != "open")


class CaseAct(Named):
    """Acts with a page."""

    regex = "|".join(sorted(ACTS, key=len, reverse=True))


register_converter(CaseList, "case_list")
register_converter(CaseAct, "case_act")

urlpatterns = [
    path("cases/", pages.cases, name="cases"),
    path("cases/statistics/", pages.figures_page, name="case-statistics"),
    path("cases/reset-code", reset_codes.reset_code, name="case-reset-code"),
    path("cases/<case_list:which>/", pages.cases),
    path("cases/<case_number:number>", pages.case, name="case"),
    path("cases/<case_number:number>/places.geojson", pages.places),
    path("cases/<case_number:number>/letters/<int:document_id>", pages.letter, name="case-letter"),
    path("cases/<case_number:number>/<case_act:act>", pages.act, name="case-act"),
]
