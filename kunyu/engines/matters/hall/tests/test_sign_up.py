"""Signing up on the page: faults at their fields, one answer for new and known codes, a limit for an address."""

import re

import pytest
from django.test import Client

from kunyu.engines.security.models import ApplicantAccount

pytestmark = pytest.mark.django_db
GIVEN = {
    "kind": "person", "name": "张三", "code": "11010519491231002X", "phone": "13800000000", "agent_name": "",
    "password": "correct-Horse-9", "again": "correct-Horse-9",
}  # fmt: skip


def sent(client: Client, **other: str):
    once = re.search(r'name="once" value="([^"]+)"', client.get("/hall/sign-up").content.decode()).group(1)  # type: ignore[union-attr]
    return client.post("/hall/sign-up", {**GIVEN, **other, "once": once})


def test_a_new_and_a_known_code_get_the_same_answer():
    first, second = sent(Client()), sent(Client(), name="李四", password="Battery-Staple-7", again="Battery-Staple-7")
    assert (
        (first.status_code, first["Location"])
        == (second.status_code, second["Location"])
        == (302, "/hall/sign-up/done")
    )
    assert first.content == second.content
    assert ApplicantAccount.objects.get().name == "张三"
    done = Client().get("/hall/sign-up/done").content.decode()
    assert "如果这个证件号码以前没有注册过" in done and "如果以前注册过" in done


def test_a_firm_names_its_agent():
    assert sent(Client(), kind="organisation", name="某公司", code="91990101MA0KUNY0X1").status_code == 422
    answer = sent(Client(), kind="organisation", name="某公司", code="91990101MA0KUNY0X1", agent_name="王经办")
    assert answer.status_code == 302 and ApplicantAccount.objects.get().agent_name == "王经办"


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"code": "110105194912310021"}, "居民身份证号有误（校验码）"),
        ({"again": "another-Horse-9"}, "两次输入的密码不同"),
        ({"password": "short", "again": "short"}, "密码不合要求"),
        ({"phone": ""}, "请填写“联系电话”"),
    ],
)
def test_faults_stand_at_their_fields_and_nothing_is_made(other, said):
    answer = sent(Client(), **other)
    assert answer.status_code == 422 and said in answer.content.decode()
    assert "correct-Horse-9" not in answer.content.decode()
    assert not ApplicantAccount.objects.exists()


def test_the_page_says_that_nobody_is_verified_by_it():
    text = Client().get("/hall/sign-up").content.decode()
    assert "没有实名核验" in text and "未实名核验" in text


def test_an_address_that_asks_too_often_waits(monkeypatch):
    monkeypatch.setenv("KUNYU_PUBLIC_SIGN_UPS_PER_HOUR", "2")
    client = Client(REMOTE_ADDR="10.8.0.1")
    for _ in range(2):
        assert sent(client, code="110105194912310021").status_code == 422
    answer = sent(client)
    assert answer.status_code == 429 and 0 < int(answer["Retry-After"]) <= 3601
    assert not ApplicantAccount.objects.exists()
    assert sent(Client(REMOTE_ADDR="10.8.0.2")).status_code == 302


def test_the_form_is_sent_once():
    client = Client()
    once = re.search(r'name="once" value="([^"]+)"', client.get("/hall/sign-up").content.decode()).group(1)  # type: ignore[union-attr]
    for _ in range(2):
        assert client.post("/hall/sign-up", {**GIVEN, "once": once})["Location"] == "/hall/sign-up/done"
    assert client.post("/hall/sign-up", {**GIVEN, "once": "invented"}).status_code in (409, 422, 400, 403)
