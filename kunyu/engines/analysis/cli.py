"""``kunyu overlap FILE``: what the plots of a file overlap. 冲突检测命令.

Exit codes: 0 when every layer is clear for every plot; 1 when one has a conflict, or was not checked: what was not
looked at is no clean bill. Others as everywhere (contract.md).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

HAS_FINDINGS = 1
_WORDS = {"conflict": "冲突 conflict", "clear": "无冲突 clear", "not_checked": "未检测 not checked"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("overlap")(overlap)


def overlap(
    file: Annotated[Path, typer.Argument(help="地块文件 / a file with plots")],
    layers: Annotated[
        str, typer.Option("--layers", help="图层代码，逗号分开；缺省为全部面图层 / collections, comma-separated")
    ] = "",
    crs: Annotated[
        str, typer.Option("--crs", help="文件未写明时的坐标系，如 EPSG:4526 / CRS when the file names none")
    ] = "",
    valid_at: Annotated[str, typer.Option("--valid-at", help="有效日期 / day, 2025-12-31")] = "",
    known_at: Annotated[str, typer.Option("--known-at", help="认知时刻 / instant, 2026-01-31T08:00:00Z")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="只输出一个 JSON 文档 / one JSON document on stdout")] = False,
) -> None:
    """地块与各图层的重叠 / What plots overlap in each layer."""
    from kunyu.kernel.errors import UnreadableInput

    if not file.is_file():
        raise UnreadableInput(f"没有文件 {file}。", f"There is no file {file}.")
    answers = _answers(file, layers, crs, valid_at, known_at)
    if as_json:
        typer.echo(json.dumps({"plots": answers}, ensure_ascii=False))
    else:
        for one in answers:
            _print(one)
    if any(layer["state"] != "clear" for one in answers for layer in one["answer"]["layers"]):
        raise typer.Exit(HAS_FINDINGS)


def _answers(file: Path, layers: str, crs: str, valid_at: str, known_at: str) -> list[dict[str, Any]]:
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()
    from kunyu.engines.analysis import plot_files, services
    from kunyu.engines.analysis.questions import OVERLAP, question
    from kunyu.engines.catalogue.served.moments import read_days, read_known_at
    from kunyu.engines.security.session import principal_of_command_line

    principal = principal_of_command_line()
    named = [name for name in layers.split(",") if name] or None
    day, known = read_days(None, valid_at or None).first, read_known_at(known_at or None)
    found = plot_files.one_plot(file, crs)
    return [
        {
            "name": one.name,
            "area_m2": one.plot.area_m2,
            "answer": services.answer(principal, question(OVERLAP, one.plot, named, day, known), may_queue=False),
        }
        for one in found.plots
    ]


def _print(one: dict[str, Any]) -> None:
    typer.echo(f"{one['name']}  {one['area_m2']:.2f} m²  {one['answer']['digest'][:12]}")
    for layer in one["answer"]["layers"]:
        area = "" if layer["area_m2"] is None else f"  {layer['area_m2']:.2f} m²  {layer['count']}"
        typer.echo(f"  {layer['collection']} {layer['name_zh']}  {_WORDS[layer['state']]}{area}")
        if layer["reason_zh"]:
            typer.echo(f"      {layer['reason_zh']}")
