"""A forgotten password of an account of the public: a code from the counter, and a new password with it. 重置申请人密码.

The node sends no mail and no messages, so nobody can prove himself from afar. A clerk who has seen the identity document
gives a code, shown once, good once and for a day; its holder chooses the password himself, so that no officer ever knows
one. Whether a code has an account is told to nobody at the public page: every refusal there is one and the same.

Guessing is held off by the length of a code (about 79 bits) and by the limit of an address (public_limits). Wrong tries
are not counted against the account: a stranger must not be able to keep its owner out.
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from kunyu.engines.security import applicants, audit, lockout, passwords, sessions
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.models import AccessToken, ApplicantAccount, Appointment, PasswordResetCode, User
from kunyu.engines.security.organisation_errors import BadEntry
from kunyu.engines.security.personal_data import matching
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.sign_in_errors import TooManyRequests
from kunyu.kernel.crypto.fields import plain_form
from kunyu.kernel.digests import sm3_hex

ROLE = "case-clerk"
ISSUE, RESET = "issue-reset-code", "reset-password"
"""Acts on record."""
REFUSED = "no such account or code"
HOURS = 24
PER_ACCOUNT, PER_CLERK = 3, 30
"""Codes made of one account a day, and by one clerk an hour: more is a mistake or worse. [design]"""
DOCUMENTS = {
    "id_card": ("居民身份证", "citizen's identity card"),
    "other_id": ("其他有效身份证件", "another valid identity document"),
    "licence": (
        "营业执照（或登记证书）和授权委托书、经办人身份证",
        "business licence, authority and the agent's identity card",
    ),
}
"""Kinds of documents that show whose account it is; which one was seen is kept, never its number."""
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Without letters and digits that look alike on paper."""
_LONG, _GROUP = 16, 4


@dataclass(frozen=True)
class Made:
    """A code to be handed over, shown this once, and until when it holds."""

    code: str
    name: str
    code_masked: str
    expires_at: datetime


def may_issue(principal: Principal) -> bool:
    """Does the principal hold a post of the counter today?"""
    if principal.user_id is None:
        return False
    day = timezone.localdate()
    held = Appointment.objects.filter(Q(ends_on=None) | Q(ends_on__gte=day), starts_on__lte=day)
    return held.filter(user_id=principal.user_id, post__roles__code=ROLE, post__closed_on=None).exists()


def issue(principal: Principal, code: str, name: str, document: str) -> Made:
    """A code for the account of the citizen or firm whose document the clerk has before him; older ones end.

    Parameters
    ----------
    code, name
        Citizen id or credit code, and the name, as the document states them.
    document
        A key of :data:`DOCUMENTS`.

    Raises
    ------
    NotVisible
        Whoever holds no post of the counter.
    BadEntry
        No account of this code and name, or it is disabled; a kind of document nobody knows.
    TooManyRequests
        Too many codes of this account; of the clerk :func:`take` counts.
    """
    if not may_issue(principal):
        raise NotVisible("没有这个页面，或者您无权查看。", "There is no such page, or you may not see it.")
    if document not in DOCUMENTS:
        raise BadEntry("请选择核对过的证件。", "Choose the document you have seen.", field="document")
    account = _account(code, name)
    _require_room("reset-of", account.user.username, PER_ACCOUNT, timedelta(days=1))
    with transaction.atomic():
        user = User.objects.select_for_update(of=("self",)).get(pk=account.user_id)
        drawn = "".join(secrets.choice(_LETTERS) for _ in range(_LONG))
        now = timezone.now()
        PasswordResetCode.objects.filter(user=user, ended_at=None).update(ended_at=now)
        made = PasswordResetCode.objects.create(
            user=user, digest=_digest(user, drawn), made_by=principal.name, document=document, made_at=now,
            expires_at=now + timedelta(hours=HOURS),
        )  # fmt: skip
        audit.record(principal, ISSUE, "user", user.username, document=document, hours=HOURS)
    grouped = "-".join(drawn[at : at + _GROUP] for at in range(0, _LONG, _GROUP))
    return Made(grouped, account.name, account.code_masked, made.expires_at)


def take(principal: Principal) -> None:
    """Count one asking of a clerk, whatever becomes of it: names are not to be tried out. Raises TooManyRequests."""
    _require_room("reset-by", principal.name, PER_CLERK, timedelta(hours=1))


def _account(code: str, name: str) -> ApplicantAccount:
    rows = ApplicantAccount.objects.select_related("user").filter(
        matching(ApplicantAccount, "code", plain_form(code).upper()), user__is_active=True
    )
    found = rows.first()
    if found is None or _folded(found.name) != _folded(name):
        raise BadEntry(
            "没有这个号码和名称的在用账号。请与证件逐字核对；号码对而名称不同的，可能是他人冒用注册，请交系统管理员处理。",
            "No account in use has this code and name. Compare with the document; where the code is right and the name is not, "
            "somebody else may have signed up with it: ask the system administrator.",
            field="code", reason=REFUSED,
        )  # fmt: skip
    return found


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _require_room(kind: str, who: str, most: int, window: timedelta) -> None:
    """Count one of a kind within its window. Raises TooManyRequests."""
    if lockout.counted(kind, who, lockout.Limit(most, window, window)) <= most:
        return
    hours = int(window.total_seconds() // 3600)
    raise TooManyRequests(
        f"重置码开得过多（{hours} 小时内限 {most} 个）；请稍后再办，急需时请找系统管理员。",
        f"Too many reset codes ({most} in {hours} h): try later, or ask the system administrator.",
        retry_after=int(window.total_seconds()), limit=most,
    )  # fmt: skip


def reset(principal: Principal, code: str, given: str, password: str) -> None:
    """Set a new password with a code from the counter; every session and token of the account ends.

    Parameters
    ----------
    principal
        Nobody, from an address.
    code
        Citizen id or credit code: what the person signs in with.
    given
        The code from the counter; letter case, spaces and dashes do not matter.

    Raises
    ------
    BadEntry
        One sentence for an unknown account, a wrong, used or expired code; or what is wrong with the password.
    PasswordTooWeak
        One of the last passwords: said to the holder of a right code only.
    """
    typed = plain_form(code).upper()
    wrong = passwords.faults(password, typed)
    if wrong:
        raise BadEntry("密码不合要求：" + "".join(w[0] for w in wrong),
                       "The password is refused. " + " ".join(w[1] for w in wrong), field="password")  # fmt: skip
    make_password(password)  # takes its time whether or not there is an account
    name = applicants.name_of_code(typed)
    with transaction.atomic():
        user = User.objects.select_for_update(of=("self",)).filter(username=name, applicant__isnull=False).first()
        found = _open_code(user, given)
        if user is not None and found is not None:
            _done(principal, user, found, password)
            return
    raise BadEntry(
        "证件号码或重置码不对，或者重置码已经用过、已过期。请核对后再试；仍然不行的，请带证件到窗口重新办理。",
        "Code of the document or reset code are wrong, or the reset code was used or is too old. Check both; if it stays so, "
        "bring your document to the counter again.", reason=REFUSED,
    )  # fmt: skip


@transaction.atomic
def note_refused(principal: Principal, act: str) -> None:
    """Put a refused code, or a refused asking for one, on record; after what was refused has been undone."""
    audit.record(principal, act, "user", "?", "refused", reason=REFUSED)


def _open_code(user: User | None, given: str) -> PasswordResetCode | None:
    """The open code of an account when it is the one given."""
    if user is None or not user.is_active:
        return None
    found = PasswordResetCode.objects.filter(user=user, ended_at=None, expires_at__gt=timezone.now()).first()
    return found if found is not None and hmac.compare_digest(found.digest, _digest(user, given)) else None


def _done(principal: Principal, user: User, code: PasswordResetCode, password: str) -> None:
    own = Principal(user.username, user.name_zh, user.pk, origin=principal.origin)
    ended = sessions.end_all(user, "password_changed")
    passwords.set_by_code(user, password, own)
    code.ended_at = timezone.now()
    code.save(update_fields=["ended_at"])
    tokens = AccessToken.objects.filter(user=user, revoked_at=None).update(revoked_at=timezone.now())
    lockout.taken_back(lockout.ACCOUNT, user.username, everything=True)
    audit.record(own, RESET, "user", user.username, issued_by=code.made_by, tokens=tokens, sessions=ended)


def _digest(user: User, given: str) -> str:
    """Of the code as it was drawn, bound to its account."""
    plain = "".join(one for one in unicodedata.normalize("NFKC", given).upper() if one.isalnum())
    return sm3_hex(f"{user.pk}:{plain[:64]}".encode())
