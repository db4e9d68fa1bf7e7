"""Who applies: name, kind and code, the code encrypted, shown masked, found by equality. 申请人."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kunyu.engines.matters.errors import BadForm
from kunyu.engines.matters.models import Application
from kunyu.engines.security.masks import mask
from kunyu.kernel.identifier_checks import BadIdentifier
from kunyu.kernel.identifiers import parse_citizen_id, parse_credit_code

Kind = Application.ApplicantKind
COLUMNS = ("applicant_kind", "applicant_name", "applicant_code", "applicant_code_index", "applicant_code_masked")


def set_applicant(application: Application, given: Mapping[str, Any]) -> None:
    """Take over ``{"kind": "person"|"organisation", "name": …, "code": …}``; what is left out stays.

    Raises
    ------
    BadForm
        Another kind; a code whose length, division, birthday or check character is wrong.
    """
    kind = str(given.get("kind", application.applicant_kind))
    if kind and kind not in Kind.values:
        raise fault("applicant.kind", f"申请人类型 {kind[:20]} 应为 person 或 organisation。",
                    f"The kind of applicant {kind[:20]} must be person or organisation.")  # fmt: skip
    application.applicant_kind = kind
    application.applicant_name = str(given.get("name", application.applicant_name)).strip()[:200]
    if "code" in given:
        _set_code(application, str(given["code"]).strip().upper())


def _set_code(application: Application, code: str) -> None:
    if code:
        try:
            parse_citizen_id(code) if application.applicant_kind == Kind.PERSON else parse_credit_code(code)
        except BadIdentifier as error:
            # the code itself never enters an error: it would stand in logs
            why = error.reason
            raise fault("applicant.code", f"申请人证件号码有误（{_REASON_ZH.get(why, why)}）。",
                        f"The applicant's code is wrong ({why}).") from None  # fmt: skip
    application.applicant_code = code
    masked = mask("document", code) if application.applicant_kind == Kind.PERSON else code
    application.applicant_code_masked = masked or ""


_REASON_ZH = {"length": "长度", "characters": "字符", "division": "区划", "check": "校验码", "date": "出生日期",
              "structure": "结构"}  # fmt: skip


def fault(field: str, zh: str, en: str, **more: Any) -> BadForm:
    """One fault of one field."""
    return faults([{"field": field, "zh": zh, "en": en, **more}])


def faults(found: list[dict[str, Any]]) -> BadForm:
    """All faults at once, each naming its field."""
    zh = "；".join(str(one["zh"]).rstrip("。") for one in found[:5])
    en = "; ".join(str(one["en"]).rstrip(".") for one in found[:5])
    return BadForm(f"{zh}。", f"{en}.", faults=found)
