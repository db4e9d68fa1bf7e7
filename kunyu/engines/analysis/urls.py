"""Addresses under ``/ogc/`` that analyses answer: OGC API – Processes (contract.md, "Addresses")."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
