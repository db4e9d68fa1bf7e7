"""Templates know a handful of tags, reach nothing outside, and every page bears its mark."""

from __future__ import annotations

import io
from pathlib import Path

import docx
import pypdfium2
import pytest

from kunyu.engines.documents.errors import BadTemplate
from kunyu.engines.documents.making import DOCX, PDF, Proof, make

PROOF = Proof("KY123456789AB0", "https://zrzy.example/verify/KY123456789AB0")
TITLE = "受理通知书"


def html(folder: Path, text: str) -> Path:
    path = folder / "paper.html"
    path.write_text(text, encoding="utf-8")
    return path


def text_of(content: bytes) -> list[str]:
    with pypdfium2.PdfDocument(io.BytesIO(content)) as document:
        return ["".join(page.get_textpage().get_text_bounded().split()) for page in document]


def test_a_paper_is_filled_and_every_page_is_numbered_and_marked(tmp_path: Path) -> None:
    long = "<p>{{ text }}</p><div style='break-before: page'>{{ area|hectares }} {{ day|date_written }} {{ day|date_zh }}</div>"
    made = make(
        html(tmp_path, long), {"text": "坤舆县", "area": 12345.67, "day": "2026-11-23"}, title=TITLE, proof=PROOF
    )
    first, second = text_of(made.content)
    assert (made.media_type, made.pages) == (PDF, 2)
    assert "第1页共2页" in first and "第2页共2页" in second
    assert "验证码KY123456789AB0" in first and "验证码KY123456789AB0" in second
    assert "1.2346二〇二六年十一月二十三日2026年11月23日" in second


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    template = html(tmp_path, "<h1>{{ a }}</h1>")
    one, two = (make(template, {"a": "甲"}, title=TITLE, proof=PROOF) for _ in range(2))
    assert one.content == two.content and len(one.template_sm3) == 64


def test_values_are_text_and_never_markup(tmp_path: Path) -> None:
    made = make(html(tmp_path, "<p>{{ a }}</p>"), {"a": "<img src=file:///etc/passwd>{{ b }}"}, title=TITLE, proof=None)
    assert text_of(made.content)[0].startswith("<imgsrc=file:///etc/passwd>{{b}}")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{% load static %}", "语法错误"),
        ("{% include 'secret.html' %}", "语法错误"),
        ("{% extends 'base.html' %}", "语法错误"),
        ("{% debug %}", "语法错误"),
        ("{{ a|safe }}", "语法错误"),
        ("{% autoescape off %}{{ a }}{% endautoescape %}", "语法错误"),
        ("<img src='file:///etc/passwd'>", "引用了外部内容"),
        ("<img src='http://127.0.0.1:1/x.png'>", "引用了外部内容"),
        ("<link rel=stylesheet href='http://127.0.0.1:1/x.css'>", "引用了外部内容"),
        ("<style>@import url('file:///etc/hosts')</style>", "引用了外部内容"),
        ("<link rel=attachment href='file:///etc/passwd'>", "引用了外部内容"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd' width='9' height='9'/></svg>", "引用了外部内容"),
    ],
)  # fmt: skip
def test_a_template_reaches_nothing_outside(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(BadTemplate) as told:
        make(html(tmp_path, text), {"a": "<b>"}, title=TITLE, proof=None)
    assert told.value.detail_zh.startswith(f"文书模板 paper.html：{why}")


def test_a_word_template_is_filled_in_a_sandbox(tmp_path: Path) -> None:
    path = tmp_path / "paper.docx"
    paper = docx.Document()
    paper.add_paragraph("{{ name }} & {{ missing }}")
    paper.save(str(path))
    made = make(path, {"name": "坤舆县 <医院>"}, title=TITLE, proof=PROOF)
    read = docx.Document(io.BytesIO(made.content))
    assert made.media_type == DOCX and read.paragraphs[0].text == "坤舆县 <医院> & "
    assert "验证码 KY123456789AB0" in "".join(one.text for one in read.sections[0].footer.paragraphs)
    assert len(read.sections[0].footer.part.related_parts) == 1  # the QR code


@pytest.mark.parametrize(
    "text", ["{{ ''.__class__.__mro__ }}", "{{ ''.__getattribute__('x') }}", "{% include '/etc/passwd' %}"]
)
def test_a_word_template_cannot_leave_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "paper.docx"
    paper = docx.Document()
    paper.add_paragraph(text)
    paper.save(str(path))
    with pytest.raises(BadTemplate):
        make(path, {}, title=TITLE, proof=None)


def test_other_kinds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "paper.txt"
    path.write_text("x", encoding="utf-8")
    with pytest.raises(BadTemplate, match=r"只支持 \.html 与 \.docx"):
        make(path, {}, title=TITLE, proof=None)
