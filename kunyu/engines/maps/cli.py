"""``kunyu pyramids``: what tiles below zoom 15 are drawn from. 瓦片金字塔命令."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kunyu.engines.security.scope import Principal

app = typer.Typer(
    help="瓦片金字塔：列出、重建 / What small-scale tiles are drawn from: list, rebuild.", no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help="只输出一个 JSON 文档 / one JSON document on stdout")]
Collection = Annotated[str, typer.Option(help="图层，如 10401-003 / only this collection")]
County = Annotated[str, typer.Option(help="县级区划代码 / only this county")]


def _start() -> Principal:
    """Start Django when nothing did; only the node's owner and its system administrators look and rebuild."""
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()
    from kunyu.engines.security import duties
    from kunyu.engines.security.scope import OPERATOR
    from kunyu.engines.security.session import principal_of_command_line

    principal = principal_of_command_line()
    if principal.name != OPERATOR:
        duties.require(principal, "system", "")
    return principal


@app.command("list")
def list_(collection: Collection = "", county: County = "", as_json: Json = False) -> None:
    """列出各县各图层的金字塔及是否最新 / List builds and whether they are of the newest version."""
    _start()
    from kunyu.engines.maps.models import Pyramid
    from kunyu.engines.maps.pyramids.interruptions import given_up
    from kunyu.engines.maps.pyramids.sweep import due

    narrowed = {name: value for name, value in (("layer__collection", collection), ("county", county)) if value}
    listed = due(collection or None, county or None)
    stale = {(one.collection, one.county, kind) for one in listed for kind in one.kinds}
    failed = given_up((one.collection, one.county) for one in listed)
    counted = Pyramid.objects.exclude(status=Pyramid.Status.INTERRUPTED)
    found = counted.filter(**narrowed).select_related("layer").order_by("layer__collection", "county", "pk")
    rows = [
        {
            "collection": one.layer.collection, "county": one.county, "kind": one.kind, "method": one.method,
            "status": one.status, "version": one.version_id, "features": one.features, "seconds": one.seconds,
            "in_force_at": one.in_force_at, "is_due": (one.layer.collection, one.county, one.kind) in stale,
        }
        for one in found
    ]  # fmt: skip
    missing = sorted(stale - {(one["collection"], one["county"], one["kind"]) for one in rows})
    if as_json:
        wanted = [dict(zip(("collection", "county", "kind"), one, strict=True)) for one in missing]
        told = [{**asdict(one), "message_zh": one.zh, "message_en": one.en} for one in failed]
        answer = {"pyramids": rows, "missing": wanted, "failed": told}
        typer.echo(json.dumps(answer, ensure_ascii=False, default=str))
        return
    for row in rows:
        typer.echo(
            f"{row['collection']} {row['county']} {row['kind']} {row['method']} {row['status']} "
            f"{row['features'] or 0} 行 {row['seconds'] or 0:.1f} s{'  待重建 / due' if row['is_due'] else ''}"
        )
    for name, where, kind in missing:
        typer.echo(f"{name} {where} {kind}  未生成 / missing")
    for one in failed:
        typer.echo(f"{one.collection} {one.county}  失败 / failed\n  {one.zh}\n  {one.en}")


@app.command()
def rebuild(collection: Collection = "", county: County = "", as_json: Json = False) -> None:
    """立即从头重建金字塔 / Build from scratch, now, in this process."""
    principal = _start()
    from django.db import transaction

    from kunyu.engines.maps.pyramids import sweep
    from kunyu.engines.security import audit
    from kunyu.kernel.errors import NotFound

    wanted = sweep.counties(collection or None, county or None)
    if not wanted and (collection or county):
        raise NotFound(
            f"没有已发布的空间图层 {collection or '*'}，区划 {county or '*'}。",
            f"There is no published spatial layer {collection or '*'} in county {county or '*'}.",
        )
    with transaction.atomic():
        audit.record(principal, "pyramids-rebuild", "pyramid", collection or "*", county=county, counties=len(wanted))
    done = []
    for name, where in wanted:
        for one in sweep.rebuild(name, where, anew=True):
            done.append(one)
            typer.echo(f"{one.collection} {one.county} {one.kind}: {one.rows} 行，{one.seconds:.1f} s", err=True)
    dropped = sweep.clean()
    if as_json:
        typer.echo(json.dumps({"built": [asdict(one) for one in done], "dropped": dropped}, ensure_ascii=False))
