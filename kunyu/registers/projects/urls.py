"""Addresses of the register."""

from django.urls import path

from kunyu.registers.projects import pages

urlpatterns = [
    path("projects/", pages.projects, name="projects"),
    path("projects/<str:number>", pages.one, name="project"),
]
