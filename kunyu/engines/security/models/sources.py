"""Every way in which somebody might have a right, with the conditions it hangs on. 权限来源."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from kunyu.engines.security.models.accounts import User
from kunyu.engines.security.models.rights import Action, Appointment, Grant, Post, Role


class RightSource(models.Model):
    """One grant reaching one person, directly or through one appointment, whether it holds now or not.

    A view over the SQL function ``security_right_sources()`` (migration 0004). The rows with ``holds`` are exactly those
    of ``security_rights`` (a property test compares them); the others say which link is broken. ``division`` is the
    subtree really reached, ``allowed`` the label set under the grant's ceiling and the person's clearance.
    """

    id = models.CharField(max_length=60, primary_key=True, help_text="grant:appointment, appointment 0 when direct")
    user = models.ForeignKey(User, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    grant = models.ForeignKey(Grant, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    role = models.ForeignKey(Role, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    post = models.ForeignKey(Post, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    appointment = models.ForeignKey(
        Appointment, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    branch = models.CharField(max_length=40)
    division = models.CharField(max_length=12)
    action = models.CharField(max_length=10, choices=Action.choices)
    labels = models.BigIntegerField()
    cleared = models.BigIntegerField()
    allowed = models.BigIntegerField()
    reveals = ArrayField(models.CharField(max_length=12))
    expires_at = models.DateTimeField(null=True)
    is_active = models.BooleanField(help_text="the account is enabled")
    is_unexpired = models.BooleanField(help_text="the grant has not expired")
    is_appointed = models.BooleanField(help_text="today lies in the appointment")
    is_post_open = models.BooleanField(help_text="neither the post nor its organisation is closed")
    is_within = models.BooleanField(help_text="the grant and the division of the post meet")
    holds = models.BooleanField()

    class Meta:
        managed = False
        db_table = "security_right_source"
