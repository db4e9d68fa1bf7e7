"""Tell people things: once per person and cause, in the node at once, outside it as each person wishes. 通知."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction
from django.utils import timezone

from kunyu.engines.security import audit
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist import live
from kunyu.engines.worklist.errors import BadContact, UnknownNotification
from kunyu.engines.worklist.kinds import kinds, notice_kind
from kunyu.engines.worklist.models import Channel, ChannelPreference, Message, Notification
from kunyu.engines.worklist.queueing import queue_message
from kunyu.engines.worklist.settings import worklist_settings

_MOBILE = re.compile(r"\+?[0-9]{6,18}")


@dataclass(frozen=True)
class Notice:
    """What is told; ``key`` names the cause: a person is told of one cause once, however often it is delivered."""

    kind: str
    key: str
    title_zh: str
    title_en: str = ""
    body_zh: str = ""
    body_en: str = ""
    href: str = ""
    level: str = Notification.Level.INFO


_INSERT = """
INSERT INTO worklist_notification
  (recipient_id, key, kind, level, title_zh, title_en, body_zh, body_en, href, created_at)
SELECT id, %s, %s, %s, %s, %s, %s, %s, %s, now() FROM security_user WHERE id = ANY(%s) AND is_active
ON CONFLICT (recipient_id, key) DO NOTHING RETURNING id, recipient_id
"""


@transaction.atomic
def notify(user_ids: Iterable[int], notice: Notice) -> list[int]:
    """Tell active people; return the ids of the notifications that are new.

    Messages to mail boxes and telephones are rows of the same transaction and leave by a job after it.
    """
    notice_kind(notice.kind)
    wanted = sorted(set(user_ids))
    if not wanted:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                notice.key, notice.kind, notice.level, notice.title_zh[:200], notice.title_en[:300], notice.body_zh,
                notice.body_en, notice.href, wanted,
            ],
        )  # fmt: skip
        made = {recipient: number for number, recipient in cursor.fetchall()}
    if made:
        _queue_messages(notice.kind, made)
        live.people(made, "notification")
    return sorted(made.values())


def _queue_messages(kind: str, made: Mapping[int, int]) -> None:
    """Rows and jobs for those who want this kind outside the node and can be reached there."""
    now = timezone.now()
    waiting = [
        Message(notification_id=made[user_id], channel=channel, due_at=now)
        for channel in channels_of_node()
        for user_id in _who_wants(kind, channel, list(made))
    ]
    for message in Message.objects.bulk_create(waiting):
        queue_message(message.pk)


def channels_of_node() -> tuple[str, ...]:
    """Channels that lead out of this node: those with an address to send through."""
    settings = worklist_settings()
    available = {Channel.MAIL.value: settings.mail_url, Channel.SMS.value: settings.sms_adapter}
    return tuple(channel for channel, address in available.items() if address)


def _who_wants(kind: str, channel: str, user_ids: Sequence[int]) -> list[int]:
    """Those of ``user_ids`` who left an address for the channel and have not declined this kind on it."""
    declared = notice_kind(kind)
    default = declared.mail if channel == Channel.MAIL else declared.sms
    column = "mail" if channel == Channel.MAIL else "phone"
    reachable = User.objects.filter(pk__in=user_ids, **{f"{column}__isnull": False})
    said = dict(
        ChannelPreference.objects.filter(user_id__in=user_ids, kind=kind, channel=channel).values_list(
            "user_id", "is_wanted"
        )
    )
    return [one for one in reachable.order_by("pk").values_list("pk", flat=True) if said.get(one, default)]


def person_of(principal: Principal) -> int:
    """The account of a principal. Raises SignInNeeded for those who have none, the operator included."""
    if principal.user_id is None:
        raise SignInNeeded("请先登录。", "Sign in first.")
    return principal.user_id


@transaction.atomic
def mark(principal: Principal, notification_id: int, *, read: bool) -> Notification:
    """Mark one's notification as read or unread."""
    found = Notification.objects.select_for_update().filter(pk=notification_id, recipient_id=principal.user_id).first()
    if found is None:
        raise UnknownNotification(
            f"没有通知 {notification_id}，或者它不是您的。", f"There is no notification {notification_id} of yours."
        )
    if read != (found.read_at is not None):
        found.read_at = timezone.now() if read else None
        found.save(update_fields=["read_at"])
        live.people([found.recipient_id], "notification")
    return found


@transaction.atomic
def mark_all_read(principal: Principal, up_to: int | None = None) -> int:
    """Mark all one's notifications as read, up to the newest one that was on the screen; returns how many changed."""
    rows = Notification.objects.filter(recipient_id=principal.user_id, read_at=None)
    if up_to is not None:
        rows = rows.filter(pk__lte=up_to)
    changed = rows.update(read_at=timezone.now())
    if changed and principal.user_id is not None:
        live.people([principal.user_id], "notification")
    return changed


@transaction.atomic
def settled(key: str) -> int:
    """Mark a cause as read for everybody: there is nothing left to do about it. Returns how many changed."""
    rows = Notification.objects.select_for_update().filter(key=key, read_at=None)
    people = list(rows.values_list("recipient_id", flat=True))
    if people:
        Notification.objects.filter(key=key, read_at=None).update(read_at=timezone.now())
        live.people(people, "notification")
    return len(people)


@transaction.atomic
def mark_read_about(principal: Principal, href: str) -> int:
    """Mark one's notifications about a page as read, because the page is open."""
    rows = Notification.objects.filter(recipient_id=principal.user_id, read_at=None, href=href)
    changed = rows.update(read_at=timezone.now())
    if changed and principal.user_id is not None:
        live.people([principal.user_id], "notification")
    return changed


@dataclass(frozen=True)
class Wish:
    """A person's wish for one kind, or the kind's default."""

    kind: str
    name_zh: str
    name_en: str
    mail: bool
    sms: bool


def wishes_of(principal: Principal) -> list[Wish]:
    """Every declared kind with what the person wants."""
    said = {
        (kind, channel): wanted
        for kind, channel, wanted in ChannelPreference.objects.filter(user_id=person_of(principal)).values_list(
            "kind", "channel", "is_wanted"
        )
    }
    return [
        Wish(
            one.code, one.name_zh, one.name_en,
            said.get((one.code, Channel.MAIL.value), one.mail), said.get((one.code, Channel.SMS.value), one.sms),
        )
        for one in sorted(kinds().notices.values(), key=lambda one: one.code)
    ]  # fmt: skip


@transaction.atomic
def set_wish(principal: Principal, kind: str, channel: str, wanted: bool) -> None:
    """Want, or do not want, one kind on one channel."""
    notice_kind(kind)
    ChannelPreference.objects.update_or_create(
        user_id=person_of(principal), kind=kind, channel=Channel(channel), defaults={"is_wanted": wanted}
    )


@dataclass(frozen=True)
class Contact:
    """Where a person is reached outside the node; '' where not."""

    mail: str = ""
    mobile: str = ""


def contact_of(principal: Principal) -> Contact:
    """One's own addresses, kept encrypted with the account."""
    user = User.objects.filter(pk=person_of(principal)).first()
    return Contact(user.mail, user.phone) if user else Contact()


@transaction.atomic
def set_contact(principal: Principal, mail: str, mobile: str) -> Contact:
    """Say where one is reached outside the node; '' takes an address away. On record without the addresses.

    Raises
    ------
    BadContact
        A text that is no mail address, or no telephone number of 6 to 18 digits.
    """
    wanted = Contact(mail.strip(), re.sub(r"[ \-]", "", mobile))
    _require_sound(wanted)
    user = User.objects.select_for_update().get(pk=person_of(principal))
    if (user.mail, user.phone) == (wanted.mail, wanted.mobile):
        return wanted
    user.mail, user.phone = wanted.mail, wanted.mobile
    user.save(update_fields=["mail", "mail_index", "phone", "phone_index"])
    audit.record(principal, "contact-changed", "user", principal.name, mail=bool(user.mail), phone=bool(user.phone))
    return wanted


def _require_sound(contact: Contact) -> None:
    if contact.mail:
        try:
            validate_email(contact.mail)
        except ValidationError as error:
            raise BadContact(f"“{contact.mail}”不是邮箱地址。", f"'{contact.mail}' is no mail address.") from error
    if contact.mobile and not _MOBILE.fullmatch(contact.mobile):
        raise BadContact(
            f"“{contact.mobile}”不是电话号码：应为 6 到 18 位数字，可带国家码“+”。",
            f"'{contact.mobile}' is no telephone number: 6 to 18 digits, with '+' for a country code.",
        )
