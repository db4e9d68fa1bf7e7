"""The signing sheet: the sheet of paper that checker and bureau sign. 检查意见签署表.

Times are left for people to write: the sheet itself is the same for the same findings.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from kunyu.engines.ingest.checks.report.html import SEVERITY_NAMES
from kunyu.engines.ingest.checks.runner import CheckReport

_FONT = "宋体"
_SIGNATURES = (
    "检查人 Checked by",
    "复核人 Reviewed by",
    "成果提交单位 (盖章) Delivered by",
    "检查单位 (盖章) Checking unit",
)
_MOST_EXAMPLES = 3


def write_docx(report: CheckReport, path: Path) -> None:
    """Write the signing sheet."""
    sheet = Document()
    _page(sheet)
    title = sheet.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(title, "成果质量检查意见签署表", 18, bold=True)
    _facts(sheet, report)
    _counts(sheet, report)
    _rules(sheet, report)
    _not_run(sheet, report)
    _signatures(sheet)
    sheet.core_properties.author = "Kunyu"
    sheet.core_properties.title = "成果质量检查意见签署表"
    sheet.save(str(path))


def _page(sheet: Any) -> None:
    section = sheet.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.2)
    section.top_margin = section.bottom_margin = Cm(2)
    style = sheet.styles["Normal"]
    style.font.name, style.font.size = _FONT, Pt(10.5)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), _FONT)


def _run(paragraph: Any, text: str, size: float = 10.5, bold: bool = False) -> None:
    run = paragraph.add_run(text)
    run.font.size, run.bold = Pt(size), bold


def _heading(sheet: Any, text: str) -> None:
    paragraph = sheet.add_paragraph()
    paragraph.paragraph_format.space_before = Pt(10)
    paragraph.paragraph_format.keep_with_next = True
    _run(paragraph, text, 12, bold=True)


def _table(sheet: Any, rows: list[tuple[str, ...]], widths_cm: tuple[float, ...], head: bool = True) -> None:
    table = sheet.add_table(rows=0, cols=len(widths_cm), style="Table Grid")
    table.autofit = False
    for at, row in enumerate(rows):
        cells = table.add_row().cells
        for cell, text, width in zip(cells, row, widths_cm, strict=True):
            cell.width = Cm(width)
            cell.paragraphs[0].text = ""
            _run(cell.paragraphs[0], text, 9.5, bold=head and at == 0)


def _facts(sheet: Any, report: CheckReport) -> None:
    layers = "；".join(f"{one.name} {one.records:,}" for one in report.layers)
    _table(
        sheet,
        [
            ("成果摘要 SM3", report.input_sm3), ("标准 Standard", f"{report.standard} ({report.edition})"),
            ("坐标系 CRS", report.crs or "未知 unknown"), ("图层与记录数 Layers", layers),
        ],
        (4.2, 12.4), head=False,
    )  # fmt: skip


def _counts(sheet: Any, report: CheckReport) -> None:
    _heading(sheet, "一、结论 Conclusion")
    words = "未发现严重或重缺陷。 No finding of severity S or Z." if report.clean else (
        "存在严重或重缺陷，须改正后重新提交。 Findings of severity S or Z must be corrected."
    )  # fmt: skip
    _run(sheet.add_paragraph(), words)
    _table(
        sheet,
        [
            tuple(f"{code} {zh} {en}" for code, (zh, en) in SEVERITY_NAMES.items()),
            tuple(f"{report.summary[code]:,}" for code in SEVERITY_NAMES),
        ],
        (4.15, 4.15, 4.15, 4.15),
    )


def _rules(sheet: Any, report: CheckReport) -> None:
    _heading(sheet, "二、检查项 Rules run")
    counts = Counter(one.rule for one in report.findings)
    rows: list[tuple[str, ...]] = [("规则", "内容与条款", "级别", "数", "举例")]
    for rule in report.rules:
        examples = [one.message_zh for one in report.findings if one.rule == rule.id][:_MOST_EXAMPLES]
        rows.append(
            (rule.id, f"{rule.name_zh}\n{rule.clause}", rule.severity, f"{counts[rule.id]:,}", "\n".join(examples))
        )
    _table(sheet, rows, (1.6, 5.2, 1.2, 1.6, 7.0))


def _not_run(sheet: Any, report: CheckReport) -> None:
    if not report.rules_not_run:
        return
    _heading(sheet, "三、未运行的检查项 Rules not run")
    by_reason: dict[str, list[str]] = {}
    for one in report.rules_not_run:
        by_reason.setdefault(one.reason, []).append(one.rule)
    _table(sheet, [(", ".join(rules), reason) for reason, rules in by_reason.items()], (8.3, 8.3), head=False)


def _signatures(sheet: Any) -> None:
    _heading(sheet, "检查意见与签署 Opinion and signatures")
    _table(sheet, [("检查意见 Opinion\n\n\n\n",)], (16.6,), head=False)
    _table(sheet, [(who, "", "日期 Date", "") for who in _SIGNATURES], (6.0, 5.0, 2.2, 3.4), head=False)
