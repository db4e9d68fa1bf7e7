"""Addresses under ``/ogc/`` that analyses answer: OGC API – Processes (contract.md, "Addresses")."""

from django.urls import path

from kunyu.engines.analysis import processes

urlpatterns = [
    path("processes", processes.process_list),
    path("processes/<str:process_id>", processes.process),
    path("processes/<str:process_id>/execution", processes.execution),
    path("jobs", processes.job_list),
    path("jobs/<int:job_id>", processes.job),
    path("jobs/<int:job_id>/results", processes.results),
]
