"""Access that was refused is on record, without a flood. R-135; security facts §3 (安全审计: result of each event)."""

from __future__ import annotations

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory

from kunyu.engines.security.audit_refusals import RefusalMiddleware
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.security.scope import ANONYMOUS, Principal

pytestmark = pytest.mark.django_db
LI = Principal("li", "李四", 7, origin="10.1.2.3", session_id=5)


def ask(path: str, status: int, principal: Principal = LI) -> HttpResponse:
    request = RequestFactory().get(path)
    request.principal = principal  # type: ignore[attr-defined]
    answer = RefusalMiddleware(lambda _: HttpResponse(status=status))(request)
    assert isinstance(answer, HttpResponse)
    return answer


def test_refused_access_is_on_record_once_a_minute() -> None:
    for _ in range(5):
        assert ask("/api/catalogue/datasets/1", 403).status_code == 403
    ask("/api/catalogue/datasets/2", 403)
    for number in range(50):
        ask(f"/ogc/collections/{number}", 404)

    found = list(AuditEntry.objects.order_by("id").values_list("object_id", "result", "detail__status"))
    assert found == [("/api/catalogue/datasets/1", "refused", 403), ("/api/catalogue/datasets/2", "refused", 403),
                     ("/ogc/collections/0", "refused", 404)]  # fmt: skip


def test_what_succeeds_and_who_is_nobody_leaves_nothing() -> None:
    ask("/api/x", 200)
    ask("/api/x", 401)
    ask("/api/x", 403, ANONYMOUS)

    assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_refusal_that_cannot_be_recorded_stays_a_refusal() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE security_auditentry RENAME TO security_auditentry_away")
    try:
        assert ask("/api/x", 403).status_code == 403
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE security_auditentry_away RENAME TO security_auditentry")
