"""People who sign in, and the tokens of their programs. 用户与访问令牌."""

import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from kunyu.engines.security.personal_data import EncryptedText, EqualityIndex


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str, **fields: object) -> "User":
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class Clearance(models.IntegerChoices):
    """Clearance of a person for state secrets. 涉密等级 (domain facts: security, roles and labels)."""

    NONE = 0, "无"
    SECRET = 1, "秘密"
    CONFIDENTIAL = 2, "机密"
    TOP_SECRET = 3, "绝密"


class User(AbstractBaseUser):
    """A person who signs in. There is no super-user: rights are grants only.

    ``phone``, ``mail`` and ``document`` (证件号码) are encrypted in the database and found by equality only
    (:mod:`kunyu.engines.security.personal_data`); pages show them masked to others.
    """

    username = models.CharField(max_length=60, unique=True)
    name_zh = models.CharField(max_length=60)
    division_code = models.CharField(max_length=12, blank=True)
    is_active = models.BooleanField(default=True)
    clearance = models.PositiveSmallIntegerField(
        choices=Clearance.choices,
        default=Clearance.NONE,
        help_text="the highest state-secret grade the person may read",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    must_change_password = models.BooleanField(
        default=False, help_text="set by an administrator: the person chooses another at the first sign-in"
    )
    password_changed_at = models.DateTimeField(default=timezone.now)
    personal_key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    phone = EncryptedText()
    phone_index = EqualityIndex(of="phone")
    mail = EncryptedText()
    mail_index = EqualityIndex(of="mail")
    document = EncryptedText()
    document_index = EqualityIndex(of="document")

    objects = UserManager()
    USERNAME_FIELD = "username"

    class Meta:
        constraints = [
            # names that stand for somebody else than an account (scope.py, row security)
            models.CheckConstraint(
                condition=~models.Q(username__in=["operator", "anonymous", "public"]), name="user_name_is_not_reserved"
            )
        ]

    def __str__(self) -> str:
        return self.name_zh or self.username


class AccessToken(models.Model):
    """A personal access token; only its SM3 digest is kept.

    It carries its holder's rights, narrowed by ``actions`` (empty: all) and ``branch`` (a catalogue prefix). The
    administrator's duty is carried only when ``administration`` says so. A revoked token stays for the record.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=8, blank=True, help_text="its last letters, to tell tokens apart")
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    actions = ArrayField(models.CharField(max_length=10), default=list, blank=True)
    branch = models.CharField(max_length=40, blank=True)
    administration = models.BooleanField(default=False)
    last_used_at = models.DateTimeField(null=True)
    last_origin = models.CharField(max_length=80, blank=True)
    revoked_at = models.DateTimeField(null=True)
