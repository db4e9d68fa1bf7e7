"""Materials of samples: PDFs with a text layer that say what the form says, each marked as a sample. 样例材料.

One document is drawn for an application and cut into its papers: drawing letters is most of the work.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path

from django.template import Context, Engine, Template
from pypdf import PdfReader, PdfWriter

from kunyu.engines.documents.making import pdf_of
from kunyu.project.sample_cases.land import Plot
from kunyu.project.sample_cases.subjects import Subject

_PAGE = Path(__file__).with_name("papers.html")


def papers_of(titles: Sequence[str], subject: Subject, plot: Plot, day: date) -> list[bytes]:
    """One PDF of one page for each title, in their order."""
    is_person = subject.kind == "person"
    html = _template().render(Context({
        "papers": titles, "holder_word": "申请人" if is_person else "申请单位",
        "code_word": "公民身份号码" if is_person else "统一社会信用代码", "name": subject.name, "code": subject.code,
        "project_name": subject.project_name, "project_code": subject.project_code, "location": subject.location,
        "hectares": f"{plot.area_m2 / 10_000:.4f}", "square_metres": f"{plot.area_m2:,.2f}", "day": f"{day:%Y年%m月%d日}",
    }))  # fmt: skip
    whole, _ = pdf_of(_PAGE.name, html)
    pages = PdfReader(io.BytesIO(whole)).pages
    if len(pages) != len(titles):
        raise ValueError(f"{len(pages)} pages for {len(titles)} papers: a sample paper is longer than its page")
    return [_single(whole, number) for number in range(len(titles))]


@lru_cache(maxsize=1)
def _template() -> Template:
    return Engine(autoescape=True).from_string(_PAGE.read_text(encoding="utf-8"))


def _single(whole: bytes, number: int) -> bytes:
    writer, out = PdfWriter(), io.BytesIO()
    writer.append(io.BytesIO(whole), pages=(number, number + 1), import_outline=False)
    writer.write(out)
    return out.getvalue()
