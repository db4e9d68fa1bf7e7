"""Killed with SIGKILL at random moments, started again: nothing lost, exactly one case, decision, licence. `make test-long`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

from kunyu.engines.documents.models import Document, Licence
from kunyu.engines.matters.cases.tests.seals import seal_in_use
from kunyu.engines.matters.cases.tests.world import World
from kunyu.engines.matters.models import Application, Case, CaseEvent, Decision, NationalMessage
from kunyu.engines.worklist.models import Task
from kunyu.kernel.outbox.models import Event

RUNS = int(os.environ.get("KUNYU_CRASH_RUNS", "200"))
EACH = 20
"""Kills in one test, so that no test lasts longer than a test may."""
SLOWEST_S = 2.5
"""A whole case takes about this long; the moment of the kill is drawn from it."""
ACTS = ["submitted", "correction_asked", "correction_answered", "accepted", "step", "decided", "sealed", "closed"]


@pytest.mark.long
@pytest.mark.parametrize("part", range(max(RUNS // EACH, 1)))
@pytest.mark.django_db(transaction=True)
def test_a_killed_case_goes_on_where_it_stood(committed: World, owner_dsn: str, part: int) -> None:
    """``EACH`` kills; a case is gone through to its end between them and then held against everything written."""
    seal_in_use()
    environment = _environment(owner_dsn)
    chance = random.Random(20261123 + part)
    kills, number = 0, 0
    while kills < EACH:
        number += 1
        key = f"crash-{number}"
        while kills < EACH and _killed(key, environment, chance.uniform(0, SLOWEST_S)):
            kills += 1
        assert not _killed(key, environment, None)
        _require_whole(key)
    assert Case.objects.count() == number


def _environment(dsn: str) -> dict[str, str]:
    """The environment of a process that works on the database of this test."""
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{conninfo_to_dict(dsn)['dbname']}")
    return {**os.environ, "DATABASE_URL": urlunsplit(address),
            "KUNYU_SERVE_DATABASE_URL": str(settings.KUNYU_SERVE_DATABASE_URL)}  # fmt: skip


def _killed(key: str, environment: dict[str, str], after_s: float | None) -> bool:
    """Run the script and kill it so long after it began; False: it came to its end."""
    with subprocess.Popen(
        [sys.executable, "-m", "kunyu.engines.matters.cases.tests.crash_script", key], env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        said = process.stdout.readline()
        assert said == "ready\n", process.stderr.read()
        if after_s is not None:
            time.sleep(after_s)
            process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
        wrong = process.stderr.read() if process.wait() not in (0, -signal.SIGKILL) else ""
    assert not wrong, wrong
    return "done" not in rest


def _require_whole(key: str) -> None:
    application = Application.objects.get(key=key)
    case = Case.objects.get(application=application)
    events = list(CaseEvent.objects.filter(case=case).order_by("sequence"))
    assert [one.sequence for one in events] == list(range(1, len(events) + 1))
    assert [one.act for one in events] == ACTS
    assert (case.state, case.revision) == (Case.State.GRANTED, len(ACTS))
    assert Decision.objects.get(case=case).sealed_at is not None
    licence = Licence.objects.get(subject=f"case:{case.number}")
    assert (licence.number, licence.state) == (case.licence_number, "valid")
    assert Document.objects.filter(subject=f"case:{case.number}", kind="licence", is_sealed=True).count() == 1
    assert not Task.objects.filter(object_id=case.number, state__in=["open", "claimed"]).exists()
    assert Task.objects.filter(object_id=case.number, state="done").count() == 4
    assert not Event.objects.filter(payload__case=case.pk, delivered_at=None).exists()
    told = NationalMessage.objects.filter(case=case).order_by("sequence").values_list("kind", flat=True)
    assert list(told) == ["application", "special", "special", "acceptance", "step", "step", "licence", "closed"]
