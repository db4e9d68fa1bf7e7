"""``kunyu compliance``: the checklist of classified protection, answered by the node itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compliance")(compliance)


def compliance(
    report: Annotated[
        list[Path] | None, typer.Option("--report", help="写入 .html 或 .json，可重复。 Write a report; may repeat.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="只输出一个 JSON 文档。 Print one JSON document.")] = False,
    lang: Annotated[str, typer.Option("--lang", help="zh | en（默认取自 LANG）。 Language of the answer.")] = "",
) -> None:
    """等级保护与密码应用自查表，由节点按现状生成。 The checklist of classified protection, from the node as it is."""
    from kunyu.project.compliance import report as reports
    from kunyu.project.runtime.doctor import language

    found = reports.answers()
    for path in report or ():
        reports.write(found, path)
    print(json.dumps(reports.as_json(found), ensure_ascii=False) if as_json else reports.as_text(found, language(lang)))
