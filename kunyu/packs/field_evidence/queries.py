"""What pages and the API show of evidence; everything is limited to what the person may query."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from kunyu.engines.security.scope import APPROVE, EDIT, QUERY, Principal, clauses_of
from kunyu.packs.field_evidence import access, services
from kunyu.packs.field_evidence.access import COLLECTION, LEVELS
from kunyu.packs.field_evidence.models import EvidencePhoto, EvidenceTask, State
from kunyu.packs.field_evidence.photos.checks import CHECKS
from kunyu.packs.field_evidence.photos.package import KINDS

FACE = ("number", "division_code", "tblx", "state", "outcome", "round", "photos_good", "photos_bad", "is_complete")


def tasks(principal: Principal) -> QuerySet[EvidenceTask]:
    """Tasks that the person may query."""
    return EvidenceTask.objects.filter(access.reached(access.granted(principal, QUERY)))


def lies_with(principal: Principal) -> Q:
    """The condition on tasks that wait for this person: to submit, or to judge at the level of his right.

    A right over a city may judge for a county of it too, but the county's work does not fill the city's queue. What a
    person handed up or judged in this round waits for somebody else.
    """
    mine = Q(pk__in=[])
    for state, digits in LEVELS.items():
        for clause in clauses_of(principal, COLLECTION, APPROVE):
            if len(clause.prefix) == digits:
                mine |= Q(state=state, division_code__startswith=clause.prefix)
    for name in ("submitted_by", "county_by", "city_by", "province_by", "nation_by"):
        mine &= ~Q(**{name: principal.name})
    for clause in clauses_of(principal, COLLECTION, EDIT):
        mine |= Q(state=State.EVIDENCED, division_code__startswith=clause.prefix)
    return mine


def brief(task: EvidenceTask) -> dict[str, Any]:
    """One line of a task, JSON-ready."""
    window = [task.window_from, task.window_to]
    return {
        "id": task.pk, **{name: getattr(task, name) for name in FACE}, "jcbh": task.jcbh, "tbbh": task.tbbh, "bsm": task.bsm,
        "state_zh": task.get_state_display(), "outcome_zh": task.get_outcome_display() if task.outcome else "",
        "window": [day.isoformat() if day else None for day in window],
    }  # fmt: skip


def detail(principal: Principal, task_id: int) -> dict[str, Any]:
    """One task with its photos, checks and history, JSON-ready; no picture is in it."""
    task = access.visible_task(principal, task_id)
    lacking = services.completeness(task)
    return {
        **brief(task), "acts": list(services.may_act(principal, task)), "lacking_zh": lacking.zh, "lacking_en": lacking.en,
        "photos": [photo_document(one) for one in photos_of(task)],
        "events": [
            {"act": one.act, "before": one.before, "after": one.after, "outcome": one.outcome, "round": one.round,
             "at": one.at.isoformat(), "actor": one.actor, "reason": one.reason}
            for one in task.events.all()
        ],
    }  # fmt: skip


def photos_of(task: EvidenceTask) -> list[EvidencePhoto]:
    """Photos of a task with their checks, in the order they were taken."""
    return list(task.photos.prefetch_related("checks"))


def photo_document(photo: EvidencePhoto) -> dict[str, Any]:
    """One photo's facts and verdicts."""
    return {
        "id": photo.pk, "name": photo.name, "kind": photo.kind, "kind_zh": KINDS.get(photo.kind, ("", ""))[0],
        "taken_at": photo.taken_at.isoformat() if photo.taken_at else None, "lon": photo.lon, "lat": photo.lat,
        "azimuth": photo.azimuth, "fov_deg": photo.fov_deg, "distance_m": photo.distance_m,
        "off_axis_deg": photo.off_axis_deg, "accuracy_m": photo.accuracy_m, "device": photo.device_number,
        "surveyor": photo.surveyor, "sm3": photo.image_sm3_stored, "digest": photo.digest, "good": photo.is_good,
        "round": photo.round, "href": f"/evidence/photos/{photo.pk}.jpg" if photo.image_sm3_stored else None,
        "checks": [
            {"check": one.check_code, "outcome": one.outcome, "measured": one.measured, "limit": one.limit,
             "unit": one.unit, "zh": one.text_zh, "en": one.text_en}
            for one in checks_of(photo)
        ],
    }  # fmt: skip


def checks_of(photo: EvidencePhoto) -> list[Any]:
    """Verdicts in the order people read them: what failed first."""
    order = list(CHECKS)
    rank = {"fail": 0, "unknown": 1, "pass": 2}
    return sorted(photo.checks.all(), key=lambda one: (rank[one.outcome], order.index(one.check_code)))


def map_of(principal: Principal, task_id: int) -> dict[str, Any]:
    """The patch, the photos and their view cones as GeoJSON, longitude and latitude."""
    task = access.visible_task(principal, task_id)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_AsGeoJSON(geom, 9) FROM field_evidence_evidencetask WHERE id = %s AND geom IS NOT NULL",
            [task.pk],
        )
        features = [_feature(row[0], "parcel", task.pk, task.number, True, None) for row in cursor.fetchall()]
        cursor.execute(
            "SELECT id, name, is_good, azimuth, ST_AsGeoJSON(geom, 9), ST_AsGeoJSON(cone, 9) "
            "FROM field_evidence_evidencephoto WHERE task_id = %s AND geom IS NOT NULL ORDER BY taken_at, id",
            [task.pk],
        )
        for pk, name, good, azimuth, point, cone in cursor.fetchall():
            if cone is not None:
                features.append(_feature(cone, "cone", pk, name, good, azimuth))
            features.append(_feature(point, "photo", pk, name, good, azimuth))
    return {"type": "FeatureCollection", "features": features}


def _feature(geometry: str, kind: str, pk: int, name: str, good: bool, azimuth: float | None) -> dict[str, Any]:
    values = {"kind": kind, "id": pk, "name": name, "good": good, "azimuth": azimuth}
    return {"type": "Feature", "id": pk, "geometry": json.loads(geometry), "properties": values}


def neighbours(principal: Principal, task: EvidenceTask) -> tuple[int | None, int | None]:
    """The task before and the one after among those that wait for this person, else among those in the same state."""
    waiting = tasks(principal).filter(lies_with(principal))
    rows = waiting if waiting.exists() else tasks(principal).filter(state=task.state)
    before = rows.filter(pk__lt=task.pk).order_by("-pk").values_list("pk", flat=True).first()
    after = rows.filter(pk__gt=task.pk).order_by("pk").values_list("pk", flat=True).first()
    return before, after
