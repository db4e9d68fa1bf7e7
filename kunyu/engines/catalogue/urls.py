from django.urls import path

from kunyu.engines.catalogue import pages

urlpatterns = [
    path("catalogue/", pages.datasets, name="catalogue"),
    path("catalogue/<str:code>/", pages.dataset, name="dataset"),
]
