"""How messages leave the node, and what becomes of interrupted jobs; each value from an environment variable ``KUNYU_<NAME>``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class WorklistSettings:
    """Typed settings with defaults that are safe on a laptop: without an address nothing leaves the node.

    Attributes
    ----------
    mail_url : str
        ``KUNYU_MAIL_URL``: ``smtp://user:password@host:port`` (plain, or STARTTLS with ``?starttls=1``) or
        ``smtps://…``; empty: no mail.
    mail_from : str
        ``KUNYU_MAIL_FROM``: sender's address.
    sms_adapter : str
        ``KUNYU_SMS_ADAPTER``: empty (no short messages), ``simulator`` (writes to a file, sends nothing), or the
        dotted path of a class with the methods of :class:`kunyu.engines.worklist.sms.SmsAdapter`.
    public_address : str
        ``KUNYU_PUBLIC_ADDRESS``: what links in mails begin with, e.g. ``https://zrzy.example.gov.cn``.
    job_stalled_s : int
        ``KUNYU_JOB_STALLED_SECONDS``: a worker that was silent so long counts as dead; its jobs begin again at once.
    job_attempts_max : int
        ``KUNYU_JOB_ATTEMPTS``: a job that was interrupted in so many runs is given up, with a sentence.
    """

    mail_url: str = ""
    mail_from: str = "kunyu@localhost"
    sms_adapter: str = ""
    public_address: str = ""
    job_stalled_s: int = 45
    job_attempts_max: int = 3


@lru_cache(maxsize=1)
def worklist_settings() -> WorklistSettings:
    """Return the settings in force in this process."""
    return WorklistSettings(
        mail_url=os.environ.get("KUNYU_MAIL_URL", ""),
        mail_from=os.environ.get("KUNYU_MAIL_FROM", "kunyu@localhost"),
        sms_adapter=os.environ.get("KUNYU_SMS_ADAPTER", ""),
        public_address=os.environ.get("KUNYU_PUBLIC_ADDRESS", "").rstrip("/"),
        job_stalled_s=int(os.environ.get("KUNYU_JOB_STALLED_SECONDS", "45")),
        job_attempts_max=int(os.environ.get("KUNYU_JOB_ATTEMPTS", "3")),
    )
