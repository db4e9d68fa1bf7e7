"""The house API: one OpenAPI description at ``/api/openapi.json``; each engine brings its own router."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from kunyu.engines.analysis.api import router as analysis_router
from kunyu.engines.catalogue.api import router as catalogue_router
from kunyu.engines.catalogue.permissions.api import router as permissions_router
from kunyu.engines.catalogue.register.api import router as services_router
from kunyu.engines.documents.api import router as licences_router
from kunyu.engines.documents.api import verify_router
from kunyu.engines.documents.seals.api import router as seals_router
from kunyu.engines.ingest.api import router as ingest_router
from kunyu.engines.ingest.exception_api import router as exceptions_router
from kunyu.engines.ingest.reference_api import router as packs_router
from kunyu.engines.ingest.verification.api import router as verification_router
from kunyu.engines.maps.api import router as maps_router
from kunyu.engines.maps.basemap_api import router as bases_router
from kunyu.engines.maps.compositions.api import router as compositions_router
from kunyu.engines.maps.edits.api import router as editing_router
from kunyu.engines.maps.exports.api import router as exports_router
from kunyu.engines.matters.api import router as cases_router
from kunyu.engines.matters.definitions.api import router as matters_router
from kunyu.engines.matters.materials.api import router as materials_router
from kunyu.engines.matters.papers_api import router as papers_router
from kunyu.engines.matters.zgw.api import router as zgw_router
from kunyu.engines.reference.api import router as reference_router
from kunyu.engines.security.audit_api import router as audit_router
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.session import signed_in
from kunyu.engines.worklist.api import router as worklist_router
from kunyu.kernel.errors import KunyuError, UsageError
from kunyu.packs.field_evidence.api import router as evidence_router
from kunyu.packs.survey_acceptance.api import router as acceptance_router
from kunyu.project.exact_instants import ExactRenderer
from kunyu.project.problems import no_such_address, problem_response
from kunyu.registers.parties.api import router as parties_router
from kunyu.registers.projects.api import router as projects_router


class HouseAPI(NinjaAPI):
    """The interface, which describes itself once in a process.

    Making the description takes an eighth of a second of a processor, anybody may ask for it, and it changes only with
    the program.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._described: dict[str, OpenAPISchema] = {}

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        """Return the description for addresses below ``path_prefix``: the same object each time, to be read only."""
        prefix = self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
        if prefix not in self._described:
            self._described[prefix] = super().get_openapi_schema(path_prefix=prefix)
        return self._described[prefix]


house = HouseAPI(
    title="Kunyu 坤舆",
    version="1",
    description="坤舆节点接口 / House API of a Kunyu node",
    auth=signed_in,
    renderer=ExactRenderer(),
    urls_namespace="house",
    docs_url=None,  # the viewer comes from a foreign server: no node may ask one
)


@house.exception_handler(KunyuError)
def _problem(request: HttpRequest, error: KunyuError) -> HttpResponse:
    return problem_response(error)


@house.exception_handler(AuthenticationError)
def _nobody(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return problem_response(
        SignInNeeded("请先登录，或在请求中带上访问令牌。", "Sign in, or send an access token with the request.")
    )


class BadRequestValues(UsageError):
    """A value of a request that its description at ``/api/openapi.json`` does not allow."""

    code = "bad_request_values"
    http_status = 422


@house.exception_handler(ValidationError)
def _bad_values(request: HttpRequest, error: ValidationError) -> HttpResponse:
    said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors)
    return problem_response(BadRequestValues(f"请求中的值不符合接口说明：{said}", f"Values of the request: {said}"))


@house.exception_handler(Http404)
def _missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return no_such_address(request, error)


house.add_router("acceptance", acceptance_router)
house.add_router("analysis", analysis_router)
house.add_router("audit", audit_router)
house.add_router("catalogue", catalogue_router)
house.add_router("deliveries", ingest_router)
house.add_router("evidence", evidence_router)
house.add_router("licences", licences_router)
house.add_router("map", maps_router)
house.add_router("map", bases_router)
house.add_router("map/editing", editing_router)
house.add_router("map/exports", exports_router)
house.add_router("map/compositions", compositions_router)
house.add_router("parties", parties_router)
house.add_router("projects", projects_router)
house.add_router("matters", matters_router)
house.add_router("cases", cases_router)
house.add_router("cases", materials_router)
house.add_router("cases", papers_router)
house.add_router("zgw", zgw_router)
house.add_router("reference", reference_router)
house.add_router("reference", packs_router)
house.add_router("exceptions", exceptions_router)
house.add_router("worklist", worklist_router)
house.add_router("security", permissions_router)
house.add_router("seals", seals_router)
house.add_router("services", services_router)
house.add_router("verifications", verification_router)
house.add_router("verify", verify_router)
