"""Numbers of identity, from variables ``KUNYU_SIGN_IN_*``."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import lru_cache

PREFIX = "KUNYU_SIGN_IN_"


@dataclass(frozen=True)
class SignInSettings:
    """Defaults follow GB/T 22239-2019 §8.1.4.1 as read in practice: five failures, thirty minutes, ninety days.

    The standard's clauses were not at hand; the numbers are those of the domain facts (security §3).
    """

    password_days: int = 90
    """A password older than this is changed before anything else is done; 0: never."""
    password_history: int = 5
    failures: int = 5
    lock_minutes: int = 30
    origin_failures: int = 30
    """Wrong attempts from one address within ``origin_minutes``; then that address waits. Offices share addresses."""
    origin_minutes: int = 15
    bad_tokens: int = 60
    """Unknown tokens from one address within a minute."""
    idle_minutes: int = 30
    administrator_idle_minutes: int = 15
    session_hours: int = 8
    sessions_per_person: int = 5
    confirm_minutes: int = 10
    """How long a proof of identity covers changes to one's own factors and tokens."""
    pending_minutes: int = 5
    """How long the second step may take."""
    challenge_seconds: int = 120
    token_days: int = 366
    kept_days: int = 200
    """Ended sessions stay listed this long (six months are asked of records: domain facts, security §3)."""
    factor_required: str = "production"
    """When an administrator without a second factor may do nothing but enrol: ``production``, ``always``, ``never``."""
    trusted_proxies: str = ""
    """Addresses whose X-Forwarded-For is believed, with commas."""


@lru_cache(maxsize=4)
def _read(given: tuple[tuple[str, str], ...]) -> SignInSettings:
    kinds = {one.name: one.type for one in fields(SignInSettings)}
    return SignInSettings(**{name: text if kinds[name] == "str" else int(text) for name, text in given})  # type: ignore[arg-type]


_NAMES = tuple((one.name, PREFIX + one.name.upper()) for one in fields(SignInSettings))


def sign_in_settings() -> SignInSettings:
    """The settings as the environment gives them now."""
    return _read(tuple((name, os.environ[variable]) for name, variable in _NAMES if os.environ.get(variable)))
