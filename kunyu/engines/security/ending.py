"""Ends what lets a person in: sessions, tokens, invitations. 终止访问."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from kunyu.engines.security.models import AccessToken, Invitation, SignInSession, User


@dataclass(frozen=True)
class Ended:
    """How much there was to end."""

    sessions: int
    tokens: int


def open_sessions(user: User) -> int:
    return SignInSession.objects.filter(user=user, ended_at=None).count()


def end_access(user: User, why: str, *, sessions_before: int | None = None) -> Ended:
    """End every session, token and invitation of a person, in the caller's transaction.

    ``sessions_before`` is the count from before an act whose trigger ended sessions already (migration 0006).
    """
    now = timezone.now()
    sessions = SignInSession.objects.filter(user=user, ended_at=None).update(ended_at=now, end_reason=why)
    tokens = AccessToken.objects.filter(user=user, revoked_at=None).update(revoked_at=now)
    Invitation.objects.filter(user=user, used_at=None).delete()
    return Ended(sessions if sessions_before is None else sessions_before, tokens)
