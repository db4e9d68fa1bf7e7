"""Import a list of patches of which evidence is wanted, as the nation hands it down: GeoPackage, GeoJSON or CSV. 任务清单.

Columns: JCBH (or BSM) and XZQDM are needed; TBLX, TBBH, BSM, QSRQ and JZRQ (first and last day) are taken where they are
there. A CSV carries the polygon as WKT in CGCS2000 longitude, latitude in a column WKT. The list is taken whole or not at
all; a patch that stands already is left as it is, so that the same list twice changes nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyogrio
import shapely
from django.db import connection, transaction

from kunyu.engines.ingest.receive import quarantine
from kunyu.engines.security import audit
from kunyu.engines.security.scope import EDIT, Principal, require_division
from kunyu.kernel.digests import sm3_file
from kunyu.kernel.geodesy import to_lonlat
from kunyu.kernel.private_folder import private_folder
from kunyu.packs.field_evidence import access
from kunyu.packs.field_evidence.errors import BadTaskList
from kunyu.packs.field_evidence.models import EvidenceEvent, State

MOST_PATCHES = 500_000
MOST_BYTES = 2 << 30
MOST_SAID = 5
_TEXTS = ("JCBH", "XZQDM", "TBLX", "TBBH", "BSM")
_DAYS = ("QSRQ", "JZRQ")


@dataclass(frozen=True)
class Listed:
    """Tasks that were made, and patches that stood already."""

    made: int
    existing: int


def import_list(path: Path, file_name: str, principal: Principal) -> Listed:
    """Make the tasks of a list.

    Raises
    ------
    BadTaskList
        Which rows cannot be used and why; nothing was taken.
    SignInNeeded, NotVisible, NotAllowed
        A patch lies where the principal may not edit evidence.
    """
    granted = access.granted(principal, EDIT)
    frame = _frame(path, file_name)
    shapes = _shapes(frame, path, file_name)
    problems = list(_problems(frame, shapes))
    if problems:
        raise _bad(file_name, problems)
    for division in frame["XZQDM"].unique():
        require_division(granted, str(division))
    return _write(frame, shapes, (file_name, sm3_file(path)), principal)


def _frame(path: Path, name: str) -> pd.DataFrame:
    """The list as texts, one column per known field; ``geometry`` as WKB or WKT."""
    try:
        if path.suffix.lower() == ".csv":
            text = path.read_bytes().decode("utf-8-sig")
            rows = list(csv.DictReader(io.StringIO(text)))
            raw = pd.DataFrame(rows)
            geometry: Any = raw["WKT"].tolist() if "WKT" in raw else [None] * len(raw)
        else:
            meta, _, wkb, columns = pyogrio.raw.read(path, max_features=MOST_PATCHES + 1)
            raw = pd.DataFrame(dict(zip(meta["fields"], columns, strict=True)))
            geometry = wkb if wkb is not None else [None] * len(raw)
    except (OSError, ValueError, csv.Error, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise BadTaskList(
            f"任务清单 {name} 无法读取：{error}。请提供 GeoPackage、GeoJSON 或 UTF-8 CSV。",
            f"Task list {name} cannot be read: {error}. Give a GeoPackage, a GeoJSON or a CSV in UTF-8.",
        ) from error
    if len(raw) > MOST_PATCHES or not len(raw):
        raise BadTaskList(
            f"任务清单 {name} 有 {len(raw)} 个图斑，应为 1–{MOST_PATCHES}。",
            f"Task list {name} has {len(raw)} patches; 1 to {MOST_PATCHES}.",
        )
    raw.columns = [str(one).strip().upper() for one in raw.columns]
    frame = pd.DataFrame({one: _texts(raw, one) for one in _TEXTS})
    for one in _DAYS:
        frame[one] = [_day(text) for text in _texts(raw, one)]
    frame["NUMBER"] = np.where(frame["JCBH"] != "", frame["JCBH"], frame["BSM"])
    frame["GEOMETRY"] = list(geometry)
    return frame


def _texts(raw: pd.DataFrame, name: str) -> list[str]:
    if name not in raw:
        return [""] * len(raw)
    return [_text(one) for one in raw[name]]


def _text(value: object) -> str:
    """A code as text; a number that a spreadsheet made of one loses its decimals."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).replace("\0", "").strip()


def _day(text: str) -> date | str | None:
    """A day, None where blank, the text itself where it is none."""
    if text in ("", "NaT", "None"):
        return None
    for form in ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"):
        try:
            return datetime.strptime(text[:10] if "-" in text or "/" in text else text, form).date()
        except ValueError:
            continue
    return text


def _shapes(frame: pd.DataFrame, path: Path, name: str) -> np.ndarray:
    """The polygons in longitude, latitude (EPSG:4490) as multipolygons; None where unreadable."""
    given = frame["GEOMETRY"].to_numpy()
    if path.suffix.lower() == ".csv":
        return _areas(shapely.from_wkt([one or None for one in given], on_invalid="ignore"))
    crs = pyogrio.read_info(path)["crs"]
    if crs is None:
        raise BadTaskList(
            f"任务清单 {name} 没有坐标系。请写明 CGCS2000 坐标系后再导入。",
            f"Task list {name} does not say its coordinate system.",
        )
    return _areas(to_lonlat(shapely.force_2d(shapely.from_wkb(given, on_invalid="ignore")), crs))


def _areas(shapes: np.ndarray) -> np.ndarray:
    found = np.full(len(shapes), None, object)
    for at in np.flatnonzero(np.isin(shapely.get_type_id(shapes), (3, 6))):
        one = shapes[at]
        found[at] = one if one.geom_type == "MultiPolygon" else shapely.MultiPolygon([one])
    return found


def _problems(frame: pd.DataFrame, shapes: np.ndarray) -> Iterator[str]:
    """Every row that cannot be used, by row number from 1."""
    numbers, divisions = frame["NUMBER"], frame["XZQDM"]
    wrong = {
        "没有 JCBH 或 BSM": (numbers == "") | (numbers.str.len() > 60),
        "XZQDM 不是 6、9 或 12 位数字": ~divisions.str.fullmatch(r"\d{6}(\d{3}(\d{3})?)?"),
        "编号重复": frame.duplicated(["NUMBER", "XZQDM"], keep="first") & (numbers != ""),
        "没有多边形": pd.Series(shapely.is_missing(shapes) | shapely.is_empty(shapes)),
        "多边形无效或坐标不在经纬度范围": pd.Series(~_sound(shapes)),
        "日期应为 YYYY-MM-DD": frame["QSRQ"].map(lambda one: isinstance(one, str))
        | frame["JZRQ"].map(lambda one: isinstance(one, str)),
        "TBLX 超过 20 字": frame["TBLX"].str.len() > 20,
    }
    for why, rows in wrong.items():
        at = np.flatnonzero(rows.to_numpy(dtype=bool))
        if len(at):
            more = f" 等 {len(at)} 行" if len(at) > MOST_SAID else ""
            yield f"{why}: 第 {'、'.join(str(row + 1) for row in at[:MOST_SAID])} 行{more}"


def _sound(shapes: np.ndarray) -> np.ndarray:
    """Valid, and on the earth; missing ones are another problem's."""
    with np.errstate(invalid="ignore"):
        bounds = shapely.bounds(shapes)
        inside = (np.abs(bounds[:, [0, 2]]) <= 180).all(axis=1) & (np.abs(bounds[:, [1, 3]]) <= 90).all(axis=1)
    sound: np.ndarray = (shapely.is_valid(shapes) & inside) | shapely.is_missing(shapes)
    return sound


def _bad(name: str, problems: list[str]) -> BadTaskList:
    said = "；".join(problems)
    return BadTaskList(
        f"任务清单 {name} 未导入：{said}。请改正后整份重新导入。",
        f"Task list {name} was not taken in: {said}. Correct it and import it as a whole.",
    )


_INSERT = """
INSERT INTO field_evidence_evidencetask
  (number, jcbh, tbbh, bsm, division_code, tblx, window_from, window_to, label, state, outcome, round, photos_good,
   photos_bad, is_complete, submitted_by, county_by, city_by, province_by, nation_by, source, source_sm3, created_by,
   created_at, updated_at, geom)
SELECT n.number, n.jcbh, n.tbbh, n.bsm, n.division, n.tblx, n.first, n.last, 0, %s, '', 1, 0, 0, false, '', '', '', '', '',
       %s, %s, %s, now(), now(), ST_GeomFromWKB(n.shape, 4490)
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::date[], %s::date[], %s::bytea[])
  AS n (number, jcbh, tbbh, bsm, division, tblx, first, last, shape)
ON CONFLICT (number, division_code) DO NOTHING RETURNING id
"""
_HISTORY = """
INSERT INTO field_evidence_evidenceevent (task_id, act, before, after, outcome, round, at, actor, reason)
SELECT unnest(%s::bigint[]), %s, '', %s, '', 1, now(), %s, %s
"""


@transaction.atomic
def _write(frame: pd.DataFrame, shapes: np.ndarray, source: tuple[str, str], principal: Principal) -> Listed:
    """Tasks, history and audit in three statements, however long the list."""
    name, sm3 = source
    texts = [frame[one].str.slice(0, 60).tolist() for one in ("NUMBER", "JCBH", "TBBH", "BSM", "XZQDM", "TBLX")]
    days = [[_or_none(one) for one in frame[day]] for day in _DAYS]
    with connection.cursor() as cursor:
        said = [State.PENDING.value, name[-255:], sm3, principal.name]
        cursor.execute(_INSERT, [*said, *texts, *days, list(shapely.to_wkb(shapes))])
        made = [row[0] for row in cursor.fetchall()]
        created = [EvidenceEvent.Act.CREATED.value, State.PENDING.value, principal.name, name]
        cursor.execute(_HISTORY, [made, *created])
    audit.record(
        principal, "import-evidence-tasks", "evidence-list", sm3[:16], file=name[:200], sm3=sm3, made=len(made),
        existing=len(frame) - len(made), divisions=sorted(set(frame["XZQDM"]))[:20],
    )  # fmt: skip
    return Listed(len(made), len(frame) - len(made))


def _or_none(value: object) -> date | None:
    return value if isinstance(value, date) and not pd.isna(value) else None


def hand_in(file: Any, principal: Principal) -> Listed:
    """Take in an uploaded list; it lies in the quarantine while it is read."""
    access.granted(principal, EDIT)
    name = Path((file.name or "list").replace("\\", "/")).name
    if (file.size or 0) > MOST_BYTES:
        raise BadTaskList(
            f"任务清单 {name} 超过 {MOST_BYTES} 字节。", f"Task list {name} has more than {MOST_BYTES} bytes."
        )
    with private_folder(quarantine()) as folder:
        path = folder / f"list{Path(name).suffix.lower()}"
        with path.open("wb") as out:
            for piece in file.chunks(1 << 20):
                out.write(piece)
        return import_list(path, name, principal)
