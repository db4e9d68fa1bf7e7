"""Addresses of the pack."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
