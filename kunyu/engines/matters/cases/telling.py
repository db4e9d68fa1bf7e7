"""What people are told of a case: the applicant of every step that concerns him, officers of limits. 告知.

Each notice bears the event as its cause, so an act that is delivered twice tells once.
"""

from __future__ import annotations

from kunyu.engines.matters.models import Case
from kunyu.engines.worklist.models import Notification
from kunyu.engines.worklist.notices import Notice, notify

APPLICANT_KIND, SUPERVISION_KIND, LIMIT_KIND = "case_progress", "case_supervised", "case_limit"


def applicant_address(case: Case) -> str:
    """The applicant's page of a case."""
    return f"/hall/cases/{case.number}"


def tell_applicant(
    case: Case, sequence: int, zh: str, en: str, body_zh: str = "", body_en: str = "", *, urgent: bool = False
) -> None:
    """Tell the applicant's account, where there is one."""
    if case.applicant_account_id is None:
        return
    notify(
        [case.applicant_account_id],
        Notice(
            kind=APPLICANT_KIND, key=f"case:{case.number}:{sequence}", title_zh=f"{case.matter.name_zh}：{zh}",
            title_en=f"{case.matter.name_en or case.matter.code}: {en}",
            body_zh=f"办件编号 {case.number}。{body_zh}", body_en=f"Case {case.number}. {body_en or body_zh}".strip(),
            href=applicant_address(case),
            level=Notification.Level.WARNING if urgent else Notification.Level.INFO,
        ),
    )  # fmt: skip


def tell_officer(case: Case, user_ids: list[int], kind: str, key: str, zh: str, en: str, body: str = "") -> None:
    """Warn officers about a case."""
    notify(
        user_ids,
        Notice(
            kind=kind, key=key, title_zh=f"{zh}：{case.matter.name_zh} {case.number}",
            title_en=f"{en}: {case.matter.name_en or case.matter.code} {case.number}", body_zh=body, body_en=body,
            href=f"/cases/{case.number}", level=Notification.Level.WARNING,
        ),
    )  # fmt: skip
