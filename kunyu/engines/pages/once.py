"""A form that is sent twice acts once. 防重复提交.

The page carries a token; the first POST writes it in the transaction of its act, a second one (a double click, a
reload, another web process) waits for that transaction and is sent on to where the first one went.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from kunyu.engines.pages.errors import FormExpired
from kunyu.engines.pages.models import Submission
from kunyu.engines.pages.person import person_of
from kunyu.engines.pages.settings import pages_settings

Done = str | tuple[str, HttpResponse]
FIELD = "once"
_SESSION = "once_tokens"
_OPEN_AT_ONCE = 40  # forms open in tabs of one session; older ones expire


def new_token(request: HttpRequest) -> str:
    """A token for one showing of a form, remembered in the person's session."""
    token = secrets.token_urlsafe(18)
    request.session[_SESSION] = [*request.session.get(_SESSION, []), token][-_OPEN_AT_ONCE:]
    return token


def submit_once(request: HttpRequest, act: Callable[[], Done]) -> HttpResponse:
    """Do ``act`` (it answers with the address to go to) unless this form was sent before; then redirect there.

    An act that must show something once only (a password it drew) answers with (address, response): the first click
    sees the response, a second one is sent to the address.

    Raises
    ------
    FormExpired
        The token is missing or was not given to this session.
    """
    token = request.POST.get(FIELD, "")
    if token not in request.session.get(_SESSION, []):
        raise FormExpired(
            "这个表单已过期或不是由本页面打开的，请重新打开页面再提交。",
            "This form is too old or was not opened by this session; open the page again and send it anew.",
        )
    person = person_of(request) or 0
    with transaction.atomic():
        if _first(person, token):
            done = act()
            url, answer = (done, None) if isinstance(done, str) else done
            Submission.objects.filter(user_id=person, token=token).update(url=url)
            if answer is not None:
                return answer
        else:
            url = Submission.objects.values_list("url", flat=True).get(user_id=person, token=token)
    return redirect(url)


def repeated(request: HttpRequest) -> HttpResponse | None:
    """Where a form that was sent before led to; None for one that was not.

    For acts after which their own form is no longer valid (a person given a task is no choice any more): asked before
    the form is judged, so that a second click is told what the first one did.
    """
    token = request.POST.get(FIELD, "") if request.method == "POST" else ""
    if not token or token not in request.session.get(_SESSION, []):
        return None
    rows = Submission.objects.filter(user_id=person_of(request) or 0, token=token)
    url = rows.values_list("url", flat=True).first()
    return redirect(url) if url else None


def _first(person: int, token: str) -> bool:
    """Write the token; False when it stands there already (the database waits for a transaction still open)."""
    now = timezone.now()
    Submission.objects.filter(at__lt=now - timedelta(hours=pages_settings().submissions_kept_hours)).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO pages_submission (user_id, token, url, at) VALUES (%s, %s, '', %s) ON CONFLICT DO NOTHING",
            [person, token, now],
        )
        return cursor.rowcount == 1
