"""The register of licences as a list. 证照列表."""

from __future__ import annotations

from kunyu.engines.documents import queries
from kunyu.engines.documents.kinds import kind_of, kinds
from kunyu.engines.documents.models import Licence
from kunyu.engines.pages.listing import Badge, Column, Filter, Listing
from kunyu.engines.reference.naming import DivisionNames
from kunyu.engines.security.scope import Principal

State = Licence.State
STATES_EN = {"issuing": "being issued", "valid": "valid", "suspended": "suspended", "expired": "expired",
             "replaced": "replaced", "revoked": "revoked"}  # fmt: skip
_TONES = {State.VALID: "accent", State.REVOKED: "danger", State.SUSPENDED: "warn", State.EXPIRED: "warn"}


def state_badge(one: Licence) -> Badge:
    """The state in words; only a revoked licence is red."""
    return Badge((one.get_state_display(), STATES_EN[one.state]), _TONES.get(State(one.state), "plain"))  # type: ignore[arg-type]


def licences(principal: Principal) -> Listing:
    """Every licence in reach, newest first."""
    return Listing(
        name="documents.licences",
        title=("证照登记簿", "Register of licences"),
        lead=("制发的证照及其状态；公众凭编号或二维码在核验页查询。",
              "Licences issued and their state; the public verifies them by number or QR code."),
        rows=queries.licences(principal),
        columns=(
            Column("number", ("编号", "Number"), kind="code", sort="number"),
            Column("kind", ("类型", "Kind"), lambda one: (kind_of(one.kind).name_zh, kind_of(one.kind).name_en), sort="kind"),
            Column("state", ("状态", "State"), state_badge, kind="badge", sort="state"),
            Column("holder", ("持证主体", "Holder"), lambda one: queries.holder_shown(principal, one)),
            Column("issued_on", ("发证日期", "Issued on"), kind="date", sort="issued_on"),
            Column("valid_to", ("有效期至", "Valid to"), kind="date", sort="valid_to", priority=2),
            Column("project", ("项目代码", "Project"), "project_code", kind="code", sort="project_code", priority=2),
            Column("division", ("区划", "Division"), "division_code", say=DivisionNames(), sort="division_code", priority=3),
            Column("identifier", ("电子证照标识", "Identifier"), kind="code", shown=False),
        ),
        filters=(
            Filter("state", ("状态", "State"), kind="choice", choices=[(v, zh, STATES_EN[v]) for v, zh in State.choices]),
            Filter("kind", ("类型", "Kind"), kind="choice", choices=[(k, o.name_zh, o.name_en) for k, o in kinds().items()]),
            Filter("issued_on", ("发证日期", "Issued on"), kind="date range"),
        ),
        search=("number", "project_code"),
        search_hint=("编号或项目代码", "number or project code"),
        order=("-id",),
        href=lambda one: f"/licences/{one.pk}",
        empty=("还没有证照：准予许可的办件制证后在此登记。", "No licences yet: a granted case brings one."),
    )  # fmt: skip
