"""From a request, a token or the command line to a principal."""

from __future__ import annotations

import base64
import os
from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from kunyu.engines.security import access_tokens, lockout, sessions
from kunyu.engines.security.api_keys import quotas
from kunyu.engines.security.api_keys.quotas import Limits
from kunyu.engines.security.models import AdminDuty, User
from kunyu.engines.security.rights import rights_of
from kunyu.engines.security.scope import ANONYMOUS, Principal, Right, operator
from kunyu.engines.security.session_store import SessionStore, SignedIn

MOST_KEPT = 2_000
BACKGROUND_HEADER = "Kunyu-Background"
_Key = tuple[Any, ...]
_kept: OrderedDict[_Key, tuple[tuple[Right, ...], Principal]] = OrderedDict()
_guard = Lock()


def principal_of(user: User, origin: str = "") -> Principal:
    """The principal of an active user with the rights that hold now."""
    duty = AdminDuty.objects.filter(user_id=user.pk).values_list("duty", "division_prefix").first() or ("", "")
    return Principal(user.username, user.name_zh, user.pk, rights_of(user.pk), origin, *duty)


def principal_of_token(token: str, origin: str = "") -> Principal:
    """The principal who holds ``token``, narrowed as the token is; :class:`BadToken` when nobody does.

    A key's request is counted here, once, and refused when its quota is used up.
    """
    bearer = access_tokens.bearer_of(token, origin)
    if bearer.key_id is not None:
        limits = (bearer.key_branches, bearer.per_minute, bearer.per_day, bearer.is_suspended)
        quotas.take(Limits(bearer.key_id, *limits))
    rights = rights_of(bearer.user_id)
    key = ("token", bearer, origin)
    return _remembered(key, rights, lambda: Principal(
        bearer.username, bearer.name_zh, bearer.user_id, bearer.narrowed(rights), origin, bearer.duty,
        bearer.duty_division, key_id=bearer.key_id,
    ))  # fmt: skip


def _principal_of_session(one: SignedIn, origin: str) -> Principal:
    rights = rights_of(one.user_id)
    key = ("session", one.session_id, one.user_id, one.username, one.name_zh, one.duty, one.duty_division, origin)
    return _remembered(key, rights, lambda: Principal(
        one.username, one.name_zh, one.user_id, rights, origin, one.duty, one.duty_division, one.session_id
    ))  # fmt: skip


def _remembered(key: _Key, rights: tuple[Right, ...], make: Callable[[], Principal]) -> Principal:
    """The same principal as at the last request while its rights are the very same object.

    Ordering thousands of rights by action and branch costs milliseconds; a principal does it once and is kept.
    """
    key = (connection.settings_dict["NAME"], *key)
    with _guard:
        kept = _kept.get(key)
        if kept is not None and kept[0] is rights:
            _kept.move_to_end(key)
            return kept[1]
    made = make()
    with _guard:
        _kept[key] = (rights, made)
        if len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return made


def bearer_token(request: HttpRequest) -> str:
    """The access token that a request carries in ``Authorization``; empty when it carries none.

    Programs that know Basic authentication only (desktop GIS clients of WMTS) send the token as its password, whatever
    the user name. A browser may repeat Basic credentials by itself, so they count for requests that only read.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic" and request.method in ("GET", "HEAD", "OPTIONS"):
        try:
            return base64.b64decode(token.strip(), validate=True).decode().partition(":")[2].strip()
        except ValueError:
            return ""
    return token.strip() if scheme.lower() == "bearer" else ""


def signed_in_session(request: HttpRequest) -> SignedIn | None:
    """Who is signed in at this browser, and how; None for nobody and for programs with a token."""
    store = getattr(request, "session", None)
    if bearer_token(request) or not isinstance(store, SessionStore):
        return None
    store.accessed = True  # the answer depends on the cookie, whether there is one or not: Vary says so
    return store.signed_in if store.session_key else None


def principal_of_request(request: HttpRequest) -> Principal:
    """Bearer token first, then the session; nobody otherwise."""
    origin = lockout.origin_of(request)
    if token := bearer_token(request):
        return principal_of_token(token, origin)
    one = signed_in_session(request)
    if one is None:
        return ANONYMOUS
    if BACKGROUND_HEADER not in request.headers and not request.path.startswith(settings.KUNYU_BACKGROUND_PATHS):
        sessions.touch(request.session)  # type: ignore[arg-type]
    return _principal_of_session(one, origin)


def user_of_request(request: HttpRequest) -> User | None:
    """The account behind the session or token; loaded when asked for."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return User.objects.filter(pk=principal.user_id).first() if principal.user_id is not None else None


def principal_of_command_line() -> Principal:
    """``KUNYU_TOKEN`` says who acts; without it the node's owner acts as operator (contract.md, "Commands")."""
    token = os.environ.get("KUNYU_TOKEN", "")
    return principal_of_token(token, "cli") if token else operator("cli")


def signed_in(request: HttpRequest) -> Principal | None:
    """Authentication of the house API: any principal that is somebody."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return None if principal.is_anonymous else principal


def sign_in_address(request: HttpRequest) -> str:
    """The sign-in page that leads back to this one."""
    return "/login?" + urlencode({"next": request.get_full_path()})


def login_needed(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Send people who are not signed in to the sign-in page and back afterwards."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.principal.is_anonymous:  # type: ignore[attr-defined]
            return redirect(sign_in_address(request))
        return view(request, *args, **kwargs)

    return guarded
