"""Reads a spreadsheet of organisations, posts and users: .xlsx with up to three sheets, or .csv with one. 导入表格.

Reading knows headings and limits only; what the rows mean is judged in ``import_plan``.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from kunyu.engines.pages.words import Pair
from kunyu.engines.security.organisation_errors import BadEntry

LARGEST_FILE = 5 * 1024 * 1024
LARGEST_UNPACKED = 200 * 1024 * 1024  # a small archive may claim to hold anything
MOST_ROWS = 50_000
LONGEST_CELL = 300


@dataclass(frozen=True)
class Heading:
    """One column of a sheet; ``note`` is shown in the template."""

    key: str
    title: Pair
    needed: bool
    note: Pair


@dataclass(frozen=True)
class Sheet:
    """One kind of rows."""

    key: str
    title: Pair
    headings: tuple[Heading, ...]
    example: tuple[str, ...]

    def column(self, key: str) -> Pair:
        return next((one.title for one in self.headings if one.key == key), (key, key))


SHEETS = (
    Sheet("units", ("单位", "Organisations"), (
        Heading("code", ("单位代码", "Code"), True, ("字母、数字，不重复", "letters and digits, once only")),
        Heading("name_zh", ("名称", "Name"), True, ("2 至 120 字", "2 to 120 characters")),
        Heading("name_en", ("英文名称", "English name"), False, ("", "")),
        Heading("kind", ("类别", "Kind"), True,
                ("自然资源主管部门、内设机构、直属（技术）单位、外部单位", "bureau, department, unit, outside")),
        Heading("parent", ("上级单位代码", "Parent code"), False, ("不填为最上级", "empty for a root")),
        Heading("division_code", ("区划代码", "Division"), False, ("不填取上级单位的", "empty takes the parent's")),
        Heading("uscc", ("统一社会信用代码", "USCC"), False, ("18 位", "18 characters")),
    ), ("990101-ZR", "坤舆县自然资源局", "Kunyu County Bureau", "自然资源主管部门", "", "990101", "")),
    Sheet("posts", ("岗位", "Posts"), (
        Heading("unit", ("单位代码", "Organisation code"), True, ("已有或在“单位”表中", "existing, or in the first sheet")),
        Heading("name_zh", ("岗位名称", "Post"), True, ("单位内不重复", "once in its organisation")),
        Heading("name_en", ("英文名称", "English name"), False, ("", "")),
    ), ("990101-ZR", "数据管理岗", "Data steward")),
    Sheet("users", ("用户", "Users"), (
        Heading("username", ("账号", "Account"), True, ("小写字母、数字，不重复", "small letters and digits, once only")),
        Heading("name_zh", ("姓名", "Name"), True, ("2 至 60 字", "2 to 60 characters")),
        Heading("division_code", ("区划代码", "Division"), False, ("不填取单位的", "empty takes the organisation's")),
        Heading("unit", ("单位代码", "Organisation code"), False, ("任职时填写", "for an appointment")),
        Heading("post", ("岗位名称", "Post"), False, ("任职时填写", "for an appointment")),
        Heading("starts_on", ("任职起日", "First day"), False, ("2026-01-31；不填为今天", "2026-01-31; empty is today")),
    ), ("zhangsan", "张三", "990101", "990101-ZR", "数据管理岗", "")),
)  # fmt: skip
BY_KEY = {sheet.key: sheet for sheet in SHEETS}


@dataclass(frozen=True)
class Row:
    """One row: its sheet's key, its number as the spreadsheet shows it, its texts by heading key."""

    sheet: str
    number: int
    values: dict[str, str]

    def __getitem__(self, key: str) -> str:
        return self.values.get(key, "")


def read(name: str, content: bytes) -> dict[str, list[Row]]:
    """Rows by sheet; empty rows are skipped.

    Raises
    ------
    BadEntry
        No spreadsheet, too large, unknown or missing headings; the text names sheet, heading and limit.
    """
    if len(content) > LARGEST_FILE:
        raise bad(f"文件 {len(content) / 1e6:.1f} MB，上限 5 MB，请分成几份。", "The file is over 5 MB; split it.")
    tables = _xlsx(content) if content[:2] == b"PK" else _csv(name, content)
    found: dict[str, list[Row]] = {sheet.key: [] for sheet in SHEETS}
    for title, lines in tables:
        _read_table(title, lines, found)
    if not any(found.values()):
        raise bad(
            "表中没有数据行。请按模板填写后再上传。", "There are no rows. Fill in the template and send it again."
        )
    return found


def bad(zh: str, en: str) -> BadEntry:
    return BadEntry(zh, en, field="file")


def _xlsx(content: bytes) -> Iterator[tuple[str, Iterable[list[str]]]]:
    from openpyxl import load_workbook

    try:
        unpacked = sum(one.file_size for one in zipfile.ZipFile(io.BytesIO(content)).infolist())
        if unpacked > LARGEST_UNPACKED:
            raise bad("文件解压后过大，不是正常的表格。", "Unpacked, the file is too large for a spreadsheet.")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except BadEntry:
        raise
    except Exception as error:  # openpyxl raises whatever its parsers raise
        raise bad(
            "读不出这个 .xlsx 文件，请用 Excel 或 WPS 重新保存。", "This .xlsx cannot be read; save it anew."
        ) from error
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # the stated size may be a lie, or a million empty rows
        yield sheet.title, ([_text(value) for value in line] for line in sheet.iter_rows(values_only=True))


def _csv(name: str, content: bytes) -> Iterator[tuple[str, Iterable[list[str]]]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise bad(
            "文件不是 .xlsx，也不是 UTF-8 或 GB 18030 编码的 .csv。", "Neither .xlsx nor .csv in UTF-8 or GB 18030."
        )
    if "\0" in text:
        raise bad("文件不是 .xlsx 或 .csv 表格。", "The file is no .xlsx or .csv.")
    yield name, ([_text(value) for value in line] for line in csv.reader(io.StringIO(text, newline="")))


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # Excel keeps codes typed as numbers as floats
    # an apostrophe before a formula's sign is ours: exports write it
    return " ".join(str(value).replace("\0", "").split())[:LONGEST_CELL].removeprefix("'")


def _read_table(title: str, lines: Iterable[list[str]], found: dict[str, list[Row]]) -> None:
    walk = enumerate(lines, start=1)
    head = next((line for _, line in walk if any(line)), None)
    if head is None:
        return
    sheet = _sheet_of(title, head)
    places = _places(sheet, head)
    for number, line in walk:
        values = {key: line[place] for key, place in places.items() if place < len(line)}
        if any(values.values()):
            found[sheet.key].append(Row(sheet.key, number, values))
        if sum(map(len, found.values())) > MOST_ROWS:
            raise bad(f"超过 {MOST_ROWS:,} 行，请分成几份。", f"More than {MOST_ROWS:,} rows; split the file.")


def _plain(heading: str) -> str:
    return heading.replace("*", "").replace("（必填）", "").strip().casefold()


def _sheet_of(title: str, head: list[str]) -> Sheet:
    """By its name, else by the first kind all of whose needed headings are there."""
    names = {_plain(one) for one in head}
    for sheet in SHEETS:
        if _plain(title) in (sheet.title[0], sheet.title[1].casefold()):
            return sheet
    for sheet in SHEETS:
        if all({one.title[0].casefold(), one.title[1].casefold()} & names for one in sheet.headings if one.needed):
            return sheet
    wanted = "；".join(f"{one.title[0]}：{'、'.join(h.title[0] for h in one.headings if h.needed)}" for one in SHEETS)
    raise bad(
        f"认不出工作表“{title}”的表头。各表必有的列为 {wanted}。",
        f"The headings of sheet “{title}” are not those of the template.",
    )


def _places(sheet: Sheet, head: list[str]) -> dict[str, int]:
    titles = {_plain(text): key for key, text in ((h.key, t) for h in sheet.headings for t in h.title)}
    places: dict[str, int] = {}
    for place, text in enumerate(head):
        key = titles.get(_plain(text))
        if text and key is None:
            raise bad(f"“{sheet.title[0]}”表有不认识的列“{text}”，请按模板改名或删去。",
                      f"Sheet {sheet.title[1]} has an unknown heading “{text}”; rename or drop it.")  # fmt: skip
        if key in places:
            raise bad(f"“{sheet.title[0]}”表的列“{text}”出现两次。", f"Heading “{text}” stands twice.")
        if key is not None:
            places[key] = place
    missing = [one.title for one in sheet.headings if one.needed and one.key not in places]
    if missing:
        raise bad(f"“{sheet.title[0]}”表缺少列：{'、'.join(one[0] for one in missing)}。",
                  f"Sheet {sheet.title[1]} lacks {', '.join(one[1] for one in missing)}.")  # fmt: skip
    return places


def template() -> bytes:
    """An empty .xlsx with the three sheets, one example row each and notes on the headings."""
    from openpyxl import Workbook
    from openpyxl.comments import Comment
    from openpyxl.styles import Font

    book = Workbook()
    book.remove(book.active)
    for sheet in SHEETS:
        page = book.create_sheet(sheet.title[0])
        page.append([one.title[0] + ("*" if one.needed else "") for one in sheet.headings])
        page.append(sheet.example)
        for cell, heading in zip(page[1], sheet.headings, strict=True):
            cell.font = Font(bold=True)
            if heading.note[0]:
                cell.comment = Comment(f"{heading.note[0]}\n{heading.title[1]}: {heading.note[1]}", "Kunyu")
            page.column_dimensions[cell.column_letter].width = 20
            for one in page[cell.column_letter]:
                one.number_format = "@"  # codes are text: Excel would make numbers of them
        page.freeze_panes = "A2"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
