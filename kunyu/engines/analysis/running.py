"""What a task worker does with an analysis: read tile by tile, show progress, keep the result, tell the owner. 作业执行."""

from __future__ import annotations

from django.utils import timezone

from kunyu.engines.analysis import documents, keeping
from kunyu.engines.analysis import overlap as overlapping
from kunyu.engines.analysis.jobs import NAMES, State
from kunyu.engines.analysis.models import AnalysisJob, StoredResult
from kunyu.engines.analysis.pieces import count_near
from kunyu.engines.analysis.questions import Question
from kunyu.engines.analysis.services import answer
from kunyu.engines.analysis.tiling import MOST_COUNTED, read_in_tiles
from kunyu.engines.ingest.acting import principal_now
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist.holding import held
from kunyu.engines.worklist.progress import Job, Reporter
from kunyu.kernel.errors import KunyuError

LOCK_CLASS = 0x6B7E  # "k~": analyses
LIVE = (State.ACCEPTED, State.RUNNING)


class Dismissed(Exception):
    """The owner dismissed the job while it ran."""


def run(number: int) -> None:
    """Do a job; its outcome stands on it. One that was dismissed, has ended or is done by another process is left alone.

    A worker that is killed leaves it running: whoever takes it up again begins at the beginning, and the answer is kept
    once, under its digest.
    """
    with held(LOCK_CLASS, number) as session:
        if session is None or not _taken(number):
            return
        job = AnalysisJob.objects.get(pk=number)
        try:
            principal = principal_now(job.actor, job.origin, job.owner_id)
            with Reporter(_reported(job), session) as told:
                _begin(job, told)
                _run(job, principal, told)
        except Dismissed:
            return
        except Exception as error:
            zh, en = (error.detail_zh, error.detail_en) if isinstance(error, KunyuError) else (
                f"程序缺陷：{type(error).__name__}", f"A defect: {type(error).__name__}")  # fmt: skip
            _end(job, State.FAILED, zh, en)
            if not isinstance(error, KunyuError):
                raise


def _taken(number: int) -> int:
    live = AnalysisJob.objects.filter(pk=number, state__in=LIVE)
    return live.update(state=State.RUNNING, started_at=timezone.now(), done=0)


def _begin(job: AnalysisJob, told: Reporter) -> None:
    """Say on the job that it was interrupted, where it was; give it up after too many runs."""
    told.require_attempt()
    AnalysisJob.objects.filter(pk=job.pk).update(message_zh=told.note_zh, message_en=told.note_en)


def _run(job: AnalysisJob, principal: Principal, told: Reporter) -> None:
    asked = keeping.unpack(job.kind, job.question, bytes(job.geometry))
    if job.kind in ("overlap", "land-classes"):
        stored, digest = _overlaid(job, asked, principal, told)
    else:
        digest = str(answer(principal, asked, may_queue=False)["digest"])
        stored = keeping.find(principal, digest)
    zh, en = told.note_zh, told.note_en
    if of := job.question.get("replay_of"):
        said = keeping.compare(keeping.find(principal, int(of)), digest)
        zh, en = said["message_zh"], said["message_en"]
    AnalysisJob.objects.filter(pk=job.pk, state=State.RUNNING).update(
        state=State.SUCCESSFUL, result=stored, finished_at=timezone.now(), message_zh=zh, message_en=en
    )
    told.finish(message_zh=zh if of else "", message_en=en if of else "")


def _overlaid(
    job: AnalysisJob, asked: Question, principal: Principal, told: Reporter
) -> tuple[StoredResult | None, str]:
    """The kept answer of an overlay read tile by tile, and its digest."""
    layers = overlapping.prepared(principal, asked)
    opened = [one for one in layers if isinstance(one, overlapping.Opened)]
    total = sum(count_near(one.selection(asked), MOST_COUNTED) for one in opened)
    done = 0

    def tell(read: int, _of: int) -> None:
        nonlocal done
        done += read
        # a record may count in two tiles' boxes and is read once, so the end is shown by the end itself
        if told.show("叠置", "overlaying", min(done, total), total) or done >= total:
            _seen(job, min(done, total), total)

    found = overlapping.answered(principal, asked, layers, lambda selection, one: read_in_tiles(selection, one, tell))
    document = documents.overlap_document(found)
    return keeping.keep(principal, asked, document), str(document["digest"])


def _seen(job: AnalysisJob, done: int, total: int) -> None:
    if not AnalysisJob.objects.filter(pk=job.pk, state=State.RUNNING).update(done=done, total=total):
        raise Dismissed


def _end(job: AnalysisJob, state: str, zh: str, en: str) -> None:
    AnalysisJob.objects.filter(pk=job.pk, state=State.RUNNING).update(
        state=state, message_zh=zh, message_en=en, finished_at=timezone.now()
    )


def _reported(job: AnalysisJob) -> Job:
    zh, en = NAMES[job.kind]
    return Job(
        key=f"analysis:{job.pk}", kind="analysis", title_zh=f"{zh}（作业 {job.pk}）", title_en=f"{en} (job {job.pk})",
        href=f"/api/analysis/jobs/{job.pk}", owner=job.actor,
    )  # fmt: skip


def unfinished() -> list[int]:
    """Jobs that a worker should take up: new ones, and those a killed worker left behind."""
    return list(AnalysisJob.objects.filter(state__in=LIVE).order_by("id").values_list("id", flat=True))
