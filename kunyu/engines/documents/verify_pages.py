"""The public pages of verification: a number, a scanned code, or a file. No account is needed. 核验页面."""

from __future__ import annotations

from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from kunyu.engines.documents import file_verifying, verifying
from kunyu.engines.documents.errors import UnknownLicence
from kunyu.engines.documents.outline import outline_svg
from kunyu.engines.security import public_limits
from kunyu.engines.security.sign_in_errors import TooManyRequests
from kunyu.kernel.errors import KunyuError

TONES = {
    "valid": "good", "genuine": "good", "suspended": "warn", "expired": "warn", "replaced": "warn", "not_found": "plain",
    "unknown": "plain", "wrong_check": "bad", "revoked": "bad", "forged": "bad", "altered": "bad",
}  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Where one types a number or gives a file; a posted file is answered at once and not kept."""
    typed = request.GET.get("number", "").strip()
    if typed:
        return redirect(f"/verify/{quote(verifying.plain_number(typed), safe='')}")
    if request.method == "POST":
        return _file(request)
    return _kept_nowhere(render(request, "documents/verify.html", {}))


def _file(request: HttpRequest) -> HttpResponse:
    given = request.FILES.get("file")
    try:
        public_limits.take(request, public_limits.VERIFY_FILE)
        verdict = file_verifying.verify_upload(given)
    except KunyuError as error:
        return _refused(request, error)
    return _shown(request, verdict.licence, verdict)


@require_safe
def one(request: HttpRequest, number: str) -> HttpResponse:
    """What is public of one number; the same answer for what is not there and what is not shown.

    People get a page. A program that asks for JSON gets what `/api/verify/` gives; one that asks for no page is told of
    a number that is not there by a problem document (contract.md, "Addresses").
    """
    accepted = request.headers.get("Accept", "")
    try:
        public_limits.take(request, public_limits.VERIFY)
    except TooManyRequests as error:
        if "text/html" not in accepted:
            raise
        return _refused(request, error)
    found = verifying.verify(number)
    if "text/html" in accepted:
        return _shown(request, found, None)
    if found.answer == "not_found":
        raise UnknownLicence(*verifying.ADVICE["not_found"])
    if "json" in accepted:
        return _kept_nowhere(
            JsonResponse(verifying.verification_json(found), json_dumps_params={"ensure_ascii": False})
        )
    return _shown(request, found, None)


def _shown(
    request: HttpRequest, found: verifying.Verification | None, verdict: file_verifying.FileVerdict | None
) -> HttpResponse:
    answer = verdict.answer if verdict else (found.answer if found else "not_found")
    plot = found.plot if found is not None else None
    page = render(
        request, "documents/verified.html",
        {
            "found": found, "verdict": verdict, "tone": TONES[answer],
            "words": verdict.words if verdict else (found.words if found else ("", "")),
            "advice": verdict.advice if verdict else (found.advice if found else ("", "")),
            "outline": outline_svg(plot, "地块略图 / outline of the plot") if plot is not None else "",
        },
        status=404 if verdict is None and found is not None and found.answer == "not_found" else 200,
    )  # fmt: skip
    return _kept_nowhere(page)


def _refused(request: HttpRequest, error: KunyuError) -> HttpResponse:
    """The page where one asks, with why not; with the seconds to wait where waiting helps."""
    page = render(request, "documents/verify.html", {"error": error}, status=error.http_status)
    if "retry_after" in error.context:
        page["Retry-After"] = str(error.context["retry_after"])
    return _kept_nowhere(page)


def _kept_nowhere(answer: HttpResponse) -> HttpResponse:
    answer["Cache-Control"] = "no-store"
    answer["X-Robots-Tag"] = "noindex"
    return answer
