"""What the account page says, gathered: posts, roles, factors, sessions, tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from kunyu.engines.security import second_factors, sessions
from kunyu.engines.security.applicants import account_of
from kunyu.engines.security.models import Appointment, Role, SignInSession, User
from kunyu.engines.security.national_identity.services import is_offered
from kunyu.engines.security.rights_words import ACTIONS as ACTION_NAMES
from kunyu.engines.security.scope import ACTIONS, Principal

DUTY_WORDS = {
    "system": ("系统管理员", "system administrator"), "security": ("安全管理员", "security administrator"),
    "audit": ("审计管理员", "audit administrator"),
}  # fmt: skip
METHOD_WORDS = {
    "password": ("密码", "password"), "certificate": ("数字证书", "certificate"), "passkey": ("通行密钥", "passkey"),
    "national": ("国家平台身份认证", "national identity"),
}  # fmt: skip


def of(principal: Principal, user: User) -> dict[str, Any]:
    """Everything the page shows."""
    today = timezone.localdate()
    held = Appointment.objects.filter(user=user, starts_on__lte=today).exclude(ends_on__lt=today)
    appointments = list(held.select_related("post__organisation").order_by("starts_on"))
    roles = Role.objects.filter(posts__in=[one.post_id for one in appointments]).distinct()
    return {
        "person": user, "duty": DUTY_WORDS.get(principal.duty), "duty_division": principal.duty_division,
        "appointments": appointments, "roles": list(roles), "factors": second_factors.of(user.pk),
        "certificates": list(user.certificates.order_by("bound_at")), "sessions": _sessions(principal, user),
        "tokens": list(user.tokens.filter(revoked_at=None).order_by("-created_at")), "now": datetime.now(UTC),
        "actions": [(code, *ACTION_NAMES[code]) for code in ACTIONS],
        "applicant": account_of(user.pk), "identity": is_offered(),
    }  # fmt: skip


def _sessions(principal: Principal, user: User) -> list[dict[str, Any]]:
    found = []
    for one in sessions.open_of(user.pk).order_by("-seen_at"):
        zh, en = METHOD_WORDS.get(one.method, ("", ""))
        found.append({"one": one, "mine": one.pk == principal.session_id, "zh": zh, "en": en, "agent": agent(one)})
    return found


def agent(one: SignInSession) -> str:
    """The browser and system in a few letters."""
    text = one.agent
    browser = next((name for name in ("Edg", "Firefox", "Chrome", "Safari") if name in text), "")
    system = next((name for name in ("Windows", "Android", "iPhone", "Mac OS", "Linux") if name in text), "")
    return " · ".join(filter(None, [browser.replace("Edg", "Edge"), system])) or text[:40]
