"""Passwords: what a good one is, how it is kept, when it must change. 密码策略.

Hashing is scrypt (RFC 7914: 16 MiB and about 0.2 s a guess on one core), which Django and OpenSSL bring along; why not
PBKDF2 with SM3 stands in decision record 0010.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.db import transaction

from kunyu.engines.security import audit
from kunyu.engines.security.models import PasswordHistory, User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.sign_in_errors import PasswordTooWeak, SignInRefused
from kunyu.engines.security.sign_in_settings import sign_in_settings

SHORTEST, PASSPHRASE, LONGEST = 10, 16, 128
_KINDS = (str.islower, str.isupper, str.isdigit)


@lru_cache(maxsize=1)
def _nobody() -> str:
    """A hash that no password fits, for names that no account bears: they take as long as the others."""
    return make_password("nobody has this password")


@lru_cache(maxsize=1)
def _common() -> CommonPasswordValidator:
    return CommonPasswordValidator()


def fits(user: User | None, password: str) -> bool:
    """Is this the user's password? Takes the same time when there is no such user."""
    encoded = user.password if user is not None and user.has_usable_password() else _nobody()
    right = check_password(password[: LONGEST * 4], encoded)
    return right and user is not None and user.has_usable_password()


def faults(password: str, username: str) -> list[tuple[str, str]]:
    """What is wrong with a new password, in two languages; nothing when it is good."""
    found = []
    kinds = sum(any(kind(letter) for letter in password) for kind in _KINDS)
    kinds += any(not letter.isalnum() for letter in password)
    if len(password) < PASSPHRASE and (len(password) < SHORTEST or kinds < 3):
        found.append((
            f"至少 {SHORTEST} 个字符并含大写字母、小写字母、数字、符号中的三种；或使用 {PASSPHRASE} 个字符以上的短语。",
            f"At least {SHORTEST} characters of three kinds among capitals, small letters, digits and signs; or a "
            f"phrase of {PASSPHRASE} or more.",
        ))  # fmt: skip
    if len(password) > LONGEST:
        found.append((f"不得超过 {LONGEST} 个字符。", f"No more than {LONGEST} characters."))
    folded = password.casefold()
    if len(username) > 2 and (username.casefold() in folded or username.casefold()[::-1] in folded):
        found.append(("不得包含账号名。", "It must not contain the account's name."))
    if len(set(folded)) < 5:
        found.append(("重复的字符太多。", "Too many repeated characters."))
    if _is_common(password):
        found.append(("这是常见密码。", "This is a common password."))
    return found


def _is_common(password: str) -> bool:
    """In Django's list of 20,000, also with digits and signs cut off its ends (Password123!)."""
    try:
        for spelling in {password, password.strip("0123456789!@#$%^&*._-?~")}:
            if len(spelling) > 3:
                _common().validate(spelling)
    except ValidationError:
        return True
    return False


def require_good(password: str, user: User) -> None:
    """Refuse a password that the policy refuses, or one of the last ones.

    Raises
    ------
    PasswordTooWeak
    """
    wrong = faults(password, user.username)
    if not wrong and _was_used(user, password):
        number = sign_in_settings().password_history
        wrong = [(f"不得使用最近 {number} 次用过的密码。", f"None of the last {number} passwords may come back.")]
    if wrong:
        raise PasswordTooWeak(
            "密码不合要求：" + "".join(one[0] for one in wrong),
            "The password is refused. " + " ".join(w[1] for w in wrong),
        )


def _was_used(user: User, password: str) -> bool:
    kept = sign_in_settings().password_history
    former = list(user.former_passwords.order_by("-replaced_at").values_list("password", flat=True)[: max(kept - 1, 0)])
    return kept > 0 and any(check_password(password, one) for one in [user.password, *former])


@transaction.atomic
def change(user: User, old: str, new: str, actor: Principal) -> None:
    """The person's own change; every session of the person ends (the caller starts one anew for this browser).

    Raises
    ------
    SignInRefused
        The old password is wrong.
    PasswordTooWeak
    """
    if not fits(user, old):
        raise SignInRefused("当前密码不对。", "The present password is wrong.")
    require_good(new, user)
    _set(user, new, must_change=False)
    audit.record(actor, "change-password", "user", user.username)


@transaction.atomic
def set_by_administrator(user: User, new: str, actor: Principal) -> None:
    """A first or a forgotten password: the person must choose another at sign-in. 重置密码.

    The system administrator of the person's division resets; the node's owner may on the command line.
    """
    from kunyu.engines.security import duties

    if not actor.is_operator:
        duties.require(actor, duties.SYSTEM, user.division_code)
    require_good(new, user)
    _set(user, new, must_change=True)
    audit.record(actor, "reset-password", "user", user.username)


def set_by_code(user: User, new: str, actor: Principal) -> None:
    """The person's own new password, after a code from the counter; the caller records it and ends the sessions.

    Raises
    ------
    PasswordTooWeak
    """
    require_good(new, user)
    _set(user, new, must_change=False)


def _set(user: User, new: str, *, must_change: bool) -> None:
    """Triggers end the sessions of the person in the same statement (migration 0006)."""
    PasswordHistory.objects.create(user=user, password=user.password)
    kept = list(
        user.former_passwords.order_by("-replaced_at", "-pk").values_list("pk", flat=True)
        [: sign_in_settings().password_history]
    )  # fmt: skip
    user.former_passwords.exclude(pk__in=kept).delete()
    user.set_password(new)
    user.must_change_password, user.password_changed_at = must_change, datetime.now(UTC)
    user.save(update_fields=["password", "must_change_password", "password_changed_at"])


def is_too_old(changed_at: datetime) -> bool:
    """Must the password change because of its age?"""
    days = sign_in_settings().password_days
    return days > 0 and datetime.now(UTC) - changed_at > timedelta(days=days)
