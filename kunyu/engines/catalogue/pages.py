"""Pages of the catalogue: the list of datasets and one dataset in full. 数据目录."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from kunyu.engines.catalogue import browse
from kunyu.engines.security.session import login_needed


@require_safe
@login_needed
def datasets(request: HttpRequest) -> HttpResponse:
    """Every dataset the person may know of, filtered and sorted as the address says."""
    asked = browse.Filter(
        words=request.GET.get("q", "").strip()[:80],
        type_code=request.GET.get("type", "")[:1],
        grade=request.GET.get("grade", "")[:4],
        with_data=request.GET.get("data") == "1",
        sort=request.GET.get("sort", "code"),
    )
    found = browse.rows(request.principal, asked)  # type: ignore[attr-defined]
    context = {
        "rows": found,
        "asked": asked,
        "types": browse.types(),
        "grades": browse.GRADES,
        "with_data": sum(1 for row in found if row.versions),
    }
    return render(request, "catalogue/datasets.html", context)


@require_safe
@login_needed
def dataset(request: HttpRequest, code: str) -> HttpResponse:
    """One dataset: who answers for it, fields, codes, versions, where it comes from."""
    found = browse.detail(request.principal, code)  # type: ignore[attr-defined]
    return render(request, "catalogue/dataset.html", {"detail": found, "dataset": found.dataset})
