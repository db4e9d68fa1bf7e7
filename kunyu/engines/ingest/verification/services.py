"""Start a verification, run it once per county at a time, keep what it found. 印证的发起与留存."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection, transaction
from django.utils import timezone

from kunyu.engines.ingest.findings import store
from kunyu.engines.ingest.models import Verification
from kunyu.engines.ingest.services import Reason
from kunyu.engines.ingest.verification import access
from kunyu.engines.ingest.verification.errors import NothingToVerify, VerificationRunning
from kunyu.engines.ingest.verification.onemap import Parameters
from kunyu.engines.ingest.verification.rule import mutual_rules
from kunyu.engines.ingest.verification.runner import Progress, Result, verify
from kunyu.engines.ingest.verification.sources import gather
from kunyu.engines.security import audit, protection
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.scope import APPROVE, Principal
from kunyu.engines.worklist.audience import people_who_hold
from kunyu.engines.worklist.models import Progress as ProgressRow
from kunyu.engines.worklist.notices import Notice, notify
from kunyu.engines.worklist.progress import Job, Reporter, own_session
from kunyu.kernel.errors import KunyuError

LOCK_CLASS = 0x6B7B  # "k{": verifications
ABANDONED_AFTER = datetime.timedelta(minutes=10)
"""A run that nobody holds after this was left by a worker that died, or its job was lost."""
Status = Verification.Status


@dataclass(frozen=True)
class Started:
    """The verification, and whether it ran already when it was asked for: the second click."""

    verification: Verification
    existing: bool


def start(principal: Principal, division: str) -> Started:
    """Write a verification down as running; whoever starts it then queues it or runs it.

    Raises
    ------
    BadDivision, SignInNeeded, NotVisible, NotAllowed
    NothingToVerify
        No rule has all its data published in the county, as far as the principal may see.
    """
    county = access.require_start(principal, division)
    gathered = gather(principal, county, mutual_rules(), Parameters(timezone.localdate()))
    if all(gathered.reason(rule) is not None for rule in mutual_rules()):
        raise NothingToVerify(
            f"区划 {county} 没有可以互相印证的已发布图层；请先发布国土调查与控制线成果。",
            f"No published layers of {county} can be compared yet; publish the survey and the control lines first.",
        )
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"verification {county}"])
        running = Verification.objects.filter(division_code=county, status=Status.RUNNING).order_by("-id").first()
        if running is not None:
            if is_held(county) or timezone.now() - running.started_at < ABANDONED_AFTER:
                return Started(running, existing=True)
            _close(running, Reason("运行它的进程已中断。", "The process that ran it died.", "abandoned"), principal)
        made = Verification.objects.create(division_code=county, started_by=principal.name)
        audit.record(principal, "verification-started", "verification", made.pk, division=county)
    return Started(made, existing=False)


def run(number: int, principal: Principal, progress: Progress = lambda _rule, _done, _all: None) -> Verification:
    """Run a started verification; its outcome stands on it.

    Raises
    ------
    VerificationRunning
        Another process runs one of this county now.
    KunyuError
        What made it fail; it is on record as failed.
    """
    found = Verification.objects.get(pk=number)
    if found.status != Status.RUNNING:
        return found
    with _held(found.division_code) as session, Reporter(_job(found), session) as told:

        def show(rule: str, done: int, every: int) -> None:
            told.show(f"规则 {rule}", f"rule {rule}", done, every)
            progress(rule, done, every)

        try:
            told.require_attempt()
            access.require_start(principal, found.division_code)
            result = verify(principal, found.division_code, Parameters(timezone.localdate()), show)
            return _keep(found, result, principal)
        except Exception as error:
            with transaction.atomic():
                _close(found, Reason.of(error), principal)
            raise


def replay(verification: Verification, principal: Principal) -> Result:
    """Run a finished verification again over the state of the map that it read; nothing is stored."""
    return verify(principal, verification.division_code, _parameters(verification))


def _parameters(one: Verification) -> Parameters:
    given = dict(one.summary["parameters"])
    day = datetime.date.fromisoformat(given.pop("valid_at"))
    return Parameters(day, datetime.datetime.fromisoformat(one.summary["known_at"]), **given)


@transaction.atomic
def _keep(found: Verification, result: Result, principal: Principal) -> Verification:
    """Store findings, canonical result and digest, with the audit entry, and tell who answers for the data."""
    content = result.canonical()
    strict = protection.must_protect([str(one["dataset"]) for one in result.inputs])
    ref = object_store().put_bytes(content, protect=strict)
    store(found, result.findings)
    found.inputs, found.rules_run, found.rules_not_run = result.inputs, result.rules_run, result.rules_not_run
    found.summary = {**result.summary, "report_sm3": ref.sm3, "known_at": result.known_at.isoformat()}
    found.digest = result.digest
    found.status, found.ended_at = Status.DONE, timezone.now()
    found.save()
    audit.record(
        principal, "verification-done", "verification", found.pk, division=found.division_code, digest=found.digest,
        findings=len(result.findings),
    )  # fmt: skip
    _tell(found, result)
    return found


def _close(found: Verification, reason: Reason, principal: Principal) -> None:
    found.status, found.ended_at = Status.FAILED, timezone.now()
    found.reason_zh, found.reason_en = reason.zh, reason.en
    found.save(update_fields=["status", "ended_at", "reason_zh", "reason_en"])
    audit.record(
        principal, "verification-failed", "verification", found.pk, "failed", division=found.division_code, code=reason.code
    )  # fmt: skip


def _tell(found: Verification, result: Result) -> None:
    """Notify those who approve the data of a rule that found something; numbers stand on the page, by each one's rights."""
    told: set[int] = set()
    for rule in mutual_rules():
        if result.counts.get(rule.id):
            told |= set(people_who_hold(APPROVE, rule.needs[:1], "", found.division_code))
    notify(
        told,
        Notice(
            kind="verification_found", key=f"verification:{found.pk}", href=f"/verifications/{found.pk}/",
            title_zh=f"区划 {found.division_code} 的数据互相矛盾，请核对",
            title_en=f"Data of {found.division_code} contradict each other; please look",
        ),
    )  # fmt: skip


def _job(found: Verification) -> Job:
    return Job(
        key=f"verification:{found.division_code}", kind="verification", href=f"/verifications/{found.pk}/",
        title_zh=f"印证区划 {found.division_code}", title_en=f"Verifying {found.division_code}", owner=found.started_by,
    )  # fmt: skip


@contextlib.contextmanager
def _held(county: str) -> Iterator[psycopg.Connection[Any]]:
    """A session of its own that holds the county: when the process dies, however it dies, the county is free again."""
    with contextlib.closing(own_session()) as session:
        row = session.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, int(county)]).fetchone()
        if row is None or not row[0]:
            raise VerificationRunning(
                f"区划 {county} 正在印证，请等它完成。", f"County {county} is being verified; wait until it is done."
            )
        try:
            yield session
        finally:
            with contextlib.suppress(psycopg.Error):
                session.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, int(county)])


def is_held(county: str) -> bool:
    """Whether some process verifies the county now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND objsubid = 2"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND granted",
            [LOCK_CLASS, int(county)],
        )
        return bool(cursor.fetchone()[0])


def stage_of(one: Verification) -> dict[str, Any]:
    """Rule, rules done and rules in all of a running verification, as its job reports them."""
    row = ProgressRow.objects.filter(key=f"verification:{one.division_code}").first()
    if row is None or one.status != Status.RUNNING:
        return {}
    return {"stage": row.phase_zh, "done": row.done, "total": row.total}


def start_quietly(number: int, actor: str, origin: str, user_id: int | None) -> None:
    """Run for a person whose rights are looked up again; what goes wrong stands on the verification."""
    from kunyu.engines.ingest.acting import principal_now

    try:
        principal = principal_now(actor, origin, user_id)
    except KunyuError as error:
        found = Verification.objects.get(pk=number)
        if found.status == Status.RUNNING:
            with transaction.atomic():
                _close(found, Reason.of(error), Principal(actor, user_id=user_id, origin=origin))
        return
    with contextlib.suppress(KunyuError):
        run(number, principal)
