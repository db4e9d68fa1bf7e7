"""Codes of an authenticator app and recovery codes; who has a second factor, and who must. 双因素 (T5)."""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import pyotp
import segno
from django.conf import settings
from django.db import transaction

from kunyu.engines.security import audit, duties, sessions
from kunyu.engines.security.models import Authenticator, Passkey, RecoveryCode, User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.sign_in_errors import FactorRefused
from kunyu.kernel.crypto.kdf import hmac_sm3

STEP_SECONDS, DIGITS = 30, 6
DRIFT = 1
"""Steps before and after now that are accepted: clocks of phones drift."""
RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Factors:
    """What a person has enrolled."""

    authenticator: bool
    passkeys: int
    recovery_codes: int

    @property
    def any(self) -> bool:
        """Is there a second factor? Recovery codes alone are none."""
        return self.authenticator or self.passkeys > 0


def of(user_id: int) -> Factors:
    """The factors of a person."""
    return Factors(
        Authenticator.objects.filter(user_id=user_id, confirmed_at__isnull=False).exists(),
        Passkey.objects.filter(user_id=user_id).count(),
        RecoveryCode.objects.filter(user_id=user_id, used_at=None).count(),
    )


# --- authenticator app ---
def begin_authenticator(user: User) -> Authenticator:
    """A new secret, not yet in force: it holds after the first right code."""
    Authenticator.objects.filter(user=user, confirmed_at=None).delete()
    if Authenticator.objects.filter(user=user).exists():
        raise FactorRefused(
            "已启用动态口令，请先移除再重新启用。", "An authenticator app is enrolled; remove it first."
        )
    return Authenticator.objects.create(user=user, secret=pyotp.random_base32(32))


def pending_authenticator(user: User) -> Authenticator | None:
    """The secret that waits for its first code."""
    return Authenticator.objects.filter(user=user, confirmed_at=None).first()


def provisioning_address(one: Authenticator) -> str:
    """The ``otpauth://`` address that apps read."""
    totp = pyotp.TOTP(one.secret, digits=DIGITS, interval=STEP_SECONDS)
    return totp.provisioning_uri(name=one.user.username, issuer_name="Kunyu")


def qr_svg(address: str) -> str:
    """The address as a QR code, SVG without width and height."""
    return segno.make(address, error="m").svg_inline(scale=4, omitsize=True, border=2)


@transaction.atomic
def confirm_authenticator(user: User, code: str, actor: Principal) -> list[str]:
    """The first right code puts the app in force; returns new recovery codes, shown this once."""
    one = Authenticator.objects.select_for_update().filter(user=user, confirmed_at=None).first()
    if one is None or not _use(one, code):
        raise _wrong_code()
    Authenticator.objects.filter(pk=one.pk).update(confirmed_at=datetime.now(UTC))
    audit.record(actor, "enrol-authenticator", "user", user.username)
    return make_recovery_codes(user, actor)


def check_code(user: User, code: str) -> bool:
    """Is this the code of now (or of a step beside)? Each code opens once."""
    one = Authenticator.objects.filter(user=user, confirmed_at__isnull=False).first()
    return one is not None and _use(one, code)


def _use(one: Authenticator, code: str) -> bool:
    """Take the step that ``code`` belongs to, if it is newer than the newest used. Two at once: one wins."""
    code = code.replace(" ", "").strip()
    totp = pyotp.TOTP(one.secret, digits=DIGITS, interval=STEP_SECONDS)
    now = int(time.time()) // STEP_SECONDS
    steps = [step for step in range(now - DRIFT, now + DRIFT + 1) if step > one.last_step]
    right = [step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode())]
    return bool(right) and Authenticator.objects.filter(pk=one.pk, last_step__lt=right[0]).update(
        last_step=right[0], last_used_at=datetime.now(UTC)
    ) == 1  # fmt: skip


# --- recovery codes ---
@transaction.atomic
def make_recovery_codes(user: User, actor: Principal) -> list[str]:
    """Ten new codes; the former ones are dead. Only keyed digests are kept."""
    codes = [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(2)) for _ in range(RECOVERY_CODES)
    ]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(user, code)) for code in codes)
    audit.record(actor, "make-recovery-codes", "user", user.username, count=len(codes))
    return codes


def use_recovery_code(user: User, code: str) -> bool:
    """Is this an unused code? Then it is used up; two at once: one wins."""
    rows = RecoveryCode.objects.filter(user=user, digest=_digest(user, code), used_at=None)
    return rows.update(used_at=datetime.now(UTC)) == 1


def _digest(user: User, code: str) -> str:
    plain = "".join(letter for letter in code.casefold() if letter.isalnum())
    return hmac_sm3(settings.SECRET_KEY.encode(), f"recovery:{user.pk}:{plain}".encode()).hex()


# --- giving up and losing ---
@transaction.atomic
def remove_authenticator(user: User, actor: Principal) -> None:
    """The person's own act, after a fresh proof of identity."""
    Authenticator.objects.filter(user=user).delete()
    if not Passkey.objects.filter(user=user).exists():
        RecoveryCode.objects.filter(user=user).delete()
    audit.record(actor, "remove-authenticator", "user", user.username)


@transaction.atomic
def reset(user: User, actor: Principal, reason: str) -> None:
    """A person lost his factors: the security administrator of his division removes them; every session ends.

    The next sign-in is by password alone and leads to enrolment. Certificates are unbound one by one
    (:func:`certificates_login.unbind`).
    """
    duties.require(actor, duties.SECURITY, user.division_code)
    if not reason.strip():
        raise FactorRefused("请写明重置的原因。", "Say why the factors are reset.")
    Authenticator.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    Passkey.objects.filter(user=user).delete()
    ended = sessions.end_all(user, "factor_reset")
    audit.record(actor, "reset-factors", "user", user.username, reason=reason.strip()[:200], sessions=ended)


def _wrong_code() -> FactorRefused:
    return FactorRefused(
        "动态口令不对或已用过。请等应用显示下一个口令再输入，并核对手机时间。",
        "The code is wrong or was used. Wait for the next one and check the clock of the phone.",
    )
