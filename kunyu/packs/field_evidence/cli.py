"""``kunyu evidence``: import packages and task lists, register devices, make sample packages. 举证命令."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kunyu.engines.security.scope import Principal

FOUND = 1
"""Exit code: done, and some photos are bad."""
Json = Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 文档。 One JSON document on stdout.")]
app = typer.Typer(no_args_is_help=True)


def _principal() -> Principal:
    from kunyu.engines.security.session import principal_of_command_line

    return principal_of_command_line()


@app.command("import", help="导入举证包。 Import an evidence package.")
def import_package(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="举证包 zip。 The package, a zip.")],
    as_json: Json = False,
) -> None:
    """Import a package; exit code 1 when some of its photos are bad."""
    from kunyu.packs.field_evidence import imports

    done = imports.import_package(file, file.name, _principal())
    said = imports.document(done)
    if as_json:
        typer.echo(json.dumps(said, ensure_ascii=False))
    else:
        before = "已导入过 imported before, " if done.existing else ""
        typer.echo(
            f"导入 {said['id']} {file.name}: {before}照片 photos {said['photos']}, 不合格 bad {said['photos_bad']}, "
            f"已有 known {said['already_known']}"
        )
    if said["photos_bad"]:
        raise typer.Exit(FOUND)


@app.command("tasks", help="导入任务清单（监测图斑）。 Import a list of patches.")
def import_tasks(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="GeoPackage、GeoJSON 或 CSV。 GeoPackage, GeoJSON or CSV.")
    ],
    as_json: Json = False,
) -> None:
    """Import a list of patches whole, or refuse it with the rows that are wrong."""
    from kunyu.kernel.errors import UnreadableInput
    from kunyu.packs.field_evidence import task_list

    if not file.is_file():
        raise UnreadableInput(f"没有文件 {file.name}。", f"There is no file {file.name}.")
    done = task_list.import_list(file, file.name, _principal())
    if as_json:
        typer.echo(json.dumps({"made": done.made, "existing": done.existing}))
        return
    typer.echo(f"新增任务 {done.made}, 已有 {done.existing}。 Tasks made {done.made}, stood already {done.existing}.")


@app.command("device", help="登记举证设备。 Register a device.")
def device(
    number: Annotated[str, typer.Argument(help="设备号。 Number of the device.")],
    public_key: Annotated[str, typer.Option(help="SM2 公钥，130 位十六进制。 SM2 public key, 130 hexadecimal digits.")],
    organisation: Annotated[str, typer.Option(help="单位代码。 Code of the organisation.")],
) -> None:
    """Register a device of an organisation."""
    from kunyu.packs.field_evidence import services

    made = services.register_device(_principal(), number, public_key, organisation)
    typer.echo(f"已登记设备 {made.number}。 Device {made.number} is registered.")


@app.command("revoke", help="注销举证设备。 Revoke a device.")
def revoke(
    number: Annotated[str, typer.Argument(help="设备号。 Number of the device.")],
    why: Annotated[str, typer.Option(help="原因。 Reason.")],
) -> None:
    """Revoke a device: photos taken from now on are not believed."""
    from kunyu.packs.field_evidence import services

    made = services.revoke_device(_principal(), number, why)
    typer.echo(f"已注销设备 {made.number}。 Device {made.number} is revoked.")


@app.command("statistics", help="分县统计。 Figures per county.")
def figures(as_json: Json = False) -> None:
    """Print the figures per county."""
    from kunyu.packs.field_evidence import statistics

    said = statistics.as_document(_principal())
    if as_json:
        typer.echo(json.dumps(said, ensure_ascii=False))
        return
    for one in said["counties"]:
        typer.echo(
            f"{one['county']} {one['name_zh']}: 任务 tasks {one['tasks']}, 待举证 pending {one['pending']}, "
            f"通过 passed {one['passed'] + one['archived']}, 退回 returned {one['returned']}, "
            f"照片 photos {one['photos_good']}+{one['photos_bad']}"
        )


@app.command("sample", help="由县数据生成模拟举证包。 Make sample packages from a county file.")
def sample(
    county: Annotated[Path, typer.Argument(metavar="COUNTY", help="含 DLTB 的成果文件。 A survey file with DLTB.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="写到哪里。 Where to write.")],
    parcels: Annotated[int, typer.Option(help="图斑数。 Parcels.")] = 20,
    seed: Annotated[int, typer.Option(help="随机种子。 Seed.")] = 0,
    defects: Annotated[str, typer.Option(help="缺陷，如 place:2,mock:1 或 all:1。 Defects.")] = "",
) -> None:
    """Write ``evidence.zip``, ``tasks.gpkg``, ``devices.json`` and ``truth.json``."""
    from kunyu.packs.field_evidence.samples import simulate as simulation

    folder.mkdir(parents=True, exist_ok=True)
    chosen = simulation.read_parcels(county, parcels, seed)
    made = simulation.simulate(folder / "evidence.zip", chosen, seed, _defects(defects, list(simulation.DEFECTS)))
    simulation.write_task_list(folder / "tasks.gpkg", chosen)
    keys = {number: key.hex() for number, key in made.devices.items()}
    (folder / "devices.json").write_text(json.dumps(keys, indent=1), "utf-8")
    truth = {"photos": {name: list(checks) for name, checks in made.truth.items()}, "incomplete": list(made.incomplete)}
    (folder / "truth.json").write_text(json.dumps(truth, indent=1), "utf-8")
    typer.echo(f"图斑 patches {len(chosen)}, 照片 photos {made.photos}: {folder}")


def _defects(spec: str, known: list[str]) -> dict[str, int]:
    from kunyu.kernel.errors import UsageError

    found: dict[str, int] = {}
    for part in filter(None, spec.split(",")):
        name, _, count = part.partition(":")
        if (name not in known and name != "all") or not count.isdigit():
            raise UsageError(
                f"缺陷 {part} 应为 名称:数量，名称为 {', '.join(known)} 或 all。",
                f"Defect {part} must be NAME:COUNT, NAME one of {', '.join(known)} or all.",
            )
        found.update(dict.fromkeys(known if name == "all" else [name], int(count)))
    return found
