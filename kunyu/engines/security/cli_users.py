"""``kunyu user``: accounts on the command line. 用户命令.

Without ``KUNYU_TOKEN`` the node's owner acts; with a system administrator's token, that administrator in his divisions.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="用户：列出、新建、停用、启用、重置 / Users: list, create, disable, enable, reset.", no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help="只输出一个 JSON 文档 / one JSON document on stdout")]
Name = Annotated[str, typer.Argument(help="账号 / account")]
Reason = Annotated[str, typer.Option(help="原因，记入审计 / reason, goes on record")]


@app.command("list")
def list_(
    division: Annotated[str, typer.Option(help="区划前缀 / division prefix")] = "",
    as_json: Json = False,
) -> None:
    """列出管理范围内的用户 / List the users under you."""
    from kunyu.engines.security import managing
    from kunyu.engines.security.session import principal_of_command_line

    rows = managing.users(principal_of_command_line()).filter(division_code__startswith=division).order_by("username")
    found = [_facts(user) for user in rows]
    if as_json:
        typer.echo(json.dumps({"users": found}, ensure_ascii=False))
        return
    for one in found:
        state = "" if one["active"] else "  停用 disabled"
        typer.echo(
            f"{one['username']:<20} {one['division'] or '-':<12} {one['duty'] or '-':<9} {one['name_zh']}{state}"
        )


def _facts(user: Any) -> dict[str, Any]:
    duty = getattr(user, "admin_duty", None)
    return {
        "username": user.username, "name_zh": user.name_zh, "division": user.division_code, "active": user.is_active,
        "duty": duty.duty if duty else "", "created_at": user.created_at.isoformat(),
    }  # fmt: skip


@app.command()
def create(
    username: Name,
    name: Annotated[str, typer.Option(help="姓名 / the person's name")],
    division: Annotated[str, typer.Option(help="所属区划代码 / division")] = "",
    as_json: Json = False,
) -> None:
    """新建用户，一次性密码只显示这一次 / Make an account; its one-time password is shown this once only."""
    from kunyu.engines.security import account_services
    from kunyu.engines.security.session import principal_of_command_line

    entry = account_services.AccountEntry(username, name, division)
    tell(account_services.create(principal_of_command_line(), entry), as_json)


@app.command()
def disable(username: Name, reason: Reason, as_json: Json = False) -> None:
    """停用用户：会话、令牌立即失效 / Disable an account: its sessions and tokens end at once."""
    from kunyu.engines.security import account_services

    user = account_services.disable(*_who(username), reason)
    typer.echo(json.dumps({"username": user.username, "active": False}) if as_json else f"已停用 disabled: {username}")


@app.command()
def enable(username: Name, reason: Reason, as_json: Json = False) -> None:
    """启用用户；令牌不恢复 / Enable an account; its tokens stay revoked."""
    from kunyu.engines.security import account_services

    user = account_services.enable(*_who(username), reason)
    typer.echo(json.dumps({"username": user.username, "active": True}) if as_json else f"已启用 enabled: {username}")


@app.command()
def reset(username: Name, reason: Reason, as_json: Json = False) -> None:
    """重置密码，新的一次性密码只显示这一次 / A new one-time password, shown this once only."""
    from kunyu.engines.security import account_services

    tell(account_services.reset(*_who(username), reason), as_json)


def _who(username: str) -> tuple[Any, int]:
    """Who acts, and the number of the account meant."""
    from kunyu.engines.security import managing
    from kunyu.engines.security.organisation_errors import UnknownAccount
    from kunyu.engines.security.session import principal_of_command_line

    actor = principal_of_command_line()
    user = managing.users(actor).filter(username=username).first()
    if user is None:
        raise UnknownAccount(
            f"没有账号 {username}，或者不在您的管理范围。", f"There is no account {username} under you."
        )
    return actor, user.pk


def tell(made: Any, as_json: bool) -> None:
    """Print the account and its one-time password."""
    if as_json:
        typer.echo(json.dumps({"username": made.user.username, "password": made.password}))
    else:
        typer.echo(f"{made.user.username}  {made.password}")
        typer.echo(
            "一次性密码，首次登录须修改。 A one-time password: it must be changed at the first sign-in.", err=True
        )
