"""``kunyu admin``: the first administrator of each duty. 管理员命令.

The node's owner makes an administrator of a duty only while that duty has nobody; from then on administrators appoint
one another, on their pages or here with ``KUNYU_TOKEN``.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

app = typer.Typer(help="管理员：列出、任命 / Administrators: list, create.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="只输出一个 JSON 文档 / one JSON document on stdout")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """列出管理员 / List administrators."""
    from kunyu.engines.security import administrators
    from kunyu.engines.security.session import principal_of_command_line

    rows = administrators.visible(principal_of_command_line()).order_by("duty", "division_prefix", "pk")
    found = [
        {"username": one.user.username, "name_zh": one.user.name_zh, "duty": one.duty, "division": one.division_prefix,
         "active": one.user.is_active} for one in rows
    ]  # fmt: skip
    if as_json:
        typer.echo(json.dumps({"administrators": found}, ensure_ascii=False))
        return
    for one in found:
        typer.echo(f"{one['duty']:<9} {one['division'] or '全国':<12} {one['username']:<20} {one['name_zh']}")


@app.command()
def create(
    username: Annotated[str, typer.Argument(help="账号；没有则新建 / account; made when missing")],
    duty: Annotated[str, typer.Option(help="system、security 或 audit / one of the three duties")],
    name: Annotated[str, typer.Option(help="新账号的姓名 / name of a new account")] = "",
    division: Annotated[str, typer.Option(help="管理区划前缀，不填为全国 / division; empty is the nation")] = "",
    reason: Annotated[str, typer.Option(help="原因，记入审计 / reason, goes on record")] = "首任管理员",
    as_json: Json = False,
) -> None:
    """任命某职责的第一位管理员 / Make the first administrator of a duty."""
    from django.db import transaction

    from kunyu.engines.security import account_services, administrators, cli_users
    from kunyu.engines.security.models import User
    from kunyu.engines.security.session import principal_of_command_line

    actor = principal_of_command_line()
    with transaction.atomic():
        made = None
        if name and not User.objects.filter(username=username).exists():
            entry = account_services.AccountEntry(username, name, division)
            made = account_services.create(actor, entry)
        administrators.appoint(actor, username, duty, division, reason)
    if made is not None:
        cli_users.tell(made, as_json)
    elif as_json:
        typer.echo(json.dumps({"username": username, "duty": duty, "division": division}))
    else:
        typer.echo(f"{username}: {duty} {division or '全国 the nation'}")
