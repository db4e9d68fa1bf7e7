"""What stands on the sheet to sign, whatever it is written as: Word or paper. 质量检查表.

Times are left for people to write: the same findings give the same sheet. The sheet is a reading of the canonical JSON,
whose digest it bears; only the JSON is canonical.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.report.drawing import Drawer
from kunyu.engines.ingest.checks.rule import SCOPE_NAMES, Rule
from kunyu.engines.ingest.checks.runner import CheckReport
from kunyu.engines.ingest.checks.score import Score, Scoring, score_of, scoring_of
from kunyu.kernel.digests import sm3_hex

TITLE = ("自然资源调查成果质量检查表", "Quality Inspection Sheet of Survey Results")
SEVERITY_NAMES = {
    "S": ("严重缺陷", "severe"),
    "Z": ("重缺陷", "major"),
    "Q": ("轻缺陷", "minor"),
    "W": ("提示", "notice"),
}
MOST_SAMPLES = 2
"""Findings of one rule that are shown on the sheet, with a drawing; the reports hold all of them."""
MOST_DRAWN = 40
SIGNATURES = (
    ("检查人", "Inspector"),
    ("复核人", "Reviewer"),
    ("负责人", "Person in charge"),
)
SEALS = (("成果提交单位（盖章）", "Delivering unit (seal)"), ("检查单位（盖章）", "Inspecting unit (seal)"))


@dataclass(frozen=True)
class Line:
    """One rule that ran: how many findings, and what that means."""

    rule: Rule
    clause: str
    count: int
    verdict: tuple[str, str]

    @property
    def is_bad(self) -> bool:
        """Did it find more than something to note?"""
        return self.verdict == NOT_MET


@dataclass(frozen=True)
class Group:
    """Rules of one scope (package, tables, fields, geometry, across layers, history)."""

    title: tuple[str, str]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Layer:
    """A layer that was delivered, its name in the standard, its records."""

    code: str
    name: tuple[str, str]
    records: int


@dataclass(frozen=True)
class Sample:
    """Findings of one rule as examples; ``count`` is how many there are."""

    line: Line
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Sheet:
    """Everything on the sheet. ``not_run`` is (rules, reason), ``excepted`` (rule, number)."""

    report: CheckReport
    report_sm3: str
    county: str
    layers: tuple[Layer, ...]
    groups: tuple[Group, ...]
    not_run: tuple[tuple[tuple[str, ...], str], ...]
    samples: tuple[Sample, ...]
    excepted: tuple[tuple[str, int], ...]
    score: Score | None
    scoring: Scoring | None
    program: str
    drawer: Drawer | None

    @property
    def number(self) -> str:
        """Number of the sheet: from what was checked and what was found."""
        return f"{self.report.input_sm3[:8]}-{self.report_sm3[:8]}".upper()

    @property
    def conclusion(self) -> tuple[str, str]:
        """The conclusion that follows from the findings; people add theirs."""
        found = self.report.summary
        counted = "、".join(f"{SEVERITY_NAMES[code][0]} {found[code]:,} 处" for code in SEVERITY_NAMES)
        counted_en = ", ".join(f"{SEVERITY_NAMES[code][1]} {found[code]:,}" for code in SEVERITY_NAMES)
        if found["S"]:
            return (
                f"{counted}。有严重缺陷，成果不合格，须改正后重新提交。",
                f"{counted_en}. Severe findings: failed, to be corrected and delivered again.",
            )
        if found["Z"]:
            return f"{counted}。有重缺陷，须改正。", f"{counted_en}. Major findings are to be corrected."
        return f"{counted}。未发现严重缺陷和重缺陷。", f"{counted_en}. No severe or major finding."


MET, NOTED, NOT_MET = ("符合", "met"), ("提示", "noted"), ("不符合", "not met")


def sheet_of(report: CheckReport) -> Sheet:
    """Gather the sheet of a report."""
    counts = Counter(one.rule for one in report.findings)
    severe = Counter(one.rule for one in report.findings if one.severity != "W")
    lines = [_line(report, rule, counts[rule.id], severe[rule.id]) for rule in report.rules]
    scoring = scoring_of(report.standard)
    costs = Counter((one.rule, one.severity, one.layer) for one in report.findings)
    return Sheet(
        report=report,
        report_sm3=sm3_hex(report.to_json()),
        county=(report.delivered.county if report.delivered is not None else None) or "",
        layers=tuple(_layer(report, one.name, one.records) for one in report.layers),
        groups=tuple(_groups(lines)),
        not_run=tuple(_not_run(report)),
        samples=tuple(_samples(report, lines)),
        excepted=tuple(sorted(Counter(one.rule for one in report.excepted).items())),
        score=score_of([(*key, number) for key, number in sorted(costs.items())], scoring) if scoring else None,
        scoring=scoring,
        program=f"Kunyu 坤舆 {_version()}".strip(),
        drawer=Drawer(report.delivered) if report.delivered is not None else None,
    )


def _line(report: CheckReport, rule: Rule, count: int, severe: int) -> Line:
    clause = report.delivered.clause(rule) if report.delivered is not None else rule.clause
    return Line(rule, clause, count, NOT_MET if severe else NOTED if count else MET)


def _groups(lines: list[Line]) -> Iterator[Group]:
    for scope, title in SCOPE_NAMES.items():
        found = tuple(one for one in lines if one.rule.scope == scope)
        if found:
            yield Group(title, found)


def _layer(report: CheckReport, code: str, records: int) -> Layer:
    spec = report.delivered.standard.layers.get(code) if report.delivered is not None else None
    return Layer(code, (spec.name_zh, spec.name_en) if spec else (code, code), records)


def _not_run(report: CheckReport) -> Iterator[tuple[tuple[str, ...], str]]:
    by_reason: dict[str, list[str]] = {}
    for one in report.rules_not_run:
        by_reason.setdefault(one.reason, []).append(one.rule)
    for reason, rules in by_reason.items():
        yield tuple(rules), reason


def _samples(report: CheckReport, lines: list[Line]) -> Iterator[Sample]:
    by_rule: dict[str, list[Finding]] = {}
    for one in report.findings:
        by_rule.setdefault(one.rule, []).append(one)
    order = {code: at for at, code in enumerate(SEVERITY_NAMES)}
    for line in sorted(lines, key=lambda one: (order[one.rule.severity], one.rule.id)):
        if line.count:
            yield Sample(line, tuple(by_rule[line.rule.id][:MOST_SAMPLES]))


def measure(value: float | str | None, unit: str) -> str:
    """Return a measured value or limit as people read it: at most four decimals, then its unit."""
    if value is None:
        return "—"
    if isinstance(value, float):
        text = f"{value:,.4f}".rstrip("0").rstrip(".")
    else:
        text = f"{value:,}" if isinstance(value, int) else value
    return f"{text} {unit}".strip()


def _version() -> str:
    try:
        return version("kunyu")
    except PackageNotFoundError:
        return ""
