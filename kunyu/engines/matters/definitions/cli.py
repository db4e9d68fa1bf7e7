"""``kunyu matters``: compare lists of other levels, say what guides lack, publish a folder. 事项命令.

Exit codes: 0 clean, 1 something differs or is missing; others as everywhere (contract.md).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

HAS_FINDINGS = 1
app = typer.Typer(no_args_is_help=True, help="政务服务事项。 Matters of government service.")
Json = Annotated[bool, typer.Option("--json", help="只输出一个 JSON 文档 / one JSON document on stdout")]


@app.command("compare")
def compare(
    file: Annotated[Path, typer.Argument(help="对方的事项清单：CSV、JSON、TOML / the list of another level")],
    level: Annotated[str, typer.Option("--level", help="ministry、province、city、county")] = "",
    as_json: Json = False,
) -> None:
    """与另一级的事项清单比对 / Compare the list of another level with this node's catalogue."""
    from kunyu.engines.matters.definitions import consistency
    from kunyu.engines.matters.definitions.matter import LEVELS
    from kunyu.kernel.errors import UnreadableInput, UsageError

    if not file.is_file():
        raise UnreadableInput(f"没有文件 {file}。", f"There is no file {file}.")
    if level and level not in LEVELS:
        raise UsageError(
            f"没有层级 {level}；可用：{'、'.join(LEVELS)}。", f"There is no level {level}; one of {', '.join(LEVELS)}."
        )
    found = consistency.compare(consistency.own_entries(), consistency.read_list(file.read_bytes(), file.name), level)
    if as_json:
        _echo(found.document())
    else:
        for one in found.deviations:
            typer.echo(f"{one.code}  {one.title[0]} {one.title[1]}: {one.ours} ≠ {one.theirs}")
        typer.echo(f"相同编码 same codes {found.compared}；缺少 missing {len(found.missing)}: {' '.join(found.missing)}；"
                   f"多出 surplus {len(found.surplus)}: {' '.join(found.surplus)}")  # fmt: skip
    if not found.is_consistent:
        raise typer.Exit(HAS_FINDINGS)


@app.command("missing")
def missing(
    division: Annotated[str, typer.Option("--division", help="区划代码 / division")] = "", as_json: Json = False
) -> None:
    """办事指南缺少的要素 / What the guides of matters lack."""
    from kunyu.engines.matters.definitions.consistency import completeness

    gaps = [one for one in completeness(division) if one.missing]
    if as_json:
        _echo([{"code": one.code, "missing": [list(pair) for pair in one.missing]} for one in gaps])
    else:
        for one in gaps:
            typer.echo(f"{one.code} {one.name[0]}: {'、'.join(zh for zh, _ in one.missing)}")
    if gaps:
        raise typer.Exit(HAS_FINDINGS)


@app.command("publish")
def publish(
    folder: Annotated[Path, typer.Argument(help="有 matters.toml 的文件夹 / a folder with matters.toml")],
    division: Annotated[
        str, typer.Option("--division", help="区划；缺省为全国 / division; the nation by default")
    ] = "",
    reason: Annotated[str, typer.Option("--why", help="理由 / reason")] = "",
    as_json: Json = False,
) -> None:
    """发布文件夹中的事项 / Publish the matters of a folder."""
    from django.db import transaction

    from kunyu.engines.matters.definitions.editions import publish as put_into_use
    from kunyu.engines.matters.definitions.reading import read_matter_folder
    from kunyu.engines.security.session import principal_of_command_line

    read, principal = read_matter_folder(folder), principal_of_command_line()
    with transaction.atomic():
        made = [
            put_into_use(principal, one, read.flow if one.process else "", read.decisions if one.process else {}, division, reason)
            for one in read.definitions.values()
        ]  # fmt: skip
    found = [
        {"code": one.matter.code, "division": one.division_code, "edition": one.number, "digest": one.digest}
        for one in made
    ]
    if as_json:
        _echo(found)
    else:
        for line in found:
            typer.echo(
                f"{line['code']}  {line['division'] or '全国 nation'}  #{line['edition']}  {str(line['digest'])[:12]}"
            )


def _echo(document: Any) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False))
