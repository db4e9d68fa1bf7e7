"""Forms: errors where they belong, one act per form, losses named before they happen (R-022)."""

from __future__ import annotations

import re
import threading

import pytest
from django.db import connection
from django.test import Client

from kunyu.engines.pages.models import Submission
from kunyu.engines.pages.tests.division_pages import entered
from kunyu.engines.reference.models import Division

NEW = "/divisions/new"
GOOD = {"name_zh": "丙县", "code": "990104"}


def opened(client: Client, path: str = NEW) -> dict[str, str]:
    """Open the form and take its token."""
    page = client.get(path).content.decode()
    return {"once": re.search(r'name="once" value="([^"]+)"', page).group(1)}  # type: ignore[union-attr]


def made() -> int:
    return Division.objects.filter(code="990104").count()


def test_errors_stand_beside_their_field_and_in_a_summary_that_links_to_it(person: Client) -> None:
    answer = person.post(NEW, opened(person) | {"name_zh": "", "code": "<b>"})
    page = answer.content.decode()

    assert answer.status_code == 422
    assert '<a href="#id_name_zh">名称</a>：请填写“名称”。' in page
    assert re.search(r'<input[^>]*name="name_zh"[^>]*aria-describedby="id_name_zh_help id_name_zh_error"', page)
    assert re.search(r'<input[^>]*name="name_zh"[^>]*aria-invalid="true"', page)
    assert 'id="id_name_zh_error"' in page and 'for="id_name_zh"' in page
    assert 'value="&lt;b&gt;"' in page
    assert not made()


def test_the_form_speaks_english_too(person: Client) -> None:
    person.cookies["django_language"] = "en"
    page = person.post(NEW, opened(person) | {"name_zh": ""}).content.decode()
    assert "Fill in Name." in page and "Official" in page and "名称" not in page


def test_a_second_click_makes_nothing_and_leads_to_the_same_page(person: Client) -> None:
    form = opened(person) | GOOD
    first, second = person.post(NEW, form), person.post(NEW, form)

    assert first["Location"] == second["Location"] == "/divisions/990104/"
    assert made() == 1


def test_a_refused_form_may_be_sent_again(person: Client) -> None:
    form = opened(person)
    person.post(NEW, form | {"name_zh": ""})
    assert person.post(NEW, form | GOOD).status_code == 302
    assert made() == 1


def test_an_act_that_fails_frees_its_form(person: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from kunyu.engines.pages.tests import division_pages

    def broken(given: dict[str, str]) -> str:
        Division.objects.create(level=3, source="form", **given)
        raise RuntimeError("half way")

    form = opened(person) | GOOD
    with monkeypatch.context() as patch:
        patch.setattr(division_pages, "_made", broken)
        person.raise_request_exception = False
        assert person.post(NEW, form).status_code == 500
    assert not made()
    assert person.post(NEW, form).status_code == 302
    assert made() == 1


def test_a_form_of_another_session_acts_not(person: Client) -> None:
    stolen = opened(person) | GOOD
    assert entered("wang").post(NEW, stolen).status_code == 400
    assert person.post(NEW, GOOD).status_code == 400
    assert not made() and not Submission.objects.exists()


def test_forms_refuse_requests_forged_elsewhere(person: Client) -> None:
    form = opened(person) | GOOD
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = person.cookies
    assert strict.post(NEW, form).status_code == 403
    assert not made()


def test_destruction_names_what_will_be_lost_first(person: Client) -> None:
    page = person.get("/divisions/990101/remove").content.decode()

    assert "确认后将失去" in page and "区划“990101”" in page
    assert re.search(r'<button class="btn btn-danger" type="submit">撤销</button>', page)
    assert '<a class="btn btn-link" href="/divisions/">取消</a>' in page


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_moment_make_one_record(request: pytest.FixtureRequest) -> None:
    """Two web processes: the second waits for the transaction of the first."""
    client = request.getfixturevalue("person")
    form = opened(client) | GOOD
    clicks, answers = threading.Barrier(2), []

    def click() -> None:
        other = Client()
        other.cookies = client.cookies
        clicks.wait(5)
        answers.append(other.post(NEW, form)["Location"])
        connection.close()

    both = [threading.Thread(target=click) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(30)
    assert answers == ["/divisions/990104/"] * 2
    assert made() == 1
