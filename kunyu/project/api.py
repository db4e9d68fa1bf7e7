"""The house API: one OpenAPI description at ``/api/openapi.json``; each engine brings its own router."""

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from kunyu.engines.catalogue.api import router as catalogue_router
from kunyu.engines.ingest.api import router as ingest_router
from kunyu.engines.maps.api import router as maps_router
from kunyu.engines.reference.api import router as reference_router
from kunyu.engines.security.session import signed_in
from kunyu.kernel.errors import KunyuError
from kunyu.project.problems import problem_response

house = NinjaAPI(
    title="Kunyu 坤舆",
    version="1",
    description="坤舆节点接口 / House API of a Kunyu node",
    auth=signed_in,
    urls_namespace="house",
)


@house.exception_handler(KunyuError)
def _problem(request: HttpRequest, error: KunyuError) -> HttpResponse:
    return problem_response(error)


house.add_router("catalogue", catalogue_router)
house.add_router("deliveries", ingest_router)
house.add_router("map", maps_router)
house.add_router("reference", reference_router)
