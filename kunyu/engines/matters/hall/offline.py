"""The hall's service worker: a sentence instead of the browser's own page when there is no network. 离线提示.

It keeps nothing: no page, no answer, nothing of a person. All it does is to answer the opening of a page of the hall that
could not be fetched.
"""

from __future__ import annotations

from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

_SCRIPT = Path(__file__).resolve().parents[1] / "data" / "hall_worker.js"


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The script, served under ``/hall/`` because a worker reaches no further than its own address."""
    answer = HttpResponse(_SCRIPT.read_bytes(), content_type="text/javascript; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    return answer
