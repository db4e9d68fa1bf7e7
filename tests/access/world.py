"""People and data for the access tests: two counties, two labels, one record stricter than its dataset, deliveries.

``TELLTALES`` are texts that stand in the data and nowhere else; whoever reads one without the right to has found a
hole, whatever the status of the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from kunyu.engines.catalogue.models import DatasetVersion, Layer
from kunyu.engines.ingest.models import CheckRun, Delivery, Finding, FindingException, Verification
from kunyu.engines.maps.tests import county
from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import epochs, labels, scope
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import AdminDuty, Post, SignInSession, User
from kunyu.engines.security.models import Label as LabelRow
from kunyu.engines.security.models import Role as RoleRow
from kunyu.engines.security.services import issue_token
from kunyu.engines.worklist.incidents import Alarm, raise_incident
from kunyu.engines.worklist.models import Notification, Progress
from kunyu.engines.worklist.services import NewTask, create_task
from kunyu.engines.worklist.services import Subject as TaskSubject
from kunyu.kernel.objectstore import open_store
from tests.access import acceptance, analysis, cases, coverages, evidence, maps, materials, matters, registers, services

PARCELS, STRICTER = "10401-003", "10401-001"
HIGH = Label(labels.SENSITIVE, labels.IMPORTANT, labels.CONDITIONAL)
MARKUP = "<b id=xss>"
"""Stands in every text that people may write; on no page may it arrive as markup."""
PASSWORD = "a-long-password-2026"
ALL = frozenset(scope.ACTIONS)


@dataclass(frozen=True)
class Role:
    """A kind of person: which actions in which division and branch, under which ceiling; or a duty."""

    name: str
    actions: frozenset[str] = frozenset()
    division: str = ""
    branch: str = ""
    ceiling: Label = labels.ORDINARY
    duty: str = ""

    def reach(self, subject: Subject) -> frozenset[str]:
        """Actions on a subject, by plain reading of the grant: the truth the node is held against."""
        inside = subject.division.startswith(self.division) and subject.collection.startswith(self.branch)
        return self.actions if inside and self.ceiling.dominates(subject.label) else frozenset()


@dataclass(frozen=True)
class Subject:
    """What an address is about: data of one collection in one division under one label."""

    collection: str
    division: str
    label: Label = labels.ORDINARY


ANYBODY = Role("anonymous")
ROLES = (
    ANYBODY,
    Role("viewer", frozenset({scope.SEE, scope.QUERY}), "990101"),
    Role("downloader", frozenset({scope.SEE, scope.QUERY, scope.DOWNLOAD}), "990101"),
    Role("editor", frozenset({scope.SEE, scope.QUERY, scope.EDIT}), "990101"),
    Role("cleared", ALL, "990101", ceiling=HIGH),
    Role("neighbour", ALL, "990102"),
    Role("outsider", ALL, branch="2"),
    Role("nobody-yet"),
    Role("system", duty="system", division="99"),
    Role("system-elsewhere", duty="system", division="98"),
    Role("security", duty="security", division="99"),
    Role("security-elsewhere", duty="security", division="98"),
    Role("audit", duty="audit", division="99"),
    Role("security-whole", duty="security"),
    Role("audit-whole", duty="audit"),
)

MINE = Subject(PARCELS, "990101")
THEIRS = Subject(PARCELS, "990102")
STRICT = Subject(STRICTER, "990101", HIGH)
RECORD = Subject(PARCELS, "990101", HIGH)

TELLTALES = {
    "990101211000000020": MINE,
    "990102211000000001": THEIRS,
    "990101105100000001": STRICT,
    "990101211000000010": RECORD,
    "ours-7f3a.gpkg": MINE,
    "theirs-91c4.gpkg": THEIRS,
    evidence.OURS: Subject(evidence.EVIDENCE, "990101"),
    evidence.THEIRS: Subject(evidence.EVIDENCE, "990102"),
    materials.OURS: Subject(materials.BRANCH, "990101"),
    materials.THEIRS: Subject(materials.BRANCH, "990102"),
    registers.OURS: Subject(registers.BRANCH, "990101"),
    registers.THEIRS: Subject(registers.BRANCH, "990102"),
    cases.OURS: Subject(cases.BRANCH, "990101"),
    cases.THEIRS: Subject(cases.BRANCH, "990102"),
    coverages.OURS: Subject(coverages.IMAGES, "990101"),
    coverages.THEIRS: Subject(coverages.IMAGES, "990102"),
}

PRIVATE = {
    "task-5b1e": frozenset({"cleared"}),
    "task-77c2": frozenset({"security", "security-whole"}),
    "incident-90aa": frozenset({"viewer", "downloader", "editor", "cleared"}),
    "note-31aa": frozenset({"viewer"}),
    "job-4f1d": frozenset({"viewer"}),
    analysis.TELLTALE: analysis.VIEWER,
    maps.TELLTALE: maps.VIEWER,
}
"""Texts of the worklist and who may read them."""


@dataclass
class World:
    """Ids of what was built, and a token per role."""

    ours: int
    theirs: int
    version_ours: int
    version_theirs: int
    version_strict: int
    task: int
    duty_task: int
    incident: int
    verification: int
    verification_theirs: int
    unit: int
    post: int
    exception_ours: int
    exception_theirs: int
    finding_ours: int
    finding_theirs: int
    notification: int = 0
    progress: str = "tests/job-4f1d"
    session: int = 0
    tokens: dict[str, str] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    evidence: dict[str, dict[str, int]] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)
    analysis: dict[str, int] = field(default_factory=dict)
    application: int = 0
    print_id: int = 0
    matter_edition: int = 0
    materials: dict[str, dict[str, int]] = field(default_factory=dict)
    registers: dict[str, dict[str, int]] = field(default_factory=dict)
    cases: dict[str, dict[str, int | str]] = field(default_factory=dict)


def build() -> World:
    """Commit everything; the caller empties the test database afterwards."""
    county.build()
    with transaction.atomic():
        _label(STRICTER, HIGH)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE kunyu_onemap")
            cursor.execute(
                f'UPDATE onemap."dltb_tdt1057_2020" SET label = {HIGH.code} '
                "WHERE \"BSM\" = '990101211000000010' AND upper_inf(known)"
            )
            cursor.execute("RESET ROLE")
        post = _organisation()
        ours, theirs = _delivery("ours-7f3a.gpkg", "990101"), _delivery("theirs-91c4.gpkg", "990102")
        world = World(
            ours=ours,
            theirs=theirs,
            finding_ours=_finding(ours, "990101211000000020"),
            finding_theirs=_finding(theirs, "990102211000000001"),
            exception_ours=_exception(ours, "990101211000000020"),
            exception_theirs=_exception(theirs, "990102211000000001"),
            version_ours=_version(PARCELS, "990101"),
            version_theirs=_version(PARCELS, "990102"),
            version_strict=_version(STRICTER, "990101"),
            task=_task("task-5b1e", "delivery_approval", (PARCELS,)),
            duty_task=_task("task-77c2", "label_approval"),
            incident=_incident(),
            verification=_verification("990101"),
            verification_theirs=_verification("990102"),
            unit=post.organisation_id,
            post=post.pk,
            evidence=evidence.build(post.organisation_id),
            rounds=acceptance.build(ours, theirs, MARKUP),
        )
        _delivery(f"{MARKUP}.gpkg", "990101")
        coverages.build({"990101": ours, "990102": theirs})
        for role in ROLES[1:]:
            user = _person(role)
            world.users[role.name] = user.pk
            world.tokens[role.name] = issue_token(user, "access tests", scope.operator("tests"))
        _for_viewer(world)
        world.analysis = analysis.build(world.users["viewer"])
        world.print_id = maps.build(world.users["viewer"])
        world.matter_edition = matters.build(MARKUP)
        world.materials = materials.build()
        world.cases = cases.build(world.matter_edition, MARKUP)
        world.registers = registers.build(MARKUP)
        world.application = services.build(world.users["viewer"], MARKUP)
    epochs.forget()
    return world


def _label(collection: str, label: Label) -> None:
    LabelRow.objects.filter(collection=collection, state__in=["approved", "proposed"]).update(state="replaced")
    LabelRow.objects.create(
        collection=collection, secrecy=label.secrecy, grading=label.grading, sharing=label.sharing, reason=f"试验{MARKUP}",
        state="approved", proposed_by="steward", decided_by="security",
    )  # fmt: skip


def _delivery(name: str, division: str) -> int:
    content = name.encode() * 100
    stored = open_store(settings.KUNYU_OBJECT_STORE).put_bytes(content)
    return Delivery.objects.create(
        standard_id="TDT1057-2020", dataset_code=PARCELS, division_code=division, file_name=name,
        input_sm3=stored.sm3, input_size=len(content), valid_from=date(2025, 12, 31), status="accepted",
        created_by="somebody",
    ).pk  # fmt: skip


def _finding(delivery: int, key: str) -> int:
    run = CheckRun.objects.create(delivery_id=delivery, standard_digest="0" * 64, report_sm3="0" * 64)
    return Finding.objects.create(
        run=run, rule="Q303", clause="试", severity="S", layer="DLTB", ids=[key], message_zh=f"{key}{MARKUP}",
        message_en=f"{key}{MARKUP}", fingerprint="0" * 64,
    ).pk  # fmt: skip


def _exception(delivery: int, key: str) -> int:
    found = Delivery.objects.get(pk=delivery)
    return FindingException.objects.create(
        delivery=found, standard_id=found.standard_id, division_code=found.division_code, rule="Q303", severity="S",
        layer="DLTB", ids=[key], fingerprint="1" * 64, message_zh=f"{key}{MARKUP}", message_en=f"{key}{MARKUP}",
        reason=f"试验{MARKUP}", proposed_by="somebody",
    ).pk  # fmt: skip


def _verification(division: str) -> int:
    """A finished run with a finding that names a record of the division."""
    one = Verification.objects.create(
        division_code=division, started_by="somebody", status="done", rules_run=["V201"], digest="0" * 64,
        inputs=[{"dataset": PARCELS, "layer": "DLTB", "county": division, "version": 1, "digest": "0" * 64}],
    )  # fmt: skip
    key = f"{division}211000000020" if division == "990101" else f"{division}211000000001"
    one.findings.create(
        rule="V201",
        clause="—",
        severity="Z",
        layer="DLTB",
        ids=[key],
        message_zh=MARKUP,
        message_en=MARKUP,
        fingerprint="0" * 64,
    )
    return one.pk


def _organisation() -> Post:
    bureau = Organisation.objects.create(
        code="KY990101", name_zh=f"坤舆县自然资源局{MARKUP}", kind="bureau", division_code="990101"
    )
    bureau.path = f"{bureau.pk}/"
    bureau.save()
    post = Post.objects.create(organisation=bureau, name_zh=f"岗位{MARKUP}")
    role = RoleRow.objects.create(code="tests-role", name_zh=f"角色{MARKUP}", description_zh=MARKUP)
    role.grants.create(action=scope.SEE, division_prefix="990101", reason=MARKUP)
    post.roles.add(role)
    return post


def _task(title: str, kind: str, collections: tuple[str, ...] = ()) -> int:
    subject = TaskSubject("tests", "1", title)
    new = NewTask(key=title, kind=kind, subject=subject, division="990101", collections=collections)
    return create_task(new, scope.operator("tests"))[0].pk


def _incident() -> int:
    alarm = Alarm(
        key="tests", level=2, title_zh="incident-90aa", source="tests", division="990101", action=scope.EDIT,
        collections=(PARCELS,),
    )  # fmt: skip
    return raise_incident(alarm, scope.operator("tests"))[0].pk


def _for_viewer(world: World) -> None:
    viewer = world.users["viewer"]
    world.notification = Notification.objects.create(
        recipient_id=viewer, key="tests", kind="job_finished", title_zh=f"note-31aa{MARKUP}"
    ).pk
    now = datetime.now(UTC)
    Progress.objects.create(
        key=world.progress, kind="tests", title_zh="job-4f1d", owner_id=viewer, started_at=now, updated_at=now
    )
    world.session = SignInSession.objects.create(
        user_id=viewer, key_digest="0" * 64, method="password", ends_at=now + timedelta(hours=1)
    ).pk


def _version(dataset: str, division: str) -> int:
    layers = Layer.objects.filter(dataset_id=dataset)
    return DatasetVersion.objects.filter(layer__in=layers, county=division).latest("id").pk


def _person(role: Role) -> User:
    user = User.objects.create_user(f"a-{role.name}", PASSWORD, name_zh=f"{role.name}{MARKUP}")
    if role.duty:
        AdminDuty.objects.create(user=user, duty=role.duty, division_prefix=role.division, appointed_by="tests")
    for action in sorted(role.actions):
        user.grants.create(
            action=action, division_prefix=role.division, branch=role.branch, max_secrecy=role.ceiling.secrecy,
            max_grading=role.ceiling.grading, max_sharing=role.ceiling.sharing,
        )  # fmt: skip
    return user
