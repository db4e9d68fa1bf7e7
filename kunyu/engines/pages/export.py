"""The rows of a list as a file: CSV, XLSX or JSON, streamed, from the very QuerySet that the page shows.

Every export is on record before its first byte leaves: setting ``KUNYU_PAGES_EXPORT_RECORD`` names
``callable(request, listing_name, form, rows, query)``. This engine stands below the one that keeps the audit.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Any
from urllib.parse import quote

from django.conf import settings
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.module_loading import import_string

from kunyu.engines.pages import cells
from kunyu.engines.pages.asked import Asked
from kunyu.engines.pages.errors import TooManyRows
from kunyu.engines.pages.listing import Column, Listing
from kunyu.engines.pages.settings import pages_settings
from kunyu.engines.pages.words import pick

BATCH = 2000
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# a spreadsheet refuses these control characters; tab and line breaks are allowed
_CONTROL = dict.fromkeys(code for code in range(32) if code not in (9, 10, 13))


def answer(request: HttpRequest, listing: Listing, asked: Asked, rows: QuerySet[Any], form: str) -> HttpResponseBase:
    """The file as a download.

    Raises
    ------
    TooManyRows
        More rows than one export may hold; nothing is sent and nothing recorded.
    """
    limit = pages_settings().export_rows
    count = rows.order_by()[: limit + 1].count()
    if count > limit:
        raise TooManyRows(
            f"筛选后的行数超过一次导出的上限 {limit:,} 行，请先缩小筛选范围。",
            f"More rows match than one export may hold ({limit:,}); narrow the filter first.",
            limit=limit,
        )
    _record(request, listing.name, form, count, asked.query())
    writer: Callable[[Listing, Asked, QuerySet[Any], int], HttpResponseBase] = _WRITERS[form]
    response = writer(listing, asked, rows, count)
    name = f"{pick(listing.title)}-{timezone.localdate().isoformat()}.{form}"
    ascii_name = f"{listing.name}.{form}".replace("/", "-")
    response["Content-Disposition"] = f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name)}"
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _record(request: HttpRequest, name: str, form: str, count: int, query: str) -> None:
    path = getattr(settings, "KUNYU_PAGES_EXPORT_RECORD", "")
    if path:
        import_string(path)(request, name, form, count, query)


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula: a leading apostrophe before = + - @ tab or return."""
    text = text.translate(_CONTROL)
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text


def titles(columns: tuple[Column, ...]) -> list[str]:
    """Headings of a file, with the unit where the file differs from the page."""
    return [harmless(pick(one.title) + (" (m²)" if one.kind == "area" else "")) for one in columns]


def lines(columns: tuple[Column, ...], rows: QuerySet[Any]) -> Iterator[list[Any]]:
    """The cells of every row, in order of the columns, read in batches."""
    for row in rows.iterator(chunk_size=BATCH):
        yield [_safe(cells.plain(column, row)) for column in columns]


def _safe(value: Any) -> Any:
    return harmless(value) if isinstance(value, str) else value


class _Echo:
    """A file that hands back what is written to it: csv writes, the response streams."""

    def write(self, text: str) -> str:
        return text


def _csv(listing: Listing, asked: Asked, rows: QuerySet[Any], count: int) -> HttpResponseBase:
    writer = csv.writer(_Echo())

    def written() -> Iterator[str]:
        yield "\ufeff" + writer.writerow(titles(asked.columns))  # without the mark Excel takes UTF-8 for GBK
        for line in lines(asked.columns, rows):
            yield writer.writerow(line)

    return StreamingHttpResponse(written(), content_type="text/csv; charset=utf-8")


def _xlsx(listing: Listing, asked: Asked, rows: QuerySet[Any], count: int) -> HttpResponseBase:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet(pick(listing.title)[:31].translate(str.maketrans("", "", "[]:*?/\\")) or "1")
    sheet.freeze_panes = "A2"
    sheet.append(titles(asked.columns))
    for line in lines(asked.columns, rows):
        sheet.append(line)
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    book.save(file)
    file.seek(0)
    return FileResponse(file, content_type=XLSX_TYPE)


def _json(listing: Listing, asked: Asked, rows: QuerySet[Any], count: int) -> HttpResponseBase:
    head = {
        "listing": listing.name,
        "title_zh": listing.title[0],
        "title_en": listing.title[1],
        "columns": [{"key": one.key, "title_zh": one.title[0], "title_en": one.title[1]} for one in asked.columns],
    }

    def written() -> Iterator[str]:
        yield json.dumps(head, ensure_ascii=False)[:-1] + ', "rows": ['
        for number, row in enumerate(rows.iterator(chunk_size=BATCH)):
            found = {column.key: cells.plain(column, row) for column in asked.columns}
            yield (",\n" if number else "\n") + json.dumps(found, ensure_ascii=False)
        yield "\n]}\n"

    return StreamingHttpResponse(written(), content_type="application/json")


_WRITERS = {"csv": _csv, "xlsx": _xlsx, "json": _json}
