"""Analyses too large for one answer: read tile by tile by a task worker, with progress, for their owner alone. 分析作业."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import shapely
from django.db import transaction
from django.utils import timezone

from kunyu.engines.analysis import keeping
from kunyu.engines.analysis.errors import NoSuchJob
from kunyu.engines.analysis.models import AnalysisJob
from kunyu.engines.analysis.pieces import Pieces, count_near, read_pieces
from kunyu.engines.analysis.questions import KINDS, Question
from kunyu.engines.analysis.settings import analysis_settings
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.security import audit
from kunyu.engines.security.errors import NotAllowed, SignInNeeded
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist.progress import Job, Reporter
from kunyu.kernel.errors import KunyuError

State = AnalysisJob.State
LIVE = (State.ACCEPTED, State.RUNNING)
MOST_COUNTED = 5_000_000
NAMES = {"overlap": ("冲突检测", "Overlap"), "land-classes": ("地类统计", "Land classes"), "history": ("地块历史", "History"),
         "nearest": ("最近要素", "Nearest"), "buffer": ("缓冲区", "Buffer")}  # fmt: skip
Tell = Callable[[int, int], None]
assert set(NAMES) == set(KINDS)


class Dismissed(Exception):
    """The owner dismissed the job while it ran."""


@dataclass(frozen=True)
class _Tile:
    """A cell of the plot's box; every record near the plot belongs to the one that holds its south-west corner."""

    west: float
    south: float
    east: float
    north: float
    narrowing: tuple[str, dict[str, Any]]


def queue(principal: Principal, asked: Question, replay_of: int | None = None) -> AnalysisJob:
    """Write a job down and put it into the queue of the task workers, in one transaction.

    Raises
    ------
    SignInNeeded, NotAllowed
        Nobody in particular asks; or a service key does, whose narrower rights a job would not have.
    """
    from kunyu.engines.analysis.tasks import run_analysis

    if principal.user_id is None and not principal.is_operator:
        raise SignInNeeded(
            "涉及的记录太多，需要作为作业运行；请先登录。",
            "Too many records for one answer; sign in to run it as a job.",
        )
    if getattr(principal, "key_id", None) is not None:
        raise NotAllowed(
            "涉及的记录太多，服务密钥不能发起作业；请缩小地块，或由本人登录后提交。",
            "Too many records for one answer, and a service key starts no jobs: ask for a smaller plot, or sign in.",
        )
    packed = keeping.pack(asked) | ({"replay_of": replay_of} if replay_of else {})
    with transaction.atomic():
        job = AnalysisJob.objects.create(
            owner_id=principal.user_id, actor=principal.name, origin=principal.origin, kind=asked.kind, question=packed,
            geometry=shapely.to_wkb(asked.plot.geometry),
        )  # fmt: skip
        audit.record(principal, "analysis-queued", "analysis-job", job.pk, kind=asked.kind)
        transaction.on_commit(lambda: run_analysis.defer(job_id=job.pk))
    return job


def jobs_of(principal: Principal) -> list[AnalysisJob]:
    """One's own jobs, newest first, at most 200."""
    if principal.user_id is None and not principal.is_operator:
        return []
    return list(AnalysisJob.objects.filter(owner_id=principal.user_id).order_by("-id")[:200])


def job_of(principal: Principal, number: int) -> AnalysisJob:
    """One's own job, or the same answer as for one that does not exist."""
    own = AnalysisJob.objects.select_related("result").filter(pk=number, owner_id=principal.user_id)
    found = None if principal.user_id is None and not principal.is_operator else own.first()
    if found is None:
        raise NoSuchJob(f"没有作业 {number}，或者它不是您的。", f"There is no job {number} of yours.")
    return found


@transaction.atomic
def dismiss(principal: Principal, number: int) -> AnalysisJob:
    """Stop a job that waits or runs; forget one that ended. Its worker sees it at the next tile."""
    job = job_of(principal, number)
    job = AnalysisJob.objects.select_for_update().get(pk=job.pk)
    job.state, job.finished_at = State.DISMISSED, job.finished_at or timezone.now()
    job.result = None
    job.save(update_fields=["state", "finished_at", "result", "updated_at"])
    audit.record(principal, "analysis-dismissed", "analysis-job", job.pk)
    return job


def run(number: int) -> None:
    """Do a job; its outcome stands on it. A job that was dismissed, or ended already, is left as it is."""
    from kunyu.engines.ingest.acting import principal_now

    taken = AnalysisJob.objects.filter(pk=number, state__in=LIVE).update(state=State.RUNNING, started_at=timezone.now())
    if not taken:
        return
    job = AnalysisJob.objects.get(pk=number)
    try:
        principal = principal_now(job.actor, job.origin, job.owner_id)
        with Reporter(_reported(job)) as told:
            _run(job, principal, told)
    except Dismissed:
        return
    except Exception as error:
        zh, en = (error.detail_zh, error.detail_en) if isinstance(error, KunyuError) else (
            f"程序缺陷：{type(error).__name__}", f"A defect: {type(error).__name__}")  # fmt: skip
        _end(job, State.FAILED, zh, en)
        if not isinstance(error, KunyuError):
            raise


def _run(job: AnalysisJob, principal: Principal, told: Reporter) -> None:
    from kunyu.engines.analysis import documents
    from kunyu.engines.analysis import overlap as overlapping
    from kunyu.engines.analysis.services import answer

    asked = keeping.unpack(job.kind, job.question, bytes(job.geometry))
    if job.kind in ("overlap", "land-classes"):
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

        found = overlapping.answered(
            principal, asked, layers, lambda selection, one: read_in_tiles(selection, one, tell)
        )
        document = documents.overlap_document(found)
        stored = keeping.keep(principal, asked, document)
    else:
        document = answer(principal, asked, may_queue=False)
        stored = keeping.find(principal, str(document["digest"]))
    of = job.question.get("replay_of")
    zh = en = ""
    if of:
        said = keeping.compare(keeping.find(principal, int(of)), str(document["digest"]))
        zh, en = said["message_zh"], said["message_en"]
    AnalysisJob.objects.filter(pk=job.pk, state=State.RUNNING).update(
        state=State.SUCCESSFUL, result=stored, finished_at=timezone.now(), message_zh=zh, message_en=en
    )
    told.finish(message_zh=zh, message_en=en)


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


def read_in_tiles(selection: Selection, asked: Question, tell: Tell = lambda read, of: None) -> Pieces:
    """The pieces of one layer, read in statements of about ``job_chunk`` records each: none runs into the time limit."""
    with_geometry = bool(asked.options.get("geometries"))
    near = count_near(selection, MOST_COUNTED)
    parts = []
    for tile in tiles_of(asked.plot.bounds, math.ceil(near / analysis_settings().job_chunk)):
        part = read_pieces(selection, asked.plot, tile.narrowing, with_geometry=with_geometry)
        parts.append(part)
        tell(part.count, near)
    return Pieces.together(parts)


def tiles_of(bounds: tuple[float, float, float, float], wanted: int) -> Iterator[_Tile]:
    """Cut a box into at least ``wanted`` tiles, row by row; corners outside the box count to its edge."""
    west, south, east, north = bounds
    side = max(1, math.ceil(math.sqrt(wanted)))
    x = [west + (east - west) * step / side for step in range(side)] + [east]
    y = [south + (north - south) * step / side for step in range(side)] + [north]
    for row in range(side):
        for column in range(side):
            yield _tile(x[column : column + 2], y[row : row + 2], (column == side - 1, row == side - 1), (west, south))


def _tile(x: list[float], y: list[float], last: tuple[bool, bool], corner: tuple[float, float]) -> _Tile:
    box = shapely.to_wkb(shapely.set_srid(shapely.box(x[0], y[0], x[1], y[1]), 4490), hex=True, include_srid=True)
    at_x = "greatest(ST_XMin(geom), %(tile_west)s::float8)"
    at_y = "greatest(ST_YMin(geom), %(tile_south)s::float8)"
    conditions = ["geom && %(tile)s::geometry", f"{at_x} >= %(tile_x0)s::float8", f"{at_y} >= %(tile_y0)s::float8"]
    conditions += [] if last[0] else [f"{at_x} < %(tile_x1)s::float8"]
    conditions += [] if last[1] else [f"{at_y} < %(tile_y1)s::float8"]
    values = {
        "tile": box, "tile_west": corner[0], "tile_south": corner[1], "tile_x0": x[0], "tile_y0": y[0],
        "tile_x1": x[1], "tile_y1": y[1],
    }  # fmt: skip
    for name, left_out in (("tile_x1", last[0]), ("tile_y1", last[1])):
        if left_out:
            values.pop(name)
    return _Tile(x[0], y[0], x[1], y[1], (" AND ".join(conditions), values))
