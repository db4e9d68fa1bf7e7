"""The house API: one OpenAPI description at ``/api/openapi.json``; each engine brings its own router."""

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

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


import importlib.util  # noqa: E402  until every engine has its api.py

for _engine, _prefix in (("catalogue", "catalogue"), ("ingest", "deliveries"), ("maps", "map"), ("reference", "reference")):
    if importlib.util.find_spec(f"kunyu.engines.{_engine}.api"):
        house.add_router(_prefix, importlib.import_module(f"kunyu.engines.{_engine}.api").router)
