"""What running the organisation leaves behind: invitations, handovers of posts, spreadsheets waiting for a yes. 组织管理."""

from django.db import models
from django.utils import timezone

from kunyu.engines.security.models.accounts import User


class Invitation(models.Model):
    """A link with which a person sets the first password; good once, only its SM3 digest is kept. 邀请链接."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="invitations")
    digest = models.CharField(max_length=64, unique=True)
    made_by = models.CharField(max_length=80)
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class Handover(models.Model):
    """A person left posts: which, who takes over, why, and what ended with it. 离岗交接记录. Rows are only ever added."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="handovers")
    successor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="taken_over")
    posts = models.JSONField(default=list, help_text="[{id, name}] of the posts left")
    reason = models.CharField(max_length=300)
    account_disabled = models.BooleanField(default=False)
    tokens_revoked = models.PositiveIntegerField(default=0)
    sessions_ended = models.PositiveIntegerField(default=0)
    made_by = models.CharField(max_length=80)
    made_at = models.DateTimeField(default=timezone.now)


class ImportDraft(models.Model):
    """A spreadsheet that was checked and waits for its sender's confirmation; a day later it is gone. 导入草稿."""

    user_id = models.BigIntegerField(help_text="who sent it; nobody else may confirm it")
    file_name = models.CharField(max_length=200)
    sm3 = models.CharField(max_length=64)
    content = models.BinaryField()
    made_at = models.DateTimeField(default=timezone.now, db_index=True)
    applied_at = models.DateTimeField(null=True)
