"""``kunyu catalogue``: list, show, export. 数据目录命令."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from kunyu.engines.catalogue.queries import TreeNode
    from kunyu.engines.security.scope import Principal

app = typer.Typer(help="数据目录：列出、查看、导出 / The data catalogue: list, show, export.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="只输出一个 JSON 文档 / one JSON document on stdout")]


def _principal() -> Principal:
    """Start Django when nothing did, and say who acts. Imports stand here: ``kunyu check`` loads no Django."""
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()
    from kunyu.engines.security.session import principal_of_command_line

    return principal_of_command_line()


def _print_json(document: Any) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, default=str))


@app.command("list")
def list_(
    as_json: Json = False,
    published: Annotated[bool, typer.Option("--published", help="只列有数据的 / only datasets with data")] = False,
) -> None:
    """列出数据目录 / List the catalogue as a tree with counts."""
    principal = _principal()
    from kunyu.engines.catalogue import queries

    if as_json:
        _print_json({"datasets": [asdict(one) for one in queries.datasets(principal) if one.counties or not published]})
        return
    for node in queries.tree(principal):
        _print_node(node, 0, published)


def _print_node(node: TreeNode, depth: int, published: bool) -> None:
    if published and not node.published_count:
        return
    typer.echo(f"{'  ' * depth}{node.code} {node.name_zh}  [{node.published_count}/{node.dataset_count}]")
    for one in node.datasets:
        if one.counties or not published:
            state = f"{one.counties} 县 {one.records} 条" if one.counties else "无数据"
            typer.echo(f"{'  ' * (depth + 1)}{one.code} {one.name_zh}  {one.level} · {one.producer_zh} · {state}")
    for child in node.children:
        _print_node(child, depth + 1, published)


@app.command()
def show(
    code: Annotated[str, typer.Argument(help="数据集编码，如 10401-003 / dataset code")],
    as_json: Json = False,
) -> None:
    """查看一个数据集：字段、代码、版本、血缘 / Show a dataset: fields, codes, versions, lineage."""
    principal = _principal()
    from kunyu.engines.catalogue import queries

    detail = queries.dataset_detail(principal, code)
    if as_json:
        _print_json(detail)
    else:
        _print_detail(detail)


def _print_detail(detail: dict[str, Any]) -> None:
    codes = " ".join([detail["code"], *detail["aliases"]])
    typer.echo(f"{codes} {detail['name_zh']} / {detail['name_en']}")
    typer.echo(f"  生产单位 {detail['producer_zh']} · {detail['classification']} · {detail['update_mode']}")
    if not detail["verified"]:
        typer.echo("  目录条目未经核实 / entry not verified")
    for layer in detail["layers"]:
        _print_layer(layer)
    for version in detail["versions"]:
        _print_version(version)


def _print_layer(layer: dict[str, Any]) -> None:
    typer.echo(f"\n{layer['collection']}  {layer['code']} {layer['name_zh']}  {layer['geometry']}  "
               f"{layer['standard_number']} ({layer['edition']})")  # fmt: skip
    for number, one in enumerate(layer["fields"], 1):
        size = f"({one['length']},{one['decimals']})" if one["type"] == "Float" else f"({one['length'] or '∞'})"
        mark = "" if one["verified"] else " ?"
        typer.echo(f"  {number:>3} {one['code']:<12} {one['type']}{size:<8} {one['required']} "
                   f"{one['name_zh']} {one['codelist'] or ''}{mark}")  # fmt: skip
    for name, codes in layer["codelists"].items():
        typer.echo(f"  {name}: " + "，".join(f"{code} {text}" for code, text in codes.items()))


def _print_version(version: dict[str, Any]) -> None:
    typer.echo(f"\n版本 {version['collection']} {version['county']} v{version['number']} {version['status']} "
               f"自 {version['valid_from']}，发布 {version['known_from'] or '-'}，{version['records']} 条，"
               f"汇交 {version['delivery'] or '-'}，SM3 {version['digest'][:16]}")  # fmt: skip
    for one in version["lineage"].get("inputs", []):
        typer.echo(f"  来自 {one.get('name', '')} {one.get('sm3', '') or one.get('version', '')}")


@app.command()
def export(
    code: Annotated[str, typer.Argument(help="数据集编码；不填则导出目录 / dataset; none exports the catalogue")] = "",
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help=".gpkg .parquet .zip(Shapefile) .geojson .csv .dxf.zip（目录：.csv .json）"),
    ] = Path("catalogue.csv"),
    valid_at: Annotated[str, typer.Option(help="有效日期 YYYY-MM-DD / true on that day")] = "",
    known_at: Annotated[str, typer.Option(help="认知时刻 RFC 3339 / believed at that instant")] = "",
    division: Annotated[str, typer.Option(help="只导出该区划 / only counties under this code")] = "",
    as_json: Json = False,
) -> None:
    """导出数据集的某一状态或目录本身 / Export a dataset's state, or the catalogue itself."""
    moment_of = _moment(valid_at, known_at)
    principal = _principal()
    from kunyu.engines.catalogue import export as exporting
    from kunyu.engines.catalogue.bitemporal import Moment

    if code:
        with _progress() as told:
            done = exporting.export_dataset(principal, code, out, Moment(*moment_of), division, told)
    else:
        done = exporting.export_catalogue(principal, out)
    if as_json:
        _print_json(asdict(done))
    else:
        typer.echo(f"{done.collection}: {done.records} 条 → {done.path}", err=True)


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """A line on standard error that counts records; nothing where that is no terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda count: None
        return
    with console.status("导出 / exporting …") as status:
        yield lambda count: status.update(f"导出 / exporting: {count} 条")


def _moment(valid_at: str, known_at: str) -> tuple[datetime.date | None, datetime.datetime | None]:
    from kunyu.kernel.errors import UsageError

    try:
        day = datetime.date.fromisoformat(valid_at) if valid_at else None
        instant = datetime.datetime.fromisoformat(known_at) if known_at else None
    except ValueError as why:
        raise UsageError(f"日期不对：{why}", f"Bad date: {why}") from why
    if instant is not None and instant.tzinfo is None:
        raise UsageError(
            f"认知时刻 {known_at} 没有时区，例如 2026-01-10T00:00:00+08:00。",
            f"The instant {known_at} has no time zone; write 2026-01-10T00:00:00+08:00.",
        )
    return day, instant
