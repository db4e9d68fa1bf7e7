"""What a person has to do or know: tasks, notifications, progress of jobs, incidents. 待办、通知、进度、事件.

States, clocks and people are typed columns; nothing that a list or a statistic reads is serialised. The things
themselves (a delivery, a label, a case) live in engines above and are named by kind, id and address only.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from kunyu.engines.security.models import Post, Role, User


class Priority(models.IntegerChoices):
    NORMAL = 0, "一般"
    URGENT = 1, "急"
    EXTRA = 2, "特急"


class Task(models.Model):
    """One thing a person has to do. 待办.

    Who may take it: the named candidates where there are any; otherwise whoever holds ``action`` on every one of
    ``collections`` in the division, or the administrator's ``duty`` there. The assignee alone acts on it.
    """

    class State(models.TextChoices):
        OPEN = "open", "待领取"
        CLAIMED = "claimed", "办理中"
        DONE = "done", "已办结"
        CANCELLED = "cancelled", "已撤销"

    key = models.CharField(max_length=160, unique=True, help_text="the cause: the same cause makes no second task")
    kind = models.CharField(max_length=60, help_text="code of a declared kind (worklist.toml)")
    object_kind = models.CharField(max_length=40)
    object_id = models.CharField(max_length=80)
    title_zh = models.CharField(max_length=200)
    title_en = models.CharField(max_length=300, blank=True)
    href = models.CharField(max_length=300, blank=True, help_text="address on this node, begins with /")
    division_code = models.CharField(max_length=12, blank=True)
    action = models.CharField(max_length=10, blank=True, help_text="right that may take it")
    collections = ArrayField(models.CharField(max_length=60), default=list, help_text="the right is needed on each")
    duty = models.CharField(max_length=10, blank=True, help_text="administrators who may take it")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    assignee = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="tasks")
    due_workdays = models.PositiveSmallIntegerField(null=True, help_text="time limit; null: none")
    due_on = models.DateField(null=True, help_text="last day of the time limit")
    due_is_provisional = models.BooleanField(
        default=False, help_text="the calendar of that year is not published: Monday to Friday were counted"
    )
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    claimed_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=80, blank=True)
    outcome = models.CharField(max_length=40, blank=True, help_text="what became of it, e.g. published")
    note = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="task_assignee_fits_state",
                condition=(Q(state="open") & Q(assignee=None))
                | (Q(state="claimed") & Q(assignee__isnull=False))
                | Q(state__in=["done", "cancelled"]),
            ),
            models.CheckConstraint(
                name="task_closed_at_fits_state",
                condition=Q(state__in=["open", "claimed"], closed_at=None)
                | Q(state__in=["done", "cancelled"], closed_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["assignee", "due_on"], name="task_mine", condition=Q(state="claimed")),
            models.Index(fields=["due_on", "id"], name="task_claimable", condition=Q(state="open")),
            models.Index(fields=["object_kind", "object_id"], name="task_object"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.title_zh}"


class TaskCandidate(models.Model):
    """Who may take a task, named when it was made: a person, or whoever holds a post or has a role on the day."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="candidates")
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    post = models.ForeignKey(Post, null=True, on_delete=models.CASCADE, related_name="+")
    role = models.ForeignKey(Role, null=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["task", "user", "post", "role"], nulls_distinct=False, name="task_candidate_once"
            ),
            models.CheckConstraint(
                name="task_candidate_is_one",
                condition=Q(user__isnull=False, post=None, role=None)
                | Q(user=None, post__isnull=False, role=None)
                | Q(user=None, post=None, role__isnull=False),
            ),
        ]


class TaskEvent(models.Model):
    """One act on a task: when, by whom, from whom to whom, why. Rows are only ever added."""

    class Act(models.TextChoices):
        CREATED = "created", "创建"
        ASSIGNED = "assigned", "指派"
        CLAIMED = "claimed", "领取"
        RELEASED = "released", "退回"
        HANDED_OVER = "handed_over", "移交"
        COMPLETED = "completed", "办结"
        CANCELLED = "cancelled", "撤销"

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="events")
    act = models.CharField(max_length=12, choices=Act.choices)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=80)
    from_user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    to_user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]


class Notification(models.Model):
    """One thing a person has to know. 通知. The same cause tells the same person once."""

    class Level(models.TextChoices):
        INFO = "info", "消息"
        WARNING = "warning", "提醒"
        ALARM = "alarm", "告警"

    recipient = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
    key = models.CharField(max_length=160, help_text="the cause")
    kind = models.CharField(max_length=60)
    level = models.CharField(max_length=8, choices=Level.choices, default=Level.INFO)
    title_zh = models.CharField(max_length=200)
    title_en = models.CharField(max_length=300, blank=True)
    body_zh = models.TextField(blank=True)
    body_en = models.TextField(blank=True)
    href = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["recipient", "key"], name="notification_once_per_cause")]
        indexes = [
            models.Index(fields=["recipient", "-id"], name="notification_of"),
            models.Index(fields=["recipient"], name="notification_unread", condition=Q(read_at=None)),
            models.Index(fields=["key"], name="notification_cause", condition=Q(read_at=None)),
        ]


class Channel(models.TextChoices):
    MAIL = "mail", "邮件"
    SMS = "sms", "短信"


class ChannelPreference(models.Model):
    """Whether a person wants notifications of one kind on one channel; without a row the kind's default holds."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=60)
    channel = models.CharField(max_length=8, choices=Channel.choices)
    is_wanted = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind", "channel"], name="preference_once")]


class Message(models.Model):
    """A notification on its way out of the node, by mail or short message.

    ``sending`` is committed before the first byte leaves: a row found in it later was interrupted, nobody knows whether
    the message arrived, and it is not sent again by itself.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "待发送"
        SENDING = "sending", "发送中"
        SENT = "sent", "已发送"
        DEAD = "dead", "未送达"

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="messages")
    channel = models.CharField(max_length=8, choices=Channel.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(help_text="not tried before this instant")
    started_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    via = models.CharField(max_length=80, blank=True, help_text="what took it, e.g. the SMTP host or 'simulator'")
    reason_zh = models.TextField(blank=True, help_text="why the last attempt failed")
    reason_en = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["notification", "channel"], name="message_once_per_channel")]
        indexes = [
            models.Index(fields=["due_at"], name="message_pending", condition=Q(state__in=["waiting", "sending"]))
        ]


class Progress(models.Model):
    """Where a long job stands. 进度. Written by the job on a session of its own, at most twice a second."""

    class Outcome(models.TextChoices):
        RUNNING = "running", "进行中"
        DONE = "done", "完成"
        FAILED = "failed", "失败"

    key = models.CharField(max_length=160, unique=True)
    kind = models.CharField(max_length=60)
    title_zh = models.CharField(max_length=200)
    title_en = models.CharField(max_length=300, blank=True)
    owner = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    href = models.CharField(max_length=300, blank=True)
    phase_zh = models.CharField(max_length=120, blank=True)
    phase_en = models.CharField(max_length=120, blank=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0, help_text="0: not known")
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.RUNNING)
    message_zh = models.TextField(blank=True)
    message_en = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=1, help_text="runs in a row; all but the last were interrupted")
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "-updated_at"], name="progress_of")]


class Incident(models.Model):
    """Something that happened and must be dealt with. 事件.

    However often its alarm repeats, one incident per ``key`` is not closed; repeats are counted. A repeat after
    ``resolved`` opens it again: evidently it was not.
    """

    class Level(models.IntegerChoices):
        """Four grades and colours of public emergencies, the gravest first."""

        RED = 1, "特别重大（红）"
        ORANGE = 2, "重大（橙）"
        YELLOW = 3, "较大（黄）"
        BLUE = 4, "一般（蓝）"

    class State(models.TextChoices):
        OPEN = "open", "未确认"
        ACKNOWLEDGED = "acknowledged", "已确认"
        RESOLVED = "resolved", "已处置"
        CLOSED = "closed", "已关闭"

    key = models.CharField(max_length=160)
    kind = models.CharField(max_length=60)
    level = models.PositiveSmallIntegerField(choices=Level.choices)
    title_zh = models.CharField(max_length=200)
    title_en = models.CharField(max_length=300, blank=True)
    source = models.CharField(max_length=120, help_text="sensor, rule or program that raised it")
    place = models.CharField(max_length=200, blank=True)
    lon = models.FloatField(null=True, help_text="longitude, degrees, EPSG:4490")
    lat = models.FloatField(null=True, help_text="latitude, degrees, EPSG:4490")
    href = models.CharField(max_length=300, blank=True)
    division_code = models.CharField(max_length=12, blank=True)
    action = models.CharField(max_length=10, blank=True, help_text="right that may deal with it")
    collections = ArrayField(models.CharField(max_length=60), default=list)
    duty = models.CharField(max_length=10, blank=True, help_text="administrators who deal with it")
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    repeats = models.PositiveIntegerField(default=1, help_text="alarms counted, the first included")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=80, blank=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=80, blank=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=80, blank=True)
    reason = models.TextField(blank=True, help_text="why it was closed")
    task = models.ForeignKey(Task, null=True, on_delete=models.SET_NULL, related_name="incidents")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=~Q(state="closed"), name="incident_one_open_per_key"),
            models.CheckConstraint(
                name="incident_place_is_whole",
                condition=Q(lon=None, lat=None) | Q(lon__range=(-180, 180), lat__range=(-90, 90)),
            ),
            models.CheckConstraint(
                name="incident_closed_with_reason",
                condition=~Q(state="closed") | (Q(closed_at__isnull=False) & ~Q(reason="")),
            ),
        ]
        indexes = [
            models.Index(fields=["level", "-last_at"], name="incident_live", condition=~Q(state="closed")),
            models.Index(fields=["-last_at"], name="incident_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.title_zh}"


class IncidentEvent(models.Model):
    """One act on an incident, or one counted alarm that named itself. Rows are only ever added."""

    class Act(models.TextChoices):
        RAISED = "raised", "发生"
        REPEATED = "repeated", "重复"
        REOPENED = "reopened", "再次发生"
        ACKNOWLEDGED = "acknowledged", "确认"
        ASSIGNED = "assigned", "指派"
        RESOLVED = "resolved", "处置"
        CLOSED = "closed", "关闭"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="events")
    act = models.CharField(max_length=12, choices=Act.choices)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=80)
    reason = models.TextField(blank=True)
    occurrence = models.CharField(max_length=120, null=True, help_text="id of the alarm: the same alarm counts once")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["incident", "occurrence"], name="incident_alarm_counted_once")]
