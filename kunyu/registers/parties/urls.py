"""Addresses of the register."""

from django.urls import path

from kunyu.registers.parties import pages

urlpatterns = [
    path("parties/", pages.parties, name="parties"),
    path("parties/<int:party_id>", pages.one, name="party"),
    path("parties/<int:party_id>/merge", pages.merge, name="party-merge"),
]
