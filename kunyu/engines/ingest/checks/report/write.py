"""Write a report in the form its suffix asks for. 检查报告."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from kunyu.engines.ingest.checks.runner import CheckReport
from kunyu.kernel.errors import UsageError

SUFFIXES = (".json", ".html", ".pdf", ".docx", ".gpkg")


def require_writable(path: Path) -> None:
    """Refuse, before an hour of checking, a report that could not be written afterwards.

    Raises
    ------
    UsageError
        The suffix is unknown, the folder is not there, or what the form needs is not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"不认识的报告格式 {path.name}; 可用 {' '.join(SUFFIXES)}。",
            f"Report form of {path.name} is unknown; use {' '.join(SUFFIXES)}.",
        )
    if not path.absolute().parent.is_dir():
        raise UsageError(
            f"报告的文件夹 {path.parent} 不存在。", f"The folder {path.parent} of the report is not there."
        )
    if suffix == ".pdf" and find_spec("weasyprint") is None:
        raise UsageError(
            "写 PDF 报告需要 weasyprint: 请执行 pip install weasyprint, 或改用 .html 再打印。",
            "A PDF report needs weasyprint: run pip install weasyprint, or write .html and print it.",
        )


def write_report(report: CheckReport, path: Path) -> None:
    """Write ``report`` to ``path``; errors as ``require_writable``."""
    require_writable(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        path.write_bytes(report.to_json())
    elif suffix == ".html":
        from kunyu.engines.ingest.checks.report.html import render_html

        path.write_text(render_html(report), "utf-8")
    elif suffix == ".gpkg":
        from kunyu.engines.ingest.checks.report.gpkg import write_gpkg

        write_gpkg(report, path)
    elif suffix == ".docx":
        from kunyu.engines.ingest.checks.report.docx import write_docx

        write_docx(report, path)
    else:
        from kunyu.engines.ingest.checks.report.html import render_sheet

        path.write_bytes(pdf_of(render_sheet(report)))


def pdf_of(html: str) -> bytes:
    """Make a page of ours a PDF; nothing outside the page is fetched, whatever stands in it.

    Needs weasyprint (extra ``node``).
    """
    import weasyprint

    made: bytes = weasyprint.HTML(string=html, url_fetcher=_fetch_nothing).write_pdf()
    return made


def _fetch_nothing(url: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError(f"a report asks for nothing outside itself: {url}")
