"""``kunyu archive``: verify an archive package, offline. 归档包命令. Needs no node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="归档包 / Archive packages.", no_args_is_help=True)
FINDINGS = 1


@app.callback()
def group() -> None:
    """归档包：离线核验 / Archive packages: verify offline."""


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="归档包（zip）/ the package")],
    as_json: Annotated[bool, typer.Option("--json", help="只输出一个 JSON 文档 / one JSON document on stdout")] = False,
) -> None:
    """核验归档包：摘要、增删改、节点签名 / Verify a package: digests, what was added or lost, the node's signature."""
    from kunyu.engines.documents.archive_file import verify_package

    report = verify_package(file)
    if as_json:
        typer.echo(json.dumps(report.plain(), ensure_ascii=False))
    else:
        for one in report.findings:
            typer.echo(f"{one.zh} / {one.en}", err=True)
        state = ("完整，未被改动", "whole and unaltered") if report.is_whole else ("有问题", "not as it was made")
        typer.echo(f"{report.subject}: {report.files} 个文件，{state[0]}；签名者 {report.signer or '无'}（SM3 指纹 {report.fingerprint[:16]}）。 "
                   f"{report.files} files, {state[1]}; signed by {report.signer or 'nobody'}.")  # fmt: skip
    if not report.is_whole:
        raise typer.Exit(FINDINGS)
