"""From the button to a verified account and back again, against the simulator over HTTP."""

import re
import threading
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import pytest
from django.test import Client, override_settings

from kunyu.engines.security import applicants
from kunyu.engines.security.applicants import Applicant
from kunyu.engines.security.models import ApplicantAccount, AuditEntry, SignInSession, User
from kunyu.engines.security.national_identity.simulator import ISSUER, PEOPLE, Simulator, Somebody, serve
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.tests.identity_people import PASSWORD, person, signed_in

pytestmark = pytest.mark.django_db
CLIENT = "kunyu-990101"


@pytest.fixture
def platform(monkeypatch, tmp_path):
    simulator = Simulator(token="shared-secret")
    server = serve(simulator, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    certificate = tmp_path / "platform.pem"
    certificate.write_bytes(simulator.certificate.pem())
    address = f"http://127.0.0.1:{server.server_port}"
    for name, value in (
        ("URL", f"{address}/authorise"), ("ASSERTION_URL", f"{address}/assertion"), ("ISSUER", ISSUER),
        ("CLIENT", CLIENT), ("TOKEN", "shared-secret"), ("CERTIFICATES", str(certificate)), ("NETWORKS", "127.0.0.1"),
    ):  # fmt: skip
        monkeypatch.setenv(f"KUNYU_IDENTITY_{name}", value)
    yield simulator
    server.shutdown()
    server.server_close()


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def begun(client: Client, target: str = "/hall/mine/") -> str:
    """The nonce of a sign-in begun at this browser."""
    answer = client.get("/login/national", {"next": target})
    assert answer.status_code == 302
    asked = parse_qs(urlsplit(answer["Location"]).query)
    assert asked["client"] == [CLIENT] and asked["back"] == ["http://testserver/login/national/return"]
    return asked["nonce"][0]


def returned(client: Client, platform: Simulator, who: Somebody = PEOPLE[0], nonce: str = ""):
    ticket = platform.ticket(who, CLIENT, nonce or begun(client))
    return client.get("/login/national/return", {"ticket": ticket})


def test_a_citizen_is_signed_in_to_a_verified_account_made_for_him(platform):
    client = Client()
    answer = returned(client, platform)
    assert (answer.status_code, answer["Location"]) == (302, "/hall/mine/")
    account = ApplicantAccount.objects.get()
    assert (account.name, account.code, account.standing, account.verified_by) == (
        "张示范", PEOPLE[0].code, "verified", ISSUER
    )  # fmt: skip
    assert client.get("/hall/").wsgi_request.principal.user_id == account.user_id
    assert SignInSession.objects.get(user=account.user).method == "national"
    assert not account.user.has_usable_password()
    assert PEOPLE[0].code not in str(list(AuditEntry.objects.values()))


def test_the_page_of_the_platform_leads_back_here_with_a_ticket(platform):
    client = Client()
    address = client.get("/login/national")["Location"]
    page = build_opener().open(address).read().decode()
    assert "模拟" in page and "张示范" in page
    link = re.search(r'href="(/choose[^"]+)">李样例', page).group(1).replace("&amp;", "&")  # type: ignore[union-attr]
    root = "{0.scheme}://{0.netloc}".format(urlsplit(address))
    try:
        build_opener(_Stay).open(root + link)
    except OSError as moved:  # a redirect that is not followed
        back = moved.headers["Location"]  # type: ignore[attr-defined]
    answer = client.get(back.removeprefix("http://testserver"))
    assert (answer.status_code, answer["Location"]) == (302, "/hall/")
    assert ApplicantAccount.objects.get().name == "李样例"


def test_a_second_time_finds_the_same_account(platform):
    for _ in range(2):
        assert returned(Client(), platform, PEOPLE[2]).status_code == 302
    assert ApplicantAccount.objects.get().agent_name == "王经办" and User.objects.count() == 1


def test_a_ticket_or_a_beginning_serves_once(platform):
    client = Client()
    nonce = begun(client)
    ticket = platform.ticket(PEOPLE[0], CLIENT, nonce)
    assert client.get("/login/national/return", {"ticket": ticket}).status_code == 302
    client.post("/logout")
    again = client.get("/login/national/return", {"ticket": ticket})
    assert again.status_code == 401 and "已用过、超时或不是从这个浏览器开始的" in again.content.decode()
    begun(client)
    assert client.get("/login/national/return", {"ticket": ticket}).status_code == 401  # the platform gave it out once
    assert AuditEntry.objects.filter(action="sign-in", result="refused").count() == 2


def test_an_assertion_played_again_into_a_new_beginning_is_refused(platform, monkeypatch):
    client = Client()
    text = platform.assertion(PEOPLE[0], CLIENT, begun(client))
    monkeypatch.setattr(Simulator, "assertion", lambda *_, **__: text)
    assert returned(client, platform, nonce="unused").status_code == 302
    client.post("/logout")
    answer = returned(client, platform)
    assert answer.status_code == 401 and "不是对这次登录的应答" in answer.content.decode()


def test_anothers_beginning_does_not_sign_this_browser_in(platform):
    theirs = begun(Client())
    mine = Client()
    begun(mine)
    answer = returned(mine, platform, nonce=theirs)
    assert answer.status_code == 401 and not ApplicantAccount.objects.exists()
    assert mine.get("/hall/").wsgi_request.principal.is_anonymous


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"iss": "forger"}, "签发机构不是本节点配置的身份平台"),
        ({"aud": "other"}, "它是给别的系统的"),
        ({"iat": 1_600_000_000, "exp": 1_600_000_100}, "已过期或时间不对"),
    ],
)
def test_a_wrong_assertion_makes_nothing(platform, monkeypatch, other, words):
    made = Simulator.assertion
    monkeypatch.setattr(
        Simulator, "assertion", lambda self, who, client, nonce: made(self, who, client, nonce, **other)
    )
    answer = returned(Client(), platform)
    assert answer.status_code == 401 and words in answer.content.decode()
    assert not ApplicantAccount.objects.exists() and not User.objects.exists()


def test_whoever_is_signed_in_is_verified_and_keeps_his_password(platform):
    who = PEOPLE[0]
    applicants.sign_up(Principal("anonymous"), Applicant(who.kind, who.name, who.code), PASSWORD)
    client = signed_in(who.code)
    session = client.get("/hall/").wsgi_request.principal.session_id
    page = client.get("/account/").content.decode()
    assert "未实名核验" in page and 'href="/login/national?next=/account/"' in page and who.code not in page
    assert returned(client, platform).status_code == 302
    assert ApplicantAccount.objects.get().standing == "verified"
    page = client.get("/account/").content.decode()
    assert "已实名核验" in page and "/login/national" not in page
    assert client.get("/hall/").wsgi_request.principal.session_id == session
    assert signed_in(who.code)


def test_an_officers_account_is_never_what_is_signed_in_to(platform):
    officer = person()
    officer.document = PEOPLE[0].code
    officer.save()
    client = Client()
    assert returned(client, platform).status_code == 302
    assert client.get("/hall/").wsgi_request.principal.user_id not in (None, officer.pk)


def test_a_disabled_account_stays_out(platform):
    assert returned(Client(), platform).status_code == 302
    User.objects.update(is_active=False)
    client = Client()
    assert returned(client, platform).status_code == 401
    assert client.get("/hall/").wsgi_request.principal.is_anonymous


def test_a_platform_that_is_away_or_answers_nonsense_is_said(platform, monkeypatch):
    monkeypatch.setattr(Simulator, "assertion", lambda *_, **__: None)
    answer = returned(Client(), platform)
    assert answer.status_code == 503 and "身份平台没有正常应答（HTTP 200）" in answer.content.decode()
    monkeypatch.setenv("KUNYU_IDENTITY_ASSERTION_URL", "http://127.0.0.1:9/assertion")
    assert returned(Client(), platform).status_code == 503


def test_nobody_is_sent_elsewhere_afterwards(platform):
    client = Client()
    nonce = begun(client, "https://evil.example/")
    assert returned(client, platform, nonce=nonce)["Location"] == "/"


def test_without_a_provider_there_is_no_button_and_no_address():
    assert "/login/national" not in Client().get("/login").content.decode()
    assert "/login/national" not in Client().get("/hall/").content.decode()
    assert Client().get("/login/national").status_code == 404
    assert Client().get("/login/national/return", {"ticket": "x"}).status_code == 404


def test_with_a_provider_the_button_stands_at_the_door_and_in_the_hall(platform):
    for address in ("/login", "/hall/", "/hall/sign-up"):
        assert "/login/national?next=" in Client().get(address).content.decode()


def test_production_sends_nobody_over_a_plain_connection(platform):
    with override_settings(PRODUCTION=True):
        answer = Client().get("/login/national")
    assert answer.status_code == 503 and "必须是 https://" in answer.content.decode()
