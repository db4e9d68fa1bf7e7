"""Accounts of the public: signed up for, found, verified, told about. 申请人账号服务.

An account signs in with the code of its citizen or firm and a password; its name inside the node is drawn by lot, so
that records bear no code. One code has one account. Whether a code has one already is told to nobody: signing up
answers alike, and the password is hashed either way, which is what takes time.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.utils import timezone

from kunyu.engines.security import audit, passwords, sessions
from kunyu.engines.security.masks import mask
from kunyu.engines.security.models import (
    AccessToken,
    ApplicantAccount,
    Authenticator,
    BoundCertificate,
    Passkey,
    PasswordHistory,
    RecoveryCode,
    User,
)
from kunyu.engines.security.organisation_errors import BadEntry
from kunyu.engines.security.personal_data import matching
from kunyu.engines.security.profile import PHONE
from kunyu.engines.security.scope import Principal
from kunyu.kernel.crypto.fields import plain_form
from kunyu.kernel.identifier_checks import BadIdentifier
from kunyu.kernel.identifiers import is_citizen_id, is_credit_code, parse_citizen_id, parse_credit_code

Kind = ApplicantAccount.Kind
Standing = ApplicantAccount.Standing
_LOCK = 0x6B796165  # one account of a code: held from looking to writing
_WORDS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Applicant:
    """What somebody says, or an identity provider asserts, about a citizen or a firm."""

    kind: str
    name: str
    code: str
    agent_name: str = ""
    phone: str = ""


def sign_up(principal: Principal, given: Applicant, password: str) -> None:
    """Make an unverified account unless the code has one; the caller cannot tell which it was.

    Raises
    ------
    BadEntry
        ``context['field']`` names what is wrong: kind, name, code, phone, agent_name, password.
    """
    one = checked(given)
    wrong = passwords.faults(password, one.code)
    if wrong:
        raise BadEntry("密码不合要求：" + "".join(w[0] for w in wrong),
                       "The password is refused. " + " ".join(w[1] for w in wrong), field="password")  # fmt: skip
    encoded = make_password(password)  # takes its time whether or not it is used
    with transaction.atomic():
        _one_at_a_time()
        if ApplicantAccount.objects.filter(matching(ApplicantAccount, "code", one.code)).exists():
            audit.record(principal, "sign-up", "user", "?", "refused", reason="code has an account")
            return
        _made(principal, one, encoded)


def _made(principal: Principal, one: Applicant, encoded: str) -> ApplicantAccount:
    user = User(username=_drawn_name(), name_zh=one.name[:60], password=encoded)
    user.phone = one.phone
    user.save()
    account = ApplicantAccount.objects.create(
        user=user, kind=one.kind, name=one.name, agent_name=one.agent_name, code=one.code, code_masked=masked(one)
    )
    audit.record(principal, "sign-up", "user", user.username, kind=one.kind)
    return account


def verified(principal: Principal, given: Applicant, provider: str, own: User | None = None) -> User:
    """The account of an asserted identity, made when there is none, and marked as verified.

    An unverified account of that code was opened by somebody who only knew the code. Unless he is the one signed in
    (``own``), every way into it but this one is closed first: password, second factors, tokens, sessions.

    Parameters
    ----------
    own : account signed in at this browser, when it is one of the public.

    Raises
    ------
    BadEntry
        What was asserted is no person or firm; the signed-in account is another's.
    """
    one = checked(given)
    with transaction.atomic():
        _one_at_a_time()
        found = ApplicantAccount.objects.select_related("user").filter(matching(ApplicantAccount, "code", one.code))
        account = found.first()
        if own is not None and (account is None or account.user_id != own.pk):
            raise BadEntry(
                "国家平台认证的不是当前登录的账号。请先退出登录，再用国家平台账号登录。",
                "The identity asserted is another than the account signed in. Sign out first.",
            )
        if account is None:
            account = _made(principal, one, make_password(None))
        elif account.standing == Standing.UNVERIFIED and own is None:
            _close_other_ways(principal, account.user)
        _mark(principal, account, one, provider)
        return account.user


def _mark(principal: Principal, account: ApplicantAccount, one: Applicant, provider: str) -> None:
    was = account.standing
    account.name, account.agent_name, account.kind = one.name, one.agent_name, one.kind
    account.standing, account.verified_by, account.verified_at = Standing.VERIFIED, provider[:200], timezone.now()
    account.save(update_fields=["name", "agent_name", "kind", "standing", "verified_by", "verified_at"])
    if account.user.name_zh != one.name[:60]:
        account.user.name_zh = one.name[:60]
        account.user.save(update_fields=["name_zh"])
    audit.record(principal, "verify-identity", "user", account.user.username, before=was, provider=provider)


def _close_other_ways(principal: Principal, user: User) -> None:
    """Whoever opened the account by knowing a code does not stay in it beside its owner."""
    user.set_unusable_password()
    user.phone = user.mail = ""
    user.save(update_fields=["password", "phone", "phone_index", "mail", "mail_index"])
    for ways in (Authenticator, RecoveryCode, Passkey, BoundCertificate, PasswordHistory):
        ways.objects.filter(user=user).delete()
    tokens = AccessToken.objects.filter(user=user, revoked_at=None).update(revoked_at=timezone.now())
    ended = sessions.end_all(user, "taken_over")
    audit.record(principal, "close-other-ways", "user", user.username, tokens=tokens, sessions=ended)


def checked(given: Applicant) -> Applicant:
    """The same in normal form. Raises BadEntry naming the field; never repeats a code."""
    one = Applicant(
        given.kind, " ".join(given.name.split()), plain_form(given.code).upper(), " ".join(given.agent_name.split()),
        given.phone.strip(),
    )  # fmt: skip
    if one.kind not in Kind.values:
        raise BadEntry("请选择个人或法人。", "Choose person or organisation.", field="kind")
    longest = 60 if one.kind == Kind.PERSON else 200
    if not 2 <= len(one.name) <= longest:
        raise BadEntry(f"名称应为 2 至 {longest} 字。", f"The name must have 2 to {longest} characters.", field="name")
    _require_code(one)
    if one.kind == Kind.ORGANISATION and not 2 <= len(one.agent_name) <= 60:
        raise BadEntry("请填写经办人姓名（2 至 60 字）。", "Give the agent's name (2 to 60 characters).",
                       field="agent_name")  # fmt: skip
    if one.phone and not PHONE.fullmatch(one.phone):
        raise BadEntry("电话号码只能含数字、空格和连字符。", "A phone number has digits, spaces and hyphens only.",
                       field="phone")  # fmt: skip
    return one


def _require_code(one: Applicant) -> None:
    try:
        parse_citizen_id(one.code) if one.kind == Kind.PERSON else parse_credit_code(one.code)
    except BadIdentifier as error:
        # the code itself never enters an error: it would stand in logs
        what = ("居民身份证号", "citizen id") if one.kind == Kind.PERSON else (
            "统一社会信用代码", "unified social credit code"
        )  # fmt: skip
        why = REASONS.get(error.reason, ("格式", error.reason))
        raise BadEntry(
            f"{what[0]}有误（{why[0]}），请核对后再填。", f"The {what[1]} is wrong ({why[1]}); check it.", field="code"
        ) from None


REASONS = {
    "length": ("位数", "length"), "characters": ("字符", "characters"), "division": ("区划", "division"),
    "check": ("校验码", "check character"), "date": ("出生日期", "date of birth"), "structure": ("结构", "structure"),
}  # fmt: skip


def masked(one: Applicant) -> str:
    """The code as others see it; a firm's is public."""
    return (mask("document", one.code) or "") if one.kind == Kind.PERSON else one.code


def name_of_code(typed: str) -> str:
    """The account's name behind a citizen id or credit code typed at the door; what was typed otherwise."""
    code = plain_form(typed).upper()
    if not (is_citizen_id(code) or is_credit_code(code)):
        return typed
    found = ApplicantAccount.objects.filter(matching(ApplicantAccount, "code", code))
    return found.values_list("user__username", flat=True).first() or typed


def account_of(user_id: int | None) -> ApplicantAccount | None:
    """The account of the public that a person has; None for officers and for nobody."""
    return None if user_id is None else ApplicantAccount.objects.filter(user_id=user_id).first()


def standing_for(user_id: int | None, code: str) -> str:
    """What is known of whoever applies under ``code`` with this account.

    ``verified`` only when the account's own identity was verified and the code is its own: who applies for somebody
    else shows an authority, which no machine has looked at.
    """
    if user_id is None:
        return ""
    own = ApplicantAccount.objects.filter(matching(ApplicantAccount, "code", code), user_id=user_id) if code else None
    found = own.first() if own is not None else None
    return str(Standing.UNVERIFIED if found is None else found.standing)


def _drawn_name() -> str:
    return "u-" + "".join(secrets.choice(_WORDS) for _ in range(12))


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
