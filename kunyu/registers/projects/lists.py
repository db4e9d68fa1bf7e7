"""The list of projects. 项目列表."""

from __future__ import annotations

from kunyu.engines.pages.listing import Column, Filter, Listing
from kunyu.engines.reference.naming import DivisionNames
from kunyu.engines.security.scope import Principal
from kunyu.registers.projects import queries


def projects(principal: Principal) -> Listing:
    """Every project of the divisions in reach, newest first."""
    return Listing(
        name="projects.projects",
        title=("投资项目", "Projects"),
        lead=("按投资项目代码串起预审、批文、许可证；任一文号、代码、证照标识或图上要素都能查到整条链。",
              "Review, approvals and permits strung together by project code; any number, code, identifier or feature of "
              "the map finds the whole chain."),
        rows=queries.projects(principal).select_related("investor"),
        columns=(
            Column("code", ("项目代码", "Code"), kind="code", sort="code"),
            Column("name", ("项目名称", "Name"), sort="name"),
            Column("division", ("区划", "Division"), "division_code", say=DivisionNames(), sort="division_code"),
            Column("approvals", ("批准文件", "Approvals"), kind="count", sort="approvals"),
            Column("last_on", ("最近批准", "Last approval"), kind="date", sort="last_on", priority=2),
            Column("created_at", ("登记时间", "Entered"), kind="time", sort="created_at", priority=3, shown=False),
        ),
        filters=(
            Filter("division", ("区划", "Division"), apply="division_code__startswith", hint=("如 990101", "e.g. 990101")),
            Filter("last_on", ("最近批准", "Last approval"), kind="date range"),
        ),
        search=("code", "name", "documents__number"),
        search_hint=("代码、名称或文号", "code, name or number"),
        order=("-id",),
        href=lambda one: f"/projects/{one.code}",
        empty=("还没有项目：制发带项目代码的证照后自动登记。", "No projects yet: a licence with a project code enters one."),
    )  # fmt: skip
