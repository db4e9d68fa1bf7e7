"""Which command lives where. A module is imported only when its command is called.

A module exposes ``register(app)``, which adds its commands to a Typer application, or ``app``, a Typer application that
becomes a group. Commands marked ``node`` need Django; the others run in the ``check`` environment.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import typer

from kunyu.kernel.errors import NodeUnavailable


@dataclass(frozen=True)
class Command:
    """One command of the first level and the sentence that the overview shows for it."""

    name: str
    module: str
    help_zh: str
    help_en: str
    node: bool = False

    @property
    def help(self) -> str:
        """Chinese first."""
        return f"{self.help_zh} {self.help_en}"


NODE = "kunyu.project.cli.node"
INGEST = "kunyu.engines.ingest.cli"
PERMISSIONS = "kunyu.engines.catalogue.permissions.cli"
COMMANDS = (
    Command("up", NODE, "启动节点。", "Start the node."),
    Command("down", NODE, "停止节点启动的一切。", "Stop everything the node started."),
    Command("doctor", NODE, "用文字说明哪里有问题。", "Say in words what is wrong."),
    Command("backup", NODE, "把节点的全部状态备份到一个文件。", "Back the whole node up into one file."),
    Command("restore", NODE, "从备份文件恢复节点。", "Restore the node from a backup file."),
    Command("check", "kunyu.engines.ingest.checks.cli", "检查成果，无需节点。", "Check a delivery; needs no node."),
    Command(
        "close-areas",
        "kunyu.engines.ingest.closure_cli",
        "计算并平差面积，无需节点。",
        "Compute and close areas; needs no node.",
    ),
    Command(
        "convert", "kunyu.engines.ingest.convert_cli", "转换为 VCT 或 GeoPackage。", "Convert to VCT 3.0 or GeoPackage."
    ),
    Command("sample", "kunyu.project.cli.sample", "生成示例数据。", "Generate sample data."),
    Command("deliver", INGEST, "汇交成果。", "Hand a delivery in.", node=True),
    Command("deliveries", INGEST, "查看汇交批次。", "List deliveries.", node=True),
    Command("publish", INGEST, "发布已通过的汇交。", "Publish an accepted delivery.", node=True),
    Command("reject", INGEST, "拒绝汇交并写明原因。", "Reject a delivery, with the reason.", node=True),
    Command(
        "verify-map",
        "kunyu.engines.ingest.verification.cli",
        "一张图数据相互印证。",
        "Compare layers of the one map.",
        node=True,
    ),
    Command("overlap", "kunyu.engines.analysis.cli", "地块冲突检测。", "What a plot overlaps.", node=True),
    Command(
        "matters",
        "kunyu.engines.matters.definitions.cli",
        "政务服务事项：比对、要素、发布。",
        "Matters: compare, what guides lack, publish.",
        node=True,
    ),
    Command("reference", "kunyu.engines.ingest.reference_cli", "签发参考包。", "Issue a reference pack.", node=True),
    Command(
        "evidence",
        "kunyu.packs.field_evidence.cli",
        "举证：导入、任务、设备、统计。",
        "Evidence of the field.",
        node=True,
    ),
    Command(
        "archive", "kunyu.engines.documents.cli", "核验归档包，无需节点。", "Verify an archive package; needs no node."
    ),
    Command(
        "catalogue", "kunyu.engines.catalogue.cli", "查看与导出目录。", "Look at and export the catalogue.", node=True
    ),
    Command(
        "pyramids", "kunyu.engines.maps.cli", "瓦片金字塔：列出与重建。", "Small-scale tiles: list, rebuild.", node=True
    ),
    Command(
        "national",
        "kunyu.engines.matters.national.cli",
        "国家平台：模拟器、报送、对账。",
        "The national platform: simulator, sending, counts.",
        node=True,
    ),
    Command("role", PERMISSIONS, "列出角色。", "List roles.", node=True),
    Command("grant", PERMISSIONS, "授权、收回、解释。", "Grant, revoke, explain.", node=True),
    Command("label", PERMISSIONS, "数据标记的提出与审批。", "Propose and decide labels.", node=True),
    Command("token", "kunyu.engines.security.cli", "签发或撤销访问令牌。", "Issue or revoke access tokens.", node=True),
    Command("user", "kunyu.engines.security.cli_users", "管理用户。", "Run accounts.", node=True),
    Command(
        "admin",
        "kunyu.engines.security.cli_administrators",
        "任命首任管理员。",
        "Make the first administrators.",
        node=True,
    ),
    Command(
        "compliance",
        "kunyu.project.compliance.cli",
        "等级保护自查表。",
        "The checklist of classified protection.",
        node=True,
    ),
    Command("audit", "kunyu.project.cli.audit", "导出、校验审计。", "Export and verify the audit."),
    Command("keys", "kunyu.project.cli.keys", "查看与轮换密钥。", "Look at and rotate the keys.", node=True),
    Command("soft-token", "kunyu.project.cli.soft_token", "生成软证书，用于登录。", "Make a software certificate."),
    Command("version", NODE, "显示版本。", "Show the version."),
)


def attach(app: typer.Typer, command: Command) -> None:
    """Import a command's module and add the command to the application.

    Raises
    ------
    NodeUnavailable
        The command needs packages that this environment does not have.
    """
    if command.node:
        prepare_node(command.name)
    module = importlib.import_module(command.module)
    if not hasattr(module, "register"):
        app.add_typer(module.app, name=command.name, help=command.help)
        return
    offered = typer.Typer()
    module.register(offered)
    for info in offered.registered_commands:
        if _name(info) == command.name:
            app.registered_commands.append(info)
            return
    for group in offered.registered_groups:
        if group.name == command.name or (group.typer_instance and group.typer_instance.info.name == command.name):
            app.registered_groups.append(group)
            return
    raise LookupError(f"{command.module} does not register the command {command.name}")


def attach_help(app: typer.Typer, command: Command) -> None:
    """Add only the command's line in the overview."""
    app.command(command.name, help=command.help)(_never_called)


def _never_called() -> None:
    raise AssertionError("a command that was called is attached with its module")


def _name(info: typer.models.CommandInfo) -> str:
    return info.name or str(getattr(info.callback, "__name__", "")).lower().replace("_", "-")


def prepare_node(name: str) -> None:
    """Set Django up for a command; NodeUnavailable where only the checks are installed."""
    try:
        from kunyu.project.runtime.django_setup import prepare_django
    except ModuleNotFoundError as error:
        raise NodeUnavailable(
            f"命令 {name} 需要节点环境，本机只安装了检查工具（缺少 {error.name}）。请执行 pip install kunyu[node]。",
            f"The command {name} needs a node; only the checks are installed here ({error.name} is missing). "
            "Run pip install kunyu[node].",
        ) from error
    prepare_django()
