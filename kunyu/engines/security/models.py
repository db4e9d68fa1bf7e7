"""People, what they may do, and the record of what they did. The seam that the trust engine fills in later."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str, **fields: object) -> "User":
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person who signs in. There is no super-user: rights are grants only."""

    username = models.CharField(max_length=60, unique=True)
    name_zh = models.CharField(max_length=60)
    division_code = models.CharField(max_length=12, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "username"

    def __str__(self) -> str:
        return self.name_zh or self.username


class Action(models.TextChoices):
    SEE = "see", "看见"
    QUERY = "query", "查询"
    DOWNLOAD = "download", "下载"
    EDIT = "edit", "汇交"
    APPROVE = "approve", "审核发布"


class Grant(models.Model):
    """May ``user`` do ``action`` to datasets whose code starts with ``branch`` in divisions under ``division``?

    ``branch`` is a catalogue code prefix ('' is the whole catalogue), never a foreign key (architecture.md §1).
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants")
    branch = models.CharField(max_length=40, blank=True)
    division_prefix = models.CharField(max_length=12, blank=True)
    action = models.CharField(max_length=10, choices=Action.choices)
    expires_at = models.DateTimeField(null=True)


class AccessToken(models.Model):
    """A personal access token; only its SM3 digest is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)


class AuditEntry(models.Model):
    """Who did what to which object, from where, with which result: written in the transaction of the act."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.CharField(max_length=80)
    action = models.CharField(max_length=60)
    object_kind = models.CharField(max_length=40)
    object_id = models.CharField(max_length=80)
    origin = models.CharField(max_length=80, blank=True, help_text="address or 'cli'")
    result = models.CharField(max_length=20)
    detail = models.JSONField(default=dict)
