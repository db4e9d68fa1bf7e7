"""Automatic checks of a case as the acts need them: run once for each state of what was handed in. 办件核验.

A case is checked in the name of whoever hands it in (layers he may not read are read by the public pre-check, see
:mod:`rules.reader`), and again in the name of an officer who asks for it and may read more.
"""

from __future__ import annotations

import logging

from django.db import transaction

from kunyu.engines.matters.cases import people
from kunyu.engines.matters.models import Case, Check, CheckAnswer, Pause
from kunyu.engines.matters.rules.checking import run_checks
from kunyu.engines.security import audit, scope
from kunyu.engines.security.scope import Principal

logger = logging.getLogger(__name__)


def newest(case: Case) -> Check | None:
    """The newest check of a case."""
    return Check.objects.filter(case=case).order_by("-pk").first()


def is_stale(case: Case, check: Check | None) -> bool:
    """Was something corrected since the check, or was nothing checked at all?"""
    if check is None:
        return True
    answered = Pause.objects.filter(case=case, kind=Pause.Kind.CORRECTION, ended_at__gt=check.made_at)
    return answered.exists()


def check_unchecked(case_id: int, principal: Principal | None = None) -> Check | None:
    """Check a running case whose newest state is unchecked; None when nothing had to be done.

    Asked in the name of whoever handed it in, or of ``principal``. A failure is logged and leaves the case unchecked, which no decision passes over.
    """
    case = Case.objects.select_related("application", "edition", "matter").get(pk=case_id)
    case.edition.matter = case.matter  # the same one: not read again
    if case.closed_at is not None or not is_stale(case, newest(case)):
        return None
    asker = principal or people.person_named(case.application.created_by) or people.system()
    try:
        with transaction.atomic():
            return run_checks(asker, case.application, case)
    except Exception:
        logger.exception("case %s could not be checked", case.number)
        return None


@transaction.atomic
def check_again(principal: Principal, case_id: int) -> Check:
    """Run the checks anew, because layers or materials changed. By whoever handles the case.

    Raises
    ------
    UnknownCase, NotYourStep
    """
    case = Case.objects.select_related("application", "edition", "matter").filter(pk=case_id).first()
    if case is None:
        raise people.unknown(case_id)
    people.require(principal, case, scope.EDIT, "核验", "check")
    found = run_checks(principal, case.application, case)
    audit.record(principal, "case-checked", "case", case.number, check=found.pk, digest=found.digest)
    return found


def blocking(check: Check | None) -> list[CheckAnswer]:
    """Conflicts that forbid granting (weight *block*)."""
    if check is None:
        return []
    return list(check.answers.filter(state=CheckAnswer.State.CONFLICT, weight=CheckAnswer.Weight.BLOCK))
