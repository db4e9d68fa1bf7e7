"""Who may see and act on evidence: rights on dataset 10401-009 in the task's division, through ``security.scope``.

A task bears its own label as well; who may not see a record so labelled does not learn that it is there.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from kunyu.engines.security import audit, scope
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.label_registry import label_of
from kunyu.engines.security.labels import COUNT, label_of_code
from kunyu.engines.security.scope import Principal, Scope
from kunyu.packs.field_evidence.errors import UnknownEvidence
from kunyu.packs.field_evidence.models import EvidenceImport, EvidencePhoto, EvidenceTask, State

COLLECTION = "10401-009"
"""举证照片/视频与实地核查, as the catalogue calls it."""

LEVELS: dict[str, int] = {State.COUNTY: 6, State.CITY: 4, State.PROVINCE: 2, State.NATION: 0}
"""Review states from the county up, and the digits of the division that a reviewer's right must cover whole."""


def granted(principal: Principal, action: str) -> Scope:
    """The scope in which the principal may do ``action`` to evidence; refuses as ``scope.resolve``."""
    return scope.resolve(principal, COLLECTION, action)


def reached(found: Scope, *, labelled: str = "label") -> Q:
    """The condition on rows with ``division_code`` (and a label column, '' for none) that says what a scope reaches."""
    condition = Q(pk__in=[])
    for clause in found.clauses:
        own = Q(division_code__startswith=clause.prefix)
        if labelled:
            own &= Q(**{f"{labelled}__in": [code for code in range(COUNT) if clause.row_labels >> code & 1]})
        condition |= own
    return condition


def visible_task(principal: Principal, task_id: int, action: str = scope.QUERY) -> EvidenceTask:
    """The task, or the same answer as for a number that does not exist; NotAllowed when only ``action`` is lacking."""
    task = EvidenceTask.objects.filter(reached(granted(principal, scope.QUERY)), pk=task_id).first()
    if task is None:
        raise UnknownEvidence(
            f"没有举证任务 {task_id}，或者您无权查看。", f"There is no evidence task {task_id}, or you may not see it."
        )
    if action != scope.QUERY:
        require(principal, task, action, task.division_code)
    return task


def require(principal: Principal, task: EvidenceTask, action: str, division: str) -> None:
    """Refuse unless ``action`` is granted on the task's row label in the whole of ``division`` ('' is the nation)."""
    for clause in granted(principal, action).clauses:
        if division.startswith(clause.prefix) and clause.row_labels >> task.label & 1:
            return
    raise NotAllowed(
        f"您在区划 {division or '全国'} 没有办理举证任务 {task.number} 的权限。",
        f"You may not act on evidence task {task.number} for division {division or 'the nation'}.",
        division=division,
    )


def may(principal: Principal, task: EvidenceTask, action: str, division: str) -> bool:
    """Would :func:`require` let the caller? For buttons."""
    return any(
        division.startswith(clause.prefix) and clause.row_labels >> task.label & 1
        for clause in scope.clauses_of(principal, COLLECTION, action)
    )


def review_division(task: EvidenceTask, level: str) -> str:
    """The division whose reviewers judge the task at a level; '' is the nation."""
    return task.division_code[: LEVELS[level]]


def visible_import(principal: Principal, import_id: int) -> EvidenceImport:
    """One entry of the import log; UnknownEvidence when it is not to be seen."""
    found = EvidenceImport.objects.filter(reached(granted(principal, scope.QUERY), labelled=""), pk=import_id).first()
    if found is None:
        raise UnknownEvidence(
            f"没有导入记录 {import_id}，或者您无权查看。", f"There is no import {import_id}, or you may not see it."
        )
    return found


def visible_photo(principal: Principal, photo_id: int) -> EvidencePhoto:
    """A photo of a task that may be seen, or one without a task in a division that may be."""
    query = granted(principal, scope.QUERY)
    photo = EvidencePhoto.objects.select_related("task").filter(pk=photo_id).first()
    if photo is not None:
        rows = EvidenceTask.objects.filter(reached(query), pk=photo.task_id) if photo.task_id else None
        alone = EvidencePhoto.objects.filter(reached(query, labelled=""), pk=photo.pk) if rows is None else rows
        if alone.exists():
            return photo
    raise UnknownEvidence(
        f"没有照片 {photo_id}，或者您无权查看。", f"There is no photo {photo_id}, or you may not see it."
    )


@transaction.atomic
def record_look(principal: Principal, photo: EvidencePhoto) -> None:
    """Put on record that somebody looked at a photo, before its first byte leaves."""
    own = label_of(COLLECTION).join(label_of_code(photo.task.label if photo.task else 0))
    audit.record(
        principal, "read-photo", "evidence-photo", photo.pk, object_label=own.code, photo=photo.name,
        division=photo.division_code, sm3=photo.image_sm3_stored,
    )  # fmt: skip
