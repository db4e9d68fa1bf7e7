"""What follows a reading: cases that were checked while a material was still being read are checked again. 读取之后."""

from __future__ import annotations

import logging

from django.db import transaction

from kunyu.engines.matters.cases import checks, people
from kunyu.engines.matters.models import Case, Material
from kunyu.engines.matters.rules.checking import run_checks

WAITED = "reading"
"""Reason of an answer that waits for a material to be read (`comparing`)."""
_log = logging.getLogger(__name__)


def check_what_waited(material_id: int) -> list[int]:
    """Check the running cases of the material's application again whose newest check waited; their ids.

    Only once no material of the application waits any more. A failure is logged and leaves the older check.
    """
    material = Material.objects.filter(pk=material_id).first()
    if material is None or _waits(material.application_id):
        return []
    running = Case.objects.filter(application=material.application_id, closed_at=None, decided_at=None)
    return [case.pk for case in running.select_related("application", "edition", "matter") if _check(case)]


def _waits(application_id: int) -> bool:
    waiting = Material.objects.filter(application=application_id, reading=Material.Reading.WAITING, is_withdrawn=False)
    return waiting.exists()


def _check(case: Case) -> bool:
    newest = checks.newest(case)
    if newest is None or not newest.answers.filter(reason=WAITED).exists():
        return False
    try:
        with transaction.atomic():
            run_checks(people.system(), case.application, case)
    except Exception:  # noqa: BLE001 - the answer that waits stays as it is
        _log.exception("case %s could not be checked after its materials were read", case.number)
        return False
    return True
