"""``kunyu role``, ``kunyu grant``, ``kunyu label``: the services of the pages on the command line.

A security administrator acts with his own token (``KUNYU_TOKEN``): the node's operator neither grants nor approves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from kunyu.engines.security.labels import Label
    from kunyu.engines.security.models import Label as LabelRow
    from kunyu.engines.security.scope import Principal

Json = Annotated[bool, typer.Option("--json", help="只输出一个 JSON 文档 / one JSON document on stdout")]
Secrecy = Annotated[str, typer.Option(help="密级：公开 内部 敏感 秘密 机密 绝密 / secrecy, or 0–5")]
Grading = Annotated[str, typer.Option(help="分级：一般 重要 核心 / grading, or 0–2")]
Sharing = Annotated[str, typer.Option(help="共享：无条件共享 有条件共享 不予共享 / sharing, or 0–2")]
Reason = Annotated[str, typer.Option(help="理由 / why")]

role_app = typer.Typer(help="角色 / Roles.", no_args_is_help=True)
grant_app = typer.Typer(help="授权：添加、列出、收回、解释 / Grants: add, list, revoke, explain.", no_args_is_help=True)
label_app = typer.Typer(help="数据标记：列出、提出、审批 / Labels: list, propose, decide.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the three groups."""
    app.add_typer(role_app, name="role")
    app.add_typer(grant_app, name="grant")
    app.add_typer(label_app, name="label")


def _principal() -> Principal:
    from kunyu.engines.security.session import principal_of_command_line

    return principal_of_command_line()


def _show(document: Any, as_json: bool, lines: Iterable[str]) -> None:
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False, default=str))
        return
    for line in lines:
        typer.echo(line)


def _label(secrecy: str, grading: str, sharing: str) -> Label:
    """A point on the axes from words or numbers.

    Raises
    ------
    UsageError
    """
    from kunyu.engines.security import labels
    from kunyu.kernel.errors import UsageError

    found = []
    for text, words in ((secrecy, labels.SECRECY), (grading, labels.GRADING), (sharing, labels.SHARING)):
        if text not in words and not (text.isascii() and text.isdigit()):
            raise UsageError(
                f"没有“{text}”；可用：{'、'.join(words)}。", f"There is no {text!r}; use {', '.join(words)}."
            )
        found.append(words.index(text) if text in words else int(text))
    return labels.Label(*found)


@role_app.command("list")
def list_roles(as_json: Json = False) -> None:
    """列出角色 / List the roles."""
    from kunyu.engines.catalogue.permissions import answers
    from kunyu.engines.security import grant_services
    from kunyu.engines.security.models import Role

    principal = _principal()
    grant_services.require_administrator(principal)
    found = list(Role.objects.all())
    _show({"roles": [answers.role(one) for one in found]}, as_json,
          (f"{one.code:<20} {one.name_zh}  {one.description_zh}" for one in found))  # fmt: skip


@grant_app.command("list")
def list_grants(
    user: Annotated[str, typer.Option(help="账号 / account")] = "",
    role: Annotated[str, typer.Option(help="角色代码 / role code")] = "",
    branch: Annotated[str, typer.Option(help="目录代码前缀 / catalogue prefix")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 1000,
    as_json: Json = False,
) -> None:
    """列出本辖区的授权 / List the grants of your divisions."""
    from kunyu.engines.catalogue.permissions import answers
    from kunyu.engines.security import grant_services

    rows = grant_services.visible(_principal()).select_related("user", "role").order_by("-pk")
    for lookup, value in (("user__username", user), ("role__code", role), ("branch__startswith", branch)):
        rows = rows.filter(**{lookup: value}) if value else rows
    found = list(rows[:limit])
    _show({"grants": [answers.grant(one) for one in found]}, as_json,
          (f"{one.pk:>8} {one.user or one.role} {one.get_action_display()} {one.branch or '*'} "
           f"{one.division_prefix or '*'} {one.expires_at or ''}" for one in found))  # fmt: skip


@grant_app.command("add")
def add_grant(
    actions: Annotated[
        list[str], typer.Option("--action", help="see query download edit approve，可重复 / may repeat")
    ],
    reason: Reason,
    user: Annotated[str, typer.Option(help="账号 / account")] = "",
    role: Annotated[str, typer.Option(help="角色代码 / role code")] = "",
    branch: Annotated[str, typer.Option(help="目录代码前缀，空为全部 / catalogue prefix, empty is all")] = "",
    division: Annotated[str, typer.Option(help="区划代码，空为全国 / division, empty is the nation")] = "",
    within_post: Annotated[
        bool, typer.Option("--within-post", help="限岗位所在区划 / within each post's division")
    ] = False,
    secrecy: Secrecy = "敏感",
    grading: Grading = "一般",
    sharing: Sharing = "有条件共享",
    reveals: Annotated[list[str] | None, typer.Option("--reveal", help="name document phone address")] = None,
    until: Annotated[str, typer.Option(help="有效至 YYYY-MM-DD（含当日）/ last day")] = "",
    as_json: Json = False,
) -> None:
    """授权；一次可给多个动作 / Grant one or more actions."""
    from kunyu.engines.catalogue.permissions import answers
    from kunyu.engines.catalogue.permissions.api import named_person
    from kunyu.engines.catalogue.permissions.grant_forms import end_of
    from kunyu.engines.catalogue.permissions.names import known
    from kunyu.engines.security import grant_services, roles
    from kunyu.engines.security.grant_errors import BadGrant

    principal = _principal()
    grant_services.require_administrator(principal)
    if not known(branch):
        raise BadGrant(f"目录中没有 {branch}。", f"The catalogue has no {branch}.")
    made = grant_services.add(principal, grant_services.Wanted(
        actions=tuple(actions), user=named_person(principal, user) if user else None,
        role=roles.find(role) if role else None, branch=branch, division=division, within_post=within_post,
        ceiling=_label(secrecy, grading, sharing), reveals=tuple(reveals or ()), expires_at=_end(until, end_of), reason=reason,
    ))  # fmt: skip
    _show({"granted": [answers.grant(one) for one in made.added], "already": [one.pk for one in made.already]}, as_json,
          [f"已授权 {len(made.added)} 项，原有 {len(made.already)} 项。 Granted {len(made.added)}."])  # fmt: skip


def _end(text: str, end_of: Any) -> datetime | None:
    from kunyu.kernel.errors import UsageError

    try:
        return end_of(date.fromisoformat(text)) if text else None  # type: ignore[no-any-return]
    except ValueError as why:
        raise UsageError(f"“{text}”不是日期，请写成 2026-12-31。", f"{text!r} is no date; write 2026-12-31.") from why


@grant_app.command("revoke")
def revoke_grants(
    ids: Annotated[list[int], typer.Argument(help="授权编号 / grant numbers")], reason: Reason, as_json: Json = False
) -> None:
    """收回授权，立即生效 / Revoke grants; they end at once."""
    from kunyu.engines.security import grant_services

    count = grant_services.revoke(_principal(), ids, reason)
    _show({"revoked": count}, as_json, [f"已收回 {count} 项。 {count} revoked."])


@grant_app.command("why")
def why(
    user: Annotated[str, typer.Argument(help="账号 / account")],
    dataset: Annotated[str, typer.Argument(help="数据集编码 / dataset code")],
    action: Annotated[str, typer.Option(help="see query download edit approve")] = "see",
    division: Annotated[str, typer.Option(help="区划代码 / division code")] = "",
    as_json: Json = False,
) -> None:
    """某人为什么能或不能 / Why somebody may, or may not."""
    from kunyu.engines.catalogue.models import Dataset
    from kunyu.engines.catalogue.permissions import answers
    from kunyu.engines.catalogue.permissions.api import named_person
    from kunyu.engines.security import explain, scope
    from kunyu.kernel.errors import UsageError

    if action not in scope.ACTIONS:
        raise UsageError(f"没有动作 {action}。", f"There is no action {action}; use {', '.join(scope.ACTIONS)}.")
    person = named_person(_principal(), user)
    public = Dataset.objects.filter(code=dataset.partition(".")[0], is_public=True).exists()
    found = explain.why(explain.Question(person, dataset, action, division, public))
    _show(answers.answer(found), as_json, _told(found))


def _told(found: Any) -> list[str]:
    lines = ["能 Yes" if found.allowed else "不能 No"]
    for way in found.ways:
        lines.append("")
        for link in way.links:
            mark, more = ("✓", "") if link.holds else ("✗", f" —— {link.remedy[0]}")
            lines.append(f"  {mark} {link.title[0]}：{link.detail[0]}{more}")
    return lines


@label_app.command("list")
def list_labels(
    state: Annotated[str, typer.Option(help="proposed approved rejected replaced")] = "",
    dataset: Annotated[str, typer.Option(help="数据集编码 / dataset code")] = "",
    as_json: Json = False,
) -> None:
    """列出标记和待审批的建议 / List labels and proposals."""
    from kunyu.engines.catalogue.permissions import answers, labelled

    found = list(labelled.rows(_principal(), state, dataset))
    _show({"labels": [answers.labelled(one) for one in found]}, as_json, map(_line, found))


def _line(row: LabelRow) -> str:
    from kunyu.engines.security.label_services import label_of_row

    return f"{row.pk:>6} {row.collection:<14} {row.get_state_display()} {label_of_row(row).name_zh}  {row.proposed_by}：{row.reason}"


@label_app.command("propose")
def propose_label(
    dataset: Annotated[str, typer.Argument(help="数据集编码 / dataset code")],
    reason: Reason,
    secrecy: Secrecy,
    grading: Grading,
    sharing: Sharing,
    basis: Annotated[str, typer.Option(help="定密依据 / basis of secrecy")] = "",
    as_json: Json = False,
) -> None:
    """提出标记 / Propose a label."""
    from kunyu.engines.catalogue.permissions import answers
    from kunyu.engines.security import label_services

    proposal = label_services.Proposal(dataset, _label(secrecy, grading, sharing), reason, basis)
    row = label_services.propose(proposal, _principal())
    _show(answers.labelled(row), as_json, [_line(row)])


@label_app.command("approve")
def approve_labels(
    ids: Annotated[list[int], typer.Argument(help="建议编号 / proposal numbers")],
    reason: Annotated[str, typer.Option(help="审批意见 / remark")] = "",
    as_json: Json = False,
) -> None:
    """批准标记 / Approve proposals: all of them or none."""
    _decide(ids, reason, as_json, "approve")


@label_app.command("reject")
def reject_labels(
    ids: Annotated[list[int], typer.Argument(help="建议编号 / proposal numbers")], reason: Reason, as_json: Json = False
) -> None:
    """退回标记并写明原因 / Return proposals with a reason."""
    _decide(ids, reason, as_json, "reject")


def _decide(ids: list[int], reason: str, as_json: bool, act: str) -> None:
    from django.db import transaction

    from kunyu.engines.catalogue.permissions import answers
    from kunyu.engines.security import grant_services, label_services

    principal = _principal()
    grant_services.require_administrator(principal)
    with transaction.atomic():
        rows = [getattr(label_services, act)(one, principal, reason) for one in ids]
    _show({"labels": [answers.labelled(one) for one in rows]}, as_json, map(_line, rows))
