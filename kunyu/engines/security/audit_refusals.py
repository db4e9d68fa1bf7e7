"""Refused access is on record, in a transaction of its own. 越权访问留痕.

Whoever is signed in and is answered 403 (seen but not allowed) or 404 (not there, or not for him) leaves an entry: for
403 one a minute and address, for 404 one a minute and part of the site, so that somebody who tries a thousand addresses
leaves a trace and not a flood. Refused sign-ins are recorded where signing in is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.db import DatabaseError, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from kunyu.engines.security.audit import chain, recording
from kunyu.engines.security.scope import ANONYMOUS, Principal
from kunyu.kernel.digests import canonical_json
from kunyu.kernel.errors import KunyuError

REFUSALS = (403, 404)
logger = logging.getLogger("kunyu.audit")


class RefusalMiddleware:
    """Stands around everything that turns errors into answers, so that it sees what the caller was answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code in REFUSALS:
            try:
                note(request, response.status_code)
            except (DatabaseError, KunyuError):
                # the answer is a refusal already: nothing is gained by withholding it
                logger.exception("a refusal could not be recorded")
        return response


def note(request: HttpRequest, status: int) -> None:
    """Record that ``request`` was refused, unless this minute has it already."""
    principal: Principal = getattr(request, "principal", ANONYMOUS)
    if principal.is_anonymous:
        return
    place = request.path if status == 403 else "/".join(request.path.split("/")[:3])
    key = [
        int(time.time() // 60),
        principal.name,
        principal.user_id,
        principal.session_id,
        principal.origin,
        status,
        place,
    ]
    with transaction.atomic():
        recording.write_once(
            principal, "access", "address", request.path[:200], "refused",
            {"method": request.method, "status": status}, chain.digest(canonical_json(key)),
        )  # fmt: skip
