"""Keys and plain copies at the start of a node: the ring made once, what a crash left in plain removed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from kunyu.engines.security import keys
from kunyu.kernel.private_folder import sweep
from kunyu.project.runtime.node_settings import NodeSettings
from kunyu.project.runtime.production import require_production

PLAIN_FOLDERS = ("plain", "quarantine", "objects/.backup")
"""Folders that hold delivered content in plain while somebody works on it (protection.py, ingest/receive.py)."""


def prepare_keys(settings: NodeSettings, say: Callable[[str, str], None]) -> None:
    """Refuse what production refuses, make the keys that are missing, remove plain copies of ended processes.

    Raises
    ------
    ProductionRefused, and whatever opening the ring raises
        Nothing was started.
    """
    require_production(settings)
    if keys.make_keys(settings.home, production=os.environ.get("KUNYU_PRODUCTION") == "1"):
        say("建立节点密钥环", "making the node's key ring")
    swept = sweep_left(settings.home)
    if swept:
        say(f"清除上次异常退出留下的 {swept} 处明文副本", f"removed {swept} plain copies that a crash had left")


def sweep_left(home: Path) -> int:
    """Remove plain copies of ended processes; what a living process holds is kept. Returns how many there were."""
    return sum(sweep(home / name) for name in PLAIN_FOLDERS)
