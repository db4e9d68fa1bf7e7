"""What a matter consists of (services.md §1, 实施清单要素). Frozen; as read from a folder or kept in an edition.

A folder holds ``matters.toml`` (one table per matter), the form (``forms/*.json``, JSON Schema), the flow
(``workflow.bpmn``), decision tables (``decisions/*.dmn``), templates and ``rules.py``: nothing else in Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kunyu.kernel.digests import canonical_json, sm3_hex

KINDS: Mapping[str, tuple[str, str]] = {
    "01": ("行政许可", "licence"), "06": ("行政检查", "inspection"), "07": ("行政确认", "confirmation"),
    "10": ("其他行政权力", "other administrative power"), "20": ("公共服务", "public service"),
}  # fmt: skip
"""Type numbers of GB/T 39554.1-2020."""
LEVELS: Mapping[str, tuple[str, str]] = {
    "ministry": ("国家级", "national"), "province": ("省级", "province"), "city": ("市级", "city"),
    "county": ("县级", "county"),
}  # fmt: skip
TEMPLATES: Mapping[str, tuple[str, str]] = {
    "acceptance": ("受理通知书", "notice of acceptance"), "not_accepted": ("不予受理决定书", "refusal to accept"),
    "correction": ("补正告知书", "request for correction"),
    "opinion": ("审查意见", "opinion"), "refusal": ("不予许可决定书", "refusal"), "licence": ("证照", "licence"),
}  # fmt: skip
ZONES = ("secret", "business", "internet", "emergency", "public_cloud")
"""Network zones (security.zones) that a matter may be bound to (R-310)."""


@dataclass(frozen=True)
class MaterialKind:
    """One kind of material the applicant hands in. 申请材料.

    ``reads`` names facts that are compared across materials and form (``applicant_code``, ``area_m2``,
    ``project_name``, ``project_code`` …); ``when`` names a field of the form that makes it needed when true.
    """

    code: str
    name_zh: str
    name_en: str
    is_required: bool = True
    when: str = ""
    formats: tuple[str, ...] = ("pdf", "ofd", "jpg", "png")
    licence_kind: str = ""
    """A licence of this kind in the register stands in for it (免提交)."""
    reads: tuple[str, ...] = ()
    note_zh: str = ""
    note_en: str = ""


@dataclass(frozen=True)
class Stage:
    """One user task of the flow and who does it. 办理环节. ``code`` is the id of the BPMN task."""

    code: str
    name_zh: str
    name_en: str
    role: str
    """Code of a role (security); whoever has it where the case lies may take the task."""
    outcomes: tuple[str, ...]
    """What may be chosen, e.g. ``accept``, ``correct``, ``reject``, ``agree``, ``return``, ``grant``, ``refuse``."""
    due_workdays: int | None = None
    separate_from: tuple[str, ...] = ()
    """Stages whose actors may not act here (受理、审查、决定分离)."""
    may_override: bool = False
    """Whoever acts here may decide on *not checked* with a reason."""


@dataclass(frozen=True)
class Fee:
    """What it costs and by which basis; none: free."""

    name_zh: str
    amount_zh: str
    basis: str


@dataclass(frozen=True)
class Definition:
    """A matter, whole."""

    code: str
    name_zh: str
    name_en: str
    kind: str
    basis: tuple[str, ...]
    levels: tuple[str, ...]
    """``ministry province city county``."""
    basic_code: str = ""
    branch: str = ""
    statutory_days: int | None = None
    promised_days: int | None = None
    conditions_zh: tuple[str, ...] = ()
    conditions_en: tuple[str, ...] = ()
    materials: tuple[MaterialKind, ...] = ()
    stages: tuple[Stage, ...] = ()
    fee: Fee | None = None
    window_zh: str = ""
    result_zh: str = ""
    result_en: str = ""
    licence_kind: str = ""
    licence_valid_years: int | None = None
    number_scheme: str = ""
    """Pattern of the licence's number, e.g. ``用字第{division}{year}XS{sequence:07d}号``."""
    needs_plot: bool = False
    needs_project: bool = False
    form: Mapping[str, Any] = field(default_factory=dict)
    process: str = ""
    """Id of the BPMN process in the flow file."""
    rules: tuple[str, ...] = ()
    templates: Mapping[str, str] = field(default_factory=dict)
    """``acceptance``, ``correction``, ``opinion``, ``refusal``, ``licence`` → file in the folder's ``templates/``."""
    zones: tuple[str, ...] = ()
    """Zones it may be handled in (R-310); empty: everywhere."""
    is_complete: bool = False
    """Can be applied for here; otherwise an entry of the catalogue with its guide."""
    is_verified: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Local elements of the guide that no program reads (咨询投诉电话, 是否支持快递 …)."""

    @cached_property
    def form_digest(self) -> str:
        """SM3 of the form: what was made of a form is kept by it."""
        return sm3_hex(canonical_json(self.form))
