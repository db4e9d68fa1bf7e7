"""A definition together with its flow, its decision tables and the roles of its stages. 整体检查."""

from __future__ import annotations

from kunyu.engines.matters.definitions.checks import check_definition
from kunyu.engines.matters.definitions.faults import Place, bad
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.definitions.overlays import Content
from kunyu.engines.matters.definitions.packs import installed_rules
from kunyu.engines.matters.flows.model import Flow
from kunyu.engines.matters.flows.reading import read_flow, require_stages
from kunyu.engines.security.models import Role


def check_content(content: Content) -> None:
    """Refuse content that cannot be worked with.

    Raises
    ------
    BadMatter, BadFlow
        BadFlow names the element of the flow file: its user tasks are the stages, one for one.
    """
    one = content.definition
    place = Place(one.code)
    check_definition(one, place)
    if one.is_complete:
        require_stages(flow_of(content), {stage.code: stage.outcomes for stage in one.stages})
        check_roles(one, place)
        check_rules(one, place)


def flow_of(content: Content) -> Flow:
    """The flow of a matter, read. Raises BadFlow."""
    tables = {name: text.encode("utf-8") for name, text in content.tables.items()}
    return read_flow(content.flow.encode("utf-8"), content.definition.process, tables)


def check_roles(one: Definition, place: Place) -> None:
    """Every stage is for a role that exists: else nobody could ever take it. Raises BadMatter."""
    known = set(Role.objects.filter(code__in={stage.role for stage in one.stages}).values_list("code", flat=True))
    for number, stage in enumerate(one.stages):
        if stage.role not in known:
            raise bad(place.at("stages").at(number).at("role"), stage.role, "没有这个角色", "there is no such role",
                      "请安全管理员建立该角色，或改用已有角色", "Have the security administrator make it, or name one there is")  # fmt: skip


def check_rules(one: Definition, place: Place) -> None:
    """Every rule is one of an installed pack: else it would stand as *not checked* in every case. Raises BadMatter."""
    known = installed_rules()
    for rule in one.rules:
        if rule not in known:
            raise bad(place.at("rules"), rule, "已安装的业务包中没有这条规则", "no installed pack declares this rule",
                      "安装声明它的业务包，或从清单中去掉", "Install the pack that declares it, or take it off the list")  # fmt: skip
