"""From a request, a token or the command line to a principal."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache, wraps
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from kunyu.engines.security.errors import BadToken
from kunyu.engines.security.models import AccessToken, AdminDuty, User
from kunyu.engines.security.rights import rights_of
from kunyu.engines.security.scope import ANONYMOUS, Principal, operator
from kunyu.kernel.digests import sm3_hex

_ANY = -1  # stands for the digest in the query that Django wrote


@lru_cache(maxsize=1)
def _token_sql() -> tuple[str, tuple[Any, ...]]:
    found = AccessToken.objects.filter(digest=str(_ANY))
    return found.values_list(
        "user_id",
        "user__username",
        "user__name_zh",
        "user__is_active",
        "expires_at",
        "user__admin_duty__duty",
        "user__admin_duty__division_prefix",
    ).query.sql_with_params()


def _rows(written: tuple[str, tuple[Any, ...]], value: Any) -> list[tuple[Any, ...]]:
    """Run a query that Django wrote once for this process: every request asks these, and writing costs more."""
    statement, parameters = written
    with connection.cursor() as cursor:
        cursor.execute(statement, [value if one in (_ANY, str(_ANY)) else one for one in parameters])
        return list(cursor.fetchall())


def principal_of(user: User, origin: str = "") -> Principal:
    """The principal of an active user with the rights that hold now."""
    duty = AdminDuty.objects.filter(user_id=user.pk).values_list("duty", "division_prefix").first() or ("", "")
    return Principal(user.username, user.name_zh, user.pk, rights_of(user.pk), origin, *duty)


def principal_of_token(token: str, origin: str = "") -> Principal:
    """The principal who holds ``token``; :class:`BadToken` when nobody does."""
    found = _rows(_token_sql(), sm3_hex(token.encode()))
    user_id, username, name_zh, is_active, expires_at, duty, division = found[0] if found else (None, *[""] * 6)
    if user_id is None or not is_active or (expires_at and expires_at < datetime.now(UTC)):
        raise BadToken("访问令牌无效或已过期。", "The access token is unknown or has expired.")
    return Principal(username, name_zh, user_id, rights_of(user_id), origin, duty or "", division or "")


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


def login_needed(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Send people who are not signed in to the sign-in page and back afterwards."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.principal.is_anonymous:  # type: ignore[attr-defined]
            return redirect(f"/login?next={request.get_full_path()}")
        return view(request, *args, **kwargs)

    return guarded
