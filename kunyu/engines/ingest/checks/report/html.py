"""The report as one self-contained page: for a screen, and for paper. 检查报告页面.

No script, no address outside the page, no time of day: the same findings give the same page.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.report.drawing import Drawer
from kunyu.engines.ingest.checks.report.sheet import (
    MOST_DRAWN as SHEET_DRAWN,
)
from kunyu.engines.ingest.checks.report.sheet import (
    SEALS,
    SEVERITY_NAMES,
    SIGNATURES,
    TITLE,
    Sheet,
    measure,
    sheet_of,
)
from kunyu.engines.ingest.checks.rule import SCOPE_NAMES, Rule
from kunyu.engines.ingest.checks.runner import CheckReport

MOST_LISTED = 200
"""Findings of one rule listed on the page; the JSON and GeoPackage hold all of them."""
MOST_DRAWN = 24
"""Findings of one rule with a map."""


_SVG_STYLE = (
    ".ky-near { fill: #f2f4f4; stroke: #8f9b9f; stroke-width: .8px; fill-rule: evenodd; }"
    ".ky-named { fill: #cfe3e7; stroke: #0b5563; stroke-width: 1.4px; fill-rule: evenodd; }"
    ".ky-place { fill: #b3261e; fill-opacity: .45; stroke: #b3261e; stroke-width: 2.2px; fill-rule: evenodd; }"
    ".ky-bar { fill: none; stroke: #1c2427; stroke-width: 1.2px; } .ky-text { font-size: 13px; }"
)


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
    counts = Counter(one.rule for one in report.findings)
    return _environment().get_template("report.html").render(
        report=report, sections=_sections(report), severities=SEVERITY_NAMES, counts=counts, sheet=sheet_of(report),
        clause=lambda rule: _clause(report, rule), measure=measure, signatures=SIGNATURES, seals=SEALS,
        most_excepted=MOST_LISTED,
    )  # fmt: skip


def render_sheet(report: CheckReport) -> str:
    """Return the sheet to sign as a page for paper (A4): what ``.pdf`` is made from."""
    sheet = sheet_of(report)
    return _environment().get_template("sheet.html").render(
        sheet=sheet, report=report, title=TITLE, severities=SEVERITY_NAMES, measure=measure, signatures=SIGNATURES,
        seals=SEALS, drawings=_drawings(sheet),
    )  # fmt: skip


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def _drawings(sheet: Sheet) -> dict[str, Markup | None]:
    """Maps of the sheet's samples by fingerprint; each bears its style, which a drawing on paper takes from nowhere else."""
    shown = [one for sample in sheet.samples for one in sample.findings][:SHEET_DRAWN]
    if sheet.drawer is None:
        return {}
    drawn = {one.fingerprint: sheet.drawer.draw(one) for one in shown}
    style = Markup('role="img"><style>' + _SVG_STYLE + "</style>")  # noqa: S704 - a constant  # nosec B704
    return {name: svg and Markup(svg.replace('role="img">', style, 1)) for name, svg in drawn.items()}  # noqa: S704  # nosec B704


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
