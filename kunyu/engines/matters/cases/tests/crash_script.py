"""One case from the first click to its sealed licence, by a process that may be killed at any moment. Run by the crash test.

``python -m kunyu.engines.matters.cases.tests.crash_script KEY``: does what is left to do for the application of this key,
delivers events in between as the node's dispatcher does, prints ``ready`` before the first step and ``done`` after the last.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import django

django.setup()

from django.conf import settings  # noqa: E402 (Django first)

from kunyu.engines.matters.cases import services  # noqa: E402
from kunyu.engines.matters.cases.tests.world import HERE, PACK, PLOT, SITE, code_of_company, handlers_of_cases  # noqa: E402
from kunyu.engines.matters.models import Application, Case  # noqa: E402
from kunyu.engines.security import epochs  # noqa: E402
from kunyu.engines.security.models import User  # noqa: E402
from kunyu.engines.security.scope import Principal  # noqa: E402
from kunyu.engines.security.session import principal_of  # noqa: E402
from kunyu.kernel.outbox.models import Event  # noqa: E402
from kunyu.kernel.outbox.services import dispatch  # noqa: E402

S = Case.State


def as_(name: str) -> Principal:
    epochs.forget()
    return principal_of(User.objects.get(username=name), "crash")


def deliver() -> None:
    """Deliver what waits, also what failed a moment ago."""
    Event.objects.filter(delivered_at=None).update(due_at="2000-01-01T00:00:00Z")
    dispatch(handlers=handlers_of_cases())


def apply(key: str) -> Case:
    me = as_("applicant")
    one = services.begin(me, [SITE], HERE, key)
    if one.state == Application.State.DRAFT:
        applicant = {"kind": "organisation", "name": "试验建设有限公司", "code": code_of_company()}
        services.save(me, one.pk, form={"purpose": "厂房", "joint": False}, plot=PLOT, applicant=applicant)
    return services.submit(me, one.pk)[0]


def correct(case: Case) -> None:
    services.request_correction(as_("clerk"), case.pk, [{"what": "图"}])


STEPS: dict[tuple[str, str, bool], Callable[[Case], object]] = {
    (S.SUBMITTED, "acceptance", False): correct,
    (S.SUBMITTED, "acceptance", True): lambda case: services.act(as_("clerk"), case.pk, "acceptance", "accept", "齐全"),
    (S.IN_REVIEW, "examination", True): lambda case: services.act(
        as_("examiner"), case.pk, "examination", "agree", "符合"
    ),
    (S.IN_REVIEW, "decision", True): lambda case: services.decide(as_("decider"), case.pk, "grant", "准", ["法"]),
    (S.CORRECTING, "acceptance", True): lambda case: services.answer_correction(as_("applicant"), case.pk),
}


def main(key: str) -> None:
    settings.INSTALLED_PACKS = [*settings.INSTALLED_PACKS, PACK]
    print("ready", flush=True)
    case = apply(key)
    while case.closed_at is None:
        case = Case.objects.get(pk=case.pk)
        step = STEPS.get((case.state, case.stage, case.pauses.exists()))
        if step is not None:
            step(case)
        deliver()
    deliver()
    print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
