"""A forgotten password as pages show it: the clerk gives a code, the applicant sets a new password, strangers learn nothing."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from kunyu.engines.matters.cases.tests.world import World
from kunyu.engines.security import applicants, epochs
from kunyu.engines.security.applicants import Applicant
from kunyu.engines.security.models import AuditEntry, PasswordResetCode
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.tests.identity_people import ANOTHER, PASSWORD, signed_in

pytestmark = pytest.mark.django_db
COUNTER, PUBLIC = "/cases/reset-code", "/hall/reset"
CODE, NAME = "11010519491231002X", "张三"
SHOWN = {"document": "id_card", "code": CODE, "name": NAME, "is_seen": "on"}


def sent(client: Client, address: str, values: dict[str, str]) -> Any:
    shown = client.get(address).content.decode()
    found = re.search(r'name="once" value="([^"]+)"', shown)
    assert found, shown
    return client.post(address, {**values, "once": found[1]})


def counter(world: World, who: str = "clerk") -> Client:
    epochs.forget()
    client = Client()
    client.force_login(world.users[who])
    return client


def reset(given: str, client: Client | None = None, /, **other: str) -> Any:
    return sent(
        client or Client(), PUBLIC, {"code": CODE, "given": given, "password": ANOTHER, "again": ANOTHER, **other}
    )


@pytest.fixture(autouse=True)
def account(world: World) -> None:
    applicants.sign_up(
        Principal("anonymous", origin="10.0.0.7"), Applicant("person", NAME, CODE, phone="13800000000"), PASSWORD
    )


def test_from_the_counter_to_the_new_password(world: World) -> None:
    client = counter(world)
    assert f'href="{COUNTER}"' in client.get("/cases/").content.decode()
    answer = sent(client, COUNTER, SHOWN)
    text = answer.content.decode()
    assert answer.status_code == 200 and "no-store" in answer["Cache-Control"]
    code = re.search(r"data-reset-code>([A-Z2-9-]{19})<", text)
    assert code and "110***********002X" in text and CODE not in text
    for again in (client.get(COUNTER), client.get("/cases/")):
        assert code[1] not in again.content.decode()

    done = reset(code[1].lower())
    assert (done.status_code, done["Location"]) == (302, "/hall/reset/done")
    assert "密码已重置" in Client().get(done["Location"]).content.decode()
    signed_in(CODE, ANOTHER)
    assert reset(code[1], password="Third-Pass-Word-3", again="Third-Pass-Word-3").status_code == 422


def test_a_second_click_at_the_counter_makes_no_second_code(world: World) -> None:
    client = counter(world)
    shown = client.get(COUNTER).content.decode()
    once = re.search(r'name="once" value="([^"]+)"', shown)
    assert once
    answers = [client.post(COUNTER, {**SHOWN, "once": once[1]}) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 302]
    assert PasswordResetCode.objects.count() == 1


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"name": "李四"}, "没有这个号码和名称的在用账号"), ({"code": "110105194912310038"}, "没有这个号码和名称的在用账号"),
        ({"is_seen": ""}, "请填写“我已当面核对证件原件"), ({"document": "hearsay"}, ""),
    ],
)  # fmt: skip
def test_what_the_counter_must_get_right(world: World, other: dict[str, str], said: str) -> None:
    values = {name: value for name, value in {**SHOWN, **other}.items() if value}
    answer = sent(counter(world), COUNTER, values)
    assert answer.status_code == 422 and said in html.unescape(answer.content.decode())
    assert not PasswordResetCode.objects.exists()
    noted = AuditEntry.objects.filter(action="issue-reset-code", result="refused", actor="clerk")
    assert noted.count() == (1 if "账号" in said else 0)


def test_the_page_of_the_counter_is_there_for_clerks_alone(world: World) -> None:
    assert Client().get(COUNTER)["Location"].startswith("/login")
    for who in ("examiner", "applicant"):
        assert counter(world, who).get(COUNTER).status_code == 404
        assert counter(world, who).post(COUNTER, SHOWN).status_code == 404
    assert COUNTER not in counter(world, "examiner").get("/cases/").content.decode()
    assert counter(world, "neighbour").get(COUNTER).status_code == 200


def test_strangers_get_one_answer_whoever_they_name(world: World) -> None:
    """Status, page and sentence are the same for an account and for none; what was typed is not repeated but the code."""
    pages = []
    for code in (CODE, "110105194912310038"):
        answer = reset("AAAA-BBBB-CCCC-DDDD", code=code)
        assert answer.status_code == 422 and ANOTHER not in answer.content.decode()
        pages.append(
            re.sub(r'(once|csrfmiddlewaretoken)" value="[^"]+"|nonce="[^"]+"', "", answer.content.decode()).replace(
                code, "?"
            )
        )
    assert pages[0] == pages[1] and "证件号码或重置码不对" in html.unescape(pages[0])
    noted = AuditEntry.objects.filter(action="reset-password", result="refused")
    assert noted.count() == 2 and {one.object_id for one in noted} == {"?"}
    assert all("1101" not in str(one.detail) for one in noted)


@pytest.mark.parametrize(
    ("other", "said"),
    [({"again": "Other-Horse-11"}, "两次输入的密码不同"), ({"password": "short", "again": "short"}, "密码不合要求"), ({"given": ""}, "请填写“重置码”")],
)  # fmt: skip
def test_faults_stand_at_their_fields(world: World, other: dict[str, str], said: str) -> None:
    answer = reset("AAAA-BBBB-CCCC-DDDD", **other)
    assert answer.status_code == 422 and said in html.unescape(answer.content.decode())


def test_an_address_that_tries_too_often_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUNYU_PUBLIC_RESETS_PER_HOUR", "2")
    for _ in range(2):
        assert reset("AAAA-BBBB-CCCC-DDDD", Client(REMOTE_ADDR="10.8.0.1")).status_code == 422
    answer = reset("AAAA-BBBB-CCCC-DDDD", Client(REMOTE_ADDR="10.8.0.1"))
    assert answer.status_code == 429 and 0 < int(answer["Retry-After"]) <= 3601
    assert reset("AAAA-BBBB-CCCC-DDDD", Client(REMOTE_ADDR="10.8.0.2")).status_code == 422


def test_the_sign_in_page_leads_there_and_it_says_where_to_go(world: World) -> None:
    assert f'href="{PUBLIC}"' in Client().get("/login").content.decode()
    assert f'href="{PUBLIC}"' in Client().get("/hall/sign-up/done").content.decode()
    text = Client().get(PUBLIC).content.decode()
    assert "政务服务中心自然资源窗口" in text and "不发短信和邮件" in text
    english = Client(headers={"accept-language": "en"}).get(PUBLIC).content.decode()
    assert "service counter of natural resources" in english
