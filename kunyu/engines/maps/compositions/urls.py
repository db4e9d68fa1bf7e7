"""The page on which thematic maps are made."""

from django.urls import path

from kunyu.engines.maps.compositions import pages

urlpatterns = [path("compose", pages.compose, name="map-compose")]
