"""From a request, a token or the command line to a principal."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from kunyu.engines.security.errors import BadToken
from kunyu.engines.security.models import AccessToken, Grant, User
from kunyu.engines.security.scope import ANONYMOUS, Principal, Right, operator
from kunyu.kernel.digests import sm3_hex


def principal_of(user: User, origin: str = "") -> Principal:
    """The principal of an active user with the grants that hold now (one query)."""
    now = datetime.now(UTC)
    rows = Grant.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), user=user)
    rights = tuple(Right(*row) for row in rows.values_list("branch", "division_prefix", "action"))
    return Principal(user.username, user.name_zh, user.pk, rights, origin)


def principal_of_token(token: str, origin: str = "") -> Principal:
    """The principal who holds ``token``; :class:`BadToken` when nobody does."""
    row = AccessToken.objects.select_related("user").filter(digest=sm3_hex(token.encode())).first()
    if row is None or not row.user.is_active or (row.expires_at and row.expires_at < datetime.now(UTC)):
        raise BadToken("访问令牌无效或已过期。", "The access token is unknown or has expired.")
    return principal_of(row.user, origin)


def principal_of_request(request: HttpRequest) -> Principal:
    """Bearer token first, then the session; nobody otherwise."""
    origin = request.META.get("REMOTE_ADDR", "")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return principal_of_token(token.strip(), origin)
    user = request.user
    return principal_of(user, origin) if isinstance(user, User) and user.is_active else ANONYMOUS


def principal_of_command_line() -> Principal:
    """``KUNYU_TOKEN`` says who acts; without it the node's owner acts as operator (contract.md, "Commands")."""
    token = os.environ.get("KUNYU_TOKEN", "")
    return principal_of_token(token, "cli") if token else operator("cli")


def signed_in(request: HttpRequest) -> Principal | None:
    """Authentication of the house API: any principal that is somebody."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return None if principal.is_anonymous else principal


def login_needed(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Send people who are not signed in to the sign-in page and back afterwards."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.principal.is_anonymous:  # type: ignore[attr-defined]
            return redirect(f"/login?next={request.get_full_path()}")
        return view(request, *args, **kwargs)

    return guarded
