"""How people prove who they are, and the sessions that follow: factors, sessions, failures, challenges. 身份鉴别."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from kunyu.engines.security.models.accounts import User
from kunyu.engines.security.personal_data import EncryptedText


class SignInSession(models.Model):
    """One browser: before sign-in (``user`` is NULL, a few minutes) and after it. 登录会话.

    Only the SM3 digest of the cookie's value is kept. ``ends_at`` is the absolute end; the idle end is reckoned from
    ``seen_at``. An ended session stays for the record until it is pruned.
    """

    class Method(models.TextChoices):
        NONE = "", "未登录"
        PASSWORD = "password", "密码"
        CERTIFICATE = "certificate", "数字证书"
        PASSKEY = "passkey", "通行密钥"
        NATIONAL = "national", "国家平台身份认证"

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sign_in_sessions")
    key_digest = models.CharField(max_length=64, unique=True)
    data = models.JSONField(default=dict, help_text="what pages keep: open forms, a pending second step")
    method = models.CharField(max_length=12, blank=True, choices=Method.choices, default=Method.NONE)
    two_factors = models.BooleanField(default=False, help_text="two different factors were shown")
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True, help_text="when the person last proved himself: step-up")
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=40, blank=True)
    origin = models.CharField(max_length=80, blank=True)
    agent = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["user"], condition=Q(ended_at__isnull=True), name="session_open_by_user"),
            models.Index(fields=["ends_at"], name="session_by_end"),
        ]


class SignInFailures(models.Model):
    """Wrong attempts under one name or from one origin, whether or not such an account exists. 登录失败计数.

    ``subject`` is a keyed digest: people type passwords into the field for the name. Counted by one statement
    (:mod:`kunyu.engines.security.lockout`), so parallel attempts are all counted.
    """

    kind = models.CharField(max_length=10, help_text="account, origin or token")
    subject = models.CharField(max_length=64)
    failures = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(default=timezone.now)
    locked_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "subject"], name="failures_once_per_subject")]


class PasswordHistory(models.Model):
    """Former passwords, as hashes: none of the last ones may come back."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="former_passwords")
    password = models.CharField(max_length=200)
    replaced_at = models.DateTimeField(default=timezone.now)


class Authenticator(models.Model):
    """An app that shows a code every 30 seconds (TOTP, RFC 6238). 动态口令."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="authenticator")
    personal_key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    secret = EncryptedText(key_name="accounts/secrets")
    confirmed_at = models.DateTimeField(null=True, help_text="NULL: enrolment was begun, no code was shown yet")
    last_step = models.BigIntegerField(default=0, help_text="the newest step used: no code opens twice")
    last_used_at = models.DateTimeField(null=True)


class RecoveryCode(models.Model):
    """One code of a printed list, good once, for a person who lost the other factors. 恢复码."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once")]


class Passkey(models.Model):
    """A WebAuthn credential: security key, phone or computer. 通行密钥."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="passkeys")
    credential_id = models.BinaryField(unique=True, max_length=1023)
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    name = models.CharField(max_length=60)
    rp_id = models.CharField(max_length=253, help_text="the host it belongs to")
    is_synced = models.BooleanField(default=False)
    made_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)


class BoundCertificate(models.Model):
    """An SM2 certificate with which a person signs in. 账号绑定的数字证书."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="certificates")
    fingerprint = models.CharField(max_length=64, unique=True, help_text="SM3 of the certificate in DER")
    subject = models.CharField(max_length=300)
    issuer = models.CharField(max_length=300)
    serial = models.CharField(max_length=64, help_text="hexadecimal")
    not_after = models.DateTimeField()
    bound_by = models.CharField(max_length=80)
    bound_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)


class RevokedCertificate(models.Model):
    """A certificate that this node refuses, by issuer and serial, beside the issuer's own revocation list. 吊销."""

    issuer = models.CharField(max_length=300)
    serial = models.CharField(max_length=64, help_text="hexadecimal")
    reason = models.CharField(max_length=200, blank=True)
    revoked_by = models.CharField(max_length=80)
    revoked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "serial"], name="certificate_revoked_once")]


class SignInChallenge(models.Model):
    """A random number to be signed, once, within two minutes, by the browser it was given to. 登录挑战."""

    session = models.ForeignKey(SignInSession, on_delete=models.CASCADE, related_name="challenges")
    purpose = models.CharField(max_length=20)
    value = models.CharField(max_length=128)
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["session", "purpose"], name="challenge_of_session")]
