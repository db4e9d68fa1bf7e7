"""Random numbers to be signed: for one browser, for one purpose, once, within two minutes. 挑战."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.http import HttpRequest

from kunyu.engines.security.models import SignInChallenge
from kunyu.engines.security.session_store import SessionStore
from kunyu.engines.security.sign_in_settings import sign_in_settings

BYTES = 32


def issue(request: HttpRequest, purpose: str, seconds: int | None = None) -> bytes:
    """A new challenge for this browser, good for ``challenge_seconds`` or as said; an older one of the purpose is dead."""
    store: SessionStore = request.session  # type: ignore[assignment]
    if store.row is None:
        store.create()
    assert store.row is not None
    value = secrets.token_bytes(BYTES)
    expires_at = datetime.now(UTC) + timedelta(seconds=seconds or sign_in_settings().challenge_seconds)
    SignInChallenge.objects.filter(session_id=store.row, purpose=purpose).delete()
    SignInChallenge.objects.create(session_id=store.row, purpose=purpose, value=value.hex(), expires_at=expires_at)
    return value


def consume(request: HttpRequest, purpose: str) -> bytes | None:
    """Take this browser's challenge; a second taker, another browser or a late one gets None."""
    store: SessionStore = request.session  # type: ignore[assignment]
    if store.row is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM security_signinchallenge WHERE session_id = %s AND purpose = %s RETURNING value, expires_at",
            [store.row, purpose],
        )
        rows = cursor.fetchall()
    fresh = [value for value, expires_at in rows if expires_at > datetime.now(UTC)]
    return bytes.fromhex(fresh[0]) if fresh else None
