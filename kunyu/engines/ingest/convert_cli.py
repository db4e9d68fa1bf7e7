"""``kunyu convert``: from any delivery to VCT 3.0 or GeoPackage, on any machine, without a node. 格式转换命令."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kunyu.engines.ingest.convert import Conversion


def register(app: typer.Typer) -> None:
    """Add the command ``convert``."""
    app.command("convert", help="转换为 VCT 或 GeoPackage，无需节点。 Convert to VCT or GeoPackage; needs no node.")(
        convert
    )


def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="文件、文件夹或压缩包。 A file, a folder or a zip.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="要写的文件：.vct 或 .gpkg。 File to write.")],
    standard: Annotated[str | None, typer.Option(help="先映射到该标准，如 TDT1057-2020。 Map to it first.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="映射文件，须与 --standard 同用。 Mapping file (TOML).")] = None,
    decimals: Annotated[
        int | None, typer.Option(min=0, max=10, help="VCT 坐标小数位，默认 4（度为 9）。 Decimals of VCT coordinates.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON。 JSON on standard output.")] = False,
) -> None:
    """Convert and say what was lost; a loss is no error."""
    from kunyu.engines.catalogue.standards import load_standard
    from kunyu.engines.ingest.convert import convert as run
    from kunyu.engines.ingest.mapping import apply, load_mapping
    from kunyu.engines.ingest.reading import open_delivery
    from kunyu.kernel.errors import UsageError

    if mapping is not None and standard is None:
        raise UsageError("--mapping 须与 --standard 同用。", "--mapping needs --standard.")
    if not out.absolute().parent.is_dir():
        raise UsageError(f"文件夹 {out.parent} 不存在。", f"There is no folder {out.parent}.")
    plan = load_mapping(mapping) if mapping is not None else None
    with open_delivery(file, encoding=plan.encoding if plan else None) as source:
        mapped = apply(source, load_standard(standard), plan) if standard else None
        outcome = run(source, out, mapped, decimals)
    if as_json:
        print(json.dumps(outcome.as_json(), ensure_ascii=False))
    else:
        _show(outcome)


def _show(outcome: Conversion) -> None:
    for one in outcome.layers:
        print(f"{one.name}  {one.rows}  {one.geometry or '—'}")
    for loss in outcome.losses:
        said = loss.as_json()
        where = ".".join(part for part in (loss.layer, loss.field) if part)
        shown = f" ({loss.example})" if loss.example else ""
        print(f"损失 Lost: {where} {said['zh']} ×{loss.count}{shown}  {said['en']}")
    for note in outcome.notes:
        print(f"备注 Note: {note.zh}  {note.en}")
    for name in outcome.left_out:
        print(f"未写出 Left out: {name}")
    if not outcome.losses:
        print("没有损失。 Nothing was lost.")
