"""Apply → approve → key → quota, with rights left to those who grant them. R-138, R-168."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from kunyu.kernel.errors import KunyuError

PARCELS = "10401-003"


def wanted(**changes: Any) -> Any:
    from kunyu.engines.catalogue.register.applications import Request
    from kunyu.engines.security.api_keys.services import Quota

    until = timezone.localdate() + timedelta(days=90)
    values = {"name": "gis", "purpose": "项目选址", "collections": (PARCELS,), "quota": Quota(60, 600), "until": until}
    return Request(**{**values, **changes})


def test_from_the_application_to_the_first_answer(people: dict[str, Any], sign_in: Any) -> None:
    """The steward is given the task, approves with a smaller quota; the key is shown once and works at once."""
    from kunyu.engines.catalogue.register import applications
    from kunyu.engines.security.api_keys.services import Quota
    from kunyu.engines.worklist.models import Task

    viewer, steward = people["viewer"], people["steward"]
    one = applications.apply(viewer, wanted())
    assert Task.objects.get(kind="service_application").state == "open"
    applications.decide(steward, one.pk, True, "同意", Quota(5, 50))
    assert Task.objects.get(kind="service_application").state == "done"
    one, secret = applications.take_key(viewer, one.pk)
    assert one.key is not None and (one.key.per_minute, one.key.per_day) == (5, 50)
    with pytest.raises(KunyuError):
        applications.take_key(viewer, one.pk)
    from django.test import Client

    program = Client(headers={"Authorization": f"Bearer {secret}"})
    assert program.get("/api/services/applications").status_code == 200
    applications.manage_key(steward, one.pk, suspended=True)
    assert program.get("/api/services/applications").status_code == 403


def test_nobody_decides_his_own_and_nobody_takes_anothers_key(people: dict[str, Any]) -> None:
    from kunyu.engines.catalogue.register import applications

    own = applications.apply(people["steward"], wanted())
    with pytest.raises(KunyuError) as refused:
        applications.decide(people["steward"], own.pk, True)
    assert refused.value.code == "own_application"
    one = applications.apply(people["viewer"], wanted())
    with pytest.raises(KunyuError) as hidden:
        applications.decide(people["stranger"], one.pk, True)
    assert hidden.value.code == "unknown_application"
    applications.decide(people["steward"], one.pk, True)
    with pytest.raises(KunyuError):
        applications.take_key(people["steward"], one.pk)


def test_an_approval_gives_no_right_by_itself(people: dict[str, Any]) -> None:
    """Whoever lacks the right on the data gets it from the security administrators, who are given the task."""
    from kunyu.engines.catalogue.models import Dataset
    from kunyu.engines.catalogue.register import applications
    from kunyu.engines.security.session import principal_of_token
    from kunyu.engines.worklist.models import Task

    Dataset.objects.filter(code=PARCELS).update(level="内部")
    one = applications.apply(people["stranger"], wanted())
    assert applications.lacking(one) == [PARCELS]
    applications.decide(people["steward"], one.pk, True)
    assert Task.objects.get(kind="service_grant").duty == "security"
    _, secret = applications.take_key(people["stranger"], one.pk)
    assert principal_of_token(secret).divisions(PARCELS, "query") == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"name": " "}, {"purpose": ""}, {"collections": ()}, {"collections": ("99999-999",)},
        {"until": timezone.localdate() - timedelta(days=1)}, {"until": timezone.localdate() + timedelta(days=999)},
    ],
)  # fmt: skip
def test_applications_that_make_no_sense(people: dict[str, Any], changes: Any) -> None:
    from kunyu.engines.catalogue.register import applications
    from kunyu.engines.catalogue.register.models import Application

    with pytest.raises(KunyuError) as refused:
        applications.apply(people["viewer"], wanted(**changes))
    assert refused.value.http_status == 422
    assert not Application.objects.exists()


def test_refused_with_a_reason_withdrawn_without(people: dict[str, Any]) -> None:
    from kunyu.engines.catalogue.register import applications

    one = applications.apply(people["viewer"], wanted())
    with pytest.raises(KunyuError):
        applications.decide(people["steward"], one.pk, False, " ")
    assert applications.decide(people["steward"], one.pk, False, "用途不清").state == "refused"
    with pytest.raises(KunyuError):
        applications.withdraw(people["viewer"], one.pk)
    other = applications.apply(people["viewer"], wanted())
    assert applications.withdraw(people["viewer"], other.pk).state == "withdrawn"


def test_use_is_reported_to_the_user_and_to_those_who_answer_for_the_data(people: dict[str, Any], sign_in: Any) -> None:
    from kunyu.engines.catalogue.register import use_report
    from kunyu.engines.security.api_keys import uses
    from kunyu.engines.security.api_keys.models import Use

    uses.write()
    Use.objects.all().delete()
    sign_in("viewer").get(f"/ogc/collections/{PARCELS}/items")
    assert [(one["subject"], one["requests"]) for one in use_report.used(people["viewer"], "subject")] == [(PARCELS, 1)]
    assert [one["user"] for one in use_report.used(people["steward"], "user")] == ["viewer"]
    assert use_report.used(people["stranger"], "subject") == []
    for group in use_report.GROUPS:
        assert len(use_report.used(people["steward"], group)) == 1
