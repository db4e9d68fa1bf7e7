"""``kunyu deliver``, ``deliveries``, ``publish``, ``reject``. 汇交命令."""

from __future__ import annotations

import datetime
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from kunyu.engines.ingest.models import Delivery
    from kunyu.engines.security.scope import Principal

FOUND = 1
"""Exit code: done, with findings of severity S or Z."""
LOOK_EVERY_S = 0.5

Json = Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 文档。 One JSON document on stdout.")]
Number = Annotated[int, typer.Argument(metavar="ID", help="汇交批次号。 Number of the delivery.")]


def register(app: typer.Typer) -> None:
    """Add the commands of deliveries."""
    app.command("deliver", help="汇交成果。 Hand a delivery in.")(deliver)
    app.command("deliveries", help="查看汇交批次。 List deliveries, or show one.")(deliveries)
    app.command("publish", help="发布已通过的汇交。 Publish an accepted delivery.")(publish)
    app.command("reject", help="拒绝汇交并写明原因。 Reject a delivery, with the reason.")(reject)


def deliver(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="文件、文件夹或压缩包。 A file, a folder or a zip.")],
    division: Annotated[str, typer.Option(help="区划代码，6、9或12位。 Division, 6, 9 or 12 digits.")],
    standard: Annotated[str, typer.Option(help="标准，如 TDT1057-2020。 Standard: every layer it knows.")] = "",
    dataset: Annotated[str, typer.Option(help="数据集代码：只汇交一个图层。 Dataset code: one layer.")] = "",
    mapping: Annotated[
        str, typer.Option(help="映射文件，或随产品提供的映射名。 Mapping file, or a shipped one's name.")
    ] = "",
    valid_from: Annotated[
        str, typer.Option(help="生效日期 YYYY-MM-DD，缺省取数据年份末。 Default: end of the data year.")
    ] = "",
    wait: Annotated[bool, typer.Option("--wait", help="等到有检查结论。 Wait for the verdict.")] = False,
    as_json: Json = False,
) -> None:
    """Receive a file; with ``--wait`` map and check it here, unless a worker holds it already."""
    from kunyu.engines.catalogue.services import dataset_for_delivery
    from kunyu.engines.ingest import access
    from kunyu.engines.ingest.receive import Request, receive
    from kunyu.engines.ingest.tasks import process_delivery
    from kunyu.engines.security.scope import EDIT

    actor = _principal()
    request = Request(file.name, division, standard, dataset, _date(valid_from), _mapping(mapping) if mapping else None)
    filled = dataset_for_delivery(dataset)[1].standard_id if dataset else standard
    access.require(actor, EDIT, filled, dataset, division)
    received = receive(file, request, actor)
    if received.existing:
        _say(f"同一文件已经汇交过：批次 {received.delivery.pk}。 Handed in before: delivery {received.delivery.pk}.")
    if not wait:
        process_delivery.defer(delivery_id=received.delivery.pk)
        _answer(received.delivery, as_json)
        return
    done = _finish(received.delivery.pk)
    _answer(done, as_json)
    if done.summary.get("S") or done.summary.get("Z"):
        raise typer.Exit(FOUND)


def _principal() -> Principal:
    from kunyu.engines.security.session import principal_of_command_line

    return principal_of_command_line()


def _date(text: str) -> datetime.date | None:
    from kunyu.kernel.errors import UsageError

    try:
        return datetime.date.fromisoformat(text) if text else None
    except ValueError as error:
        raise UsageError(f"日期 {text} 应为 YYYY-MM-DD。", f"Date {text} must be YYYY-MM-DD.") from error


def _mapping(given: str) -> Path:
    from kunyu.engines.ingest.uploads import mapping_path

    path = Path(given)
    return path if path.suffix or path.exists() else mapping_path(given)


def _finish(delivery_id: int) -> Delivery:
    """Process a delivery in this process, or watch the worker that holds it."""
    from kunyu.engines.ingest.errors import InProgress
    from kunyu.engines.ingest.process import process
    from kunyu.engines.ingest.services import UNFINISHED, get_delivery

    with _Bar() as show:
        while True:
            try:
                return process(delivery_id, show)
            except InProgress:
                delivery = get_delivery(delivery_id)
                progress = delivery.progress
                show(progress.get("stage", ""), progress.get("done", 0), progress.get("total", 0))
                if delivery.status not in UNFINISHED:
                    return _after_worker(delivery)
                time.sleep(LOOK_EVERY_S)


def _after_worker(delivery: Delivery) -> Delivery:
    """A worker's failure is told as if it had happened here."""
    from kunyu.engines.ingest.errors import WorkerFailed

    if delivery.status != "failed":
        return delivery
    last = delivery.events.latest("id")
    raise WorkerFailed(last.reason_zh, last.reason_en, delivery=delivery.pk, cause=last.code)


def _answer(delivery: Delivery, as_json: bool) -> None:
    from kunyu.engines.ingest.queries import datasets_of

    document = {
        "id": delivery.pk,
        "status": delivery.status,
        "datasets": datasets_of(delivery),
        "summary": delivery.summary,
    }
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False))
        return
    counts = "  ".join(f"{one} {delivery.summary[one]}" for one in "SZQW" if one in delivery.summary)
    typer.echo(f"批次 {delivery.pk} {delivery.file_name}: {delivery.get_status_display()} {delivery.status}  {counts}")
    for one in document["datasets"]:
        version = f"v{one['version']}" if one["version"] else "-"
        typer.echo(
            f"  {one['code']} {one['layer']} {version}  {delivery.summary.get('layers', {}).get(one['layer'], '')}"
        )


def deliveries(
    number: Annotated[int | None, typer.Argument(metavar="[ID]", help="只看这一批。 Only this one.")] = None,
    status: Annotated[str, typer.Option(help="状态。 Status.")] = "",
    division: Annotated[str, typer.Option(help="区划代码前缀。 Start of the division code.")] = "",
    standard: Annotated[str, typer.Option(help="标准。 Standard.")] = "",
    before: Annotated[int | None, typer.Option(help="此批次之前的。 Those before this number.")] = None,
    limit: Annotated[int, typer.Option(help="最多几条。 At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List deliveries, newest first, or show one with its history."""
    from kunyu.engines.ingest import queries

    _known_status(status)
    actor = _principal()
    if number is not None:
        _show(queries.detail(actor, number), as_json)
        return
    found, following = queries.deliveries(actor, queries.Asked(status, division, standard, before, limit))
    rows = [queries.brief(one) for one in found]
    if as_json:
        typer.echo(json.dumps({"deliveries": rows, "next": following}, ensure_ascii=False))
        return
    for row in rows:
        counts = "/".join("-" if row["findings"][one] is None else str(row["findings"][one]) for one in "SZQW")
        typer.echo(
            f"{row['id']:>6} {row['status_zh']} {row['status']:<9} {row['division']:<12} {row['dataset'] or row['standard']}"
            f"  {row['file_name']}  {row['records']}  {counts}  {row['created_by']} {row['created_at'][:16]}"
        )


def _known_status(status: str) -> None:
    from kunyu.engines.ingest.models import Delivery
    from kunyu.kernel.errors import UsageError

    if status and status not in Delivery.Status.values:
        known = ", ".join(Delivery.Status.values)
        raise UsageError(f"没有状态 {status}；可用 {known}。", f"There is no status {status}; use {known}.")


def _show(detail: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(detail, ensure_ascii=False))
        return
    typer.echo(f"批次 {detail['id']} {detail['file_name']}: {detail['status_zh']} {detail['status']}")
    for layer in detail["layers"]:
        typer.echo(f"  {layer['layer']} ← {layer['source']}  {layer['records']}  {layer['crs']}  {layer['collection']}")
    for row in (detail["check"] or {}).get("by_rule", []):
        typer.echo(f"  {row['severity']} {row['rule']} {row['layer']}  {row['count']}")
    for event in detail["events"]:
        typer.echo(f"  {event['at'][:19]} {event['status_zh']} {event['actor']} {event['code']} {event['reason_zh']}")


def publish(number: Number, as_json: Json = False) -> None:
    """Publish in this process: one transaction, all layers or none."""
    from kunyu.engines.ingest import access
    from kunyu.engines.ingest.publish import publish as publish_delivery
    from kunyu.engines.security.scope import APPROVE

    actor = _principal()
    access.actionable(actor, number, APPROVE)
    with _Bar() as show:
        done = publish_delivery(number, actor, show)
    _answer(done, as_json)


def reject(
    number: Number,
    why: Annotated[str, typer.Option(help="原因，汇交人会看到。 Reason, for whoever handed it in.")],
    as_json: Json = False,
) -> None:
    """Close a delivery that will not be published."""
    from kunyu.engines.ingest import access
    from kunyu.engines.ingest.services import reject as reject_delivery
    from kunyu.engines.security.scope import APPROVE

    actor = _principal()
    access.actionable(actor, number, APPROVE)
    _answer(reject_delivery(number, why, actor), as_json)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


class _Bar:
    """A bar on standard error, on a terminal only."""

    def __enter__(self) -> Any:
        if not sys.stderr.isatty():
            return lambda _stage, _done, _total: None
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}/{task.total:,}"),
            TimeElapsedColumn(), console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self.bar.start()
        task = self.bar.add_task("…", total=1)
        return lambda stage, done, total: self.bar.update(task, description=stage, completed=done, total=max(total, 1))

    def __exit__(self, *_error: object) -> None:
        if hasattr(self, "bar"):
            self.bar.stop()
