"""A forgotten password of an applicant: a code from the counter, once, for a day; nothing told to strangers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.hashers import check_password
from django.db import IntegrityError, transaction
from django.utils import timezone

from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import applicant_resets, applicants, lockout
from kunyu.engines.security.applicants import Applicant
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.models import (
    AccessToken,
    ApplicantAccount,
    Appointment,
    AuditEntry,
    PasswordResetCode,
    Post,
    Role,
    SignInSession,
    User,
)
from kunyu.engines.security.organisation_errors import BadEntry
from kunyu.engines.security.scope import Principal, operator
from kunyu.engines.security.services import issue_token
from kunyu.engines.security.session import principal_of
from kunyu.engines.security.sign_in_errors import PasswordTooWeak, TooManyRequests
from kunyu.engines.security.tests.identity_people import ANOTHER, PASSWORD, signed_in

pytestmark = pytest.mark.django_db
STRANGER = Principal("anonymous", origin="10.0.0.7")
CODE, NAME = "11010519491231002X", "张 三"
CITIZEN = Applicant("person", NAME, CODE, phone="13800000000")


@pytest.fixture
def account() -> ApplicantAccount:
    applicants.sign_up(STRANGER, CITIZEN, PASSWORD)
    return ApplicantAccount.objects.get()


def officer(name: str = "clerk", role: str = applicant_resets.ROLE) -> User:
    user = User.objects.create_user(name, PASSWORD, name_zh=f"{name}某")
    bureau, _ = Organisation.objects.get_or_create(
        code="990101-ZR", defaults={"name_zh": "局", "kind": "bureau", "division_code": "990101"}
    )
    post = Post.objects.create(organisation=bureau, name_zh=f"{name}岗")
    post.roles.add(Role.objects.get_or_create(code=role, defaults={"name_zh": role})[0])
    Appointment.objects.create(user=user, post=post, starts_on=timezone.localdate())
    return user


@pytest.fixture
def clerk() -> Principal:
    return principal_of(officer(), "test")


def given(clerk: Principal) -> str:
    return applicant_resets.issue(clerk, CODE, NAME, "id_card").code


def refused(code: str, password: str = ANOTHER, document: str = CODE) -> BadEntry:
    with pytest.raises(BadEntry) as raised:
        applicant_resets.reset(STRANGER, document, code, password)
    return raised.value


def test_the_code_sets_a_new_password_once_and_ends_every_session(account, clerk):
    browser = signed_in(CODE)
    issue_token(account.user, "own", operator())
    made = applicant_resets.issue(clerk, "11010519491231002x", "张三", "id_card")
    assert (made.name, made.code_masked) == (NAME, "110***********002X")
    assert len(made.code) == 19 and made.code.count("-") == 3
    assert timedelta(hours=23, minutes=59) < made.expires_at - timezone.now() <= timedelta(hours=24)

    applicant_resets.reset(STRANGER, CODE, made.code.replace("-", " ").lower(), ANOTHER)

    user = User.objects.get(pk=account.user_id)
    assert check_password(ANOTHER, user.password) and not user.must_change_password
    assert not SignInSession.objects.filter(user=user, ended_at=None).exists()
    assert browser.get("/hall/mine/").status_code == 302
    assert not AccessToken.objects.filter(user=user, revoked_at=None).exists()
    signed_in(CODE, ANOTHER)
    refused(made.code, "Third-Password-3")
    entry = AuditEntry.objects.get(action="reset-password", result="done")
    assert (entry.object_id, entry.detail["issued_by"], entry.detail["sessions"], entry.detail["tokens"]) == (
        user.username, "clerk", 1, 1,
    )  # fmt: skip


def test_only_a_digest_is_kept_and_the_record_has_no_number(account, clerk):
    code = given(clerk)
    row = PasswordResetCode.objects.get()
    assert code.replace("-", "") not in row.digest and len(row.digest) == 64
    assert (row.made_by, row.document) == ("clerk", "id_card")
    entry = AuditEntry.objects.get(action="issue-reset-code")
    assert (entry.object_id, entry.detail) == (account.user.username, {"document": "id_card", "hours": 24})


def test_a_new_code_ends_the_one_before_and_the_database_keeps_one(account, clerk):
    first, second = given(clerk), given(clerk)
    refused(first)
    with pytest.raises(IntegrityError, match="applicant_one_open_reset_code"), transaction.atomic():
        PasswordResetCode.objects.create(
            user=account.user, digest="0" * 64, made_by="x", document="id_card", expires_at=timezone.now()
        )
    applicant_resets.reset(STRANGER, CODE, second, ANOTHER)


@pytest.mark.parametrize("left", [timedelta(seconds=-1), timedelta(minutes=1)])
def test_a_code_holds_for_a_day(account, clerk, left):
    code = given(clerk)
    PasswordResetCode.objects.update(expires_at=timezone.now() + left)
    if left < timedelta(0):
        refused(code)
    else:
        applicant_resets.reset(STRANGER, CODE, code, ANOTHER)


def test_every_refusal_is_one_and_the_same(account, clerk):
    """An unknown document, a known one without a code, a wrong code, another's code, a disabled account, an officer."""
    without = refused("AAAA-BBBB-CCCC-DDDD")
    code = given(clerk)
    wrong, unknown = refused("AAAA-BBBB-CCCC-DDDD"), refused(code, document="110105194912310038")
    officers = refused(code, document="clerk")
    User.objects.filter(pk=account.user_id).update(is_active=False)
    disabled = refused(code)
    said = {
        (one.detail_zh, one.detail_en, one.code, tuple(one.context))
        for one in (without, wrong, unknown, officers, disabled)
    }
    assert len(said) == 1
    before = User.objects.get(pk=account.user_id).password
    assert check_password(PASSWORD, before)


def test_a_password_that_the_policy_refuses_uses_nothing_up(account, clerk):
    code = given(clerk)
    assert refused(code, "short").context["field"] == "password"
    assert refused(code, CODE + "aB-").context["field"] == "password"
    with pytest.raises(PasswordTooWeak):
        applicant_resets.reset(STRANGER, CODE, code, PASSWORD)
    applicant_resets.reset(STRANGER, CODE, code, ANOTHER)


def test_only_the_counter_gives_codes(account):
    for who in (
        principal_of(officer("examiner", "case-examiner"), "test"),
        principal_of(account.user, "test"),
        STRANGER,
    ):
        with pytest.raises(NotVisible):
            applicant_resets.issue(who, CODE, NAME, "id_card")
    left = officer("left")
    Appointment.objects.filter(user=left).update(
        starts_on=timezone.localdate() - timedelta(days=9), ends_on=timezone.localdate() - timedelta(days=1)
    )
    assert not applicant_resets.may_issue(principal_of(left, "test"))
    assert not PasswordResetCode.objects.exists()


@pytest.mark.parametrize(
    ("code", "name", "document", "field"),
    [
        (CODE, "李四", "id_card", "code"),
        ("110105194912310038", NAME, "id_card", "code"),
        (CODE, NAME, "said so", "document"),
    ],
)
def test_code_name_and_document_must_be_right(account, clerk, code, name, document, field):
    with pytest.raises(BadEntry) as raised:
        applicant_resets.issue(clerk, code, name, document)
    assert raised.value.context["field"] == field and CODE not in raised.value.detail_zh
    assert not PasswordResetCode.objects.exists()


def test_three_codes_a_day_and_thirty_an_hour(account, clerk):
    for _ in range(applicant_resets.PER_ACCOUNT):
        given(clerk)
    with pytest.raises(TooManyRequests) as raised:
        given(clerk)
    assert raised.value.detail_zh.startswith("重置码开得过多（24 小时内限 3 个）")
    assert PasswordResetCode.objects.count() == 3
    for _ in range(applicant_resets.PER_CLERK):
        applicant_resets.take(clerk)
    with pytest.raises(TooManyRequests):
        applicant_resets.take(clerk)


def test_a_lock_after_wrong_passwords_is_lifted(account, clerk):
    for _ in range(5):
        lockout.attempt(lockout.ACCOUNT, account.user.username)
    assert lockout.locked_until(account.user) is not None
    applicant_resets.reset(STRANGER, CODE, given(clerk), ANOTHER)
    assert lockout.locked_until(account.user) is None
    signed_in(CODE, ANOTHER)


@pytest.mark.django_db(transaction=True)
def test_a_refusal_is_on_record_where_no_transaction_is_open():
    """As after the form's own transaction was undone; no number stands in it."""
    applicant_resets.note_refused(STRANGER, applicant_resets.RESET)
    entry = AuditEntry.objects.get(action="reset-password")
    assert (entry.object_id, entry.result, entry.detail) == ("?", "refused", {"reason": "no such account or code"})
