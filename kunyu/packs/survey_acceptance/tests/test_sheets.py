"""Sheets of results and of surveyors: good rows are taken, bad ones told with their number (R-189)."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.http import QueryDict

from kunyu.engines.pages import asked
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.models import AuditEntry
from kunyu.packs.survey_acceptance import lists, queries, services, sheets
from kunyu.packs.survey_acceptance.errors import BadSheet, WrongStep
from kunyu.packs.survey_acceptance.models import AcceptanceRound, SampleItem, SurveyorAssignment
from kunyu.packs.survey_acceptance.rules.population import Wanted

pytestmark = pytest.mark.django_db(transaction=True)
HEAD = "标识码,地类正确,实际地类,边界正确,边界偏差 (m),属性正确,说明"


@pytest.fixture
def checking(delivered: Any, people: dict[str, Any]) -> AcceptanceRound:
    """A round in the office check."""
    one = AcceptanceRound.objects.get(delivery=delivered())
    services.draw_sample(people["checker"], one.pk, Wanted("interior", "simple", seed=5))
    services.begin_checks(people["checker"], one.pk)
    return one


def bsm(one: AcceptanceRound) -> list[str]:
    return list(SampleItem.objects.filter(plan__round=one).order_by("number").values_list("bsm", flat=True))


def csv_of(*rows: str, head: str = HEAD, encoding: str = "utf-8-sig") -> bytes:
    return "\n".join((head, *rows)).encode(encoding)


def test_good_rows_are_taken_and_bad_ones_told(checking, people):
    known = bsm(checking)
    content = csv_of(
        f"{known[0]},是,,是,,是,",
        f"{known[1]},否,0307,是,1.5,是,疏林",
        f"{known[2]},,,,,,",  # not judged: passed over
        "999999999999999999,是,,是,,是,",
        f"{known[3]},也许,,是,,是,",
        f"{known[4]},否,,是,,是,",
        f"{known[5]},是,,否,远,是,",
        f"{known[0]},是,,是,,是,",
        f"{known[6]},是,,否,-2,是,",
    )
    taken = sheets.import_results(people["checker"], checking.pk, "interior", "r.csv", content)
    assert (taken.rows, taken.changed) == (2, 2)
    assert [one.row for one in taken.errors] == [5, 6, 7, 8, 9, 10]
    said = " ".join(one.words[0] for one in taken.errors)
    for part in ("不在样本中", "应填 是 或 否，现为“也许”", "请填写实际地类", "“远”不是数", "重复", "应在 0 到"):
        assert part in said
    wrong = SampleItem.objects.get(bsm=known[1], plan__round=checking)
    assert (wrong.class_found, wrong.deviation_m, wrong.checker) == ("0307", Decimal("1.50"), "checker")
    assert SampleItem.objects.filter(plan__round=checking, checked_at__isnull=False).count() == 2
    event = checking.events.get(act="imported")
    assert [row["bsm"] for row in event.detail["changed"]] == known[:2]


def test_the_second_click_changes_nothing(checking, people):
    content = csv_of(*(f"{one},是,,是,0.4,是," for one in bsm(checking)))
    first = sheets.import_results(people["checker"], checking.pk, "interior", "r.csv", content)
    events, entries = checking.events.count(), AuditEntry.objects.count()
    again = sheets.import_results(people["checker"], checking.pk, "interior", "r.csv", content)
    assert (first.changed, again.changed, again.rows) == (50, 0, 50)
    assert (checking.events.count(), AuditEntry.objects.count()) == (events, entries)


def test_a_spreadsheet_and_old_windows_text_are_read_alike(checking, people):
    known = bsm(checking)
    book = openpyxl.Workbook()
    book.active.append(["Identifier", "Class right", "Boundary right", "Attributes right"])
    book.active.append([known[0], "yes", "no", "yes"])
    buffer = io.BytesIO()
    book.save(buffer)
    taken = sheets.import_results(people["checker"], checking.pk, "interior", "r.xlsx", buffer.getvalue())
    assert (taken.rows, taken.errors) == (1, ())
    content = csv_of(f"{known[1]},是,,是,,否,坐落错", encoding="gb18030")
    assert sheets.import_results(people["checker"], checking.pk, "interior", "r.csv", content).rows == 1
    assert SampleItem.objects.get(bsm=known[1], plan__round=checking).note == "坐落错"


@pytest.mark.parametrize(
    "content", [b"", b"\x00\x01\x02", b"PK\x03\x04broken", "甲,乙\n1,2".encode(), b"x" * (6 * 1024 * 1024)]
)  # fmt: skip
def test_no_sheet_at_all_is_refused(checking, people, content):
    with pytest.raises(BadSheet):
        sheets.import_results(people["checker"], checking.pk, "interior", "r", content)
    assert not SampleItem.objects.filter(plan__round=checking, checked_at__isnull=False).exists()


def test_results_come_when_the_check_runs_not_before(checking, people):
    services.draw_sample(people["checker"], checking.pk, Wanted("field", "simple", seed=6))
    field = SampleItem.objects.filter(plan__round=checking, plan__place="field").first()
    with pytest.raises(WrongStep):
        sheets.import_results(people["checker"], checking.pk, "field", "r.csv", csv_of(f"{field.bsm},是,,是,,是,"))


def test_surveyors_take_each_others_place_and_all_lists_stay(checking, people):
    """A village has one surveyor a year; a later list supersedes, the earlier row stays; others' counties are refused."""
    villages = sorted(set(SampleItem.objects.filter(plan__round=checking).values_list("village", flat=True)))
    rows = [f"{one}0000000,作业员{at},测绘一队" for at, one in enumerate(villages)]
    content = csv_of(*rows, "990102001001,外县人,", "99,短,", head="坐落单位代码,作业员,单位")
    taken = sheets.import_surveyors(people["surveyor"], checking.year, "s.csv", content)
    assert (taken.rows, taken.changed, [one.row for one in taken.errors]) == (
        len(villages), len(villages), [len(villages) + 2, len(villages) + 3],
    )  # fmt: skip
    again = csv_of(f"{villages[0]},换人,测绘二队", head="坐落单位代码,作业员,单位")
    assert sheets.import_surveyors(people["surveyor"], checking.year, "s.csv", again).changed == 1
    kept = SurveyorAssignment.objects.filter(village=villages[0]).order_by("pk")
    assert [(one.surveyor, one.superseded_at is None) for one in kept] == [("作业员0", False), ("换人", True)]
    with pytest.raises(NotAllowed):
        sheets.import_surveyors(people["checker"], checking.year, "s.csv", again)


def test_accuracy_by_county_and_surveyor_adds_up_over_rounds(checking, people):
    """Two villages, two surveyors: numbers by hand; who may not approve there sees none of it."""
    known = list(SampleItem.objects.filter(plan__round=checking).order_by("number").values_list("bsm", "village"))
    villages = sorted({village for _, village in known})
    assigned = csv_of(f"{villages[0]},甲,一队", head="坐落单位代码,作业员,单位")
    sheets.import_surveyors(people["surveyor"], checking.year, "s.csv", assigned)
    wrong = [key for key, village in known if village == villages[0]][:3]
    rows = [f"{key},{'否,0307' if key in wrong else '是,'},是,,是," for key, _ in known]
    sheets.import_results(people["checker"], checking.pk, "interior", "r.csv", csv_of(*rows))
    mine = sum(village == villages[0] for _, village in known)
    county = list(queries.accuracy_by_county(people["boss"]))
    assert [(one["county"], one["checked"], one["wrong"], one["class_wrong"]) for one in county] == [
        ("990101", 50, 3, 3)
    ]
    found = {one["surveyor"]: (one["checked"], one["wrong"]) for one in queries.accuracy_by_surveyor(people["boss"])}
    assert found == {"甲": (mine, 3), "": (50 - mine, 0)}
    listed = asked.matching(lists.by_county(people["boss"]), asked.read(lists.by_county(people["boss"]), QueryDict("")))
    assert [(one["checked"], one["wrong"]) for one in listed] == [(50, 3)]
    for name in ("viewer", "stranger"):
        assert not queries.accuracy_by_county(people[name]).exists()
