"""The report as one self-contained page: for a screen, and for paper. 检查报告页面.

No script, no address outside the page, no time of day: the same findings give the same page.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.report.drawing import Drawer
from kunyu.engines.ingest.checks.rule import SCOPE_NAMES, Rule
from kunyu.engines.ingest.checks.runner import CheckReport

MOST_LISTED = 200
"""Findings of one rule listed on the page; the JSON and GeoPackage hold all of them."""
MOST_DRAWN = 24
"""Findings of one rule with a map."""

SEVERITY_NAMES = {
    "S": ("严重缺陷", "severe"),
    "Z": ("重缺陷", "major"),
    "Q": ("轻缺陷", "minor"),
    "W": ("提示", "notice"),
}


@dataclass(frozen=True)
class Section:
    """One rule with findings."""

    rule: Rule
    clause: str
    scope: str
    count: int
    listed: tuple[tuple[Finding, Markup | None], ...]

    @property
    def left_out(self) -> int:
        """Findings that are counted but not listed."""
        return self.count - len(self.listed)


def render_html(report: CheckReport) -> str:
    """Return the page as text (UTF-8 when written)."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    counts = Counter(one.rule for one in report.findings)
    return environment.get_template("report.html").render(
        report=report, sections=_sections(report), severities=SEVERITY_NAMES, counts=counts, version=_version(),
        clause=lambda rule: _clause(report, rule), measure=measure,
    )  # fmt: skip


def measure(value: float | str | None, unit: str) -> str:
    """Return a measured value or limit as people read it: at most four decimals, then its unit."""
    if value is None:
        return "—"
    if isinstance(value, float):
        text = f"{value:,.4f}".rstrip("0").rstrip(".")
    else:
        text = f"{value:,}" if isinstance(value, int) else value
    return f"{text} {unit}".strip()


def _sections(report: CheckReport) -> list[Section]:
    drawer = Drawer(report.delivered) if report.delivered is not None else None
    by_rule: dict[str, list[Finding]] = {}
    for one in report.findings:
        by_rule.setdefault(one.rule, []).append(one)
    sections = []
    for rule in report.rules:
        found = by_rule.get(rule.id, [])
        if found:
            listed = tuple(
                (one, drawer.draw(one) if drawer and at < MOST_DRAWN else None)
                for at, one in enumerate(found[:MOST_LISTED])
            )
            scope = " / ".join(SCOPE_NAMES[rule.scope])
            sections.append(Section(rule, _clause(report, rule), scope, len(found), listed))
    return sections


def _clause(report: CheckReport, rule: Rule) -> str:
    return report.delivered.clause(rule) if report.delivered is not None else rule.clause


def _version() -> str:
    try:
        return version("kunyu")
    except PackageNotFoundError:
        return ""
