"""Every address of the node; contract.md fixes those that programs outside rely on."""

from django.urls import include, path

from kunyu.engines.maps import views as maps
from kunyu.project import api, pages

handler404 = "kunyu.project.problems.no_such_address"
handler500 = "kunyu.project.problems.broken"

urlpatterns = [
    path("healthz", pages.healthz),
    path("readyz", pages.readyz),
    path("ogc", maps.landing),  # QGIS asks without the slash and follows no redirect with its credentials
    path("ogc/", include("kunyu.engines.analysis.urls")),
    path("ogc/", include("kunyu.engines.maps.urls")),
    path("stac/", include("kunyu.engines.maps.stac.urls")),
    path("api/", api.house.urls),
    path("proxy/", include("kunyu.engines.maps.proxy.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("kunyu.engines.pages.urls")),
    path("", include("kunyu.engines.security.urls")),
    path("", include("kunyu.engines.security.admin_urls")),
    path("", include("kunyu.engines.worklist.urls")),
    path("", include("kunyu.engines.documents.seals.urls")),
    path("", include("kunyu.engines.documents.urls")),
    path("", include("kunyu.engines.ingest.urls")),
    path("", include("kunyu.engines.catalogue.register.urls")),
    path("", include("kunyu.engines.catalogue.urls")),
    path("", include("kunyu.registers.parties.urls")),
    path("", include("kunyu.registers.projects.urls")),
    path("", include("kunyu.engines.matters.definitions.urls")),
    path("", include("kunyu.engines.matters.desk.urls")),
    path("", include("kunyu.engines.matters.hall.urls")),
    path("", include("kunyu.packs.field_evidence.urls")),
    path("", include("kunyu.packs.survey_acceptance.urls")),
    path("map/", include("kunyu.engines.maps.compositions.urls")),
    path("", pages.workbench, name="workbench"),
]
