"""What cases do on events of the outbox; listed in ``kunyu.project.handlers``. Idempotent."""

from __future__ import annotations

import logging

from django.db import transaction

from kunyu.engines.matters.cases.checks import check_unchecked
from kunyu.engines.matters.cases.papers import make_letter
from kunyu.engines.matters.cases.sealing import seal_decision
from kunyu.engines.matters.models import Case
from kunyu.engines.matters.national.messages import make_message
from kunyu.kernel.errors import KunyuError
from kunyu.kernel.outbox.models import Event

logger = logging.getLogger(__name__)

_CHECKED_AFTER = ("submitted", "correction_answered")


def case_changed(event: Event) -> None:
    """``matters.case_changed`` {case, sequence, act}: message to the platform, letter, checks a crash left out."""
    case_id, sequence = int(event.payload["case"]), int(event.payload["sequence"])
    make_message(case_id, sequence)
    _letter(case_id, sequence)
    if event.payload["act"] in _CHECKED_AFTER and Case.objects.filter(pk=case_id).exists():
        check_unchecked(case_id)


def _letter(case_id: int, sequence: int) -> None:
    """A template with a fault stops neither the message to the platform nor the checks."""
    try:
        with transaction.atomic():
            make_letter(case_id, sequence)
    except KunyuError:
        logger.exception("the letter of event %s of case %s could not be made", sequence, case_id)


def decided(event: Event) -> None:
    """``matters.decided`` {case}: make and seal what the decision calls for."""
    seal_decision(int(event.payload["case"]))
