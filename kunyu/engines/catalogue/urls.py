from django.urls import include, path

from kunyu.engines.catalogue import pages

urlpatterns = [
    path("", include("kunyu.engines.catalogue.permissions.urls")),
    path("catalogue/", pages.datasets, name="catalogue"),
    path("catalogue/<str:code>/", pages.dataset, name="dataset"),
]
