"""Change packages: the process layer names what ends, the update layer brings what follows (land-survey notes §8).

Applied to the state of year N−1 they give the state of year N exactly; a package that does not fit the stored state is
refused whole.
"""

from __future__ import annotations

import re
from typing import Any

from kunyu.engines.catalogue.models import Layer as CatalogueLayer
from kunyu.engines.ingest import geoparquet, load
from kunyu.engines.ingest.errors import BeforeNotStored, LaterVersionExists, PackageContradicts
from kunyu.engines.ingest.load import Loaded
from kunyu.engines.ingest.models import DeliveredLayer
from kunyu.engines.ingest.publication import (
    Work,
    begin_version,
    figures_of,
    finish_version,
    is_first,
    mapped_rows,
    next_date,
    prepared,
    require_unique,
    target_of,
)

BEFORE_KEY, AFTER_KEY = re.compile(r"BGQ\w*BSM"), re.compile(r"BGH\w*BSM")
NAMED = 5
"""Records named in an error; the rest is counted."""


def changed_bases(work: Work, delivered: list[DeliveredLayer]) -> list[str]:
    """Base layers that a change package changes, in the standard's order."""
    layers = [work.standard.layers[one.layer_code] for one in delivered]
    named = {one.base for one in layers if one.role in ("update", "process") and one.base}
    full = {one.code for one in layers if one.role == "base"}
    return [code for code in work.standard.layers if code in named and code not in full]


def apply_changes(work: Work, base: str, delivered: list[DeliveredLayer]) -> dict[str, Any]:
    """Change package: end the before-BSM, insert the update layer's rows as rows of the base layer."""
    layer = work.standard.layers[base]
    update, process = (_of_role(work, delivered, base, role) for role in ("update", "process"))
    stored = CatalogueLayer.objects.get(standard_id=work.standard.id, code=base)
    _require_latest(work, stored)
    parts = [one for one in (update, process) if one is not None]
    version = begin_version(work, stored, parts, True)
    target = target_of(work, layer, stored, version, None, (update or parts[0]).crs)
    after = set(geoparquet.column_values(mapped_rows(update), layer.key)) if update else set()
    before = _keys_before(work, base, process, after)
    with work.stages("compare"):
        if is_first(work.cursor, target):
            raise _before_not_stored(base, sorted(before) or ["*"])
        absent = load.list_keys(work.cursor, target, sorted(before))
    if absent and process is not None:
        raise _before_not_stored(base, absent)
    loaded = Loaded()
    with work.stages("close"):
        loaded.closed = load.close_listed(work.cursor, target)
    with work.stages("copy"):
        batches = prepared(work, update, layer) if update else iter(())
        load.copy_batches(work.cursor, target, batches, loaded)
    require_unique(work, target, layer)
    state = load.state_on(work.cursor, target, work.delivery.valid_from)
    return figures_of(finish_version(work, version, loaded, state), stored)


def _of_role(work: Work, delivered: list[DeliveredLayer], base: str, role: str) -> DeliveredLayer | None:
    specs = work.standard.layers
    return next((d for d in delivered if specs[d.layer_code].base == base and specs[d.layer_code].role == role), None)


def _keys_before(work: Work, base: str, process: DeliveredLayer | None, after: set[str]) -> set[str]:
    """Keys that end. Layers without a process layer (boundary lines, built-up areas): a row replaces one of its key."""
    if process is None:
        return after
    spec = work.standard.layers[process.layer_code]
    content = mapped_rows(process)
    keys: dict[re.Pattern[str], set[str]] = {}
    for pattern in (BEFORE_KEY, AFTER_KEY):
        field = next((f.code for f in spec.fields if pattern.fullmatch(f.code)), None)
        keys[pattern] = {k for k in geoparquet.column_values(content, field) if k.strip()} if field else set()
    odd = sorted(keys[AFTER_KEY] ^ after)
    if odd:
        raise PackageContradicts(
            f"更新包中 {base} 的更新层与过程层不一致：{'、'.join(odd[:NAMED])} 等 {len(odd)} 个变更后标识码只在其中一层出现。"
            "请核对变更后标识码后重新汇交。",
            f"Update and process layer of {base} contradict each other: {', '.join(odd[:NAMED])} ({len(odd)} in all) "
            "are identifiers after the change in only one of them. Correct the package and deliver it again.",
            keys=odd[:NAMED],
        )
    return keys[BEFORE_KEY]


def _before_not_stored(base: str, absent: list[str]) -> BeforeNotStored:
    return BeforeNotStored(
        f"更新包要变更的 {base} 记录 {'、'.join(absent[:NAMED])} 等 {len(absent)} 条不在库中当前版本里；未发布，原数据不变。"
        "请确认更新包以库中最新版本为基础。",
        f"Records {', '.join(absent[:NAMED])} of {base} ({len(absent)} in all) that the package changes are not in the "
        "stored version; nothing was published. Make the package from the latest stored version.",
        layer=base,
        records=absent[:NAMED],
        count=len(absent),
    )


def _require_latest(work: Work, stored: CatalogueLayer) -> None:
    later = next_date(stored, work)
    if later is not None:
        raise LaterVersionExists(
            f"{stored.collection} 已有自 {later} 起有效的版本，早于它的更新包（{work.delivery.valid_from}）不能再发布。"
            "请改为汇交该日期的完整成果。",
            f"{stored.collection} has a version valid from {later}; a change package for {work.delivery.valid_from} comes "
            "too late. Deliver the full state of that date instead.",
        )
