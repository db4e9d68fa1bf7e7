"""Fill a template and make the file: PDF of HTML, or a Word document. Pure. 文书生成.

Templates are data of packs and divisions, not code of ours: HTML ones know a handful of tags (`template_words`), Word ones
run in jinja2's sandbox; neither reads a file or reaches the network. Whatever the template, every page bears its number
and, where the document is official, the mark by which anybody verifies it.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import segno
from django.template import Context, Engine, TemplateSyntaxError
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from kunyu.engines.documents.errors import BadTemplate
from kunyu.engines.documents.settings import documents_settings
from kunyu.kernel.digests import canonical_json, sm3_hex

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_DATA = Path(__file__).parent / "data"
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
_BODY = re.compile(r"<body[^>]*>", re.IGNORECASE)


@dataclass(frozen=True)
class Proof:
    """The mark on a document: ``code`` for people to type, ``address`` for cameras."""

    code: str
    address: str

    def svg(self) -> SafeString:
        """The QR code of the address, inline."""
        return mark_safe(segno.make(self.address, error="m").svg_inline(border=0, omitsize=True))  # noqa: S308  # nosec B308, B703


@dataclass(frozen=True)
class Made:
    """A file as made, with the digest of the template it was made from."""

    content: bytes
    media_type: str
    pages: int | None
    template_sm3: str


class _Words(Engine):
    """Django's template engine without its tags and filters; those of `template_words` take their place."""

    default_builtins = ["kunyu.engines.documents.template_words"]


@lru_cache(maxsize=1)
def _engine() -> Engine:
    return _Words(dirs=[], loaders=[], autoescape=True)


def make(template: Path, filled_with: dict[str, Any], *, title: str, proof: Proof | None) -> Made:
    """Fill ``template`` and make its file.

    Parameters
    ----------
    template : Path
        ``.html`` becomes a PDF, ``.docx`` a Word document.
    filled_with : dict
        JSON values by name.
    proof : Proof or None
        None for drafts and papers of internal use.

    Raises
    ------
    BadTemplate
        Unreadable, too large, an unknown tag, something from outside, too many pages.
    """
    source = _read(template)
    values = _plain(template, filled_with)
    if template.suffix.lower() == ".docx":
        return Made(_word(template, source, values, proof), DOCX, None, sm3_hex(source))
    if template.suffix.lower() != ".html":
        raise bad(template, "只支持 .html 与 .docx", "only .html and .docx are known")
    html = fill_html(template.name, source.decode("utf-8", "strict"), values, title=title, proof=proof)
    content, pages = pdf_of(template.name, html)
    return Made(content, PDF, pages, sm3_hex(source))


def _read(template: Path) -> bytes:
    limit = documents_settings().template_bytes_max
    try:
        with template.open("rb") as file:
            source = file.read(limit + 1)
    except OSError as error:
        raise bad(template, f"无法读取（{error.strerror}）", f"it cannot be read ({error.strerror})") from error
    if len(source) > limit:
        raise bad(template, f"超过 {limit} 字节", f"it has more than {limit} bytes")
    return source


def _plain(template: Path, filled_with: dict[str, Any]) -> dict[str, Any]:
    """The values as JSON says them: nothing with methods of its own reaches a template."""
    text = canonical_json(filled_with)
    limit = documents_settings().filled_letters_max
    if len(text) > limit:
        raise bad(template, f"填写内容超过 {limit} 字节", f"it is filled with more than {limit} bytes")
    values: dict[str, Any] = json.loads(text)
    return values


def fill_html(name: str, source: str, values: dict[str, Any], *, title: str, proof: Proof | None) -> str:
    """The whole page: the template filled, our look before its own styles, the mark after them."""
    try:
        body = _engine().from_string(source).render(Context(values))
    except TemplateSyntaxError as error:
        raise bad(Path(name), f"语法错误：{error}", f"syntax: {error}") from error
    look = f"<style>{_style('look.css')}</style>"
    mark = f"<style>{_style('proof.css')}</style>{_mark(proof)}"
    if not _BODY.search(body):
        return f"<!doctype html><html lang=zh-Hans><head>{_title(title)}{look}</head><body>{mark}{body}</body></html>"
    page = _BODY.sub(lambda found: found[0] + mark, body, count=1)
    if _HEAD.search(page):
        return _HEAD.sub(lambda found: found[0] + _title(title) + look, page, count=1)
    return f"{_title(title)}{look}{page}"


@lru_cache(maxsize=4)
def _style(name: str) -> str:
    return (_DATA / name).read_text(encoding="utf-8")


def _title(title: str) -> str:
    return format_html("<meta charset='utf-8'><title>{}</title>", title)


def _mark(proof: Proof | None) -> str:
    if proof is None:
        return ""
    return format_html(
        "<div class='ky-proof'>{}<span>验证码 <b class='code'>{}</b></span><span>扫码或访问 {} 核验真伪</span></div>",
        proof.svg(), proof.code, proof.address.partition("/verify/")[0] + "/verify/",
    )  # fmt: skip


def pdf_of(name: str, html: str) -> tuple[bytes, int]:
    """A page as PDF with its number of pages; what is not embedded in it is refused."""
    import weasyprint
    from weasyprint.urls import FatalURLFetchingError, URLFetcher

    class Embedded(URLFetcher):
        """Fetches what is embedded; notes what is not, since drawings inside a page swallow the refusal."""

        refused = False

        def fetch(self, url: str, headers: Any = None) -> Any:
            if url[:5].lower() != "data:":
                self.refused = True
            return super().fetch(url, headers)

    fetcher = Embedded(allowed_protocols=("data",), fail_on_errors=True)
    limit = documents_settings().pages_max
    try:
        document = weasyprint.HTML(string=html, url_fetcher=fetcher, base_url="about:blank").render()
        if len(document.pages) > limit:
            raise bad(Path(name), f"超过 {limit} 页", f"it has more than {limit} pages")
        content: bytes = document.write_pdf()
    except FatalURLFetchingError as error:
        raise _refers_outside(name) from error
    if fetcher.refused:
        raise _refers_outside(name)
    return content, len(document.pages)


def _refers_outside(name: str) -> BadTemplate:
    why_en = "it refers to something outside; embed it (data:)"
    return bad(Path(name), "引用了外部内容，模板只能内嵌（data:）", why_en)


def _word(template: Path, source: bytes, values: dict[str, Any], proof: Proof | None) -> bytes:
    """A Word template filled by jinja2's sandbox, with the mark and page numbers in its footer."""
    import docxtpl
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(autoescape=True)
    environment.globals.clear()
    try:
        paper = docxtpl.DocxTemplate(io.BytesIO(source))
        paper.render(values, jinja_env=environment, autoescape=True)
    except (TemplateError, ValueError, TypeError, KeyError, OSError) as error:
        raise bad(template, f"无法填写：{error}", f"it cannot be filled: {error}") from error
    if proof is not None:
        _word_mark(paper.docx, proof)
    out = io.BytesIO()
    paper.save(out)
    return out.getvalue()


def _word_mark(document: Any, proof: Proof) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Mm

    picture = io.BytesIO()
    segno.make(proof.address, error="m").save(picture, kind="png", scale=6, border=0)
    for section in document.sections:
        footer = section.footer
        footer.is_linked_to_previous = False
        line = footer.add_paragraph()
        picture.seek(0)
        line.add_run().add_picture(picture, width=Mm(16))
        line.add_run(f" 验证码 {proof.code}  第 ")
        field = OxmlElement("w:fldSimple")
        field.set(qn("w:instr"), "PAGE")
        line._p.append(field)
        line.add_run(" 页")


def bad(template: Path, zh: str, en: str) -> BadTemplate:
    """The refusal of a template, named by its file only: its folder is the node's business."""
    return BadTemplate(f"文书模板 {template.name}：{zh}。", f"Template {template.name}: {en}.", template=template.name)
