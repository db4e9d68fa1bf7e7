"""Pages of the node itself: health, readiness and the workbench."""

from django.conf import settings
from django.db import connection
from django.db.utils import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language

from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.security.applicants import account_of
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed


def node_context(request: HttpRequest) -> dict[str, object]:
    """What every template may use: language and demo mode."""
    return {"lang": "en" if (get_language() or "").startswith("en") else "zh", "demo": settings.KUNYU_DEMO}


def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Touches nothing else."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:
    """Database reachable, queue and unsealed audit countable, published versions known; 503 with the reason otherwise."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")
            waiting = cursor.fetchone()[0]
            cursor.execute(
                "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::float8 "
                "FROM security_auditpending"
            )
            unsealed, oldest = cursor.fetchone()
        versions = DatasetVersion.objects.filter(status=DatasetVersion.Status.PUBLISHED).count()
    except DatabaseError as error:
        return JsonResponse({"status": "unavailable", "reason": str(error).splitlines()[0]}, status=503)
    audit = {"unsealed": unsealed, "oldest_unsealed_seconds": round(max(oldest, 0.0), 3)}
    return JsonResponse({"status": "ready", "queue": waiting, "versions": versions, "audit": audit})


@login_needed
def workbench(request: HttpRequest) -> HttpResponse:
    """The desk: the map full-bleed, layers left, feature right, time below. Who sees no data has a place of his own."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    if principal.duty:
        return redirect("admin-home")
    if not principal.rights and account_of(principal.user_id) is not None:
        return redirect("hall")
    return render(request, "workbench.html")
