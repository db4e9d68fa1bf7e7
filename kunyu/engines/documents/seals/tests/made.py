"""What tests of seals stand on: the administrators, seals in use, a plain paper."""

from __future__ import annotations

from functools import lru_cache

from kunyu.engines.documents.models import Seal
from kunyu.engines.documents.seals import services
from kunyu.engines.documents.seals.services import SealEntry
from kunyu.engines.security.scope import Principal

SYSTEM = Principal("a-system", "系统", duty="system", duty_division="9901")
SECURITY = Principal("a-security", "安全", duty="security", duty_division="9901")
AUDITOR = Principal("an-auditor", "审计", duty="audit", duty_division="9901")
DECIDER = Principal("a-decider", "决定人")
COUNTY = "990101"
NAME = "坤舆县自然资源局"


def prepared_seal(name: str = NAME, division: str = COUNTY) -> Seal:
    """Made, not approved."""
    return services.make(SYSTEM, SealEntry(name, division, second_line="行政审批专用章"))


def active_seal(name: str = NAME, division: str = COUNTY) -> Seal:
    """Made and approved."""
    return services.approve(SECURITY, prepared_seal(name, division).code)


@lru_cache(maxsize=4)
def paper(title: str = "建设项目用地预审与选址意见书") -> bytes:
    """A page as the templates make them."""
    import weasyprint

    content: bytes = weasyprint.HTML(
        string=f"<title>{title}</title><h1>{title}</h1><p>用字第990101202600001号</p>"
    ).write_pdf()
    return content
