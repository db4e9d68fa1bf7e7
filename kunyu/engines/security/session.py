"""From a request, a token or the command line to a principal."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache, wraps
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from kunyu.engines.security.errors import BadToken
from kunyu.engines.security.models import AccessToken, Grant, User
from kunyu.engines.security.scope import ANONYMOUS, Principal, Right, operator
from kunyu.kernel.digests import sm3_hex

_ANY = -1


@lru_cache(maxsize=1)
def _grants_sql() -> tuple[str, tuple[Any, ...]]:
    rows = Grant.objects.filter(user_id=_ANY).values_list("branch", "division_prefix", "action", "expires_at")
    return rows.query.sql_with_params()


@lru_cache(maxsize=1)
def _token_sql() -> tuple[str, tuple[Any, ...]]:
    found = AccessToken.objects.filter(digest=str(_ANY))
    return found.values_list(
        "user_id", "user__username", "user__name_zh", "user__is_active", "expires_at"
    ).query.sql_with_params()


def _rows(written: tuple[str, tuple[Any, ...]], value: Any) -> list[tuple[Any, ...]]:
    """Run a query that Django wrote once for this process: every request asks these, and writing costs more."""
    statement, parameters = written
    with connection.cursor() as cursor:
        cursor.execute(statement, [value if one in (_ANY, str(_ANY)) else one for one in parameters])
        return list(cursor.fetchall())


def _rights(user_id: int) -> tuple[Right, ...]:
    now = datetime.now(UTC)
    return tuple(Right(*row[:3]) for row in _rows(_grants_sql(), user_id) if row[3] is None or row[3] > now)


def principal_of(user: User, origin: str = "") -> Principal:
    """The principal of an active user with the grants that hold now (one query)."""
    return Principal(user.username, user.name_zh, user.pk, _rights(user.pk), origin)


def principal_of_token(token: str, origin: str = "") -> Principal:
    """The principal who holds ``token``; :class:`BadToken` when nobody does (two queries)."""
    found = _rows(_token_sql(), sm3_hex(token.encode()))
    user_id, username, name_zh, is_active, expires_at = found[0] if found else (None, "", "", False, None)
    if user_id is None or not is_active or (expires_at and expires_at < datetime.now(UTC)):
        raise BadToken("访问令牌无效或已过期。", "The access token is unknown or has expired.")
    return Principal(username, name_zh, user_id, _rights(user_id), origin)


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
