"""What the tests issue: a request, its template, its seal."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import shapely

from kunyu.engines.documents.licences import Holder, Issuer, IssueRequest
from kunyu.engines.documents.models import Seal

SCHEME = "用字第{division}{year}XS{sequence:07d}号"
USCC = "91350100M000100Y43"
CITIZEN = "11010519491231002X"
PLOT = shapely.box(113.001, 34.501, 113.004, 34.503)
DAY = date(2026, 11, 2)
TEMPLATE = """<h1>{{ kind_zh }}</h1><p class="number">{{ number }}</p>
<table>{% for name, value in facts_list %}<tr><th>{{ name }}</th><td>{{ value }}</td></tr>{% endfor %}</table>
<p>{{ holder.name }} {{ holder.code }}</p><p class="signed">{{ issuer.name_zh }}</p><p>{{ issued_on|date_written }}</p>"""


def template(folder: Path) -> Path:
    """The template as a file."""
    path = folder / "licence.html"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


def request(folder: Path, seal: Seal | None, **changes: Any) -> IssueRequest:
    """A request for a land review opinion of 990101."""
    made = IssueRequest(
        key="case:T1:licence", kind="land_review_opinion", type_code="", issuer=Issuer("990101", "坤舆县自然资源局"),
        holder=Holder("坤舆县人民医院", "organisation", USCC), division="990101", project_code="2026-990101-84-01-000001",
        subject="case:T1", facts={"项目名称|Project": "坤舆县医院迁建"}, number_scheme=SCHEME, valid_to=date(2099, 11, 1),
        template=template(folder), seal=seal, branch="30401-001", plot=PLOT, issued_on=DAY,
    )  # fmt: skip
    return replace(made, **changes)
