"""Pages of the catalogue: the list of datasets and one dataset in full. 数据目录."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from kunyu.engines.catalogue import browse
from kunyu.engines.pages import rendering
from kunyu.engines.security.session import login_needed


@require_safe
@login_needed
def datasets(request: HttpRequest) -> HttpResponseBase:
    """Every dataset the person may know of, filtered and sorted as the address says."""
    return rendering.render(request, browse.listing(request.principal))  # type: ignore[attr-defined]


@require_safe
@login_needed
def dataset(request: HttpRequest, code: str) -> HttpResponse:
    """One dataset: who answers for it, fields, codes, versions, where it comes from."""
    found = browse.detail(request.principal, code)  # type: ignore[attr-defined]
    return render(request, "catalogue/dataset.html", {"detail": found, "dataset": found.dataset})
