"""Addresses of the pack."""

from django.urls import path

from kunyu.packs.survey_acceptance import pages

urlpatterns = [
    path("acceptance/", pages.rounds, name="acceptance"),
    path("acceptance/accuracy/", pages.by_county, name="acceptance-accuracy"),
    path("acceptance/accuracy/surveyors/", pages.by_surveyor, name="acceptance-accuracy-surveyors"),
    path("acceptance/surveyors/", pages.surveyors, name="acceptance-surveyors"),
    path("acceptance/surveyors/new", pages.new_surveyors, name="acceptance-surveyors-new"),
    path("acceptance/<int:round_id>", pages.one_round, name="acceptance-round"),
    path("acceptance/<int:round_id>/", pages.one_round),
    path("acceptance/<int:round_id>/samples/", pages.samples, name="acceptance-samples"),
    path("acceptance/<int:round_id>/plan", pages.plan, name="acceptance-plan"),
    path("acceptance/<int:round_id>/decide", pages.decide, name="acceptance-decide"),
    path("acceptance/<int:round_id>/step/<slug:step>", pages.step, name="acceptance-step"),
    path("acceptance/<int:round_id>/<slug:place>/import", pages.import_sheet, name="acceptance-import"),
    path("acceptance/<int:round_id>/<slug:place>/proof", pages.proof, name="acceptance-proof"),
    path("acceptance/<int:round_id>/<slug:place>/<int:number>", pages.item, name="acceptance-item"),
]
