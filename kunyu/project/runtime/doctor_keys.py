"""The doctor's questions about keys: does the ring open, who may read it, how long is the certificate good. 密钥检查."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kunyu.engines.security import key_passphrase, keys, node_identity
from kunyu.kernel.errors import KunyuError
from kunyu.project.runtime.result import BAD, OK, WARN, Result

EXPIRY_WARNING = timedelta(days=60)
OLD_KEY = timedelta(days=366)


def key_results(home: Path) -> Iterator[Result]:
    """Yield the results; a node never started has no keys yet and that is in order."""
    name = ("密钥环", "Key ring")
    if not (home / keys.FOLDER).exists():
        yield Result(*name, OK, "尚未创建，kunyu up 会创建", "not made yet; kunyu up makes it")
        return
    yield permissions(home)
    production = os.environ.get("KUNYU_PRODUCTION") == "1"
    try:
        ring = keys.open_ring(home, production=production)
    except KunyuError as error:
        yield Result(*name, BAD, error.detail_zh, error.detail_en)
        return
    try:
        state = ring.state()
        missing = sorted(set(keys.NODE_KEYS) - set(state.keys))
        protection = _protection(home, production)
        if missing:
            yield Result(*name, BAD, f"缺少密钥 {'、'.join(missing)}；kunyu up 会补上",
                         f"the keys {', '.join(missing)} are missing; kunyu up adds them")  # fmt: skip
        else:
            yield Result(*name, OK, f"可以打开，{len(state.keys)} 个数据密钥，序号 {state.serial}；{protection[0]}",
                         f"opens; {len(state.keys)} data keys, serial {state.serial}; {protection[1]}")  # fmt: skip
        identity = node_identity.read(ring, home / keys.FOLDER)
        yield certificate(identity.certificate.not_after, identity.node_id)
    except KunyuError as error:
        yield Result("节点证书", "Node certificate", BAD, error.detail_zh, error.detail_en)
    finally:
        ring.close()


def permissions(home: Path) -> Result:
    """Only the owner reads the folder of keys, its files, and the passphrase's file."""
    name = ("密钥文件权限", "Key permissions")
    files = [home / keys.FOLDER, keys.ring_path(home), node_identity.path(home / keys.FOLDER)]
    given = os.environ.get(key_passphrase.FILE_VARIABLE)
    files += [Path(given)] if given else []
    for path in files:
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            mode, remedy = stat.S_IMODE(path.stat().st_mode), f"chmod {'700' if path.is_dir() else '600'} {path}"
            return Result(*name, BAD, f"{path} 的权限为 {mode:o}，他人可读；请执行 {remedy}",
                          f"{path} has mode {mode:o}, others may read it; run {remedy}")  # fmt: skip
    return Result(*name, OK, "仅所有者可读", "readable by their owner only")


def certificate(not_after: datetime, node_id: str) -> Result:
    """The node's certificate is valid, and for a while yet."""
    name, day = ("节点证书", "Node certificate"), not_after.date().isoformat()
    left = not_after - datetime.now(UTC)
    remedy = "kunyu keys rotate node/signing"
    if left < timedelta(0):
        return Result(*name, BAD, f"已于 {day} 过期；请执行 {remedy}", f"expired on {day}; run {remedy}")
    if left < EXPIRY_WARNING:
        return Result(*name, WARN, f"将于 {day} 过期；请执行 {remedy}", f"expires on {day}; run {remedy}")
    return Result(*name, OK, f"节点 {node_id}，有效至 {day}（自签名，软件密码，非认证模块）",
                  f"node {node_id}, valid until {day} (self-signed; software, not a certified module)")  # fmt: skip


def _protection(home: Path, production: bool) -> tuple[str, str]:
    sources = {one.source for one in key_passphrase.candidates(home)}
    if not production and key_passphrase.SECRET_FILE in sources:
        return (
            "口令在 secret.json 中，仅适合演示",
            "its passphrase lies in secret.json, which suits a demonstration only",
        )
    return "口令由外部提供", "its passphrase is given from outside"
