"""The page 专题图: layers, classes, layout, preview, print. Its parts are drawn in the browser (``web/src/composition.ts``)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from kunyu.engines.security.session import login_needed


@login_needed
def compose(request: HttpRequest) -> HttpResponse:
    """The page; an administrator, who sees no data, has his own."""
    if request.principal.duty:  # type: ignore[attr-defined]
        return redirect("admin-home")
    return render(request, "maps/compose.html")
