"""Reading: text layers with places, scans by real tesseract, OFD, DOCX; what cannot be read is told and breaks nothing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from kunyu.engines.matters.materials import recognition
from kunyu.engines.matters.materials.tests import samples

if TYPE_CHECKING:
    from kunyu.engines.matters.materials.tests.conftest import Desk
    from kunyu.engines.matters.models import Material

pytestmark = pytest.mark.django_db

needs_tesseract = pytest.mark.skipif(
    bool(recognition.missing_parts()), reason="tesseract or its data chi_sim is not installed: scans cannot be read"
)
SAID = samples.SAID


def values(material: Material, name: str) -> list[str]:
    return [one["value"] for one in material.facts["found"] if one["name"] == name]


def test_a_text_layer_is_read_with_pages_and_places(desk: Desk) -> None:
    material = desk.read(desk.take(samples.form_pdf(pages=2)))
    assert (material.reading, material.pages, material.faults) == ("text", 2, [])
    assert material.text.split("\f")[0].startswith("建设项目用地预审申请表\n申请单位\t临江市城市建设投资有限公司")
    assert values(material, "applicant_name") == [SAID.applicant]
    assert values(material, "applicant_code") == [SAID.code]
    assert values(material, "project_code") == [SAID.project_code]
    assert values(material, "document_number") == [SAID.prior, "国土资函〔2026〕12号"]
    (area,) = [one for one in material.facts["found"] if one.get("is_total") and one["label"] == "用地总面积"]
    assert (area["value"], area["page"], area["written"]) == ("34567.00", 1, "3.4567 公顷")
    left, top, right, bottom = area["box"]
    assert 0 < left < right < 0.6
    assert 0.2 < top < bottom < 0.4
    assert "19491231" not in material.text + str(material.facts)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_turned_pages_are_read_and_placed_as_shown(turn: int) -> None:
    """A page scanned sideways and turned back by its maker: the same lines; its boxes are those of the page as shown."""
    import io

    import pypdfium2
    from pypdf import PageObject, PdfReader, PdfWriter, Transformation

    from kunyu.engines.matters.materials.pdf_text import text_lines

    source = PdfReader(io.BytesIO(samples.form_pdf())).pages[0]
    width, height = float(source.mediabox.width), float(source.mediabox.height)
    moves = {0: (0.0, 0.0), 90: (height, 0.0), 180: (width, height), 270: (0.0, width)}
    size = (width, height) if turn in (0, 180) else (height, width)
    page = PageObject.create_blank_page(width=size[0], height=size[1])
    page.merge_transformed_page(source, Transformation().rotate(turn).translate(*moves[turn]))
    writer = PdfWriter()
    writer.add_page(page).rotate(turn)
    content = io.BytesIO()
    writer.write(content)
    with pypdfium2.PdfDocument(samples.form_pdf()) as plain, pypdfium2.PdfDocument(content.getvalue()) as turned:
        wanted, found = text_lines(plain[0]), text_lines(turned[0])
    assert [one.text for one in found] == [one.text for one in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert one.box == pytest.approx(other.box, abs=0.002)


def test_a_page_shown_sideways_is_read_all_the_same() -> None:
    import io

    import pypdfium2
    from pypdf import PdfReader, PdfWriter

    from kunyu.engines.matters.materials.pdf_text import text_lines

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(samples.form_pdf())))
    writer.pages[0].rotate(90)
    content = io.BytesIO()
    writer.write(content)
    with pypdfium2.PdfDocument(content.getvalue()) as document:
        lines = text_lines(document[0])
    assert lines[0].text == "建设项目用地预审申请表"
    assert lines[0].box is not None
    left, top, right, bottom = lines[0].box
    assert bottom - top > right - left, "it stands upright on the page as shown"


def test_ofd_and_docx(desk: Desk) -> None:
    lines = [f"申请单位：{SAID.applicant}", f"统一社会信用代码：{SAID.code}", "用地总面积：3.4567 公顷"]
    ofd = desk.read(desk.take(samples.ofd(lines), name="a.ofd"))
    assert (ofd.reading, ofd.pages) == ("text", 1)
    assert values(ofd, "applicant_name") == [SAID.applicant]
    assert values(ofd, "area_m2") == ["34567.00"]
    docx = desk.read(desk.take(samples.docx(), name="a.docx"))
    assert docx.reading == "text"
    assert values(docx, "applicant_code") == [SAID.code]
    assert values(docx, "project_code") == [SAID.project_code]


def test_a_zip_of_shapes_has_no_text(desk: Desk) -> None:
    content = samples.packed({"a.shp": b"1", "a.dbf": b"2"})
    material = desk.read(desk.take(content, kind="plot_file", name="a.zip"))
    assert (material.reading, material.facts["found"], material.faults) == ("none", [], [])


@needs_tesseract
@pytest.mark.parametrize("angle", [0.0, 1.5])
def test_a_scanned_pdf_is_recognised(desk: Desk, angle: float) -> None:
    material = desk.read(desk.take(samples.scan_pdf(angle=angle)))
    assert material.reading == "ocr"
    assert values(material, "applicant_code") == [SAID.code]
    assert values(material, "project_code") == [SAID.project_code]
    assert "34567.00" in values(material, "area_m2")
    assert 0.5 < material.facts["confidence"] <= 1
    assert "19491231" not in material.text + str(material.facts)


@needs_tesseract
def test_a_picture_is_recognised(desk: Desk) -> None:
    material = desk.read(desk.take(samples.scan_png(), name="a.png"))
    assert (material.reading, material.pages) == ("ocr", 1)
    assert values(material, "applicant_code") == [SAID.code]


@needs_tesseract
def test_pages_beyond_the_cap_are_told(desk: Desk, limits: Any) -> None:
    import io

    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter()
    for _ in range(3):
        writer.append(PdfReader(io.BytesIO(samples.scan_pdf())))
    content = io.BytesIO()
    writer.write(content)
    limits(ocr_pages=1)
    material = desk.read(desk.take(content.getvalue()))
    assert material.reading == "ocr"
    assert material.facts["unread"] == [{"page": 2, "reason": "page_cap"}, {"page": 3, "reason": "page_cap"}]
    assert material.faults[0]["zh"] == (
        "第 2, 3 页没有读出文字（需识别的页数超过上限），相关内容不能自动比对，请人工核对。"
    )


def test_a_blank_page_is_not_unread(desk: Desk) -> None:
    blank = samples.raw_pdf({1: b"<< /Type /Catalog /Pages 2 0 R >>", **samples.PAGE})
    material = desk.read(desk.take(blank))
    assert (material.reading, material.facts["unread"]) == ("none", [])


def test_without_tesseract_scans_are_unread_and_the_rest_works(desk: Desk, monkeypatch: Any, tmp_path: Any) -> None:
    """The program is looked for on the path: an empty one has none."""
    material = desk.take(samples.scan_pdf())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert recognition.missing_parts() == ["tesseract"]
    material = desk.read(material)
    assert (material.reading, material.facts["unread"]) == ("failed", [{"page": 1, "reason": "no_program"}])
    assert material.faults[0]["code"] == "not_read_no_program"
    assert "没有安装光学识别程序 tesseract" in material.faults[0]["zh"]
    assert desk.read(desk.take(samples.form_pdf())).reading == "text"


def test_a_recognition_that_hangs_is_ended(desk: Desk, monkeypatch: Any, tmp_path: Any, limits: Any) -> None:
    """A program of that name that sleeps stands on the path before the real one."""
    material = desk.take(samples.scan_pdf())
    fake = tmp_path / "tesseract"
    fake.write_text(f"#!/bin/sh\nexec {shutil.which('sleep')} 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    limits(ocr_page_seconds=1)
    material = desk.read(material)
    assert material.facts["unread"] == [{"page": 1, "reason": "time"}]


def test_a_reading_that_dies_leaves_a_sentence(desk: Desk, limits: Any) -> None:
    material = desk.take(samples.form_pdf(pages=2))
    limits(worker_memory_mb=24)
    material = desk.read(material)
    assert material.reading == "failed"
    assert material.facts["unread"] == [{"page": 1, "reason": "ended"}, {"page": 2, "reason": "ended"}]


def test_a_second_run_changes_nothing(desk: Desk) -> None:
    from kunyu.engines.matters.materials.reading import read

    material = desk.read(desk.take(samples.form_pdf()))
    before = material.facts
    read(material.pk)
    material.refresh_from_db()
    assert material.facts == before


@needs_tesseract
def test_a_scan_against_a_text_layer(desk: Desk) -> None:
    """A scan of the form and the application agree in what is sure; a contradicting scan is no *clear*."""
    from kunyu.engines.matters.materials.comparing import compare

    kinds = {"application": {"code": "application", "name_zh": "申请表", "name_en": "form",
                             "reads": ["applicant_code", "project_code", "area_m2"]}}  # fmt: skip
    applicant = {"kind": "organisation", "name": SAID.applicant, "code_masked": SAID.code}

    def answers(content: bytes) -> dict[str, str]:
        one = desk.read(desk.take(content))
        given = {
            "application": {"file_name": one.file_name, "sm3": one.sm3, "reading": one.reading, "facts": one.facts}
        }
        found = compare({}, applicant, 34567.0, given, kinds=kinds, project_code=SAID.project_code)
        return {rule: found[int(rule[-1]) - 1].state for rule in ("MA-04", "MA-06", "MA-07")}

    assert answers(samples.scan_pdf()) == {"MA-04": "clear", "MA-06": "clear", "MA-07": "clear"}
    other = samples.other(code="91440300708461136T", hectares="5.4321", square_metres="54,321.00",
                          project_code="2025-990101-47-03-098765")  # fmt: skip
    against = answers(samples.scan_pdf(other))
    assert against["MA-04"] == "conflict", "the check character holds: it was hardly misread"
    assert "clear" not in against.values()
