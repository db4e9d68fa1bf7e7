"""The list of seals and the facts of one, described for the page furniture. 印章列表."""

from __future__ import annotations

from typing import Literal

from django.db.models import Count
from django.utils import timezone

from kunyu.engines.documents.models import Seal
from kunyu.engines.documents.seals import queries
from kunyu.engines.documents.seals.makers import seal_maker
from kunyu.engines.pages.listing import Action, Badge, Column, Filter, Listing
from kunyu.engines.pages.record import Crumb, Event, Fact, Record
from kunyu.engines.pages.words import Pair
from kunyu.engines.security import duties
from kunyu.engines.security.scope import Principal
from kunyu.kernel.crypto.certificates import read_certificate

HERE = "/admin/seals/"
ACTS: dict[str, Pair] = {
    "made": ("制作", "made"), "approved": ("启用", "approved"), "suspended": ("停用", "suspended"),
    "resumed": ("恢复", "resumed"), "destroyed": ("销毁", "destroyed"),
}  # fmt: skip
_TONES: dict[str, Literal["accent", "plain", "warn", "danger"]] = {
    "active": "accent", "prepared": "plain", "suspended": "warn", "destroyed": "plain",
}  # fmt: skip
_BUTTONS: dict[str, tuple[tuple[str, Pair, str, tuple[str, ...]], ...]] = {
    "prepared": (
        ("approve", ("启用", "Approve"), "primary", (duties.SECURITY,)),
        ("destroy", ("销毁", "Destroy"), "danger", (duties.SECURITY,)),
    ),
    "active": (
        ("suspend", ("停用", "Suspend"), "danger", (duties.SYSTEM, duties.SECURITY)),
        ("destroy", ("销毁", "Destroy"), "danger", (duties.SECURITY,)),
    ),
    "suspended": (
        ("resume", ("恢复", "Resume"), "primary", (duties.SECURITY,)),
        ("destroy", ("销毁", "Destroy"), "danger", (duties.SECURITY,)),
    ),
    "destroyed": (),
}


def address(one: Seal) -> str:
    return f"{HERE}{one.code}/"


def badge(state: str) -> Badge:
    return Badge(queries.STATES[state], _TONES[state])


def listing(principal: Principal) -> Listing:
    """Seals of the administrator's divisions."""
    rows = queries.visible(principal).select_related("organisation").annotate(use_count=Count("uses"))
    make = (Action(("制作印章", "Make a seal"), f"{HERE}new", "primary"),)
    return Listing(
        name="documents.seals",
        title=("电子印章", "Seals"),
        rows=rows,
        columns=(
            Column("name", ("名称", "Name"), lambda one: (one.name_zh, one.name_en), sort="name_zh"),
            Column("code", ("编码", "Code"), kind="code", sort="code", priority=2),
            Column("state", ("状态", "State"), lambda one: badge(one.state), kind="badge", sort="state"),
            Column("division", ("区划", "Division"), "division_code", kind="code", sort="division_code", priority=2),
            Column("organisation", ("单位", "Organisation"), lambda one: one.organisation and str(one.organisation), priority=2),
            Column("uses", ("用印次数", "Uses"), "use_count", kind="count", sort="use_count", priority=2),
            Column("valid_to", ("有效期至", "Valid until"), kind="date", sort="valid_to"),
        ),
        filters=(
            Filter("state", ("状态", "State"), kind="choice", choices=[(key, *names) for key, names in queries.STATES.items()]),
            Filter("division", ("区划", "Division"), apply="division_code__startswith"),
        ),
        search=("name_zh", "name_en", "code__istartswith"),
        search_hint=("名称、编码", "Name, code"),
        order=("division_code", "name_zh"),
        href=address,
        actions=make if principal.duty == duties.SYSTEM else (),
        empty=(
            "还没有印章。由系统管理员制作、安全管理员启用后，审批决定才能用印。",
            "No seals yet. The system administrator makes one, the security administrator approves it; then decisions are sealed.",
        ),
    )  # fmt: skip


def uses_listing(one: Seal) -> Listing:
    """Every document this seal was put on."""
    return Listing(
        name="documents.seal_uses",
        title=(f"用印记录：{one.name_zh}", f"Uses of {one.name_en or one.name_zh}"),
        rows=one.uses.all(),
        columns=(
            Column("used_at", ("时间", "Time"), kind="time", sort="used_at"),
            Column("subject", ("事由", "For"), kind="code"),
            Column("profile", ("方式", "Profile"), kind="code"),
            Column("used_by", ("用印人", "By"), kind="person", sort="used_by"),
            Column("document", ("文件摘要 SM3", "Digest SM3"), lambda use: use.document_sm3, kind="code", priority=3),
        ),
        search=("subject", "document_sm3__startswith"),
        search_hint=("事由、摘要", "Subject, digest"),
        order=("-id",),
        empty=("这枚印章还没有用过。", "This seal was not used yet."),
    )  # fmt: skip


def record(principal: Principal, one: Seal) -> Record:
    """One seal: facts, what may be done now, what was done."""
    made_here = not seal_maker().certified
    actions = tuple(
        Action(title, f"{address(one)}{act}", style)  # type: ignore[arg-type]
        for act, title, style, wanted in _BUTTONS[one.state]
        if principal.duty in wanted and not (act == "approve" and one.made_by == principal.name)
    )
    note = (
        "由本节点的演示制章人制作，不是法定的可靠电子印章。",
        "Made by this node's demonstration maker: not a seal of legal force.",
    )
    return Record(
        title=(one.name_zh, one.name_en),
        crumbs=(Crumb(("电子印章", "Seals"), HERE), Crumb((one.name_zh, one.name_en))),
        lead=note if made_here else "",
        facts=(
            Fact(("编码", "Code"), one.code, "code"),
            Fact(("状态", "State"), badge(one.state), "badge"),
            Fact(("区划", "Division"), one.division_code or "–", "code"),
            Fact(("单位", "Organisation"), str(one.organisation) if one.organisation else ("区划通用", "whole division")),
            Fact(("尺寸", "Size"), f"{one.width_mm} × {one.height_mm} mm"),
            Fact(("有效期", "Valid"), _span(one)),
            Fact(("制作人", "Made by"), one.made_by, "person"),
            Fact(("启用人", "Approved by"), one.approved_by or "–", "person"),
        ),
        history=tuple(
            Event(timezone.localtime(event.at), event.actor, ACTS[event.act], event.reason)
            for event in one.events.order_by("-id")
        ),
        actions=actions,
    )  # fmt: skip


def certificates(one: Seal) -> list[dict[str, object]]:
    """What both certificates say, for the page and the API."""
    sm2 = read_certificate(bytes(one.sm2_certificate))
    return [
        {
            "algorithm": "SM2 / SM3", "subject": sm2.subject, "issuer": sm2.issuer, "serial": f"{sm2.serial:x}",
            "valid_from": sm2.not_before, "valid_to": sm2.not_after, "fingerprint": sm2.fingerprint,
            "fingerprint_method": "SM3",
        },
        _ecdsa_certificate(bytes(one.ecdsa_certificate)),
    ]  # fmt: skip


def _ecdsa_certificate(encoded: bytes) -> dict[str, object]:
    from asn1crypto import x509

    one = x509.Certificate.load(encoded)
    return {
        "algorithm": "ECDSA P-256 / SHA-256", "subject": one.subject.human_friendly, "issuer": one.issuer.human_friendly,
        "serial": f"{one.serial_number:x}", "valid_from": one.not_valid_before, "valid_to": one.not_valid_after,
        "fingerprint": one.sha256.hex(), "fingerprint_method": "SHA-256",
    }  # fmt: skip


def _span(one: Seal) -> str:
    return f"{timezone.localdate(one.valid_from):%Y-%m-%d} – {timezone.localdate(one.valid_to):%Y-%m-%d}"
