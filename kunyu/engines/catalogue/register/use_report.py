"""How much services are used: by day, person, organisation and subject. 使用统计."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from kunyu.engines.catalogue.register import queries
from kunyu.engines.catalogue.visible import visible as visible_datasets
from kunyu.engines.security.scope import APPROVE, EDIT, Principal

GROUPS = {
    "subject": "u.subject",
    "user": "coalesce(p.username, '–')",
    "organisation": "coalesce(o.name_zh, '–')",
    "day": "u.day::text",
    "kind": "u.kind",
}
_SQL = """
SELECT {group} AS grouped, sum(u.requests)::bigint, sum(u.refused)::bigint, sum(u.sent_bytes)::bigint
FROM api_keys_use u
LEFT JOIN security_user p ON p.id = u.user_id
LEFT JOIN LATERAL (
  SELECT r.name_zh FROM security_appointment a JOIN security_post s ON s.id = a.post_id
  JOIN reference_organisation r ON r.id = s.organisation_id
  WHERE a.user_id = u.user_id AND a.starts_on <= u.day AND (a.ends_on IS NULL OR a.ends_on >= u.day)
  ORDER BY a.id LIMIT 1
) o ON TRUE
WHERE u.day BETWEEN %(first)s AND %(last)s AND (u.user_id = %(me)s OR u.subject = ANY(%(mine)s))
GROUP BY 1 ORDER BY 2 DESC LIMIT 500
"""


def used(principal: Principal, group: str, first: date | None = None, last: date | None = None) -> list[dict[str, Any]]:
    """Requests, refusals and bytes by ``group`` (a key of ``GROUPS``): one's own use, and that of data one answers for."""
    from kunyu.engines.security.api_keys import uses

    uses.write()
    last = last or timezone.localdate()
    parameters = {"first": first or last - timedelta(days=29), "last": last, "me": principal.user_id}
    with connection.cursor() as cursor:
        cursor.execute(_SQL.format(group=GROUPS[group]), {**parameters, "mine": _subjects(principal)})
        return [
            {group: name, "requests": requests, "refused": refused, "bytes": sent}
            for name, requests, refused, sent in cursor.fetchall()
        ]


def _subjects(principal: Principal) -> list[str]:
    """Collections and services the principal answers for."""
    from kunyu.engines.catalogue.models import Layer

    codes = set(visible_datasets(principal, EDIT, APPROVE).values_list("code", flat=True))
    layers = set(Layer.objects.filter(dataset__in=codes).values_list("collection", flat=True))
    services = {f"service:{one.code}" for one in queries.visible(principal) if one.collection in codes | layers}
    return sorted(codes | layers | services)
