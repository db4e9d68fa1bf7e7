"""Read a material in the background: text, and the facts it states. 材料读取.

A material that cannot be read is still a material: what would have been compared is *not checked*, with the reason.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from django.conf import settings

from kunyu.engines.matters.materials import sandbox
from kunyu.engines.matters.materials.facts import facts_of, stored_text
from kunyu.engines.matters.materials.page_reading import READABLE
from kunyu.engines.matters.materials.settings import material_settings
from kunyu.engines.matters.materials.stored import content_at, format_of
from kunyu.engines.matters.materials.text_pages import FAILED, OCR, TEXT, Page, page_of
from kunyu.engines.matters.models import Material
from kunyu.kernel.errors import KunyuError
from kunyu.kernel.private_folder import private_folder

State = Material.Reading


def read(material_id: int) -> None:
    """Read a waiting material; a second run finds it read and ends at once."""
    material = Material.objects.filter(pk=material_id, reading=State.WAITING).first()
    if material is None:
        return
    form = format_of(material)
    pages: list[Page] = []
    why = ""
    if form in READABLE:
        pages, why = _pages(material, form)
    state = _state(pages, why)
    faults = [*material.faults, *([_fault(pages, why)] if why or any(one.source == FAILED for one in pages) else [])]
    Material.objects.filter(pk=material.pk, reading=State.WAITING).update(
        reading=state, text=stored_text(pages, material_settings().text_letters), facts=facts_of(pages), faults=faults,
        pages=material.pages or len(pages) or None,
    )  # fmt: skip


def give_up(material_id: int) -> None:
    """Say of a waiting material that it could not be read: its reading killed the worker each time."""
    for material in Material.objects.filter(pk=material_id, reading=State.WAITING):
        fault = {
            "code": "not_read_interrupted",
            "zh": "读取材料时处理进程多次中断，不再自动重试，相关内容不能自动比对，请人工核对或换一份文件重新提交。",
            "en": "Reading it interrupted its process each time and is not tried again; what it says is not compared: look at "
            "it yourself, or hand in another file.",
        }
        Material.objects.filter(pk=material.pk, reading=State.WAITING).update(
            reading=State.FAILED, faults=[*material.faults, fault]
        )


def _pages(material: Material, form: str) -> tuple[list[Page], str]:
    """Pages read, in order, and why reading ended early ('' when it did not)."""
    limits, pages, why = material_settings(), [], ""
    try:
        with content_at(material) as path, private_folder(Path(settings.KUNYU_QUARANTINE)) as folder:
            more = {
                "format": form, "dpi": limits.ocr_dpi, "page_seconds": limits.ocr_page_seconds,
                "left_to_recognise": limits.ocr_pages, "letters": limits.text_letters,
            }  # fmt: skip
            order = sandbox.Order(
                "read", path, material.file_name, limits.read_seconds, limits.worker_memory_mb, folder, more
            )
            for answer in sandbox.run(order):
                pages.append(page_of(answer))
    except KunyuError as error:
        why = error.code
    seen = {one.number for one in pages}
    missing = [one for one in range(1, (material.pages or 1) + 1) if one not in seen]
    return pages + [Page(one, FAILED, reason="ended") for one in missing], why


def _state(pages: list[Page], why: str) -> str:
    sources = {one.source for one in pages}
    if OCR in sources:
        return State.OCR
    if TEXT in sources:
        return State.TEXT
    return State.FAILED if why or FAILED in sources else State.NONE


_REASONS = {
    "no_program": ("本节点没有安装光学识别程序 tesseract", "this node has no tesseract to recognise letters with"),
    "no_language": ("光学识别程序缺少中文语言包 chi_sim", "tesseract lacks the Chinese language data chi_sim"),
    "time": ("识别超时", "recognition took too long"),
    "page_cap": ("需识别的页数超过上限", "more pages need recognition than the limit"),
    "letter_cap": ("文字超过上限", "more letters than the limit"),
    "ended": ("读取程序中止", "the reading process ended"),
    "memory": ("内存不足", "out of memory"),
    "damaged": ("页面损坏", "the page is damaged"),
    "failed": ("识别失败", "recognition failed"),
}


def _fault(pages: list[Page], why: str) -> dict[str, str]:
    """One sentence over all pages that were not read."""
    unread = [one for one in pages if one.source == FAILED]
    reason = Counter(one.reason for one in unread).most_common(1)[0][0] if unread else "ended"
    zh, en = _REASONS.get(reason, _REASONS["failed"])
    listed = ", ".join(str(one.number) for one in unread[:10]) + (" …" if len(unread) > 10 else "")
    return {
        "code": f"not_read_{reason}",
        "zh": f"第 {listed} 页没有读出文字（{zh}），相关内容不能自动比对，请人工核对。",
        "en": f"Pages {listed} were not read ({en}); what they say is not compared: look at them yourself.",
    }
