"""Questions about verifications: the runs, one in full, its findings as GeoJSON, how counts went over runs. 印证查询."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection
from django.db.models import Count
from django.utils.timezone import localtime

from kunyu.engines.ingest.models import Finding, Verification
from kunyu.engines.ingest.settings import ingest_settings
from kunyu.engines.ingest.verification import access
from kunyu.engines.ingest.verification.rule import MutualRule, mutual_rules
from kunyu.engines.security.scope import Principal

RUNS_OF_TREND = 12
_COLUMNS = (
    "rule", "clause", "severity", "layer", "ids", "measured", "limit", "unit", "message_zh", "message_en", "remedy_zh",
    "fingerprint",
)  # fmt: skip


def brief(one: Verification) -> dict[str, Any]:
    """One row of the list; no figures, which depend on who asks."""
    return {
        "id": one.pk, "division": one.division_code, "status": one.status, "status_zh": one.get_status_display(),
        "started_by": one.started_by, "started_at": localtime(one.started_at).isoformat(),
        "ended_at": localtime(one.ended_at).isoformat() if one.ended_at else None, "digest": one.digest,
        "reason_zh": one.reason_zh, "reason_en": one.reason_en,
    }  # fmt: skip


def verifications(
    principal: Principal, *, division: str = "", before: int | None = None, limit: int = 50
) -> dict[str, Any]:
    """Runs that the principal may see, newest first; ``next`` is the ``before`` of the following page."""
    rows = access.visible(principal).order_by("-id")
    if division:
        rows = rows.filter(division_code__startswith=division)
    if before is not None:
        rows = rows.filter(id__lt=before)
    limit = max(1, min(limit, 200))
    found = list(rows[: limit + 1])
    return {
        "verifications": [brief(one) for one in found[:limit]],
        "next": found[limit - 1].pk if len(found) > limit else None,
    }


def detail(principal: Principal, number: int) -> dict[str, Any]:
    """One run: what it read, which rules ran and why others did not, counts by rule; of what the principal may see."""
    one = access.visible_verification(principal, number)
    rules = access.readable_rules(principal, one.division_code)
    named = {rule.id for rule in rules}
    codes = {code for rule in rules for code in rule.needs}
    return {
        **brief(one),
        "inputs": [given for given in one.inputs if given["dataset"] in codes],
        "parameters": one.summary.get("parameters"),
        "edition": one.summary.get("edition", ""),
        "rules_run": [rule for rule in one.rules_run if rule in named],
        "rules_not_run": [given for given in one.rules_not_run if given["rule"] in named],
        "by_rule": by_rule(principal, one, rules),
    }


def by_rule(principal: Principal, one: Verification, rules: list[MutualRule]) -> list[dict[str, Any]]:
    """Rules that ran, with how many findings the principal may see; those that found most severe things first."""
    keys = access.hidden_keys(principal, one.division_code, {code for rule in rules for code in rule.needs})
    rows = Finding.objects.filter(verification=one, rule__in=[rule.id for rule in rules])
    if keys:
        rows = rows.exclude(ids__has_any_keys=sorted(keys))
    counted = {row["rule"]: row["number"] for row in rows.order_by().values("rule").annotate(number=Count("id"))}
    said = one.summary.get("by_rule", {})
    return [
        {
            "rule": rule.id, "severity": rule.severity, "name_zh": rule.name_zh, "name_en": rule.name_en,
            "clause": rule.clause, "needs": list(rule.needs), "count": counted.get(rule.id, 0),
            # beyond what is listed one by one; told only to whoever sees everything that is listed
            "more": max(0, said.get(rule.id, 0) - counted.get(rule.id, 0)) if not keys else 0,
        }
        for rule in sorted(rules, key=lambda rule: ("SZQW".index(rule.severity), rule.id))
        if rule.id in one.rules_run
    ]  # fmt: skip


def findings_page(
    principal: Principal, number: int, *, rule: str = "", after: int = 0, limit: int = 500
) -> dict[str, Any]:
    """Findings of a run as a GeoJSON FeatureCollection (longitude, latitude), by id; ``next`` is ``after``.

    ``confidence`` is read from the end of the message, where it is written: findings have no column for it.
    """
    one = access.visible_verification(principal, number)
    rules = access.readable_rules(principal, one.division_code)
    keys = access.hidden_keys(principal, one.division_code, {code for each in rules for code in each.needs})
    limit = max(1, min(limit, ingest_settings().findings_page))
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT id, rule, clause, severity, layer, ids, measured, "limit", unit, message_zh, message_en, remedy_zh,'
            " fingerprint, substring(message_en FROM 'confidence ([0-9.]+)$')::float8, ST_AsGeoJSON(geom, 9)"
            " FROM ingest_finding WHERE verification_id = %s AND id > %s AND (%s = '' OR rule = %s)"
            " AND rule = ANY(%s) AND NOT ids ?| %s ORDER BY id LIMIT %s",
            [one.pk, after, rule, rule, [each.id for each in rules], sorted(keys), limit + 1],
        )
        rows = cursor.fetchall()
    following = rows[limit - 1][0] if len(rows) > limit else None
    return {"type": "FeatureCollection", "features": [_feature(row) for row in rows[:limit]], "next": following}


def _feature(row: tuple[Any, ...]) -> dict[str, Any]:
    said = dict(zip(_COLUMNS, row[1:13], strict=True))
    said["ids"] = json.loads(said["ids"]) if isinstance(said["ids"], str) else said["ids"]
    said["confidence"] = row[13]
    return {
        "type": "Feature", "id": row[0], "properties": said, "geometry": json.loads(row[14]) if row[14] else None
    }  # fmt: skip


def trend(principal: Principal, division: str) -> list[dict[str, Any]]:
    """The last finished runs of a county, oldest first: counts by rule, of what the principal may see."""
    rules = access.readable_rules(principal, division)
    keys = access.hidden_keys(principal, division, {code for rule in rules for code in rule.needs})
    runs = list(
        Verification.objects.filter(division_code=division, status=Verification.Status.DONE).order_by("-id")[
            :RUNS_OF_TREND
        ]
    )[::-1]
    rows = Finding.objects.filter(verification__in=runs, rule__in=[rule.id for rule in rules])
    if keys:
        rows = rows.exclude(ids__has_any_keys=sorted(keys))
    counted: dict[int, dict[str, int]] = {}
    for row in rows.order_by().values("verification_id", "rule").annotate(number=Count("id")):
        counted.setdefault(row["verification_id"], {})[row["rule"]] = row["number"]
    return [
        {"id": one.pk, "at": localtime(one.started_at), "counts": counted.get(one.pk, {}),
         "total": sum(counted.get(one.pk, {}).values())}
        for one in runs
    ]  # fmt: skip


def rule_names() -> dict[str, MutualRule]:
    """The rules by id."""
    return {one.id: one for one in mutual_rules()}
