"""Addresses of the map services alone, so that their tests need no other engine's pages."""

from django.urls import include, path
from ninja import NinjaAPI

from kunyu.engines.maps.api import router
from kunyu.engines.maps.basemap_api import router as bases_router
from kunyu.engines.maps.edits.api import router as editing_router
from kunyu.engines.maps.exports.api import router as exports_router
from kunyu.engines.security.session import signed_in

house = NinjaAPI(auth=signed_in, urls_namespace="maps-tests")
house.add_router("map", router)
house.add_router("map", bases_router)
house.add_router("map/editing", editing_router)
house.add_router("map/exports", exports_router)
urlpatterns = [path("ogc/", include("kunyu.engines.maps.urls")), path("api/", house.urls)]
