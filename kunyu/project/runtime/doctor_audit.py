"""The doctor's questions to the audit: does sealing keep up, does the chain hold what was signed, is it anchored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kunyu.project.runtime.result import BAD, OK, WARN, Result

if TYPE_CHECKING:
    from kunyu.engines.security.audit.state import SealState

_NAME = ("审计封存", "Audit seal")
_ANCHOR = ("审计锚定", "Audit anchors")


def audit_results(node_runs: bool) -> Iterator[Result]:
    """Yield the results; Django is set up and the tables are there."""
    from django.db import connections

    from kunyu.engines.security.audit.state import seal_state

    try:
        state = seal_state()
    finally:
        connections.close_all()
    said_zh = f"已封存 {state.sealed} 条，待封存 {state.unsealed} 条，最久 {state.oldest_s:.1f} 秒"
    said_en = f"{state.sealed} sealed, {state.unsealed} waiting, the oldest {state.oldest_s:.1f} s"
    if not state.chain_holds:
        yield Result(*_NAME, BAD, "审计链与已签名的检查点不符：表被改动或截短；请执行 kunyu audit verify 并保全数据库",
                     "the chain does not hold what was signed: the tables were changed or cut; run kunyu audit verify and "
                     "secure the database")  # fmt: skip
    elif state.guards_missing:
        listed = ", ".join(f"{table}.{guard}" for table, guard in state.guards_missing)
        yield Result(
            *_NAME, BAD, f"保护触发器不在：{listed}；请查明原因", f"guarding triggers are gone: {listed}; find out why"
        )
    elif node_runs and not state.sealer_runs:
        yield Result(
            *_NAME,
            BAD,
            f"封存进程没有运行；{said_zh}；见日志 sealer.log",
            f"the sealer is down; {said_en}; see sealer.log",
        )
    elif node_runs and not state.healthy:
        yield Result(
            *_NAME, BAD, f"封存落后：{said_zh}；见日志 sealer.log", f"sealing falls behind: {said_en}; see sealer.log"
        )
    else:
        yield Result(*_NAME, OK, said_zh, said_en)
    yield _anchors(state)


def _anchors(state: SealState) -> Result:
    anchors = state.anchors
    failing = [one for one in anchors if one.error]
    if failing:
        first = failing[0]
        return Result(
            *_ANCHOR,
            WARN,
            f"{first.target} 收不到检查点：{first.error}",
            f"{first.target} takes no checkpoint: {first.error}",
        )
    if not anchors:
        return Result(*_ANCHOR, WARN, "没有外部锚定，审计尾部被截短时无法察觉；请设置 KUNYU_AUDIT_ANCHORS",
                      "none: a log cut at its tail could not be told; set KUNYU_AUDIT_ANCHORS")  # fmt: skip
    return Result(*_ANCHOR, OK, f"{len(anchors)} 处", f"{len(anchors)} places")
