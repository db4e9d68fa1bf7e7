"""Take one message out of the node: claimed by a committed row first, so that two jobs never send it twice.

Delivery is at most once: whoever finds a row in ``sending`` after a crash cannot know whether it left, so it becomes a
dead letter that says so, and a person decides. A refusal before anything left is retried with growing pauses.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from kunyu.engines.security import audit, duties
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist.errors import NotSent, UnknownMessage, WrongState
from kunyu.engines.worklist.incidents import Alarm, raise_incident
from kunyu.engines.worklist.mail import Letter, send_letter
from kunyu.engines.worklist.models import Channel, Incident, Message, Notification
from kunyu.engines.worklist.queueing import queue_message
from kunyu.engines.worklist.settings import worklist_settings
from kunyu.engines.worklist.sms import send_short_message
from kunyu.kernel.errors import KunyuError

PAUSES_S = (30, 120, 600, 3600, 6 * 3600)  # after the first, second … failure; then it is dead
INTERRUPTED_S = 600
State = Message.State
logger = logging.getLogger(__name__)


def send(message_id: int) -> str:
    """Send one waiting message whose time has come; return the state it is in afterwards ('' for none)."""
    now = timezone.now()
    claimed = Message.objects.filter(pk=message_id, state=State.WAITING, due_at__lte=now).update(
        state=State.SENDING, started_at=now, attempts=F("attempts") + 1
    )
    message = Message.objects.select_related("notification__recipient").filter(pk=message_id).first()
    if not claimed or message is None:
        return message.state if message else ""
    try:
        via = _hand_out(message)
    except Exception as error:  # an adapter may raise anything; what it said must reach the list of dead letters
        if not isinstance(error, NotSent):
            logger.exception("message %s", message_id)
        return _failed(message, error)
    Message.objects.filter(pk=message_id).update(
        state=State.SENT, sent_at=timezone.now(), via=via[:80], reason_zh="", reason_en=""
    )
    return State.SENT.value


def _hand_out(message: Message) -> str:
    notification = message.notification
    person = notification.recipient
    if not person.is_active:
        raise NotSent("收件人账号已停用。", "The recipient's account is disabled.", is_final=True)
    reference = f"kunyu-message-{message.pk}"
    if message.channel == Channel.MAIL:
        if not person.mail:
            raise NotSent("收件人已删除邮箱地址。", "The recipient took the mail address away.", is_final=True)
        return send_letter(Letter(person.mail, f"【坤舆】{notification.title_zh}", _text(notification), reference))
    if not person.phone:
        raise NotSent("收件人已删除手机号。", "The recipient took the telephone number away.", is_final=True)
    return send_short_message(person.phone, f"【坤舆】{notification.title_zh}", reference)


def _text(notification: Notification) -> str:
    """The mail names the matter and leads to it; what it is about stays inside the node."""
    link = f"{worklist_settings().public_address}{notification.href}" if notification.href else ""
    blocks = [
        f"{notification.title_zh}\n{notification.body_zh}",
        f"{notification.title_en}\n{notification.body_en}",
        link,
    ]
    return "\n\n".join(block.strip() for block in blocks if block.strip()) + "\n"


def _failed(message: Message, error: Exception) -> str:
    known = error if isinstance(error, KunyuError) else None
    zh = known.detail_zh if known else f"发送程序出错：{type(error).__name__}: {error}"
    en = known.detail_en if known else f"The sender failed: {type(error).__name__}: {error}"
    final = getattr(error, "is_final", False) or message.attempts > len(PAUSES_S)
    due = timezone.now() + timedelta(seconds=0 if final else PAUSES_S[message.attempts - 1])
    state = State.DEAD if final else State.WAITING
    with transaction.atomic():
        Message.objects.filter(pk=message.pk).update(
            state=state, due_at=due, reason_zh=zh[:2000].replace("\x00", ""), reason_en=en[:2000].replace("\x00", "")
        )
        if final:
            _raise_incident(message)
        else:
            queue_message(message.pk, due)
    return str(state)


def _raise_incident(message: Message) -> None:
    """One incident per division and channel for its system administrators, however many messages fail."""
    division = message.notification.recipient.division_code
    zh, en = ("邮件", "Mail") if message.channel == Channel.MAIL else ("短信", "Short messages")
    raise_incident(
        Alarm(
            key=f"messages-not-delivered:{message.channel}:{division}", level=Incident.Level.BLUE,
            title_zh=f"{zh}未送达", title_en=f"{en} not delivered", source="worklist.sending",
            occurrence=f"message:{message.pk}:{message.attempts}:{message.due_at:%Y%m%dT%H%M%S%f}",
            href="/notifications/undelivered/", division=division, duty=duties.SYSTEM,
        ),
        Principal("worklist", origin="worker"),
    )  # fmt: skip


def take_up_messages(overdue_s: float = 0) -> int:
    """Queue what waits without a job, and lay down what a crash interrupted; returns how many were queued.

    What should have left ``overdue_s`` ago counts as without a job; a second job for the same message finds it taken
    and ends at once.
    """
    lost = timezone.now() - timedelta(seconds=INTERRUPTED_S)
    for message in Message.objects.select_related("notification__recipient").filter(
        state=State.SENDING, started_at__lt=lost
    ):
        with transaction.atomic():
            if Message.objects.filter(pk=message.pk, state=State.SENDING).update(
                state=State.DEAD,
                reason_zh="发送被中断，无法知道是否已送达；不自动重发，请人工决定。",
                reason_en="Sending was interrupted; nobody knows whether it arrived. It is not sent again by itself.",
            ):
                _raise_incident(message)
    should = timezone.now() - timedelta(seconds=overdue_s)
    waiting = list(Message.objects.filter(state=State.WAITING, due_at__lte=should).values_list("pk", "due_at"))
    for message_id, due in waiting:
        queue_message(message_id, due)
    return len(waiting)


def visible_messages(principal: Principal) -> QuerySet[Message]:
    """Messages a system administrator answers for: those to people in his divisions."""
    if not principal.is_operator:
        duties.require(principal, duties.SYSTEM)
    rows = Message.objects.select_related("notification__recipient")
    reach = Q() if principal.is_operator else Q(
        notification__recipient__division_code__startswith=principal.duty_division
    )  # fmt: skip
    return rows.filter(reach)


def visible_message(principal: Principal, message_id: int) -> Message:
    """One of these messages, or the same answer as for a number that does not exist."""
    message = visible_messages(principal).filter(pk=message_id).first()
    if message is None:
        raise UnknownMessage(f"没有消息 {message_id}。", f"There is no message {message_id}.")
    return message


@transaction.atomic
def send_again(principal: Principal, message_id: int) -> Message:
    """Queue a dead letter anew, on record."""
    message = visible_message(principal, message_id)
    now = timezone.now()
    if not Message.objects.filter(pk=message_id, state=State.DEAD).update(state=State.WAITING, attempts=0, due_at=now):
        raise WrongState(
            f"消息 {message_id} 的状态是“{message.get_state_display()}”，只有未送达的可以重发。",
            f"Message {message_id} is {message.state}; only dead letters are sent again.",
        )
    audit.record(principal, "message-resend", "message", message_id)
    queue_message(message_id, now)
    message.refresh_from_db()
    return message
