"""Mail through the SMTP server that ``KUNYU_MAIL_URL`` names. Called by jobs only, never in a request. 邮件."""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.mail import EmailMessage, get_connection

from kunyu.engines.worklist.errors import NotSent
from kunyu.engines.worklist.settings import worklist_settings

TIMEOUT_S = 20
_PORTS = {"smtp": 25, "smtps": 465}
_REFUSED_FOR_GOOD = 500


@dataclass(frozen=True)
class Letter:
    """One mail; ``reference`` makes its Message-ID, the same at every attempt."""

    to: str
    subject: str
    text: str
    reference: str


def send_letter(letter: Letter) -> str:
    """Hand one mail to the SMTP server; return the server's name.

    Raises
    ------
    NotSent
        The server cannot be reached or refuses; final when it refuses for good (5xx).
    """
    settings = worklist_settings()
    parts = urlsplit(settings.mail_url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise NotSent(
            "邮件服务器未配置：请设置 KUNYU_MAIL_URL（smtp://主机:端口）。",
            "No mail server: set KUNYU_MAIL_URL (smtp://host:port).",
            is_final=True,
        )
    connection = get_connection(
        "django.core.mail.backends.smtp.EmailBackend", host=parts.hostname, port=parts.port or _PORTS[parts.scheme],
        username=unquote(parts.username or ""), password=unquote(parts.password or ""),
        use_ssl=parts.scheme == "smtps", use_tls=parse_qs(parts.query).get("starttls") == ["1"], timeout=TIMEOUT_S,
    )  # fmt: skip
    domain = settings.mail_from.rpartition("@")[2] or "localhost"
    mail = EmailMessage(
        subject=" ".join(letter.subject.split()), body=letter.text, from_email=settings.mail_from, to=[letter.to],
        connection=connection, headers={"Message-ID": f"<{letter.reference}@{domain}>", "Auto-Submitted": "auto-generated"},
    )  # fmt: skip
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        raise _refused(letter.to, code, said) from error
    except smtplib.SMTPResponseException as error:
        raise _refused(letter.to, error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(
            f"邮件服务器 {parts.hostname} 无法使用：{error}", f"The mail server {parts.hostname} does not work: {error}"
        ) from error
    return parts.hostname


def _refused(to: str, code: int, said: bytes | str) -> NotSent:
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return NotSent(
        f"邮件服务器拒收发往 {to} 的邮件：{code} {words}",
        f"The mail server refused mail to {to}: {code} {words}",
        is_final=code >= _REFUSED_FOR_GOOD,
    )
