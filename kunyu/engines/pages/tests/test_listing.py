"""Lists: filters, search, order, pages, columns, views of one's own; markup that keyboards and ears can use (R-022)."""

from __future__ import annotations

import re

import pytest
from django.http import QueryDict
from django.test import Client

from kunyu.engines.pages import asked
from kunyu.engines.pages.listing import Filter
from kunyu.engines.pages.models import SavedView
from kunyu.engines.pages.tests.division_pages import entered, listing
from kunyu.engines.reference.models import Division


def html(client: Client, query: str = "", language: str = "") -> str:
    if language:
        client.cookies["django_language"] = language
    answer = client.get("/divisions/" + query)
    assert answer.status_code == 200
    return answer.content.decode()


def codes(page: str) -> list[str]:
    """Codes in the order of the rows shown."""
    return re.findall(r'href="/divisions/(\d+)/"', page)


def test_rows_are_those_the_caller_limited_and_pages_do_not_overlap(person: Client) -> None:
    first, second = html(person), html(person, "?page=2")

    assert codes(first) == ["99", "9901", "990101"]
    assert codes(second) == ["990102", "990103"]
    assert "看不见的省" not in first + second
    assert "共 5 条" in first
    assert 'rel="next"' in first and 'rel="next"' not in second and 'rel="prev"' in second


@pytest.mark.parametrize("page", ["0", "-1", "999", "x", "１", "1e9"])
def test_a_page_that_is_not_there_is_the_nearest_one(person: Client, page: str) -> None:
    assert codes(html(person, f"?page={page}"))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?level=2", ["9901"]),
        ("?parent=9901&sample=1", ["990101"]),
        ("?valid_from=2013-01-01&valid_to=2014-12-31", ["990102", "990103"]),
        ("?q=县 9901", ["990101", "990102", "990103"]),
        ("?q=县 NAME 990102", ["990102"]),
        ("?q=%25", []),
        ("?q=_", []),
        ("?q=' OR 1=1 --", []),
    ],
)
def test_filters_and_words(person: Client, query: str, expected: list[str]) -> None:
    """Words are all needed; wildcards and quotes of SQL are letters like others."""
    assert codes(html(person, query)) == expected


def test_what_the_database_would_choke_on_is_dropped(divisions: None) -> None:
    found = asked.read(listing(), QueryDict("q=%00a&parent=%00"))
    assert found.words == "a" and not found.values


def test_a_choice_that_is_not_offered_is_not_applied(person: Client) -> None:
    assert len(codes(html(person, "?level=9%27"))) == 3


def test_a_bad_day_is_told_and_not_applied(person: Client) -> None:
    page = html(person, "?valid_from=2013-02-31")

    assert "生效：“2013-02-31”不是日期" in page
    assert len(codes(page)) == 3


def test_headers_sort_up_then_down_and_say_so(person: Client) -> None:
    up = html(person, "?sort=code")
    down = html(person, "?sort=-code")

    assert codes(down)[0] == "990103"
    assert re.search(r'aria-sort="ascending"><a class="ky-sort" href="\?sort=-code">', up)
    assert re.search(r'aria-sort="descending"><a class="ky-sort" href="\?sort=code">', down)
    assert up.count('aria-sort="none"') == 2  # name and day; what cannot be sorted says nothing
    assert codes(html(person, "?sort=password")) == codes(html(person, "?sort=digits")) == codes(html(person))


def test_columns_are_chosen_and_stay_chosen(person: Client) -> None:
    page = html(person, "?col=code&col=source&level=3")

    heads = re.findall(r'<th scope="col"[^>]*>(?:<a[^>]*>)?([^<]+)', page)
    assert heads == ["代码", "来源"]
    assert '<small class="text-secondary">9901</small>' in page
    assert "?level=3&amp;col=code&amp;col=source&amp;sort=code" in page


def test_values_have_their_form_and_units(person: Client) -> None:
    page = html(person, language="en")

    assert "1.5000" in page and "Area (ha)" in page
    assert '<span class="ky-tag ">省级</span>' in page
    assert 'class="num ky-p3"' in page and 'data-label="Area (ha)"' in page
    assert "name 99" in page and "5 rows" in page


def test_an_empty_list_teaches_and_an_empty_answer_says_so(person: Client) -> None:
    assert "没有相符的记录" in html(person, "?q=zzz")
    Division.objects.all().delete()
    assert "运行 kunyu up 会装入区划。" in html(person)


def test_nothing_from_data_or_address_becomes_markup(person: Client) -> None:
    """XSS: in names, in the words searched, in filters, in the titles of views."""
    attack = '"><script>alert(1)</script>'
    Division.objects.filter(code="9901").update(name_zh=attack, source=attack)
    page = html(person, "?q=&col=name&col=source&col=code&parent=99")
    searched = person.get("/divisions/", {"q": attack, "parent": attack, "sort": attack, "col": attack, "x": attack})
    person.post("/views/save", {"listing": "test.divisions", "title": attack, "query": attack, "path": "/divisions/"})

    for text in (page, searched.content.decode(), html(person)):
        assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert SavedView.objects.get().query.startswith("?%22")


def test_views_are_kept_for_oneself(person: Client) -> None:
    question = {
        "listing": "test.divisions",
        "title": "县",
        "query": "?level=3&page=2&format=csv",
        "path": "/divisions/",
    }
    answer = person.post("/views/save", question)
    assert answer["Location"] == "/divisions/?level=3"
    person.post("/views/save", question | {"query": "?level=3&sort=-code"})
    view = SavedView.objects.get()
    assert view.query == "?level=3&sort=-code"
    assert 'href="/divisions/?level=3&amp;sort=-code" aria-current="true"' in html(person, view.query)

    other = entered("wang")
    assert "ky-views" not in html(other)
    assert other.post(f"/views/{view.pk}/delete").status_code == 404
    assert SavedView.objects.count() == 1
    assert person.post(f"/views/{view.pk}/delete", {"path": "/divisions/"})["Location"] == "/divisions/"
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("path", ["//evil.example/", "https://evil.example/", "javascript:alert(1)", ""])
def test_saving_a_view_never_leads_away(person: Client, path: str) -> None:
    answer = person.post("/views/save", {"listing": "x", "title": "t", "query": "", "path": path})
    assert answer["Location"] == "/?"


def test_nobody_keeps_no_views(divisions: None) -> None:
    assert Client().post("/views/save", {"listing": "x", "title": "t"})["Location"] == "/login"
    assert Client().post("/views/1/delete")["Location"] == "/login"
    assert not SavedView.objects.exists()


def test_too_many_views_are_refused(person: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUNYU_PAGES_VIEWS_PER_LIST", "1")
    for title, status in (("a", 302), ("a", 302), ("b", 400)):
        answer = person.post("/views/save", {"listing": "x", "title": title, "path": "/divisions/"})
        assert answer.status_code == status
    assert SavedView.objects.count() == 1


def test_a_long_list_says_more_than(person: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUNYU_PAGES_COUNT_EXACTLY", "4")
    page = html(person, "?page=2")
    assert "超过 4 条，可翻看前 4 条" in page
    assert codes(page) == ["990102"] and 'rel="next"' not in page


def test_the_number_of_queries_does_not_grow_with_the_rows(person: Client, django_assert_max_num_queries) -> None:
    with django_assert_max_num_queries(9):
        html(person)


def test_a_filter_may_not_take_a_name_of_the_engine() -> None:
    with pytest.raises(ValueError, match="page"):
        Filter("page", ("页", "Page"))


def test_keyboard_and_ears(person: Client) -> None:
    page = html(person)

    assert 'role="search"' in page and 'aria-label="行政区划列表"' in page
    assert '<p aria-live="polite">' in page
    assert page.count('scope="col"') == 6
    assert not re.search(r"<(script)(?![^>]*\bsrc=)|\son\w+=", page)  # CSP: nothing inline
    assert all("<label" in one or "hidden" in one for one in re.findall(r".{0,200}<input[^>]*>", page))
