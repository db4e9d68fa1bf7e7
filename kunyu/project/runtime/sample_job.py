"""Fill a new node: the sample county made, delivered, published, its control lines, its change; then sample cases.

A job of its own, so that the node answers meanwhile. It uses the same commands as anybody else (``kunyu sample``,
``kunyu deliver``, ``kunyu publish``), so a sample that loads proves the walk. Interrupted, it begins again at the next
start; a package that is published already is not delivered twice.
"""

from __future__ import annotations

import csv
import json
import logging
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from kunyu.project.home import state_home
from kunyu.project.runtime.node_settings import NodeSettings
from kunyu.project.runtime.node_state import write_json
from kunyu.project.runtime.processes import Child, marked_environment

PARCELS, SEED = 5_000, 1
CASES = 24
COUNTY = "990101"
LOADING, READY, FAILED = "loading", "ready", "failed"
STATE_FILE = "sample-county.json"
COUNTY_LEVEL = 3
logger = logging.getLogger("kunyu.sample")


@dataclass(frozen=True)
class Package:
    """One file of the sample county and how it is handed in."""

    stem: str
    standard: str
    valid_from: str
    name_zh: str
    name_en: str
    suffix: str = ".gpkg"
    dataset: str = ""


PACKAGES = (
    Package("county", "TDT1057-2020", "2024-12-31", "国土调查成果", "land survey"),
    Package("control", "MNR-CONTROL-2021", "2024-12-31", "控制线与规划", "control lines and plan"),
    Package("change-2025", "TDT1057-2020", "2025-12-31", "2025 年度变更包", "change package of 2025"),
    Package("dem", "", "2024-12-31", "数字高程模型", "elevation grid", ".tif", "10104-901@990101"),
)


@dataclass(frozen=True)
class Progress:
    """How far the sample county is; ``published`` names the packages that are on the map."""

    status: str = LOADING
    stage_zh: str = ""
    stage_en: str = ""
    done: int = 0
    total: int = len(PACKAGES) + 1
    published: tuple[str, ...] = ()


class StepFailed(Exception):
    """A command of the walk did not end as it should."""


def read_progress(home: Path) -> Progress:
    """Return the recorded progress; an unreadable record counts as none."""
    try:
        values = json.loads((home / "sample" / STATE_FILE).read_text("utf-8"))
        return Progress(**{**values, "published": tuple(values["published"])})
    except (OSError, ValueError, TypeError, KeyError):
        return Progress()


def is_done(home: Path) -> bool:
    """Tell whether the sample county is on the map."""
    return read_progress(home).status == READY


def child(settings: NodeSettings) -> Child:
    """Return the job as a child of the supervisor."""
    command = [sys.executable, "-m", "kunyu.project.runtime.sample_job"]
    environment = marked_environment(settings.home)
    environment.pop("KUNYU_TOKEN", None)  # the node loads its own sample, as operator
    return Child("sample", command, environment, settings.log_folder / "sample.log", grace_s=3, once=True)


def load(home: Path) -> None:
    """Generate, register, deliver and publish; record each step."""
    folder = home / "sample" / "county"
    progress = read_progress(home)
    progress = _record(home, progress, LOADING, f"生成 {PARCELS} 个图斑", f"generating {PARCELS} parcels", 0)
    if not (folder / "divisions.csv").exists() or not progress.published:
        _kunyu("sample", "county", str(folder), "--parcels", str(PARCELS), "--seed", str(SEED), "--json")
        register_divisions(folder)
    for number, package in enumerate(PACKAGES, 1):
        path = folder / f"{package.stem}{package.suffix}"
        if package.stem in progress.published or not path.exists():
            continue
        zh, en = f"汇交并发布{package.name_zh}", f"delivering and publishing the {package.name_en}"
        progress = _record(home, progress, LOADING, zh, en, number)
        _hand_in(path, package)
        progress = Progress(**{**asdict(progress), "published": (*progress.published, package.stem)})
    _record(home, progress, READY, "已在图上", "on the map", progress.total)
    _load_cases()


def _load_cases() -> None:
    """A few cases in every state for the lists to show; the county is on the map whether they come or not."""
    try:
        made = _kunyu("sample", "cases", "--count", str(CASES), "--json")
    except StepFailed:
        logger.exception("the sample cases were not made; kunyu sample cases makes them")
    else:
        logger.info("sample cases: %s", made)


def register_divisions(folder: Path) -> None:
    """Register province 99 down to the villages, and the outline of the county for the base map."""
    from django.db import connection, transaction

    from kunyu.engines.reference.models import DivisionBoundary
    from kunyu.engines.reference.services import NewDivision, register_fictional

    with (folder / "divisions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = {row["code"]: row["name_zh"] for row in rows}
    outline = _outline(folder / "county.gpkg")
    with transaction.atomic(), connection.cursor() as cursor:
        register_fictional(NewDivision(row["code"], row["name_zh"], row["parent"]) for row in rows)
        DivisionBoundary.objects.filter(code=COUNTY, source="sample").delete()
        for detail in DivisionBoundary.Detail.values:
            cursor.execute(
                "INSERT INTO reference_divisionboundary (code, name_zh, level, detail, source, geom) "
                "VALUES (%s, %s, %s, %s, 'sample', ST_SetSRID(ST_GeomFromWKB(%s), 4490))",
                [COUNTY, names[COUNTY], COUNTY_LEVEL, detail, outline],
            )


def _outline(path: Path) -> bytes:
    """Return the union of the townships as WKB in longitude and latitude (EPSG:4490)."""
    import numpy as np
    import pyogrio
    import shapely

    from kunyu.kernel.geodesy import to_lonlat

    meta, _, geometry, _ = pyogrio.raw.read(path, layer="XZQ", columns=[])
    townships = shapely.from_wkb(geometry)
    united = shapely.union_all(shapely.make_valid(townships))
    return bytes(shapely.to_wkb(to_lonlat(np.array([united]), meta["crs"])[0]))


def _hand_in(path: Path, package: Package) -> None:
    target = ("--dataset", package.dataset) if package.dataset else ("--standard", package.standard)
    delivered = _kunyu(
        "deliver", str(path), *target, "--division", COUNTY,
        "--valid-from", package.valid_from, "--wait", "--json",
    )  # fmt: skip
    if delivered.get("status") != "accepted":
        raise StepFailed(f"{path.name}: {json.dumps(delivered, ensure_ascii=False)[:600]}")
    _kunyu("publish", str(delivered["id"]), "--json")


def _kunyu(*words: str) -> dict[str, object]:
    """Run a command and return its JSON; findings (exit code 1) are an answer, every other code is not."""
    done = subprocess.run([sys.executable, "-m", "kunyu", *words], capture_output=True, text=True, check=False)
    logger.info("kunyu %s: %s", " ".join(words), done.returncode)
    if done.returncode not in (0, 1):
        raise StepFailed(f"kunyu {words[0]}: {done.stderr.strip()[-600:] or done.returncode}")
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise StepFailed(f"kunyu {words[0]}: {done.stdout[:200]!r} is not JSON") from error
    return answer if isinstance(answer, dict) else {"answer": answer}


def _record(home: Path, progress: Progress, status: str, zh: str, en: str, done: int) -> Progress:
    progress = Progress(status, zh, en, done, progress.total, progress.published)
    write_json(home / "sample" / STATE_FILE, asdict(progress))
    return progress


def main() -> None:
    """Entry of the child process."""
    from kunyu.project.runtime.django_setup import prepare_django

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    os.environ.setdefault("KUNYU_HOME", str(state_home()))
    home = state_home()
    prepare_django()
    try:
        load(home)
    except Exception as error:  # the job's only reader is its record
        logger.exception("the sample county was not loaded")
        _record(home, read_progress(home), FAILED, str(error), str(error), 0)
        sys.exit(1)


if __name__ == "__main__":
    main()
