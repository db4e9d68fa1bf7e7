"""Every address of the node; contract.md fixes those that programs outside rely on."""

import importlib.util

from django.urls import include, path

from kunyu.project import api, pages

urlpatterns = [
    path("healthz", pages.healthz),
    path("readyz", pages.readyz),
    path("ogc/", include("kunyu.engines.maps.urls")),
    path("api/", api.house.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("kunyu.engines.security.urls")),
    *(
        path("", include(f"kunyu.engines.{engine}.urls"))
        for engine in ("ingest", "catalogue")
        if importlib.util.find_spec(f"kunyu.engines.{engine}.urls")  # until every engine has its urls.py
    ),
    path("", pages.workbench, name="workbench"),
]
