"""Refusals of identity. None of them tells whether an account exists."""

from __future__ import annotations

from kunyu.kernel.errors import KunyuError, NotFound, Refused


class SignInRefused(KunyuError):
    """Unknown name, wrong proof, locked or disabled account: one answer for all, on purpose."""

    code = "sign_in_refused"
    title_zh, title_en = "登录未成功", "Sign-in refused"
    http_status = 401
    exit_code = 4


class TooManyAttempts(KunyuError):
    """One address tried too often; the account it tried is not what is locked."""

    code = "too_many_attempts"
    title_zh, title_en = "尝试过于频繁", "Too many attempts"
    http_status = 429
    exit_code = 4


class PasswordTooWeak(Refused):
    """A new password that the policy refuses; the text says why and never repeats it."""

    code = "password_too_weak"
    title_zh, title_en = "密码不合要求", "Password refused by the policy"
    http_status = 422


class PasswordChangeNeeded(Refused):
    """The password was set by an administrator or is too old: only changing it is possible."""

    code = "password_change_needed"
    title_zh, title_en = "须先修改密码", "Change the password first"


class FactorNeeded(Refused):
    """An administrator without a second factor: only enrolling one is possible."""

    code = "factor_needed"
    title_zh, title_en = "须先启用第二验证方式", "Enrol a second factor first"


class ConfirmationNeeded(Refused):
    """The act needs a fresh proof of identity."""

    code = "confirmation_needed"
    title_zh, title_en = "请再次验证身份", "Prove your identity again"


class FactorRefused(Refused):
    """A code, passkey or certificate that does not prove what it should."""

    code = "factor_refused"
    title_zh, title_en = "验证未通过", "Factor refused"
    http_status = 422


class TooManyRequests(KunyuError):
    """One address asks a public page more often than the node allows; it waits, nobody else does."""

    code = "too_many_requests"
    title_zh, title_en = "访问过于频繁", "Too many requests"
    http_status = 429
    exit_code = 4


class NationalIdentityRefused(KunyuError):
    """What came back from the identity provider does not prove who is there; ``context['reason']`` is stable."""

    code = "national_identity_refused"
    title_zh, title_en = "统一身份认证未通过", "National sign-in refused"
    http_status = 401
    exit_code = 4


class NoNationalIdentity(NotFound):
    """This node is connected to no identity provider."""

    code = "no_national_identity"
    title_zh, title_en = "没有接入统一身份认证", "No national sign-in here"


class NationalIdentityAway(KunyuError):
    """The identity provider does not answer, or this node's settings for it cannot be used."""

    code = "national_identity_away"
    title_zh, title_en = "统一身份认证暂不可用", "National sign-in is not available"
    http_status = 503
    exit_code = 5
