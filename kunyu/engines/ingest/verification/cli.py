"""``kunyu verify-map``. 一张图数据相互印证命令."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

FOUND = 1
"""Exit code: done, with findings of severity S or Z."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify-map", help="一张图数据相互印证。 Compare layers of the one map.")(verify_map)


def verify_map(
    division: Annotated[str, typer.Argument(metavar="DIVISION", help="县级区划代码，6位。 County, 6 digits.")],
    replay: Annotated[
        int, typer.Option(help="重算某次印证并比较摘要。 Run that verification again and compare digests.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 文档。 One JSON document.")] = False,
) -> None:
    """Verify a county here and now; exit code 1 when something of severity S or Z was found."""
    from kunyu.engines.ingest.verification import queries, services
    from kunyu.engines.ingest.verification.errors import VerificationRunning
    from kunyu.engines.security.session import principal_of_command_line

    principal = principal_of_command_line()
    if replay:
        _replay(principal, division, replay, as_json)
        return
    started = services.start(principal, division)
    if started.existing:
        raise VerificationRunning(
            f"区划 {division} 正在印证（第 {started.verification.pk} 次），请等它完成。",
            f"{division} is being verified (run {started.verification.pk}); wait until it is done.",
        )
    done = services.run(started.verification.pk, principal, _show)
    said = queries.detail(principal, done.pk)
    if as_json:
        sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")
    else:
        _print(said)
    if done.summary.get("S") or done.summary.get("Z"):
        raise typer.Exit(FOUND)


def _replay(principal: Any, division: str, number: int, as_json: bool) -> None:
    from kunyu.engines.ingest.verification import access, services
    from kunyu.engines.ingest.verification.errors import UnknownVerification

    one = access.visible_verification(principal, number)
    if one.division_code != division or not one.digest:
        raise UnknownVerification(
            f"区划 {division} 没有已完成的印证 {number}。", f"{division} has no finished verification {number}."
        )
    again = services.replay(one, principal)
    said = {"id": one.pk, "digest": one.digest, "replayed": again.digest, "equal": again.digest == one.digest,
            "same_edition": again.edition == one.summary["edition"]}  # fmt: skip
    if as_json:
        sys.stdout.write(json.dumps(said) + "\n")
    else:
        typer.echo(f"{said['digest']}\n{said['replayed']}\n{'一致 equal' if said['equal'] else '不一致 different'}")
        if not said["same_edition"]:
            typer.echo("规则版本已变，摘要必然不同。 The rules have another edition now, so the digest must differ.")
    if not said["equal"]:
        raise typer.Exit(FOUND)


def _show(rule: str, done: int, every: int) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{rule:8}{done}/{every}", err=True, nl=done == every)


def _print(said: dict[str, Any]) -> None:
    typer.echo(f"印证 {said['id']}  {said['division']}  SM3 {said['digest']}")
    for row in said["by_rule"]:
        typer.echo(
            f"{row['rule']}  {row['severity']}  {row['count'] + row['more']:>7}  {row['name_zh']}  {row['name_en']}"
        )
    for row in said["rules_not_run"]:
        typer.echo(f"{row['rule']}  未运行 not run  {row['reason']}")
