"""``kunyu close-areas``: compute and close the areas of a delivery, without a node. 面积平差命令."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kunyu.engines.ingest.checks.reference import Reference
    from kunyu.engines.ingest.closure import ClosureReport

_FROM = {
    "KZMJB": "成果中的控制面积表 the table of control areas",
    "reference": "参考包 the reference pack",
    "own_sum": "各乡镇椭球面积之和 the townships' own areas",
}
_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the command ``close-areas``."""
    app.command("close-areas", help="计算并平差面积，无需节点。 Compute and close areas; needs no node.")(close_areas)


def close_areas(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="文件、文件夹或压缩包。 A file, a folder or a zip.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.gpkg", help="写出的副本。 The copy to write.")],
    standard: Annotated[str, typer.Option(help="标准，如 TDT1057-2020。 Standard of the layers.")],
    reference: Annotated[Path | None, typer.Option(help="参考包（控制面积）。 Reference pack: control areas.")] = None,
    reference_key: Annotated[
        list[Path] | None,
        typer.Option("--reference-key", help="签发节点的公钥或证书（PEM），可重复。 Key or certificate of the node."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON。 JSON on standard output.")] = False,
) -> None:
    """Write a copy of the delivery whose areas add up exactly, and say what moved."""
    from kunyu.engines.catalogue.standards import load_standard
    from kunyu.engines.ingest.closure import close_delivery
    from kunyu.engines.ingest.closure_output import require_free

    rules_of = load_standard(standard)
    require_free(out)
    outcome = close_delivery(file, out, rules_of, _reference(reference, reference_key or []))
    if as_json:
        print(json.dumps(outcome.to_dict(), ensure_ascii=False))
        return
    _print(outcome, out)


def _reference(pack: Path | None, keys: list[Path]) -> Reference | None:
    from kunyu.engines.ingest.checks.reference_file import read_pack
    from kunyu.engines.ingest.checks.reference_trust import key_file, on_first_use, only

    if pack is None:
        return None
    known = [key for path in keys for key in key_file(path)]
    return read_pack(pack, only(known) if known else on_first_use(_note))


def _note(zh: str, en: str) -> None:
    print(f"注意：{zh}\nNote: {en}", file=sys.stderr)


def _print(outcome: ClosureReport, out: Path) -> None:
    print(f"控制面积 Control area: {outcome.control_area:.2f} m² ({_FROM[outcome.control_from]})")
    moved = [one for one in outcome.units if one.moved]
    for one in moved[:_SHOWN]:
        unit = one.unit or outcome.county
        print(
            f"  {one.layer} {unit}: {one.measured:.2f} → {one.closed:.2f} m² ({one.closed - one.measured:+.2f}), "
            f"{one.moved}/{one.records} 条变动 moved, ≤ {one.limit:.2f} m²"
        )
    if len(moved) > _SHOWN:
        print(f"  … 另有 {len(moved) - _SHOWN} 个单位，见 --json {len(moved) - _SHOWN} more units: see --json")
    print("改动 Changed: " + ", ".join(f"{name} {count}" for name, count in outcome.changed.items()))
    if outcome.left_out:
        print(f"未复制的附件 Documents not copied: {len(outcome.left_out)}", file=sys.stderr)
    print(f"→ {out}")
