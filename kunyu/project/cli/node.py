"""``kunyu up``, ``down``, ``doctor``, ``backup``, ``restore`` and ``version``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from kunyu.kernel.errors import NodeUnavailable

Json = Annotated[
    bool, typer.Option("--json", help="标准输出只有一个 JSON 文档。 One JSON document on standard output.")
]
Port = Annotated[int | None, typer.Option("--port", min=1, max=65535, help="端口（KUNYU_PORT，默认 8080）。 Port.")]


def register(app: typer.Typer) -> None:
    """Add the node's commands."""
    for command in (up, down, doctor, backup, restore, version):
        app.command(command.__name__)(command)


def up(
    as_json: Json = False,
    port: Port = None,
    detach: Annotated[
        bool,
        typer.Option(
            "--detach", help="转入后台，健康且示例县就绪后返回。 Return once healthy and the sample is loaded."
        ),
    ] = False,
) -> None:
    """启动节点（前台运行；已在运行时显示地址并以 0 退出）。 Start the node; when it runs already, show its address."""
    _require_node()
    from kunyu.project.runtime.node_settings import node_settings
    from kunyu.project.runtime.node_start import start_background, start_foreground

    settings = node_settings(port)
    if detach:
        _announce(start_background(settings, _say), as_json)
        return
    start_foreground(settings, _say, lambda answer: _announce(answer, as_json))


def down() -> None:
    """停止节点启动的一切。 Stop everything the node started."""
    _require_node()
    from kunyu.project.runtime.node_settings import node_settings
    from kunyu.project.runtime.node_stop import stop_node

    ran = stop_node(node_settings())
    print("节点已停止。 The node is stopped." if ran else "节点没有运行。 The node was not running.", file=sys.stderr)


def doctor(
    as_json: Json = False,
    lang: Annotated[str, typer.Option("--lang", help="zh | en（默认取自 LANG）。 Language of the answer.")] = "",
) -> None:
    """用文字说明哪里有问题、怎么办。 Say in words what is wrong and what to do."""
    _require_node()
    from kunyu.project.runtime.doctor import examine, language, printed

    results = examine()
    if as_json:
        print(json.dumps([result.as_json() for result in results], ensure_ascii=False))
    else:
        print(printed(results, language(lang)))
    if any(result.bad for result in results):
        raise typer.Exit(NodeUnavailable.exit_code)


def backup(
    file: Annotated[Path, typer.Argument(help="备份文件（.tar）。 The backup file.")], as_json: Json = False
) -> None:
    """把数据库、对象、密钥备份到一个文件；节点可以在运行。 Back up into one file; the node may run."""
    _require_node()
    from kunyu.project.runtime.backup import back_up
    from kunyu.project.runtime.node_settings import node_settings

    made = back_up(node_settings(), file, _say)
    if as_json:
        print(json.dumps(made.as_json(), ensure_ascii=False))
    else:
        print(f"备份完成 Backed up: {made.path}（{made.size / 1e6:.1f} MB，{made.objects} objects，SM3 {made.sm3}）")


def restore(
    file: Annotated[Path, typer.Argument(help="备份文件。 The backup file.")],
    force: Annotated[bool, typer.Option("--force", help="覆盖已有数据。 Replace the data that are there.")] = False,
    as_json: Json = False,
) -> None:
    """校验后恢复到空的状态文件夹。 Verify, then restore into an empty state folder."""
    _require_node()
    from kunyu.project.runtime.node_settings import node_settings
    from kunyu.project.runtime.restore import restore_backup

    done = restore_backup(node_settings(), file, force, _say)
    if as_json:
        print(json.dumps(done.as_json(), ensure_ascii=False))
    else:
        print(f"恢复完成 Restored: {done.home}（{done.objects} objects）。下一步 Next: kunyu up")


def version(as_json: Json = False) -> None:
    """显示版本。 Show the version."""
    from kunyu.project.version import kunyu_version

    print(json.dumps({"kunyu": kunyu_version()}) if as_json else f"kunyu {kunyu_version()}")


def _announce(answer: dict[str, object], as_json: bool) -> None:
    if as_json:
        print(json.dumps(answer, ensure_ascii=False), flush=True)
        return
    running = "已在运行 already runs" if answer.get("already_running") else "已就绪 is ready"
    print(f"坤舆节点{running}: {answer['address']}")
    accounts = answer["accounts"]
    if isinstance(accounts, list) and accounts:
        print("演示账户 Demo accounts:")
        for account in accounts:
            who = f"{account['name_zh']} {account['name_en']}"
            print(f"  {account['username']:<10} {account['password']}   {who}")
    sys.stdout.flush()


def _say(zh: str, en: str) -> None:
    print(f"· {zh} {en}".rstrip(), file=sys.stderr, flush=True)


def _require_node() -> None:
    """The runtime needs PostgreSQL's client and Django; the ``check`` installation has neither."""
    try:
        import django
        import psutil
        import psycopg  # noqa: F401

        _ = django, psutil
    except ModuleNotFoundError as error:
        raise NodeUnavailable(
            f"此命令需要节点环境，本机缺少 {error.name}。请执行 make setup 或 pip install kunyu[node]。",
            f"This command needs a node; {error.name} is missing here. Run make setup or pip install kunyu[node].",
        ) from error
