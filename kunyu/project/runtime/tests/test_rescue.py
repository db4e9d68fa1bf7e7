"""Real workers killed with SIGKILL in the middle of real jobs: the next worker finishes each, once (R-169, kill -9)."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import shapely
from django.conf import settings
from django.db import connection, transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from kunyu.engines.analysis import services as analyses
from kunyu.engines.analysis.models import AnalysisJob, StoredResult
from kunyu.engines.analysis.plots import judge
from kunyu.engines.analysis.questions import OVERLAP, question
from kunyu.engines.analysis.settings import AnalysisSettings
from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.served.serving import close_pools
from kunyu.engines.catalogue.versions import Content, open_version, publish_version
from kunyu.engines.ingest.models import CheckRun, Delivery
from kunyu.engines.ingest.tests.delivered_files import hand_in, write_cover
from kunyu.engines.maps.compositions import printing
from kunyu.engines.maps.exports import services as exports
from kunyu.engines.maps.models import Export, MapPrint, Pyramid
from kunyu.engines.maps.pyramids import sweep
from kunyu.engines.maps.pyramids.queueing import queue as queue_pyramid
from kunyu.engines.maps.tests import county as building
from kunyu.engines.maps.tests.county import PARCELS
from kunyu.engines.reference.services import NewDivision, register_fictional
from kunyu.engines.security import scope
from kunyu.engines.security.models import User
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.services import grant
from kunyu.engines.security.session import principal_of
from kunyu.engines.worklist.models import Incident, Progress
from kunyu.engines.worklist.progress import Job, Reporter, own_session
from kunyu.kernel.errors import KunyuError
from kunyu.project.runtime import rescue
from kunyu.project.runtime.doctor_database import pyramids
from kunyu.project.runtime.result import OK, WARN

TABLE = 'onemap."dltb_tdt1057_2020"'
PLOT = shapely.box(113.0001, 34.5001, 113.0399, 34.5399)
PATIENCE_S = 90
STALLED_S = 2


@dataclass(frozen=True)
class Kind:
    """A kind of job: how somebody asks for it, what it must wait for in its middle, and how its outcome is read."""

    task: str
    blocked: str
    ask: Callable[[Principal, Path], int]
    state: Callable[[int], str]
    done: str
    whole: Callable[[int], None]
    key: str = ""


def _ask_analysis(principal: Principal, folder: Path) -> int:
    answer = analyses.answer(principal, question(OVERLAP, judge(PLOT), [PARCELS], date(2026, 6, 1), None))
    assert answer["job"], "small enough to be answered at once"
    return int(answer["job"])


def _one_answer(number: int) -> None:
    job = AnalysisJob.objects.get(pk=number)
    assert job.result is not None and "第 2 次" in job.message_zh and "run 2" in job.message_en
    assert StoredResult.objects.filter(digest=job.result.digest).count() == 1
    (layer,) = job.result.document["layers"]
    assert layer["state"] == "conflict" and layer["count"] == 399, "all but parcel 2, which ended"


def _ask_export(principal: Principal, folder: Path) -> int:
    return int(exports.ask(principal, PARCELS, {"format": "csv"}).pk)


def _one_file(number: int) -> None:
    done = Export.objects.get(pk=number)
    with object_store().open(done.sm3) as file, zipfile.ZipFile(io.BytesIO(file.read())) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith(".csv"))
        lines = list(csv.reader(io.StringIO(archive.read(name).decode("utf-8-sig"))))
    assert done.attempts == 2 and len(lines) == 402, "a head and one line of each of 401 parcels"
    assert not (Path(settings.KUNYU_HOME) / "exports" / str(number)).exists(), "no half-written file is left"


def _ask_print(principal: Principal, folder: Path) -> int:
    return int(
        printing.ask(
            principal, printing.Request("png", definition={"title_zh": "地类", "layers": [{"collection": PARCELS}]})
        ).pk
    )


def _one_print(number: int) -> None:
    done = MapPrint.objects.get(pk=number)
    with object_store().open(done.file_sm3) as file:
        assert len(file.read()) == done.size


def _ask_pyramid(principal: Principal, folder: Path) -> int:
    assert queue_pyramid(PARCELS, "990101")
    return 0


def _pyramid_state(number: int) -> str:
    in_force = Pyramid.objects.filter(layer__collection=PARCELS, county="990101", status="in_force")
    return "in_force" if sorted(in_force.values_list("kind", flat=True)) == ["large", "small"] else "waiting"


def _one_pyramid(number: int) -> None:
    assert not Pyramid.objects.filter(status="replaced").exists()


def _ask_check(principal: Principal, folder: Path) -> int:
    from kunyu.engines.ingest.tasks import process_delivery

    delivery = hand_in(write_cover(folder / "cover.gpkg"))
    process_delivery.defer(delivery_id=delivery.pk)
    return delivery.pk


def _one_check(number: int) -> None:
    assert CheckRun.objects.filter(delivery_id=number).count() == 1
    events = Delivery.objects.get(pk=number).events.order_by("id").values_list("status", flat=True)
    assert list(events) == ["received", "mapped", "checked", "accepted"]


KINDS = {
    "analysis": Kind(
        "analysis.run", TABLE, _ask_analysis, lambda n: AnalysisJob.objects.get(pk=n).state, "successful", _one_answer,
        "analysis:{}",
    ),
    "export": Kind(
        "maps.run_export", TABLE, _ask_export, lambda n: Export.objects.get(pk=n).state, "done", _one_file, "map-export:{}"
    ),
    "print": Kind(
        "maps.print_map", TABLE, _ask_print, lambda n: MapPrint.objects.get(pk=n).state, "done", _one_print, "map-print:{}"
    ),
    "pyramid": Kind("maps.build_pyramid", TABLE, _ask_pyramid, _pyramid_state, "in_force", _one_pyramid),
    "check": Kind(
        "ingest.process_delivery", "ingest_checkrun", _ask_check, lambda n: Delivery.objects.get(pk=n).status, "accepted",
        _one_check, "delivery-check:{}",
    ),
}  # fmt: skip


@pytest.fixture
def steward(transactional_db: None, onemap_emptied: None) -> Iterator[Principal]:
    """The committed county of the maps' tests, and somebody who may query and export it."""
    building.build()
    user = User.objects.get(username="t-steward")
    grant(user, (scope.DOWNLOAD,), actor=scope.operator("tests"))
    register_fictional([NewDivision("99", "示范省", "0"), NewDivision("9901", "示范市", "99"),
                        NewDivision("990101", "坤舆县", "9901")])  # fmt: skip
    try:
        yield principal_of(user, "tests")
    finally:
        close_pools()
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE kunyu_onemap")
            cursor.execute("DROP SCHEMA IF EXISTS onemap_tiles CASCADE")
            cursor.execute("RESET ROLE")


@contextlib.contextmanager
def _worker() -> Iterator[subprocess.Popen[bytes]]:
    """The real task worker, on this test's database; killed at the end if nobody did before."""
    name = connection.settings_dict["NAME"]
    at = {
        variable: urlunsplit(urlsplit(os.environ[variable])._replace(path=f"/{name}"))
        for variable in ("DATABASE_URL", "KUNYU_SERVE_DATABASE_URL")
    }
    environment = {
        **os.environ, **at, "KUNYU_JOB_STALLED_SECONDS": str(STALLED_S), "KUNYU_MAPS_BUILD_PYRAMIDS": "0",
        "KUNYU_OBJECT_STORE": str(settings.KUNYU_OBJECT_STORE), "KUNYU_HOME": str(settings.KUNYU_HOME),
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "kunyu.project.runtime.worker"], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _until(true: Callable[[], Any], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert process.poll() is None and time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def _waits_for(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = %s::regclass", [table])
        return cursor.fetchone() is not None


def _killed_in_the_middle(kind: Kind, ask: Callable[[], int]) -> int:
    """Let a worker run into a lock in the middle of the job, and kill it there with SIGKILL."""
    with own_session() as holding:
        number = ask()
        holding.execute("BEGIN")
        holding.execute(f"LOCK TABLE {kind.blocked} IN ACCESS EXCLUSIVE MODE")  # type: ignore[arg-type]
        with _worker() as process:
            _until(lambda: _waits_for(kind.blocked), process)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        holding.execute("COMMIT")
    return number


@pytest.mark.parametrize("name", KINDS)
def test_the_next_worker_finishes_what_a_killed_one_began(
    steward: Principal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Begun again by itself within the time of the settings, done once, and its page says that it was interrupted."""
    monkeypatch.setattr(
        "kunyu.engines.analysis.overlap.analysis_settings", lambda: AnalysisSettings(interactive_hits_max=10)
    )
    kind = KINDS[name]
    number = _killed_in_the_middle(kind, lambda: kind.ask(steward, tmp_path))
    assert kind.state(number) != kind.done
    assert ProcrastinateJob.objects.filter(task_name=kind.task, status="doing").count() == 1
    with _worker() as process:
        _until(lambda: kind.state(number) == kind.done, process)
        _until(
            lambda: not ProcrastinateJob.objects.filter(task_name=kind.task, status__in=("todo", "doing")).exists(),
            process,
        )
    kind.whole(number)
    if kind.key:
        shown = Progress.objects.get(key=kind.key.format(number))
        assert (shown.outcome, shown.attempts) == ("done", 2) and "第 2 次" in shown.message_zh


@pytest.mark.long
def test_a_job_that_kills_its_worker_each_time_is_given_up(steward: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the runs of the settings the job fails with a sentence and what to do; nothing is kept of it."""
    monkeypatch.setattr(
        "kunyu.engines.analysis.overlap.analysis_settings", lambda: AnalysisSettings(interactive_hits_max=10)
    )
    kind, kept = KINDS["analysis"], StoredResult.objects.count()
    number = _ask_analysis(steward, Path())
    for _ in range(3):
        assert _killed_in_the_middle(kind, lambda: number) == number
    assert AnalysisJob.objects.get(pk=number).state == "running"
    with _worker() as process:
        _until(lambda: kind.state(number) == "failed", process)
    job, shown = AnalysisJob.objects.get(pk=number), Progress.objects.get(key=f"analysis:{number}")
    assert "已中断 3 次" in job.message_zh and "缩小范围" in job.message_zh and "interrupted 3 times" in job.message_en
    assert (shown.outcome, shown.message_zh) == ("failed", job.message_zh)
    assert StoredResult.objects.count() == kept


@pytest.mark.long
def test_a_pyramid_that_kills_its_worker_each_time_is_given_up(steward: Principal) -> None:
    """The sweep queues it after each of the first interruptions, and no more after the third: until a new version."""
    kind, jobs = KINDS["pyramid"], ProcrastinateJob.objects.filter(task_name="maps.build_pyramid")
    others = {(one.collection, one.county) for one in sweep.due()} - {(PARCELS, "990101")}
    for collection, county in others:
        assert sweep.rebuild(collection, county)
    for run in (1, 2, 3):
        asked = (lambda: _ask_pyramid(steward, Path())) if run == 1 else (lambda: 0)
        _killed_in_the_middle(kind, asked)
        jobs.filter(status="doing").delete()  # as if its rescuer ended it: the sweep alone is looked at here
        _swept(run)
        assert jobs.filter(status="todo").count() == (1 if run < 3 else 0)
    told = Incident.objects.get(key=f"pyramid-given-up:{PARCELS}:990101")
    assert "中断 3 次" in told.title_zh and "kunyu pyramids rebuild" in told.title_en
    examined = pyramids()
    assert examined.level == WARN and "中断 3 次" in examined.zh and "interrupted 3 times" in examined.en
    assert f"kunyu pyramids rebuild --collection {PARCELS} --county 990101" in examined.en
    assert queue_pyramid(PARCELS, "990101")
    with _worker() as process:  # a job that waited, or that is rescued, does not begin a fourth build
        _until(lambda: not jobs.filter(status__in=("todo", "doing")).exists(), process)
    assert jobs.latest("id").status == "succeeded"
    assert not Pyramid.objects.filter(county="990101", layer__collection=PARCELS, status="in_force").exists()
    assert Pyramid.objects.filter(status="interrupted").count() == 3
    with transaction.atomic():
        version = open_version(Layer.objects.get(collection=PARCELS), "990101", date(2026, 6, 2))
        publish_version(version, Content(0, 0, 0))
    assert sweep.queue_due() == [f"{PARCELS} 990101"]
    with _worker() as process:
        _until(lambda: kind.state(0) == kind.done, process)
    assert not Pyramid.objects.filter(status="interrupted").exists() and pyramids().level == OK


def _swept(interruptions: int) -> None:
    """The sweep, again and again until the server has noticed that the killed process is gone."""
    deadline = time.monotonic() + PATIENCE_S
    while Pyramid.objects.filter(status="interrupted").count() < interruptions:
        assert time.monotonic() < deadline
        sweep.clean()
        time.sleep(0.1)
    sweep.queue_due()


@pytest.mark.django_db
def test_a_run_over_a_dead_one_is_counted_and_refused_after_the_last() -> None:
    for run in (1, 2, 3):
        told = Reporter(Job("t:1", "t", "作业"))
        told.begin()
        told.require_attempt()
        assert told.attempt == run and bool(told.note_zh) == (run > 1)
    with pytest.raises(KunyuError, match="已中断 3 次"), Reporter(Job("t:1", "t", "作业")) as told:
        told.require_attempt()
    with Reporter(Job("t:1", "t", "作业")) as told:
        assert told.attempt == 1, "what failed with a sentence may be asked for anew"


def _stalled(task: str, queueing_lock: str | None, status: str, attempts: int = 0) -> int:
    """A row of the queue; one that is ``doing`` has no worker any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args, status, attempts) "
            "VALUES ('t', %s, %s, '{\"material_id\": 0}', %s::procrastinate_job_status, %s) RETURNING id",
            [task, queueing_lock, status, attempts],
        )
        return int(cursor.fetchone()[0])


async def _rescue() -> int:
    from procrastinate.contrib.django import app

    own = app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined]
    async with own.open_async():
        return await rescue.rescue(own.job_manager)


@pytest.mark.django_db(transaction=True)
def test_one_job_that_cannot_be_queued_again_keeps_no_other_waiting() -> None:
    """Of a queueing lock only one may wait: the dead one is ended; a hopeless one fails; the others are queued again."""
    waiting = _stalled("t.locked", "lock", "todo")
    dead = _stalled("t.locked", "lock", "doing")
    hopeless = _stalled("matters.read_material", None, "doing", attempts=5)
    last = _stalled("t.plain", None, "doing")
    assert asyncio.run(_rescue()) == 3
    states = dict(ProcrastinateJob.objects.values_list("id", "status"))
    assert [states[one] for one in (waiting, dead, hopeless, last)] == ["todo", "aborted", "failed", "todo"]
