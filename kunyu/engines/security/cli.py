"""``kunyu token``: give a person's programs (QGIS, GDAL, scripts) a key of their own. 访问令牌命令."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

app = typer.Typer(help="访问令牌：签发、撤销 / Access tokens: issue, revoke.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="只输出一个 JSON 文档 / one JSON document on stdout")]


@app.command()
def issue(
    user: Annotated[str, typer.Option(help="谁的令牌 / whose token")],
    name: Annotated[str, typer.Option(help="用在哪里，如 qgis / where it is used, e.g. qgis")],
    days: Annotated[int, typer.Option(min=1, max=366, help="有效天数 / days it holds")] = 90,
    as_json: Json = False,
) -> None:
    """签发令牌，只显示这一次 / Issue a token; it is shown this once only."""
    from kunyu.engines.security import services
    from kunyu.engines.security.session import principal_of_command_line

    expires_at = datetime.now(UTC) + timedelta(days=days)
    token = services.issue_token(services.find_user(user), name, principal_of_command_line(), expires_at)
    if as_json:
        typer.echo(json.dumps({"token": token, "user": user, "name": name, "expires_at": expires_at.isoformat()}))
    else:
        typer.echo(token)


@app.command()
def revoke(
    user: Annotated[str, typer.Option(help="谁的令牌 / whose token")],
    name: Annotated[str, typer.Option(help="令牌名称 / the token's name")],
    as_json: Json = False,
) -> None:
    """撤销令牌，立即生效 / Revoke a token; it stops working at once."""
    from kunyu.engines.security import services
    from kunyu.engines.security.session import principal_of_command_line

    count = services.revoke_token(services.find_user(user), name, principal_of_command_line())
    typer.echo(json.dumps({"revoked": count}) if as_json else f"已撤销 {count} 个。 {count} revoked.")
