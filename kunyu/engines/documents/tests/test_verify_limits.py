"""The public verification answers an office and stops a guesser (429): a page for people, a problem document for programs."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

pytestmark = pytest.mark.django_db
PAGE = {"Accept": "text/html"}


@pytest.fixture
def browser(monkeypatch) -> Client:
    monkeypatch.setenv("KUNYU_PUBLIC_VERIFY_PER_MINUTE", "2")
    monkeypatch.setenv("KUNYU_PUBLIC_VERIFY_FILES_PER_MINUTE", "1")
    return Client(REMOTE_ADDR="10.9.0.1")


def test_numbers_are_counted_together_on_the_page_and_in_the_api(browser):
    assert browser.get("/verify/A1", headers=PAGE).status_code == 404
    assert browser.get("/api/verify/A2").status_code == 200
    page = browser.get("/verify/A3", headers=PAGE)
    assert page.status_code == 429 and 0 < int(page["Retry-After"]) <= 61
    assert "从这个网络地址的请求过多（每分钟限 2 次）" in page.content.decode() and "<form" in page.content.decode()
    for address in ("/verify/A4", "/api/verify/A5"):
        answer = browser.get(address)
        assert answer.status_code == 429 and 0 < int(answer["Retry-After"]) <= 61
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "too_many_requests" and answer.json()["status"] == 429
    assert Client(REMOTE_ADDR="10.9.0.2").get("/api/verify/A6").status_code == 200


def test_files_have_a_limit_of_their_own_and_the_form_stays_open(browser):
    def sent(address: str, name: str = "file") -> int:
        return browser.post(address, {name: SimpleUploadedFile("a.pdf", b"no pdf")}, headers=PAGE).status_code

    assert sent("/verify/") != 429
    assert sent("/verify/") == 429
    assert sent("/api/verify/") == 429
    assert browser.get("/verify/", headers=PAGE).status_code == 200
    assert browser.get("/api/verify/A1").status_code == 200
