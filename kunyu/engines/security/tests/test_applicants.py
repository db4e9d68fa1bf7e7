"""Accounts of the public: one per code, nothing told to strangers, no rights, unverified until somebody says so."""

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import applicants, lockout, services
from kunyu.engines.security.applicants import Applicant
from kunyu.engines.security.models import AccessToken, AdminDuty, ApplicantAccount, Appointment, AuditEntry, Post, User
from kunyu.engines.security.organisation_errors import BadEntry
from kunyu.engines.security.scope import Principal, operator
from kunyu.engines.security.services import issue_token
from kunyu.engines.security.session import principal_of
from kunyu.engines.security.tests.identity_people import ANOTHER, PASSWORD, person, signed_in

pytestmark = pytest.mark.django_db
STRANGER = Principal("anonymous", origin="10.0.0.7")
CITIZEN = Applicant("person", "张 三", "11010519491231002x", phone="138 0000 0000")
FIRM = Applicant("organisation", "坤舆示范建设有限公司", "91990101MA0KUNY0X1", "王经办", "0371-0000000")


def sign_up(who: Applicant = CITIZEN, password: str = PASSWORD) -> ApplicantAccount:
    applicants.sign_up(STRANGER, who, password)
    return ApplicantAccount.objects.latest("pk")


def test_an_account_is_unverified_and_bears_no_code_in_the_clear():
    account = sign_up()

    assert (account.kind, account.name, account.standing, account.verified_at) == (
        "person",
        "张 三",
        "unverified",
        None,
    )
    assert account.code == "11010519491231002X" and account.code_masked == "110***********002X"
    assert account.user.username.startswith("u-") and account.user.phone == "138 0000 0000"
    stored = ApplicantAccount.objects.filter(pk=account.pk).values_list("code", flat=True)[0]
    assert "110105" not in str(stored)
    entry = AuditEntry.objects.get(action="sign-up")
    assert entry.object_id == account.user.username and "110105" not in str(entry.detail)


def test_a_code_has_one_account_and_nobody_is_told():
    account = sign_up()
    before = User.objects.get(pk=account.user_id).password

    assert applicants.sign_up(STRANGER, Applicant("person", "李四", "11010519491231002X"), ANOTHER) is None

    assert ApplicantAccount.objects.count() == 1 and User.objects.filter(username__startswith="u-").count() == 1
    account.refresh_from_db()
    assert account.name == "张 三" and User.objects.get(pk=account.user_id).password == before


def test_the_database_keeps_one_account_of_a_code_too():
    account = sign_up()
    other = User.objects.create_user("u-other", PASSWORD)
    with pytest.raises(IntegrityError, match="applicant_code_once"), transaction.atomic():
        ApplicantAccount.objects.create(user=other, kind="person", name="李四", code=account.code, code_masked="*")


@pytest.mark.parametrize(
    ("given", "field", "zh"),
    [
        (Applicant("person", "张三", "110105194912310021"), "code", "居民身份证号有误（校验码），请核对后再填。"),
        (Applicant("person", "张三", "1101051949123100"), "code", "居民身份证号有误（位数），请核对后再填。"),
        (Applicant("organisation", "某公司", "91990101MA0KUNY0X2", "王"), "code",
         "统一社会信用代码有误（校验码），请核对后再填。"),
        (Applicant("organisation", "某公司", "91990101MA0KUNY0X1"), "agent_name", "请填写经办人姓名（2 至 60 字）。"),
        (Applicant("person", "张", "11010519491231002X"), "name", "名称应为 2 至 60 字。"),
        (Applicant("other", "张三", "11010519491231002X"), "kind", "请选择个人或法人。"),
        (Applicant("person", "张三", "11010519491231002X", phone="call me"), "phone",
         "电话号码只能含数字、空格和连字符。"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_written(given, field, zh):
    with pytest.raises(BadEntry) as refused:
        applicants.sign_up(STRANGER, given, PASSWORD)
    assert (refused.value.context["field"], refused.value.detail_zh) == (field, zh)
    assert given.code not in str(refused.value)
    assert not ApplicantAccount.objects.exists() and not User.objects.filter(username__startswith="u-").exists()


def test_a_password_that_holds_the_code_is_refused():
    with pytest.raises(BadEntry, match="不得包含账号名"):
        applicants.sign_up(STRANGER, CITIZEN, "My-11010519491231002X")
    assert not ApplicantAccount.objects.exists()


def test_the_code_is_the_name_at_the_door_also_in_full_width_and_small_letters():
    account = sign_up()
    for typed in ("11010519491231002X", " 11010519491231002x", "１１０１０５１９４９１２３１００２Ｘ"):
        client = signed_in(typed)
        assert client.get("/hall/").wsgi_request.principal.user_id == account.user_id


def test_failures_under_the_code_lock_the_account_and_are_unlocked_under_its_name():
    account = sign_up()
    for _ in range(5):
        Client().post("/login", {"username": CITIZEN.code, "password": "wrong-Word-1"})
    assert Client().post("/login", {"username": CITIZEN.code, "password": PASSWORD}).status_code == 401
    assert lockout.locked_until(account.user) is not None


def test_an_account_of_the_public_may_hold_no_right_post_or_duty():
    account = sign_up()
    unit = Organisation.objects.create(code="990101-X", name_zh="局", kind="bureau", division_code="990101")
    post = Post.objects.create(organisation=unit, name_zh="岗")
    for act in (
        lambda: services.grant(account.user, ["see"], actor=operator()),
        lambda: Appointment.objects.create(user=account.user, post=post, starts_on=timezone.localdate()),
        lambda: AdminDuty.objects.create(user=account.user, duty="system", division_prefix="", appointed_by="operator"),
    ):
        with pytest.raises(IntegrityError, match="account of the public"), transaction.atomic():
            act()
    assert principal_of(account.user).rights == ()


def test_whoever_holds_rights_is_no_account_of_the_public():
    officer = person()
    with pytest.raises(IntegrityError, match="holds grants"), transaction.atomic():
        ApplicantAccount.objects.create(user=officer, kind="person", name="某", code=CITIZEN.code, code_masked="*")


def test_after_signing_in_an_applicant_stands_in_the_hall_and_not_on_the_map():
    sign_up()
    answer = signed_in(CITIZEN.code).get("/")
    assert (answer.status_code, answer["Location"]) == (302, "/hall/")


def test_standing_is_the_accounts_own_identity_and_no_other():
    account = sign_up()
    assert applicants.standing_for(account.user_id, "11010519491231002X") == "unverified"
    assert applicants.standing_for(None, "11010519491231002X") == ""
    applicants.verified(STRANGER, CITIZEN, "platform", own=account.user)
    assert applicants.standing_for(account.user_id, "11010519491231002x") == "verified"
    assert applicants.standing_for(account.user_id, FIRM.code) == "unverified"
    assert applicants.standing_for(account.user_id, "") == "unverified"


def test_a_verified_owner_takes_over_what_a_stranger_opened_with_his_code():
    account = sign_up()
    stranger = signed_in(CITIZEN.code)
    token = issue_token(account.user, "t", operator())

    assert applicants.verified(STRANGER, CITIZEN, "platform") == account.user

    account.refresh_from_db()
    assert account.standing == "verified" and account.verified_by == "platform" and account.verified_at is not None
    assert stranger.get("/hall/").wsgi_request.principal.is_anonymous
    assert Client().post("/login", {"username": CITIZEN.code, "password": PASSWORD}).status_code == 401
    assert Client().get("/api/cases/own", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert not AccessToken.objects.filter(user=account.user, revoked_at=None).exists()
    assert User.objects.get(pk=account.user_id).phone == ""


def test_a_verified_owner_keeps_his_password_when_he_is_signed_in_or_was_verified_before():
    account = sign_up()
    applicants.verified(STRANGER, CITIZEN, "platform", own=account.user)
    applicants.verified(STRANGER, CITIZEN, "platform")
    assert signed_in(CITIZEN.code).get("/hall/").wsgi_request.principal.user_id == account.user_id


def test_verifying_somebody_else_than_who_is_signed_in_is_refused():
    account = sign_up()
    with pytest.raises(BadEntry, match="不是当前登录的账号"):
        applicants.verified(STRANGER, FIRM, "platform", own=account.user)
    assert ApplicantAccount.objects.get().standing == "unverified"
