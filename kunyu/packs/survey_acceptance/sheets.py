"""Sheets that people upload: results of checked samples, who surveyed which village. CSV or XLSX. 导入表格.

A row that cannot be taken is told with its number and the reason; it never stops the others.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.utils import timezone

from kunyu.engines.catalogue.models import Layer
from kunyu.engines.pages.words import Pair
from kunyu.engines.security import audit, scope
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.scope import EDIT, Principal
from kunyu.kernel.digests import sm3_hex
from kunyu.kernel.errors import KunyuError
from kunyu.packs.survey_acceptance.errors import BadSheet
from kunyu.packs.survey_acceptance.models import SurveyorAssignment
from kunyu.packs.survey_acceptance.queries import items, round_to_work_on
from kunyu.packs.survey_acceptance.rules.judging import Judgement, require_sense
from kunyu.packs.survey_acceptance.rules.policy import policy
from kunyu.packs.survey_acceptance.services import judge_many

LARGEST_FILE = 5 * 1024 * 1024
LARGEST_UNPACKED = 100 * 1024 * 1024  # a small archive may claim to hold anything
MOST_ROWS = 50_000
_YES, _NO = (
    {"1", "是", "对", "正确", "right", "true", "yes", "y", "√"},
    {"0", "否", "错", "错误", "wrong", "false", "no", "n", "×"},
)
_VILLAGE = re.compile(r"[0-9]{12}")

RESULT_HEADINGS: dict[str, tuple[str, ...]] = {
    "bsm": ("标识码", "identifier", "bsm"),
    "class_right": ("地类正确", "class right", "class_right"),
    "class_found": ("实际地类", "actual class", "class_found"),
    "boundary_right": ("边界正确", "boundary right", "boundary_right"),
    "deviation_m": ("边界偏差 (m)", "边界偏差", "deviation (m)", "deviation_m"),
    "attributes_right": ("属性正确", "attributes right", "attributes_right"),
    "note": ("说明", "note"),
    "photos": ("照片", "photos"),
}
SURVEYOR_HEADINGS: dict[str, tuple[str, ...]] = {
    "village": ("坐落单位代码", "zldwdm", "village"),
    "surveyor": ("作业员", "surveyor"),
    "unit": ("单位", "unit", "作业单位"),
}


@dataclass(frozen=True)
class RowError:
    """A row that was not taken: its number as the spreadsheet shows it, and why."""

    row: int
    zh: str
    en: str

    @property
    def words(self) -> Pair:
        """The whole sentence."""
        return f"第 {self.row} 行：{self.zh}", f"Row {self.row}: {self.en}"


@dataclass(frozen=True)
class Taken:
    """What became of a sheet: rows taken that changed something, rows taken at all, rows refused."""

    changed: int
    rows: int
    errors: tuple[RowError, ...]


# -- results --------------------------------------------------------------------------------------------------------


@transaction.atomic
def import_results(principal: Principal, round_id: int, place: str, name: str, content: bytes) -> Taken:
    """Take the judged rows of a sheet; rows with nothing judged are passed over, bad ones told."""
    one = round_to_work_on(principal, round_id)
    known = {item.bsm: item for item in items(principal, one).filter(plan__place=place)}
    found: dict[str, Judgement] = {}
    errors = []
    for number, row in read_table(name, content, RESULT_HEADINGS, ("bsm", "class_right")):
        if not any(row[key] for key in ("class_right", "boundary_right", "attributes_right")):
            continue
        try:
            bsm = row["bsm"].strip("'")
            if bsm not in known:
                raise _Bad(
                    f"标识码 {bsm or '（空）'} 不在样本中。", f"identifier {bsm or '(blank)'} is not in the sample."
                )
            if bsm in found:
                raise _Bad(f"标识码 {bsm} 重复。", f"identifier {bsm} stands twice.")
            judgement = _judgement(row)
            require_sense(known[bsm], judgement)
            found[bsm] = judgement
        except (_Bad, KunyuError) as error:
            errors.append(_error(number, error))
    # also when no row is good: who may not check in this state is told so, not that the sheet is empty
    return Taken(judge_many(principal, round_id, place, found), len(found), tuple(errors))


class _Bad(Exception):
    """One row that cannot be taken: (zh, en)."""


def _error(number: int, error: Exception) -> RowError:
    if isinstance(error, KunyuError):
        return RowError(number, error.detail_zh, error.detail_en)
    return RowError(number, *error.args)


def _judgement(row: dict[str, str]) -> Judgement:
    return Judgement(
        class_right=_yes_or_no(row, "class_right"),
        boundary_right=_yes_or_no(row, "boundary_right"),
        attributes_right=_yes_or_no(row, "attributes_right"),
        class_found=row["class_found"].strip("'"),
        deviation_m=_metres(row["deviation_m"]),
        note=row["note"],
        photos=tuple(part for part in re.split(r"[\s,;，；]+", row["photos"]) if part),
    )


def _yes_or_no(row: dict[str, str], key: str) -> bool:
    text, title = row[key].lower(), RESULT_HEADINGS[key][0]
    if text in _YES or text in _NO:
        return text in _YES
    raise _Bad(
        f"“{title}”应填 是 或 否，现为“{row[key]}”。", f"“{RESULT_HEADINGS[key][1]}” is yes or no, not “{row[key]}”."
    )


def _metres(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise _Bad(f"边界偏差“{text}”不是数。", f"deviation “{text}” is no number.") from error
    if not value.is_finite():
        raise _Bad(f"边界偏差“{text}”不是数。", f"deviation “{text}” is no number.")
    return value.quantize(Decimal("0.01"))


# -- surveyors ------------------------------------------------------------------------------------------------------


@transaction.atomic
def import_surveyors(principal: Principal, year: int, name: str, content: bytes) -> Taken:
    """Take a list of villages and their surveyors for a year; a village named before gets its new surveyor.

    Needs the right to deliver parcels in the county of each village. Earlier lists are kept.
    """
    collections = parcel_collections()
    if not any(principal.divisions(one, EDIT) for one in collections):
        raise NotAllowed(
            "您没有汇交图斑的权限，不能上传作业分工。", "Without the right to deliver parcels nobody lists surveyors."
        )
    errors, found = [], dict[str, tuple[str, str]]()
    for number, row in read_table(name, content, SURVEYOR_HEADINGS, ("village", "surveyor")):
        try:
            village = row["village"].strip("'")[:12]
            _require_village(principal, village, collections)
            if not row["surveyor"] or len(row["surveyor"]) > 80 or len(row["unit"]) > 200:
                raise _Bad(
                    "作业员不能为空，至多 80 字；单位至多 200 字。", "the surveyor has 1 to 80 letters, the unit 200."
                )
            if found.get(village, (row["surveyor"], row["unit"])) != (row["surveyor"], row["unit"]):
                raise _Bad(f"{village} 有两名作业员。", f"{village} has two surveyors.")
            found[village] = row["surveyor"], row["unit"]
        except _Bad as error:
            errors.append(_error(number, error))
    changed = _replace(principal, year, found, sm3_hex(content))
    return Taken(changed, len(found), tuple(errors))


def parcel_collections() -> list[str]:
    """Collections of the parcels whose standards acceptance knows."""
    rules = policy()
    known = Layer.objects.filter(standard_id__in=rules.standards, code__in=rules.parcel_layers)
    return list(known.values_list("collection", flat=True).distinct())


def _require_village(principal: Principal, village: str, collections: list[str]) -> None:
    if not _VILLAGE.fullmatch(village):
        raise _Bad(f"坐落单位代码“{village}”应为 12 位以上数字。", f"ZLDWDM “{village}” has at least 12 digits.")
    for one in collections:
        if not scope.may(principal, one, EDIT) or not any(
            village.startswith(prefix) for prefix in principal.divisions(one, EDIT)
        ):
            raise _Bad(f"您的权限不包括 {village[:6]}。", f"your rights do not reach {village[:6]}.")


def _replace(principal: Principal, year: int, found: dict[str, tuple[str, str]], sm3: str) -> int:
    now = timezone.now()
    current = {
        one.village: one
        for one in SurveyorAssignment.objects.select_for_update().filter(
            year=year, village__in=found, superseded_at=None
        )
    }
    new = {v: who for v, who in found.items() if v not in current or (current[v].surveyor, current[v].unit) != who}
    if not new:
        return 0
    SurveyorAssignment.objects.filter(pk__in=[current[v].pk for v in new if v in current]).update(superseded_at=now)
    SurveyorAssignment.objects.bulk_create(
        SurveyorAssignment(
            county=village[:6], year=year, village=village, surveyor=surveyor, unit=unit, source_sm3=sm3,
            uploaded_by=principal.name,
        )
        for village, (surveyor, unit) in new.items()
    )  # fmt: skip
    audit.record(principal, "acceptance-surveyors", "surveyor_list", sm3, year=year, villages=len(new))
    return len(new)


# -- reading --------------------------------------------------------------------------------------------------------


def read_table(
    name: str, content: bytes, headings: dict[str, tuple[str, ...]], needed: tuple[str, ...]
) -> list[tuple[int, dict[str, str]]]:
    """Rows of the first sheet as (number as the spreadsheet shows it, texts by key); blank rows are left out.

    Raises
    ------
    BadSheet
        No table, no heading row, too large.
    """
    if len(content) > LARGEST_FILE:
        raise _bad_sheet(f"文件 {len(content) / 1e6:.1f} MB，上限 5 MB。", "The file is over 5 MB.")
    lines = iter(_xlsx(content) if content[:2] == b"PK" else _csv(name, content))
    heading = [one.strip().lower() for one in next(lines, [])]
    where: dict[str, int] = {}
    for key, names in headings.items():
        at = next((heading.index(one.lower()) for one in names if one.lower() in heading), None)
        if at is not None:
            where[key] = at
    missing = [headings[key][0] for key in needed if key not in where]
    if missing:
        raise _bad_sheet(
            f"第 1 行应是表头，缺少列：{'、'.join(missing)}。",
            f"Row 1 must be headings; missing: {', '.join(missing)}.",
        )
    rows = []
    for number, cells in enumerate(lines, 2):
        if number > MOST_ROWS:
            raise _bad_sheet(f"超过 {MOST_ROWS:,} 行，请分成几份。", f"More than {MOST_ROWS:,} rows; split the sheet.")
        row = {key: (cells[where[key]] if key in where and where[key] < len(cells) else "").strip() for key in headings}
        if any(row.values()):
            rows.append((number, row))
    return rows


def _bad_sheet(zh: str, en: str) -> BadSheet:
    return BadSheet(zh, en, field="file")


def _csv(name: str, content: bytes) -> Iterable[list[str]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise _bad_sheet(f"{name} 不是 UTF-8 或 GB18030 文本。", f"{name} is neither UTF-8 nor GB18030 text.")
    if "\0" in text:
        raise _bad_sheet(f"{name} 不是表格。", f"{name} is no table.")
    try:
        return list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise _bad_sheet(f"{name} 不是表格：{error}。", f"{name} is no table: {error}.") from error


def _xlsx(content: bytes) -> Iterable[list[str]]:
    from openpyxl import load_workbook

    try:
        if sum(one.file_size for one in zipfile.ZipFile(io.BytesIO(content)).infolist()) > LARGEST_UNPACKED:
            raise _bad_sheet("文件解压后过大。", "Unpacked, the file is too large.")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # the stated size may be a lie, or a million empty rows
        return [[_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True, max_row=MOST_ROWS + 2)]
    except BadSheet:
        raise
    except Exception as error:  # a damaged archive fails in many ways; all mean the same to whoever sent it
        raise _bad_sheet(f"无法读取表格：{error}", f"The spreadsheet cannot be read: {error}") from error


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
