"""How to reach a person: phone and mail, encrypted; the document number is set by who keeps the accounts. 个人信息."""

from __future__ import annotations

import re

from django.db import transaction

from kunyu.engines.security import audit, masks
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import UsageError

PHONE = re.compile(r"\+?[0-9][0-9 \-]{5,19}")
_MAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[A-Za-z0-9.\-]{1,180}\.[A-Za-z]{2,24}")


class BadProfile(UsageError):
    """A phone number or mail address that cannot be one."""

    code = "bad_profile"
    http_status = 422


@transaction.atomic
def change_own(user: User, actor: Principal, phone: str, mail: str) -> None:
    """The person changes phone and mail; what the record says is which fields, never their values."""
    phone, mail = phone.strip(), mail.strip()
    if phone and not PHONE.fullmatch(phone):
        raise BadProfile("电话号码只能含数字、空格和连字符。", "A phone number has digits, spaces and hyphens only.")
    if mail and not _MAIL.fullmatch(mail):
        raise BadProfile("邮箱地址格式不对。", "This is no mail address.")
    changed = [name for name, value in (("phone", phone), ("mail", mail)) if getattr(user, name) != value]
    user.phone, user.mail = phone, mail
    user.save(update_fields=["phone", "phone_index", "mail", "mail_index"])
    audit.record(actor, "change-profile", "user", user.username, fields=changed)


def shown(user: User, kind: str) -> str:
    """``phone``, ``mail`` or ``document`` of a person as others see it: masked."""
    value: str = getattr(user, kind)
    if not value:
        return ""
    if kind == "mail":
        name, _, host = value.partition("@")
        return f"{name[:1]}***@{host}"
    return masks.mask(kind, value) or ""
