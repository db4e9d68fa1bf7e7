"""The list of parties. 相对人列表."""

from __future__ import annotations

from kunyu.engines.pages.listing import Column, Filter, Listing
from kunyu.engines.security.scope import Principal
from kunyu.registers.parties import queries
from kunyu.registers.parties.models import Party

KINDS = {"person": ("自然人", "person"), "organisation": ("法人或其他组织", "organisation")}
ROLES = {
    "applicant": ("申请人", "applicant"), "holder": ("持证主体", "holder"), "investor": ("建设单位", "investor"),
    "proxy": ("代理人", "proxy"),
}  # fmt: skip


def parties(principal: Principal) -> Listing:
    """Every party linked to something in reach; names of persons are neither searched nor sorted by."""
    return Listing(
        name="parties.parties",
        title=("相对人", "Parties"),
        lead=("申请人与持证主体，各记一条；证件号码加密存放、脱敏显示。",
              "Applicants and holders of licences, each once; codes are encrypted and shown masked."),
        rows=queries.parties(principal),
        columns=(
            Column("name", ("名称", "Name"), lambda one: queries.shown_name(principal, one)),
            Column("kind", ("类型", "Kind"), lambda one: KINDS[one.kind], kind="badge", sort="kind"),
            Column("code", ("证件号码", "Code"), "code_masked", kind="code"),
            Column("linked", ("办件与证照", "Cases and licences"), kind="count", sort="linked"),
            Column("created_at", ("登记时间", "Entered"), kind="time", sort="created_at", priority=2),
        ),
        filters=(Filter("kind", ("类型", "Kind"), kind="choice", choices=[(value, *KINDS[value]) for value in Party.Kind.values]),),
        order=("-id",),
        href=lambda one: f"/parties/{one.pk}",
        empty=("还没有相对人：受理申请或制发证照后自动登记。", "No parties yet: they are entered when cases and licences come."),
    )  # fmt: skip
