"""Applications, cases, and everything done in them. 申请与办件.

State, clock and people are typed columns; the flow's own state (:class:`CaseFlow`) only routes, no list reads it.
"""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from kunyu.engines.matters.models.definitions import Matter, MatterEdition
from kunyu.engines.security.models import User
from kunyu.engines.security.personal_data import EncryptedText, EqualityIndex


class Application(models.Model):
    """What one applicant filled in once, for one matter or several. 申请 (一网申报).

    Table column ``plot`` geometry(MultiPolygon, 4490) is added by migration.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "暂存"
        SUBMITTED = "submitted", "已提交"
        DISCARDED = "discarded", "已放弃"

    class ApplicantKind(models.TextChoices):
        PERSON = "person", "自然人"
        ORGANISATION = "organisation", "法人或其他组织"

    key = models.CharField(
        max_length=64, unique=True, help_text="named by the client: the second click makes no second"
    )
    division_code = models.CharField(max_length=12)
    matters = models.JSONField(default=list, help_text='codes, e.g. ["S-001"]')
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    applicant = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="applications",
                                  help_text="account; null: taken at the counter")  # fmt: skip
    applicant_kind = models.CharField(max_length=12, choices=ApplicantKind.choices, blank=True)
    applicant_name = models.CharField(max_length=200, blank=True)
    personal_key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    applicant_code = EncryptedText(help_text="USCC or citizen id: plain on the instance, encrypted in the column")
    applicant_code_index = EqualityIndex(of="applicant_code")
    applicant_code_masked = models.CharField(max_length=40, blank=True, help_text="for display")
    applicant_standing = models.CharField(
        max_length=12, blank=True,
        help_text="of the identity when it was submitted: verified, unverified; empty: taken at a counter, or not submitted",
    )  # fmt: skip
    project_code = models.CharField(max_length=40, blank=True, help_text="投资项目代码, 24 letters with dashes")
    project_name = models.CharField(max_length=300, blank=True)
    form = models.JSONField(default=dict, help_text="answers by field; validated against the forms of its matters")
    plot_area_m2 = models.FloatField(null=True, help_text="ellipsoidal, CGCS2000; computed, never typed")
    plot_source = models.CharField(max_length=300, blank=True, help_text="drawn, or the file and its coordinate system")
    counter_county = models.CharField(
        max_length=6, blank=True, help_text="county whose counter took it; empty: the applicant applied himself"
    )
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    revision = models.PositiveIntegerField(default=0, help_text="grows with each change: a stale page is refused")
    submitted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["applicant", "-id"]), models.Index(fields=["project_code"])]


class Case(models.Model):
    """One matter asked for by one application. 办件.

    Table column ``plot`` geometry(MultiPolygon, 4490) is added by migration: the plot as submitted or last corrected.
    """

    class State(models.TextChoices):
        """services.md §2. The last five are ends."""

        SUBMITTED = "submitted", "待受理"
        CORRECTING = "correcting", "补正"
        IN_REVIEW = "in_review", "审查中"
        PAUSED = "paused", "中止（特别程序）"
        DECIDED = "decided", "已决定，制证中"
        GRANTED = "granted", "办结：准予"
        REFUSED = "refused", "办结：不予"
        NOT_ACCEPTED = "not_accepted", "不予受理"
        WITHDRAWN = "withdrawn", "已撤回"
        REVOKED = "revoked", "已撤销"

    class Colour(models.IntegerChoices):
        """How much of the promised time is gone; kept by :mod:`cases.clock`, read through its dates."""

        NONE = 0, "—"
        GREEN = 1, "正常"
        YELLOW = 2, "黄"
        RED = 3, "红"
        OVERDUE = 4, "超期"

    number = models.CharField(max_length=64, unique=True, help_text="办件编号")
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="cases")
    matter = models.ForeignKey(Matter, on_delete=models.PROTECT, related_name="cases")
    edition = models.ForeignKey(MatterEdition, on_delete=models.PROTECT, related_name="cases")
    branch = models.CharField(max_length=60, help_text="copy of the matter's: rights are decided in SQL without a join")
    division_code = models.CharField(max_length=12, help_text="where the land lies")
    county = models.CharField(max_length=6, help_text="first six digits of the division: what grants are compared with")
    partner_county = models.CharField(
        max_length=6, blank=True, help_text="another region whose office takes part (异地受理、移交): it sees the case"
    )
    is_with_partner = models.BooleanField(default=False, help_text="the partner's office works on it now")
    label = models.PositiveSmallIntegerField(default=0, help_text="security label code (security.labels)")
    state = models.CharField(max_length=12, choices=State.choices, default=State.SUBMITTED)
    stage = models.CharField(max_length=60, blank=True, help_text="task of the flow; several: the first by order")
    assignee = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="cases")
    applicant_account = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="own_cases")
    applicant_name = models.CharField(max_length=200)
    project_code = models.CharField(max_length=40, blank=True)
    project_name = models.CharField(max_length=300, blank=True)
    plot_area_m2 = models.FloatField(null=True)
    submitted_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    promised_days = models.PositiveSmallIntegerField(null=True)
    due_on = models.DateField(null=True, help_text="last day; moved by every pause; null while it stands still")
    yellow_on = models.DateField(null=True)
    red_on = models.DateField(null=True)
    due_is_provisional = models.BooleanField(default=False, help_text="the holidays of that year are not published yet")
    days_used = models.PositiveSmallIntegerField(
        default=0, help_text="workdays counted up to the last stop of the clock"
    )
    clock_from = models.DateField(null=True, help_text="the day the clock last started; null: it stands")
    decided_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    licence_number = models.CharField(max_length=80, blank=True, help_text="of documents' register, once sealed")
    revision = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            # the two lists everybody opens: what is due, and what came last, within a county
            models.Index(fields=["county", "due_on", "id"], name="case_due", condition=Q(closed_at=None)),
            models.Index(fields=["due_on", "id"], name="case_due_anywhere", condition=Q(closed_at=None)),
            models.Index(fields=["county", "-id"], name="case_county"),
            models.Index(fields=["partner_county", "-id"], name="case_partner", condition=~Q(partner_county="")),
            models.Index(fields=["assignee", "due_on"], name="case_mine", condition=Q(closed_at=None)),
            models.Index(fields=["applicant_account", "-id"], name="case_own"),
            models.Index(fields=["project_code"], name="case_project", condition=~Q(project_code="")),
        ]
        constraints = [
            models.CheckConstraint(
                name="case_closed_at_fits_state",
                condition=Q(state__in=["submitted", "correcting", "in_review", "paused", "decided"], closed_at=None)
                | Q(state__in=["granted", "refused", "not_accepted", "withdrawn", "revoked"], closed_at__isnull=False),
            ),
            models.UniqueConstraint(fields=["application", "matter"], name="case_matter_once_an_application"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.state}"


class CaseFlow(models.Model):
    """Where a case stands in its flow: SpiffWorkflow's serialised state, at most 64 KiB. Routing only. 流程实例.

    ``waiting``, ``passed`` and ``end`` repeat what the state says, so that no page has to open it.
    """

    case = models.OneToOneField(Case, on_delete=models.CASCADE, primary_key=True, related_name="flow")
    state = models.BinaryField()
    waiting = ArrayField(models.CharField(max_length=60), default=list, help_text="codes of the stages it waits for")
    passed = ArrayField(models.CharField(max_length=60), default=list, help_text="elements passed, for its drawing")
    end = models.CharField(max_length=60, blank=True, help_text="end event it reached; empty: it still runs")
    saved_at = models.DateTimeField(auto_now=True)


class CaseEvent(models.Model):
    """One act in a case: who, when, what, why. 办理轨迹. Only ever added: the table refuses UPDATE, DELETE, TRUNCATE.

    Made by migration 0002, not by Django: a flush of the test database may not touch it.
    """

    case = models.ForeignKey(Case, on_delete=models.DO_NOTHING, db_constraint=False, related_name="events")
    sequence = models.PositiveIntegerField(help_text="1, 2, … within the case: idempotency key of national messages")
    act = models.CharField(max_length=24)
    before = models.CharField(max_length=12, blank=True)
    state = models.CharField(max_length=12, choices=Case.State.choices)
    stage = models.CharField(max_length=60, blank=True)
    outcome = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    actor_zh = models.CharField(max_length=120, blank=True)
    reason = models.TextField(blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        managed = False
        ordering = ["case_id", "sequence"]


class Opinion(models.Model):
    """What somebody said at a stage; a later one of the same person and stage replaces it, both stay. 意见."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="opinions")
    stage = models.CharField(max_length=60)
    outcome = models.CharField(max_length=40)
    text = models.TextField()
    suggested = models.TextField(blank=True, help_text="what the system had suggested, with its reasons")
    check_run = models.ForeignKey("matters.Check", null=True, on_delete=models.PROTECT, related_name="+")
    author = models.CharField(max_length=80)
    author_zh = models.CharField(max_length=120, blank=True)
    office_zh = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]


class Pause(models.Model):
    """Time that does not count: a correction, a hearing, an expert review. 中止、特别程序."""

    class Kind(models.TextChoices):
        CORRECTION = "correction", "补正"
        HEARING = "hearing", "听证"
        EXPERTS = "experts", "专家评审"
        INSPECTION = "inspection", "检验检测、鉴定"
        AUCTION = "auction", "招标拍卖"
        OTHER = "other", "其他法定事由"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="pauses")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    reason = models.TextField()
    basis = models.CharField(max_length=300, blank=True)
    asked = models.JSONField(default=list, help_text="correction: what is to be corrected, material or field by line")
    answer_by = models.DateField(null=True, help_text="correction: last day of the applicant")
    started_at = models.DateTimeField()
    started_by = models.CharField(max_length=80)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["case"], condition=Q(ended_at=None), name="case_one_pause_at_a_time"),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")), name="pause_in_order"
            ),
        ]


class Decision(models.Model):
    """The decision of a case: exactly one, whoever clicks twice. 决定.

    ``override`` gives the reason for deciding on answers that were *not checked*; without it the service refuses.
    ``passed_over`` names those answers as they stood then (:mod:`cases.overriding`).
    """

    class Outcome(models.TextChoices):
        GRANT = "grant", "准予"
        REFUSE = "refuse", "不予"

    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="decision")
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    reason = models.TextField()
    basis = models.JSONField(default=list, help_text="articles of law")
    check_run = models.ForeignKey("matters.Check", null=True, on_delete=models.PROTECT, related_name="decisions")
    override = models.TextField(blank=True)
    override_by = models.CharField(max_length=80, blank=True)
    passed_over = models.JSONField(
        default=list, help_text="answers not checked and conflicts it was made against, by rule"
    )
    decided_by = models.CharField(max_length=80)
    decided_by_zh = models.CharField(max_length=120, blank=True)
    decided_at = models.DateTimeField()
    sealed_at = models.DateTimeField(null=True, help_text="null while the licence is being made: repaired on restart")
    corrected_from = models.JSONField(default=dict, help_text="what a later correction changed, before it")
