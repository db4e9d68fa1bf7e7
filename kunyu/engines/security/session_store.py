"""Sessions of browsers in one table, behind Django's interface for sessions (setting ``SESSION_ENGINE``).

Loading a session answers in one statement who the person is, which duty he has, whether the session still holds, and
the permission epochs: nothing else is asked of the database to know who acts.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError

from kunyu.engines.security import epochs, prepared
from kunyu.engines.security.models import SignInSession
from kunyu.engines.security.sign_in_settings import sign_in_settings
from kunyu.kernel.digests import sm3_hex

DOOR_MINUTES = 30
"""How long a browser may stand at the sign-in page with what it began there."""
SEEN_EVERY = timedelta(seconds=60)
_USER = "_auth_user_id"

_LOAD = """
SELECT s.id, s.data, s.method, s.two_factors, s.started_at, s.seen_at, s.confirmed_at, s.user_id,
       u.username, u.name_zh, u.must_change_password, u.password_changed_at, u.division_code,
       coalesce(d.duty, ''), coalesce(d.division_prefix, ''), n.rights_epoch, n.labels_epoch, n.data_epoch
FROM security_signinsession s
LEFT JOIN security_user u ON u.id = s.user_id
LEFT JOIN security_adminduty d ON d.user_id = s.user_id
LEFT JOIN security_nodestate n ON n.id = 1
WHERE s.key_digest = %s AND s.ended_at IS NULL AND s.ends_at > %s
  AND s.seen_at > CASE WHEN d.duty IS NULL THEN %s::timestamptz ELSE %s::timestamptz END
  AND (s.user_id IS NULL OR u.is_active)
"""


@dataclass(frozen=True)
class SignedIn:
    """The person behind a session, and how he proved who he is."""

    session_id: int
    user_id: int
    username: str
    name_zh: str
    division_code: str
    duty: str
    duty_division: str
    method: str
    two_factors: bool
    confirmed_at: datetime | None
    must_change_password: bool
    password_changed_at: datetime


class SessionStore(SessionBase):
    """One browser's session; ``signed_in`` is None before sign-in."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._signed_in: SignedIn | None = None
        self._row: int | None = None
        self.seen_at: datetime | None = None

    @property
    def signed_in(self) -> SignedIn | None:
        """Who is signed in; loads the session at the first question."""
        self._loaded()
        return self._signed_in

    @property
    def row(self) -> int | None:
        """Key of the session's row; None while there is none."""
        self._loaded()
        return self._row

    def _loaded(self, no_load: bool = False) -> dict[str, Any]:
        found: dict[str, Any] = self._get_session(no_load)  # type: ignore[attr-defined]
        return found

    def load(self) -> dict[str, Any]:
        """Read the session and everything about its person; an unknown key is never adopted (fixation)."""
        now, limits = datetime.now(UTC), sign_in_settings()
        idle, duty_idle = (
            now - timedelta(minutes=minutes) for minutes in (limits.idle_minutes, limits.administrator_idle_minutes)
        )
        row = prepared.fetch_one(_LOAD, [sm3_hex((self.session_key or "").encode()), now, idle, duty_idle])
        if row is None:
            self._session_key = None
            return {}
        (self._row, data, method, two_factors, _started, self.seen_at, confirmed_at, user_id, username, name_zh,
         must_change, changed_at, division, duty, duty_division, rights, labels, data_epoch) = row  # fmt: skip
        epochs.note(rights, labels, data_epoch)
        if user_id is not None:
            self._signed_in = SignedIn(
                self._row, user_id, username, name_zh, division, duty, duty_division, method, two_factors, confirmed_at,
                must_change, changed_at,
            )  # fmt: skip
        found: dict[str, Any] = json.loads(data) if isinstance(data, str) else data
        return found

    def _get_new_session_key(self) -> str:
        return secrets.token_urlsafe(32)

    def exists(self, session_key: str) -> bool:
        return SignInSession.objects.filter(key_digest=sm3_hex(session_key.encode())).exists()

    def create(self) -> None:
        """A session of somebody who has not signed in."""
        self._session_key = self._get_new_session_key()
        self.save(must_create=True)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Write what pages keep. ``_auth_user_id`` in it makes the session that person's: only code puts it there.

        Raises
        ------
        UpdateError
            The session ended meanwhile.
        """
        if self.session_key is None:
            self.create()
            return
        data = self._loaded(no_load=must_create)
        user = data.get(_USER)
        digest = sm3_hex(self.session_key.encode())
        if must_create:
            if self.exists(self.session_key):
                raise CreateError
            self._row = SignInSession.objects.create(
                key_digest=digest, data=data, user_id=user, ends_at=_end(user is not None)
            ).pk
            return
        rows = SignInSession.objects.filter(key_digest=digest, ended_at=None)
        changed = {"data": data} if user is None or self._signed_in is not None else {
            "data": data, "user_id": user, "ends_at": _end(True), "started_at": datetime.now(UTC),
        }  # fmt: skip
        if not rows.update(**changed):
            raise UpdateError

    def begin(self, user_id: int, method: str, *, two_factors: bool, origin: str, agent: str) -> int:
        """Start the session of a person who has just proved himself, under a new key; returns its row.

        Whatever key the browser came with is dead from now on.
        """
        self.end("replaced")
        now = datetime.now(UTC)
        self._session_key = self._get_new_session_key()
        self._session_cache: dict[str, Any] = {}
        row = SignInSession.objects.create(
            user_id=user_id, key_digest=sm3_hex(self._session_key.encode()), method=method, two_factors=two_factors,
            started_at=now, seen_at=now, confirmed_at=now, ends_at=_end(True), origin=origin[:80], agent=agent[:200],
        )  # fmt: skip
        self._row, self._signed_in, self.modified, self.accessed = row.pk, None, True, True
        return row.pk

    def rekey(self, *, two_factors: bool | None = None) -> None:
        """A fresh proof of identity: new key for the same session (step-up), ``confirmed_at`` is now."""
        old = sm3_hex((self.session_key or "").encode())
        data = self._loaded()
        self._session_key = self._get_new_session_key()
        changed: dict[str, Any] = {"key_digest": sm3_hex(self._session_key.encode()), "confirmed_at": datetime.now(UTC)}
        if two_factors is not None:
            changed["two_factors"] = two_factors
        if not SignInSession.objects.filter(key_digest=old, ended_at=None).update(**changed):
            raise UpdateError
        self._session_cache, self.modified = data, True

    def end(self, reason: str) -> None:
        """End this session; the row of one who never signed in is removed."""
        if self.session_key is None:
            return
        rows = SignInSession.objects.filter(key_digest=sm3_hex(self.session_key.encode()))
        rows.filter(user=None).delete()
        rows.filter(ended_at=None).update(ended_at=datetime.now(UTC), end_reason=reason, data={})
        self._session_key, self._session_cache, self._row, self._signed_in = None, {}, None, None

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            rows = SignInSession.objects.filter(key_digest=sm3_hex(key.encode()), ended_at=None)
            rows.update(ended_at=datetime.now(UTC), end_reason="signed_out", data={})

    @classmethod
    def clear_expired(cls) -> None:
        """Forget who never signed in; sessions of people stay listed until :func:`sessions.prune` lets go."""
        SignInSession.objects.filter(user=None, ends_at__lte=datetime.now(UTC)).delete()


def _end(signed_in: bool) -> datetime:
    limits = sign_in_settings()
    return datetime.now(UTC) + (timedelta(hours=limits.session_hours) if signed_in else timedelta(minutes=DOOR_MINUTES))
