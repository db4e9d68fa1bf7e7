"""Exports are the rows of the list, no more and no fewer, harmless to spreadsheets, and on record (R-022, R-131)."""

from __future__ import annotations

import csv
import io
import json

import openpyxl
import pytest
from django.test import Client

from kunyu.engines.pages import cells
from kunyu.engines.pages.export import harmless
from kunyu.engines.pages.listing import Column
from kunyu.engines.reference.models import Division
from kunyu.engines.security.models import AuditEntry

QUERY = "?level=3&sort=-code&col=code&col=name&col=area&col=from"
ROWS = [["990103", "乙县", 15000.0, "2014-01-01"], ["990102", "甲县", 15000.0, "2013-01-01"],
        ["990101", "坤舆县", 15000.0, "2012-01-01"]]  # fmt: skip


def export(client: Client, query: str) -> bytes:
    answer = client.get("/divisions/" + query)
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment")
    assert "no-store" in answer["Cache-Control"]
    return b"".join(answer.streaming_content)  # type: ignore[arg-type]


def test_csv_holds_exactly_the_filtered_rows(person: Client) -> None:
    text = export(person, QUERY + "&format=csv")

    assert text.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"))))
    assert rows[0] == ["代码", "名称", "面积 (m²)", "生效"]
    assert rows[1:] == [[str(value) for value in row] for row in ROWS]


def test_xlsx_holds_the_same_rows_with_numbers_as_numbers(person: Client) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(export(person, QUERY + "&format=xlsx"))).active

    rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    assert rows[0] == ["代码", "名称", "面积 (m²)", "生效"]
    assert rows[1:] == ROWS


def test_json_holds_the_same_rows(person: Client) -> None:
    answer = json.loads(export(person, QUERY + "&format=json"))

    assert answer["listing"] == "test.divisions"
    assert [list(row.values()) for row in answer["rows"]] == ROWS
    assert json.loads(export(person, "?q=zzz&format=json"))["rows"] == []


def test_an_export_reaches_beyond_the_page_but_not_beyond_the_rights(person: Client) -> None:
    answer = json.loads(export(person, "?format=json&page=2"))

    assert [row["code"] for row in answer["rows"]] == ["99", "9901", "990101", "990102", "990103"]


@pytest.mark.parametrize("attack", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "=cmd|'/c calc'!A0"])
def test_no_value_becomes_a_formula(person: Client, attack: str) -> None:
    Division.objects.filter(code="990101").update(name_zh=attack)
    query = "?q=990101&col=name&format="

    rows = list(csv.reader(io.StringIO(export(person, query + "csv").decode("utf-8-sig"))))
    assert rows[1] == ["'" + attack]
    cell = openpyxl.load_workbook(io.BytesIO(export(person, query + "xlsx"))).active["A2"]
    assert cell.data_type == "s" and cell.value.startswith("'")


def test_control_characters_do_not_break_a_file(person: Client) -> None:
    Division.objects.filter(code="990101").update(name_zh="坤\x0b舆\x1f县")
    sheet = openpyxl.load_workbook(io.BytesIO(export(person, "?q=990101&col=name&format=xlsx"))).active
    assert sheet["A2"].value == "坤舆县"
    assert harmless("12 - 13") == "12 - 13"


def test_every_export_is_on_record(person: Client) -> None:
    export(person, QUERY + "&format=csv")

    entry = AuditEntry.objects.get(action="export")
    assert (entry.actor, entry.object_kind, entry.object_id) == ("li", "list", "test.divisions")
    assert entry.detail["rows"] == 3 and entry.detail["form"] == "csv" and "level=3" in entry.detail["query"]


def test_an_export_beyond_the_limit_is_refused_and_leaves_no_record(
    person: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUNYU_PAGES_EXPORT_ROWS", "4")
    answer = person.get("/divisions/?format=csv", headers={"Accept": "text/html"})

    assert answer.status_code == 413 and "上限 4 行" in answer.content.decode()
    assert not AuditEntry.objects.filter(action="export").exists()


def test_an_unknown_form_is_the_page(person: Client) -> None:
    assert b"<table" in person.get("/divisions/?format=exe").content


def test_a_code_is_said_by_its_name_on_the_page_and_kept_in_the_file() -> None:
    column = Column("division", ("区划", "Division"), "code", say=lambda code: {"990101": "坤舆县"}.get(code, code))

    assert cells.shown(column, {"code": "990101"}) == "坤舆县"
    assert cells.linked(column, {"code": "990101"}, "/there") == '<a href="/there">坤舆县</a>'
    assert cells.plain(column, {"code": "990101"}) == "990101"
    assert cells.shown(column, {"code": ""}) == cells.DASH
