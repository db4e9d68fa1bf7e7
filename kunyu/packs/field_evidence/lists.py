"""The queue of tasks, the import log, the devices. 举证列表."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from kunyu.engines.pages.listing import Action, Badge, Cell, Column, Filter, Listing
from kunyu.engines.reference.naming import DivisionNames
from kunyu.engines.security.scope import EDIT, QUERY, Principal, clauses_of
from kunyu.packs.field_evidence import access, queries
from kunyu.packs.field_evidence.access import COLLECTION
from kunyu.packs.field_evidence.models import Device, EvidenceImport, EvidenceTask, Outcome, State

WARN = (State.RETURNED,)


def may_edit(principal: Principal) -> bool:
    """May the person bring evidence anywhere?"""
    return bool(clauses_of(principal, COLLECTION, EDIT))


def tabs_actions(principal: Principal) -> tuple[Action, ...]:
    """Links above the queue."""
    found = [Action(("统计", "Statistics"), "/evidence/statistics/"), Action(("设备", "Devices"), "/evidence/devices/"),
             Action(("导入记录", "Import log"), "/evidence/imports/")]  # fmt: skip
    if may_edit(principal):
        found += [Action(("导入任务清单", "Import a task list"), "/evidence/lists/new"),
                  Action(("导入举证包", "Import a package"), "/evidence/imports/new", "primary")]  # fmt: skip
    return tuple(found)


def _state(one: EvidenceTask) -> Badge:
    return Badge((one.get_state_display(), one.state), "warn" if one.state in WARN else "accent")


def _photos(one: EvidenceTask) -> Cell:
    bad = (Badge((f"不合格 {one.photos_bad}", f"{one.photos_bad} bad"), "warn"),) if one.photos_bad else ()
    return Cell(one.photos_good, badges=bad)


def _set(one: EvidenceTask) -> Badge:
    if one.is_complete:
        return Badge(("齐全", "complete"))
    return Badge(("不全", "lacking"), "warn" if one.photos_good or one.photos_bad else "plain")


def queue(principal: Principal, **more: Any) -> Listing:
    """Every task the person may query, oldest first."""

    def waiting(rows: QuerySet[Any], _: object) -> QuerySet[Any]:
        return rows.filter(queries.lies_with(principal))

    return Listing(
        name="evidence.queue",
        title=("举证核查", "Field evidence"),
        lead=(
            "照片到县后逐级核查：县、市、省、国家，每级由另一人办理。",
            "Photos are judged level by level: county, city, province, nation, each by another person.",
        ),
        rows=queries.tasks(principal),
        columns=(
            Column("number", ("图斑", "Patch"), kind="code", sort="number"),
            Column("division", ("区划", "Division"), "division_code", say=DivisionNames(), sort="division_code"),
            Column("tblx", ("类型 TBLX", "Type TBLX"), kind="code", sort="tblx", priority=2),
            Column("state", ("状态", "State"), _state, kind="badge", sort="state"),
            Column("photos", ("合格照片", "Good photos"), _photos, sort="photos_good"),
            Column("set", ("必拍照片", "Required set"), _set, kind="badge", sort="is_complete"),
            Column("outcome", ("结论", "Outcome"), lambda one: one.get_outcome_display() if one.outcome else "", sort="outcome", priority=2),
            Column("round", ("轮次", "Round"), kind="count", sort="round", priority=3),
            Column("window", ("任务期", "Window"), lambda one: f"{one.window_from or ''}–{one.window_to or ''}".strip("–"), priority=3),
            Column("updated_at", ("更新", "Updated"), kind="time", sort="updated_at", priority=2),
        ),
        filters=(
            Filter("mine", ("只看待我办理的", "Waiting for me"), kind="bool", apply=waiting),
            Filter("state", ("状态", "State"), kind="choice", choices=lambda: [(v, zh, v) for v, zh in State.choices]),
            Filter("outcome", ("结论", "Outcome"), kind="choice", choices=lambda: [(v, zh, v) for v, zh in Outcome.choices if v]),
            Filter("division", ("区划", "Division"), apply="division_code__startswith"),
            Filter("tblx", ("类型 TBLX", "Type TBLX"), apply="tblx"),
        ),
        search=("number__startswith", "tbbh", "bsm__startswith"),
        search_hint=("监测编号、图斑编号、标识码", "patch, parcel number, parcel code"),
        order=("pk",),
        href=lambda one: f"/evidence/{one.pk}",
        actions=tabs_actions(principal),
        empty=(
            "还没有举证任务。先导入任务清单（监测图斑），再导入采集端的举证包。",
            "No task yet. Import a task list (monitoring patches), then the packages of the field teams.",
        ),
        **more,
    )  # fmt: skip


def imports(principal: Principal) -> Listing:
    """The import log, newest first."""
    edit = (
        (Action(("导入举证包", "Import a package"), "/evidence/imports/new", "primary"),) if may_edit(principal) else ()
    )
    return Listing(
        name="evidence.imports",
        title=("举证包导入记录", "Log of imported packages"),
        lead=("互联网端的举证包单向导入业务网，同一文件只导入一次。", "Packages come in one way; the same file is taken in once."),
        rows=EvidenceImport.objects.filter(access.reached(access.granted(principal, QUERY), labelled="")),
        columns=(
            Column("id", ("编号", "No."), kind="count", sort="pk"),
            Column("file", ("文件", "File"), "file_name", sort="file_name"),
            Column("division", ("区划", "Division"), "division_code", say=DivisionNames(), sort="division_code"),
            Column("photos", ("照片", "Photos"), kind="count", sort="photos"),
            Column("bad", ("不合格", "Bad"), lambda one: Badge(str(one.photos_bad), "warn") if one.photos_bad else 0, sort="photos_bad"),
            Column("known", ("已有", "Known before"), "already_known", kind="count", sort="already_known", priority=2),
            Column("by", ("导入人", "By"), "imported_by", kind="person", sort="imported_by", priority=2),
            Column("at", ("时间", "At"), "imported_at", kind="time", sort="imported_at", priority=2),
            Column("sm3", ("SM3", "SM3"), lambda one: one.sm3[:16], kind="code", priority=3),
        ),
        filters=(
            Filter("division", ("区划", "Division"), apply="division_code__startswith"),
            Filter("at", ("日期", "Day"), kind="date range", apply="imported_at__date"),
        ),
        search=("file_name", "sm3__startswith", "imported_by"),
        order=("-pk",),
        href=lambda one: f"/evidence/imports/{one.pk}",
        actions=edit,
        empty=("还没有导入举证包。", "No package was imported yet."),
    )  # fmt: skip


def devices(principal: Principal) -> Listing:
    """Devices of organisations in the person's divisions."""
    reach = access.granted(principal, QUERY)
    from django.db.models import Q

    condition = Q(pk__in=[])
    for prefix in reach.prefixes:
        condition |= Q(organisation__division_code__startswith=prefix)
    edit = (
        (Action(("登记设备", "Register a device"), "/evidence/devices/new", "primary"),) if may_edit(principal) else ()
    )
    return Listing(
        name="evidence.devices",
        title=("举证设备", "Devices"),
        lead=("照片的签名按这里登记的公钥核验。", "Signatures of photos are held against the keys registered here."),
        rows=Device.objects.filter(condition).select_related("organisation"),
        columns=(
            Column("number", ("设备号", "Number"), kind="code", sort="number"),
            Column("organisation", ("单位", "Organisation"), "organisation.name_zh", sort="organisation__name_zh"),
            Column("key", ("公钥", "Public key"), lambda one: one.public_key[:18] + "…", kind="code", priority=3),
            Column("registered_at", ("登记", "Registered"), kind="time", sort="registered_at", priority=2),
            Column("revoked", ("注销", "Revoked"), lambda one: Badge((one.revoked_at.date().isoformat(), ""), "warn") if one.revoked_at else "", sort="revoked_at"),
        ),
        search=("number", "organisation__name_zh"),
        order=("number",),
        href=lambda one: "" if one.revoked_at or not may_edit(principal) else f"/evidence/devices/{one.number}/revoke",
        actions=edit,
        empty=("还没有登记设备。", "No device is registered."),
    )  # fmt: skip
