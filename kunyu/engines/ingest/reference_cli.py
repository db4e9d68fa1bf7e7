"""``kunyu reference``: have the node issue a reference pack. 参考包签发命令."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command ``reference``."""
    app.command("reference", help="签发参考包，供离线检查。 Issue a reference pack for checks elsewhere.")(reference)


def reference(
    division: Annotated[str, typer.Argument(metavar="DIVISION", help="区划代码，6、9或12位。 Division.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.kyref", help="写到哪里。 Where to write.")],
    standard: Annotated[str, typer.Option(help="标准，如 TDT1057-2020。 Standard to judge by.")],
    with_base: Annotated[
        bool,
        typer.Option("--with-base", help="带库中现状图层，检查更新包用。 With the stored layers, for change packages."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON。 JSON on standard output.")] = False,
) -> None:
    """Write what this node knows for checks of a standard in a division, signed."""
    from kunyu.engines.ingest import references
    from kunyu.engines.security.session import principal_of_command_line
    from kunyu.kernel.errors import UsageError

    if not out.absolute().parent.is_dir():
        raise UsageError(f"没有文件夹 {out.parent}。", f"There is no folder {out.parent}.")
    issued = references.issue(principal_of_command_line(), standard, division, out, with_base=with_base)
    if as_json:
        document = {"file": str(out), "digest": issued.digest, "parts": list(issued.parts)}
        typer.echo(json.dumps(document, ensure_ascii=False))
    else:
        typer.echo(f"{out}: {issued.digest}\n  {' '.join(issued.parts)}")
