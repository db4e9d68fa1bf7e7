"""``kunyu audit``: export the log, verify it (also without a node), say how its seal stands. 审计命令.

``verify FILE`` runs wherever Python runs: no Django, no database. The other commands speak to the node.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kunyu.kernel.errors import UnreadableInput, UsageError

if TYPE_CHECKING:
    from kunyu.engines.security.audit.findings import Verdict

app = typer.Typer(
    help="审计：导出、校验、封存状态。 The audit: export, verify, state of the seal.", no_args_is_help=True
)
Json = Annotated[bool, typer.Option("--json", help="只输出一个 JSON 文档 / one JSON document on stdout")]
FINDINGS = 1
SHOWN = 20


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="写到哪里 / where to write")],
    since: Annotated[str, typer.Option("--from", help="起，如 2026-11-01 / first day or moment")] = "",
    until: Annotated[str, typer.Option("--to", help="止（含）/ last day or moment, inclusive")] = "",
    as_json: Json = False,
) -> None:
    """导出审计为可离线校验的文件 / Export the log into a file that can be verified offline."""
    first, last = moment(since, end=False), moment(until, end=True)
    _node()
    from kunyu.engines.security.audit.acts import export_for
    from kunyu.engines.security.session import principal_of_command_line

    done = export_for(principal_of_command_line(), file, first, last)
    if as_json:
        typer.echo(json.dumps(done.document(), ensure_ascii=False))
    else:
        typer.echo(f"已导出第 {done.first}–{done.last} 条（{done.checkpoints} 个检查点）到 {done.path}。 "
                   f"Exported records {done.first} to {done.last} ({done.checkpoints} checkpoints).")  # fmt: skip


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="导出文件；不给则校验本节点 / export; none: this node's log")
    ] = None,
    anchor: Annotated[Path | None, typer.Option(help="锚定文件或文件夹 / anchor file or folder")] = None,
    public_key: Annotated[
        list[Path] | None, typer.Option("--public-key", help="公钥或证书（PEM），可重复 / public key or certificate")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="进程数 / processes")] = None,
    as_json: Json = False,
) -> None:
    """校验审计并指出被改动的记录 / Verify the log and name the records that were changed."""
    if file is None:
        _node()
        from kunyu.engines.security.audit.acts import verify_for
        from kunyu.engines.security.session import principal_of_command_line

        verdict = verify_for(principal_of_command_line(), anchor, workers=workers)
    else:
        from kunyu.engines.security.audit.verify import verify_file

        verdict = verify_file(file, public_keys=_public_keys(public_key or []), anchor=anchor, workers=workers)
    tell(verdict, as_json)
    if not verdict.clean:
        raise typer.Exit(FINDINGS)


@app.command()
def state(as_json: Json = False) -> None:
    """封存状态：链尾、待封存、检查点、锚定 / The seal: end of the chain, what waits, checkpoints, anchors."""
    _node()
    from kunyu.engines.security.audit.state import seal_state

    found = seal_state()
    if as_json:
        typer.echo(json.dumps(found.document(), ensure_ascii=False))
        return
    typer.echo(f"已封存 {found.sealed} 条；待封存 {found.unsealed} 条，最久 {found.oldest_s:.1f} 秒；"
               f"检查点 {found.checkpoint}（第 {found.checkpoint_seq} 条）；封存进程{'在运行' if found.sealer_runs else '未运行'}。 "
               f"{found.sealed} sealed; {found.unsealed} waiting, the oldest {found.oldest_s:.1f} s; checkpoint "
               f"{found.checkpoint} (record {found.checkpoint_seq}); the sealer {'runs' if found.sealer_runs else 'is down'}.")  # fmt: skip


@app.command("public-key")
def public_key_command() -> None:
    """输出验签证书（PEM）/ Print the certificates to verify with (PEM)."""
    _node()
    from kunyu.engines.security.audit.acts import public_keys_pem

    sys.stdout.write(public_keys_pem().decode("ascii"))


def tell(verdict: Verdict, as_json: bool) -> None:
    """Say the outcome of a verification."""
    if as_json:
        typer.echo(json.dumps(verdict.document(), ensure_ascii=False))
        return
    typer.echo(f"第 {verdict.first}–{verdict.last} 条，共 {verdict.entries} 条、{verdict.checkpoints} 个检查点、"
               f"{verdict.anchored} 个锚定。 Records {verdict.first} to {verdict.last}: {verdict.entries}, checkpoints: "
               f"{verdict.checkpoints}, anchored: {verdict.anchored}.")  # fmt: skip
    for finding in verdict.findings[:SHOWN]:
        typer.echo(f"  [{finding.code}] {finding.message_zh}\n      {finding.message_en}")
    if verdict.count > SHOWN:
        typer.echo(f"  … 共 {verdict.count} 处 / {verdict.count} findings in all")
    for zh, en in verdict.notes:
        typer.echo(f"  注：{zh}\n      {en}")
    typer.echo("完好，未被改动。 Whole and unchanged." if verdict.clean else f"发现 {verdict.count} 处问题。 "
               f"{verdict.count} findings.")  # fmt: skip


def moment(text: str, *, end: bool) -> datetime | None:
    """A day (UTC+8; its end when ``end``) or an RFC 3339 moment; None for nothing.

    Raises
    ------
    UsageError
        Neither.
    """
    from kunyu.engines.security.audit.records import BEIJING

    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"“{text}”不是日期或时刻；请写成 2026-11-23 或 2026-11-23T08:00:00+08:00。",
            f"'{text}' is neither a day nor a moment; write 2026-11-23 or 2026-11-23T08:00:00+08:00.",
        ) from error
    if found.tzinfo is None:
        found = found.replace(tzinfo=BEIJING)
    if end and "T" not in text and " " not in text:
        found += timedelta(days=1) - timedelta(milliseconds=1)
    return found


def _public_keys(files: list[Path]) -> list[bytes]:
    from kunyu.engines.security.audit.public_keys import read_public_keys

    found: list[bytes] = []
    for file in files:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise UnreadableInput(f"公钥文件 {file.name} 无法读取（{error}）。", f"The key file {file.name} cannot be read "
                                  f"({error}).") from error  # fmt: skip
        found += read_public_keys(content)
    return found


def _node() -> None:
    from kunyu.project.cli.commands import prepare_node

    prepare_node("audit")
