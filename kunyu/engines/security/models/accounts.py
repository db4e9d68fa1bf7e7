"""People who sign in, and the tokens of their programs. 用户与访问令牌."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


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
    """A person who signs in. There is no super-user: rights are grants only."""

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

    objects = UserManager()
    USERNAME_FIELD = "username"

    def __str__(self) -> str:
        return self.name_zh or self.username


class AccessToken(models.Model):
    """A personal access token; only its SM3 digest is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
