"""The sheet to sign as a Word document. 质量检查表（Word）.

Times are left for people to write: the sheet itself is the same for the same findings.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.table import WD_ROW_HEIGHT_RULE, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.report.picture import png_of
from kunyu.engines.ingest.checks.report.sheet import (
    MOST_DRAWN,
    SEALS,
    SEVERITY_NAMES,
    SIGNATURES,
    TITLE,
    Line,
    Sheet,
    measure,
    sheet_of,
)
from kunyu.engines.ingest.checks.runner import CheckReport

_FONT, _HEADING_FONT, _LATIN = "宋体", "黑体", "Times New Roman"
_WIDTH_CM = 17.0
_SHADE = "F0F2F2"
_GREY = RGBColor(0x44, 0x44, 0x44)
_PICTURE_CM = 3.4
MOST_EXCEPTED = 200
"""Accepted exceptions listed on paper; the GeoPackage and JSON hold all of them."""


def write_docx(report: CheckReport, path: Path) -> None:
    """Write the sheet to sign."""
    sheet, paper = sheet_of(report), Document()
    _page(paper, sheet)
    _title(paper, sheet)
    _facts(paper, sheet)
    _conclusion(paper, sheet)
    _layers(paper, sheet)
    _rules(paper, sheet)
    _samples(paper, sheet)
    _not_run(paper, sheet)
    _excepted(paper, report)
    _signatures(paper)
    paper.core_properties.author = "Kunyu"
    paper.core_properties.title = f"{TITLE[0]} {sheet.number}"
    paper.save(str(path))


# -- parts ----------------------------------------------------------------------------------------------------------


def _page(paper: Any, sheet: Sheet) -> None:
    section = paper.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin, section.right_margin = Cm(2.2), Cm(1.8)
    section.top_margin = section.bottom_margin = Cm(2)
    section.different_first_page_header_footer = True
    style = paper.styles["Normal"]
    style.font.name, style.font.size = _LATIN, Pt(10)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), _FONT)
    style.paragraph_format.space_after = Pt(0)
    head = section.header.paragraphs[0]
    _run(head, f"{TITLE[0]}　　编号 No. {sheet.number}", 8.5)
    for footer in (section.footer, section.first_page_footer):
        line = footer.paragraphs[0]
        line.alignment = WD_ALIGN_PARAGRAPH.CENTER
        for text, code in (("第 ", "PAGE"), (" 页 共 ", "NUMPAGES"), (" 页 · page ", "PAGE"), (" of ", "NUMPAGES")):
            _run(line, text, 8.5)
            _field(line, code)


def _title(paper: Any, sheet: Sheet) -> None:
    title = paper.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(title, TITLE[0], 20, bold=True, font=_HEADING_FONT)
    english = paper.add_paragraph()
    english.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(english, TITLE[1], 11)
    number = paper.add_paragraph()
    number.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    number.paragraph_format.space_after = Pt(4)
    _run(number, f"编号 No. {sheet.number}", 9)


def _facts(paper: Any, sheet: Sheet) -> None:
    report = sheet.report
    table = _table(paper, (3.2, 5.3, 3.2, 5.3))
    _row(table, [("行政区\nDivision", "h"), (sheet.county or "—", ""), ("标准及版本\nStandard, edition", "h"),
                 (f"{report.standard}（{report.edition}）", "")])  # fmt: skip
    _row(table, [("坐标系\nCoordinate system", "h"), (report.crs or "未知 unknown", ""), ("检查程序\nProgram", "h"),
                 (sheet.program, "")])  # fmt: skip
    for name, value in (
        ("成果摘要\nSM3 of the delivery", report.input_sm3), ("报告摘要\nSM3 of the JSON report", sheet.report_sm3),
        ("参考包摘要\nSM3 of the reference", report.reference or "无 none"),
    ):  # fmt: skip
        cells = _row(table, [(name, "h"), (value, "s"), ("", ""), ("", "")])
        _merge(cells[1], cells[3])


def _conclusion(paper: Any, sheet: Sheet) -> None:
    _heading(paper, "一、检查结论", "1. Conclusion")
    cell = _row(_table(paper, (_WIDTH_CM,)), [("", "")])[0]
    line = cell.paragraphs[0]
    if sheet.score is not None:
        grade = sheet.score.grade
        _run(
            line,
            f"得分 Score {sheet.score.value}　　等级 Grade {grade.zh} {grade.en}",
            13,
            bold=True,
            font=_HEADING_FONT,
        )
        line = cell.add_paragraph()
    _run(line, sheet.conclusion[0], 10)
    _run(cell.add_paragraph(), sheet.conclusion[1], 8.5, colour=_GREY)
    if sheet.not_run:
        count = len(sheet.report.rules_not_run)
        _run(cell.add_paragraph(), f"另有 {count} 条规则（或其部分）未运行，见第五部分；本结论不包含其内容。", 10)
        _run(cell.add_paragraph(), f"{count} rules, or parts of rules, did not run (part 5): the conclusion says nothing "
             "about them.", 8.5, colour=_GREY)  # fmt: skip
    if sheet.excepted:
        named = "；".join(f"{rule} {number}" for rule, number in sheet.excepted)
        _run(cell.add_paragraph(), f"例外（经两人确认，不计入）Excepted, not counted: {named}", 10)
    if sheet.scoring is not None:
        weights = " / ".join(f"{code} {weight}" for code, weight in sheet.scoring.weights.items())
        doubt = (
            "" if sheet.scoring.verified else "。权重凭记忆，未与原文核对 weights not verified against the printed text"
        )
        _run(
            paper.add_paragraph(), f"评分 Scoring: 100 − Σ {weights}；{sheet.scoring.clause}{doubt}", 8.5, colour=_GREY
        )


def _layers(paper: Any, sheet: Sheet) -> None:
    _heading(paper, "二、受检图层", "2. Layers")
    table = _table(paper, (3.2, 10.8, 3.0))
    _head_row(table, ["图层\nLayer", "名称\nName", "记录数\nRecords"])
    for layer in sheet.layers:
        _row(table, [(layer.code, ""), (f"{layer.name[0]}\n{layer.name[1]}", ""), (f"{layer.records:,}", "n")])


def _rules(paper: Any, sheet: Sheet) -> None:
    _heading(paper, "三、检查项目", "3. Rules run")
    table = _table(paper, (1.7, 9.4, 2.2, 1.7, 2.0))
    _head_row(
        table, ["规则\nRule", "检查内容与依据\nWhat it asks, clause", "级别\nSeverity", "数量\nCount", "判定\nVerdict"]
    )
    for group in sheet.groups:
        cells = _row(table, [(f"{group.title[0]} {group.title[1]}（{len(group.lines)}）", "h"), *[("", "h")] * 4])
        _merge(cells[0], cells[4])
        for line in group.lines:
            _rule(table, line)


def _rule(table: Any, line: Line) -> None:
    severity = line.rule.severity
    _row(table, [
        (line.rule.id, "c"), (f"{line.rule.name_zh}\n{line.rule.name_en} · {line.clause}", ""),
        (f"{severity} {SEVERITY_NAMES[severity][0]}", "c"), (f"{line.count:,}", "n"),
        (f"{line.verdict[0]}\n{line.verdict[1]}", "cb" if line.is_bad else "c"),
    ])  # fmt: skip


def _samples(paper: Any, sheet: Sheet) -> None:
    _heading(paper, "四、问题举例", "4. Findings, examples of each rule")
    if not sheet.samples:
        _run(paper.add_paragraph(), "没有发现问题。 Nothing was found.")
        return
    _run(
        paper.add_paragraph(), "红：问题所在 the place；青：所涉要素 features named；灰：周围要素 around it；北在上 north up。"
        "全部问题见 JSON、GeoPackage 报告。 All findings are in the JSON and GeoPackage reports.", 8.5, colour=_GREY,
    )  # fmt: skip
    drawn = 0
    for sample in sheet.samples:
        title = paper.add_paragraph()
        title.paragraph_format.space_before, title.paragraph_format.keep_with_next = Pt(8), True
        _run(
            title,
            f"{sample.line.rule.id} {sample.line.rule.name_zh} · {sample.line.count:,} 处",
            10,
            bold=True,
            font=_HEADING_FONT,
        )
        table = _table(paper, (_WIDTH_CM - _PICTURE_CM - 0.5, _PICTURE_CM + 0.5))
        for one in sample.findings:
            drawn += _finding(table, sheet, one, drawn < MOST_DRAWN)


def _finding(table: Any, sheet: Sheet, one: Finding, draw: bool) -> bool:
    """One finding in words, and its picture; tells whether a picture was drawn."""
    words = [
        f"实测 Measured {measure(one.measured, one.unit)}；限值 Limit {measure(one.limit, one.unit)}",
        f"处理 Remedy: {one.remedy_zh}",
    ]
    if one.ids:
        words.append(f"{one.layer} {', '.join(one.ids[:4])}{' …' if len(one.ids) > 4 else ''}")
    if one.geometry is not None:
        words.append(f"{one.geometry.centroid.x:.7f}, {one.geometry.centroid.y:.7f}")
    left, right = _row(table, [("", ""), ("", "c")])
    _run(left.paragraphs[0], one.message_zh, 9.5, bold=True)
    _run(left.add_paragraph(), one.message_en, 8, colour=_GREY)
    for text in words:
        _run(left.add_paragraph(), text, 9)
    picture = png_of(sheet.drawer, one) if draw and sheet.drawer is not None else None
    if picture is None:
        _run(right.paragraphs[0], "—", 9)
        return False
    png, side_m = picture
    right.paragraphs[0].add_run().add_picture(BytesIO(png), width=Cm(_PICTURE_CM))
    caption = right.add_paragraph()
    caption.alignment = WD_ALIGN_PARAGRAPH.CENTER
    side = f"{side_m / 1000:.2f} km" if side_m >= 1000 else f"{side_m:.1f} m"
    _run(caption, f"图宽 side {side}", 8, colour=_GREY)
    return True


def _not_run(paper: Any, sheet: Sheet) -> None:
    _heading(paper, "五、未运行的检查项目", "5. Rules not run")
    if not sheet.not_run:
        _run(paper.add_paragraph(), "全部规则均已运行。 Every rule ran.")
        return
    table = _table(paper, (7.5, 9.5))
    _head_row(table, ["规则\nRules", "原因\nReason"])
    for rules, reason in sheet.not_run:
        _row(table, [(", ".join(rules), ""), (reason, "")])


def _excepted(paper: Any, report: CheckReport) -> None:
    """Findings that two people accepted, so that whoever signs sees what was not counted."""
    if not report.excepted:
        return
    _heading(paper, "附：已确认的例外（不计入）", "Annex: accepted exceptions, not counted")
    table = _table(paper, (1.7, 4.6, 7.2, 3.5))
    _head_row(table, ["规则\nRule", "图层、标识码\nLayer, ids", "内容\nFinding", "指纹\nFingerprint"])
    for one in report.excepted[:MOST_EXCEPTED]:
        _row(table, [(f"{one.rule} {one.severity}", "c"), (f"{one.layer} {', '.join(one.ids[:4])}", "s"),
                     (one.message_zh, ""), (one.fingerprint[:20], "s")])  # fmt: skip
    left = len(report.excepted) - MOST_EXCEPTED
    if left > 0:
        _run(
            paper.add_paragraph(),
            f"另有 {left} 处，见 JSON、GeoPackage 报告。 {left} more in the JSON and GeoPackage reports.",
            8.5,
        )


def _signatures(paper: Any) -> None:
    _heading(paper, "六、意见与签署", "6. Opinion and signatures")
    table = _table(paper, (3.6, 6.4, 2.4, 4.6))
    cells = _row(table, [("检查意见\nOpinion", "h"), ("", ""), ("", ""), ("", "")], height_cm=3.2)
    _merge(cells[1], cells[3])
    for zh, en in SIGNATURES:
        _row(table, [(f"{zh}（签字）\n{en} (signature)", "h"), ("", ""), ("日期\nDate", "h"), ("", "")], height_cm=1.2)
    seals = _row(table, [("", ""), ("", ""), ("", ""), ("", "")], height_cm=3.4)
    for (zh, en), (first, last) in zip(SEALS, ((0, 1), (2, 3)), strict=True):
        _write(_merge(seals[first], seals[last]), f"{zh}\n{en}", "")
    for row in table.rows[:-1]:
        for cell in row.cells:
            for line in cell.paragraphs:
                line.paragraph_format.keep_with_next = True


# -- pieces ---------------------------------------------------------------------------------------------------------


def _run(line: Any, text: str, size: float = 10, *, bold: bool = False, font: str = _FONT, colour: Any = None) -> None:
    run = line.add_run(text)
    run.font.size, run.font.name, run.bold = Pt(size), _LATIN, bold
    run._element.rPr.rFonts.set(qn("w:eastAsia"), font)
    if colour is not None:
        run.font.color.rgb = colour


def _field(line: Any, code: str) -> None:
    """A field that Word fills in: the page, the number of pages."""
    run = line.add_run()
    run.font.size = Pt(8.5)
    for kind, text in (("begin", ""), ("", code), ("separate", ""), ("t", "1"), ("end", "")):
        if kind == "t":
            element = OxmlElement("w:t")
            element.text = text
        elif kind:
            element = OxmlElement("w:fldChar")
            element.set(qn("w:fldCharType"), kind)
        else:
            element = OxmlElement("w:instrText")
            element.set(qn("xml:space"), "preserve")
            element.text = f" {text} "
        run._element.append(element)


def _heading(paper: Any, zh: str, en: str) -> None:
    line = paper.add_paragraph()
    line.paragraph_format.space_before, line.paragraph_format.space_after = Pt(12), Pt(4)
    line.paragraph_format.keep_with_next = True
    _run(line, zh, 12, bold=True, font=_HEADING_FONT)
    _run(line, f"  {en}", 9)


def _table(paper: Any, widths_cm: tuple[float, ...]) -> Any:
    table = paper.add_table(rows=0, cols=len(widths_cm), style="Table Grid")
    table.autofit = False
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    for column, width in zip(table.columns, widths_cm, strict=True):
        column.width = Cm(width)
    return table


def _head_row(table: Any, titles: list[str]) -> None:
    """A heading that Word repeats on every page."""
    _row(table, [(title, "hc") for title in titles])
    mark = OxmlElement("w:tblHeader")
    mark.set(qn("w:val"), "true")
    table.rows[-1]._tr.get_or_add_trPr().append(mark)


def _row(table: Any, cells: list[tuple[str, str]], height_cm: float = 0) -> list[Any]:
    """Add a row that is not torn apart between pages; ``how`` of a cell: h shaded, c centred, n number, b bold, s small."""
    row = table.add_row()
    whole = OxmlElement("w:cantSplit")
    row._tr.get_or_add_trPr().append(whole)
    if height_cm:
        row.height, row.height_rule = Cm(height_cm), WD_ROW_HEIGHT_RULE.AT_LEAST
    found = list(row.cells)
    for cell, column, (text, how) in zip(found, table.columns, cells, strict=True):
        cell.width = column.width
        _write(cell, text, how)
    return found


def _merge(first: Any, last: Any) -> Any:
    """Make cells one; the empty lines that the others leave behind go."""
    whole = first.merge(last)
    for line in whole.paragraphs[1:]:
        if not line.text:
            line._element.getparent().remove(line._element)
    return whole


def _write(cell: Any, text: str, how: str) -> None:
    """Write Chinese on the first line and English, smaller, on the second."""
    if "h" in how:
        shade = OxmlElement("w:shd")
        for name, value in (("val", "clear"), ("color", "auto"), ("fill", _SHADE)):
            shade.set(qn(f"w:{name}"), value)
        cell._tc.get_or_add_tcPr().append(shade)
    zh, _, en = text.partition("\n")
    line = cell.paragraphs[0]
    _run(line, zh, 8.5 if "s" in how else 9.5, bold="b" in how or "h" in how)
    if en:
        _run(cell.add_paragraph(), en, 8, colour=_GREY)
    cell.paragraphs[0].paragraph_format.space_before = cell.paragraphs[-1].paragraph_format.space_after = Pt(2)
    for paragraph in cell.paragraphs:
        if "c" in how:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        elif "n" in how:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
