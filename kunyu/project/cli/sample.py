"""``kunyu sample``: synthetic data that is as hard as real data. 样例数据."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="生成样例数据 Make sample data", no_args_is_help=True)


@app.callback()
def sample() -> None:
    """生成样例数据 Make sample data."""


@app.command("county")
def county(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="输出目录 Folder to write into")],
    parcels: Annotated[int, typer.Option("--parcels", help="图斑数 Number of land parcels")] = 3000,
    seed: Annotated[int, typer.Option("--seed", help="随机种子 Seed: the same gives the same county")] = 1,
    defects: Annotated[str, typer.Option("--defects", help="植入缺陷，如 Q303:5,Q304:3 或 all:1 Defects to seed")] = "",
    form: Annotated[str, typer.Option("--format", help="gpkg | shp | gdb | parquet")] = "gpkg",
    package: Annotated[str, typer.Option("--package", help="另写成果包 folder | zip Write a package, too")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出 Print one JSON document")] = False,
) -> None:
    """生成虚构的坤舆县 990101：地类图斑、行政区、控制线、变更包。 Write the fictional county 990101."""
    from kunyu.project.sample_county.generate import generate_county

    report = generate_county(folder, parcels, seed, form, defects, package)
    if as_json:
        print(json.dumps(report.as_json(), ensure_ascii=False))
        return
    print(f"{report.parcels} 个图斑，{report.vertices} 个顶点，{len(report.files)} 个文件 → {folder}")
    for note in report.notes:
        print(note, file=sys.stderr)


@app.command("cases")
def cases(
    count: Annotated[int, typer.Option("--count", min=1, help="申请件数 Number of applications")] = 24,
    seed: Annotated[int, typer.Option("--seed", help="随机种子 Seed: the same is never made twice")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出 Print one JSON document")] = False,
) -> None:
    """在演示节点上生成各种状态的样例办件（坤舆县）。 Make sample cases in all states on a demonstration node."""
    from kunyu.project.cli.commands import prepare_node

    prepare_node("sample")
    from kunyu.project.sample_cases.making import make_cases

    report = make_cases(count, seed, tell=None if as_json else _progress)
    if as_json:
        print(json.dumps(report.as_json(), ensure_ascii=False))
        return
    states = "，".join(f"{state} {number}" for state, number in sorted(report.states.items()))
    print(
        f"申请 {report.applications} 件，办件 {report.cases} 件（{states}），已有 {report.there_already} 件，用时 {report.seconds:.0f} 秒。"
    )
    print(f"{report.applications} applications, {report.cases} cases; {report.there_already} were there already.")


def _progress(done: int, count: int) -> None:
    print(f"\r· {done}/{count}", end="\n" if done == count else "", file=sys.stderr, flush=True)
